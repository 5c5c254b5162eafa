// The package from a server of plain files on another origin, as a CDN serves it: the
// page of the README works without a build and without an import map.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { launch, newPage } from "../browser.mjs";
import { folder as fixtures } from "../fixtures.mjs";
import { serve } from "../server.mjs";
import { makeTarball, npm, run } from "../tarball.mjs";

let workFolder;
let browser;
let cdn;

before(async () => {
  workFolder = await mkdtemp(path.join(os.tmpdir(), "sealpack-cdn-"));
  await run("tar", ["-xzf", await makeTarball(workFolder)], { cwd: workFolder });
  cdn = await serve({ "/package/": path.join(workFolder, "package"), "/fixtures/": fixtures });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await cdn?.close();
  await rm(workFolder, { recursive: true, force: true });
});

/** Returns the page of the README, with the CDN and the pack of this test. */
async function example() {
  const readme = await readFile(path.join(npm, "README.md"), "utf8");
  const { version } = JSON.parse(await readFile(path.join(npm, "package.json"), "utf8"));
  const [, page] = /```html\n([\s\S]*?)```/.exec(readme);
  const [url] = /https:\/\/\S+?\/sealpack@[^/]+/.exec(page);
  assert.ok(url.endsWith(`/sealpack@${version}`), "the README names this version");
  return page
    .replace(url, `${cdn.otherUrl}/package`)
    .replace("https://example.org/events.pack", `${cdn.otherUrl}/fixtures/zstd-ipr128.pack`);
}

/** Opens a page whose origin differs from the CDN's. */
async function opened(html) {
  const page = await newPage(await browser.newContext());
  cdn.aliases["/page.html"] = Buffer.from(`<!doctype html><title>test</title><body>${html}`);
  await page.goto(`${cdn.url}/page.html`);
  return page;
}

test("the README's page imports the package from a CDN and shows an item", async () => {
  const page = await opened(await example());
  await page.waitForFunction(() => /items/.test(document.body.innerText), null, { timeout: 30_000 });
  const text = await page.evaluate(() => document.body.innerText);
  assert.match(text, /^400 items, the first has \d+ bytes/);
  assert.deepEqual(page.loggedErrors, []);
});

const EVERYTHING = `<script type="module">
  const { open, create } = await import("CDN/js/index.js");
  const pack = await open("CDN/../fixtures/zstd-ipr128.pack");
  const report = await pack.verify({ workers: 2 });
  const builder = create();
  await builder.append(await pack.get(42));
  const { blob } = await builder.finish();
  const built = await open(blob);
  const names = await built.names();
  globalThis.result = { ok: report.ok, workers: report.workers, built: built.length, names };
</script>`;

test("verifying, building and names work from a CDN; workers cannot start there, and the report says so", async () => {
  const page = await opened(EVERYTHING.replaceAll("CDN", `${cdn.otherUrl}/package`));
  await page.waitForFunction(() => globalThis.result, null, { timeout: 15_000 });
  const result = await page.evaluate(() => globalThis.result);
  assert.deepEqual(result, { ok: true, workers: 0, built: 1, names: null });
});
