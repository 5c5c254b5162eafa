// The documentation site (node www/site.mjs): its links, and its use in Chromium without
// a network.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { launch, newPage } from "../browser/browser.mjs";
import { serve } from "../browser/server.mjs";
import { brokenLinks, loadedFromElsewhere, pagesOf } from "./links.mjs";

const site = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "target", "site");
let browser;
let server;

before(async () => {
  browser = await launch();
  server = await serve({ "/": site });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The chapters, without the playground and the pages that mdBook makes for itself. */
const chapters = () => pagesOf(site).filter((page) => !/^(playground|404|toc|print)/.test(page));

test("every link leads to a page and a heading that exist", () => {
  assert.ok(chapters().length >= 18, chapters().join(" "));
  assert.deepEqual(brokenLinks(site), []);
});

test("broken links are found", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "sealpack-links-"));
  await writeFile(path.join(folder, "a.html"), '<h1 id="top"></h1><a href="#top"></a><a href="#none"></a><a href="b.html"></a>');
  assert.deepEqual(brokenLinks(folder), ["a.html: #none", "a.html: b.html"]);
  await rm(folder, { recursive: true });
});

test("no page loads anything from another host", () => {
  assert.deepEqual(loadedFromElsewhere(site), []);
});

async function open(url, options = {}) {
  return visit(await browser.newContext(options), url);
}

async function visit(context, url) {
  const page = await newPage(context);
  const refused = [];
  await page.route("**", (route) => {
    const { protocol, hostname } = new URL(route.request().url());
    if (protocol === "file:" || protocol === "data:" || protocol === "blob:" || hostname === "127.0.0.1") return route.continue();
    refused.push(route.request().url());
    return route.abort();
  });
  await page.goto(url);
  return Object.assign(page, { refused });
}

test("a search finds a chapter, from a server and from a folder", async () => {
  for (const start of [server.url, pathToFileURL(site).href]) {
    const page = await open(`${start}/index.html`);
    await page.keyboard.press("s");
    await page.keyboard.type("digest list");
    await page.waitForSelector("#mdbook-searchresults li a, #searchresults li a", { timeout: 10_000 });
    const found = await page.evaluate(() =>
      Array.from(document.querySelectorAll("#mdbook-searchresults li a, #searchresults li a"), (link) => link.getAttribute("href")),
    );
    assert.ok(found.some((href) => href.includes("format.html")), found.join(" "));
    assert.deepEqual(page.refused, []);
  }
});

test("the site follows the system's light or dark theme", async () => {
  const background = async (colorScheme) => {
    const page = await open(`${server.url}/format.html`, { colorScheme });
    const colour = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    return colour.match(/\d+/g).map(Number).slice(0, 3).reduce((sum, part) => sum + part, 0);
  };
  assert.ok((await background("light")) > 600);
  assert.ok((await background("dark")) < 200);
});

test("no chapter is wider than a telephone's screen", async () => {
  const context = await browser.newContext({ viewport: { width: 375, height: 800 } });
  for (const chapter of chapters()) {
    const page = await visit(context, `${server.url}/${chapter}`);
    const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
    assert.ok(width <= 375, `${chapter}: ${width}`);
    await page.close();
  }
});

test("the playground verifies the sample", async () => {
  const page = await open(`${server.url}/playground/index.html`);
  await page.click("#verify-sample");
  await page.waitForFunction(() => /passed/i.test(document.querySelector("#pack")?.textContent ?? ""), null, { timeout: 20_000 });
  assert.deepEqual(page.loggedErrors, []);
});
