// Debian's Chromium, driven by playwright-core.
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function launch() {
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** A page that fails the test on any error of its own, and on a breach of its policy. */
export async function quietPage(context) {
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
      complaints.push(message.text());
  });
  page.complaints = complaints;
  return page;
}
