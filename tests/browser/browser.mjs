// Debian's Chromium, driven by playwright-core.
import { readdir, readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A page that offers the package, served under /package/, and takes a file. */
export const FILE_PAGE = Buffer.from(
  `<input type="file"><script type="module">
    import * as sealpack from "/package/js/index.js";
    globalThis.sealpack = sealpack;
  </script>`,
);

/** @param args what Chromium is told beside what it needs to run as root */
export function launch({ args = [] } = {}) {
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...args] });
}

/** The bytes that the browsers which this process started hold of their own, on Linux. */
export async function browserMemory() {
  return sum((await family(process.pid)).filter((pid) => pid !== process.pid).map(ownMemory));
}

const sum = async (numbers) => (await Promise.all(numbers)).reduce((all, number) => all + number, 0);

/** A process and all that descend from it. */
async function family(root) {
  const parents = new Map();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const parent = /^PPid:\s+(\d+)/m.exec(await statusOf(pid))?.[1];
    parents.set(Number(pid), Number(parent));
  }
  const within = (pid) => pid === root || (parents.has(pid) && within(parents.get(pid)));
  return [...parents.keys()].filter(within);
}

/** A process that ended meanwhile has no status, and no memory. */
const statusOf = (pid) => readFile(`/proc/${pid}/status`, "utf8").catch(() => "");

/** What is mapped from files is not counted: the page cache is the system's. */
async function ownMemory(pid) {
  const status = await statusOf(pid);
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return 1024 * (kilobytes("RssAnon") + kilobytes("RssShmem"));
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
