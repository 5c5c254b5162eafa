// The package in special environments of a browser: values of another window, OPFS, a
// service worker, srcdoc and <base>, a sandboxed frame.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { newPage } from "../browser.mjs";
import { folder as fixtures } from "../fixtures.mjs";
import { IMPORT, openPackagePage } from "../package-page.mjs";

const wasm = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "wasm");
const html = (body, head = "") => Buffer.from(`<!doctype html><title>t</title>${head}<body>${body}`);

/** Reports how many items a pack has, or the code and message of the error. */
const COUNT = "(input) => sealpack.open(input).then((pack) => pack.length, (error) => `${error.code}: ${error.message}`)";

const OPFS = `
import * as sealpack from "/package/js/index.js";
const item = (at) => new Uint8Array(1000).map((_, step) => at * 31 + step * 7);
onmessage = async () => {
  const sizes = [];
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle("a.pack", { create: true });
  for (const [items, to] of [
    [5000, () => file.createSyncAccessHandle()],
    [100, () => file.createSyncAccessHandle()],
    [3000, () => file],
    [50, () => file.createWritable({ keepExistingData: true })],
  ]) {
    const builder = sealpack.create({ to: await to(), codec: "none" });
    for (let at = 0; at < items; at += 1) await builder.append(item(at));
    const { fileSize } = await builder.finish();
    const pack = await sealpack.open(file);
    sizes.push([items, pack.length, (await file.getFile()).size - fileSize, (await pack.verify()).ok]);
  }
  postMessage(sizes);
};`;

const SERVICE_WORKER = `
import * as sealpack from "/package/js/index.js";
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", ({ data, source }) => work(data).then((result) => source.postMessage(result)));
async function work(url) {
  try {
    const pack = await sealpack.open(url);
    const item = await pack.get(42);
    const { ok, workers } = await pack.verify({ workers: 2 });
    const builder = sealpack.create();
    builder.append(item, { name: "a" });
    const found = await (await sealpack.open((await builder.finish()).blob)).find("a");
    const events = await sealpack.open("/fixtures/dictionary/events.pack");
    const { decoder } = events;
    const fast = { decoder, ok: (await events.verify()).ok };
    return { length: pack.length, ok, workers, found, fast };
  } catch (error) {
    return { code: error.code, message: error.message };
  }
}`;

let opened;
let server;
let page;

before(async () => {
  const aliases = {
    "/page.html": html("", `<script type="module">${IMPORT}</script>`),
    "/base.html": html("", `<base href="/fixtures/"><script type="module">${IMPORT}</script>`),
    "/opfs.js": Buffer.from(OPFS),
    "/service-worker.js": Buffer.from(SERVICE_WORKER),
    "/a.pack": await readFile(path.join(fixtures, "zstd-ipr128.pack")),
  };
  opened = await openPackagePage({ "/package/": wasm, "/fixtures/": fixtures }, aliases);
  ({ server, page } = opened);
});
after(() => opened?.close());
beforeEach(() => server.forget());

test("values of another window are opened", async () => {
  const opened = await page.evaluate(async (source) => {
    const count = new Function(`return ${source}`)();
    const bytes = new Uint8Array(await (await fetch("/a.pack")).arrayBuffer());
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const other = frame.contentWindow;
    const inputs = {
      Blob: new other.Blob([bytes]),
      File: new other.File([bytes], "a"),
      Uint8Array: new other.Uint8Array(bytes),
      ArrayBuffer: new other.Uint8Array(bytes).buffer,
      URL: new other.URL("/a.pack", location.href),
      Request: new other.Request("/a.pack"),
    };
    const opened = {};
    for (const [name, input] of Object.entries(inputs)) opened[name] = await count(input);
    return opened;
  }, COUNT);
  assert.deepEqual(new Set(Object.values(opened)), new Set([400]), JSON.stringify(opened));
});

test("a file of OPFS holds exactly the pack, by every handle", { timeout: 60_000 }, async () => {
  const sizes = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const worker = new Worker("/opfs.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(0);
      }),
  );
  assert.deepEqual(
    sizes,
    [5000, 100, 3000, 50].map((items) => [items, items, 0, true]),
  );
});

test("a service worker opens, verifies and builds", { timeout: 60_000 }, async () => {
  const result = await page.evaluate(async () => {
    await navigator.serviceWorker.register("/service-worker.js", { type: "module" });
    await navigator.serviceWorker.ready;
    const { active } = await navigator.serviceWorker.ready;
    return new Promise((resolve) => {
      navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
      active.postMessage("/a.pack");
    });
  });
  const fast = { decoder: "fast", ok: true };
  assert.deepEqual(result, { length: 400, ok: true, workers: 0, found: [0], fast });
});

/** Runs `script` in a frame with these attributes, and returns what it posts. */
const inFrame = (attributes, script) =>
  page.evaluate(
    ([given, source]) =>
      new Promise((resolve) => {
        addEventListener("message", ({ data }) => resolve(data), { once: true });
        const frame = document.createElement("iframe");
        for (const [name, value] of Object.entries(given)) frame.setAttribute(name, value);
        if (source) frame.srcdoc = `<!doctype html><script type="module">${source}</script>`;
        document.body.append(frame);
      }),
    [attributes, script],
  );

test("relative addresses work in srcdoc and under <base>", async () => {
  const script = `${IMPORT} parent.postMessage(await (${COUNT})("/a.pack"), "*");`;
  assert.equal(await inFrame({}, script), 400);
  const other = await newPage(page.context());
  await other.goto(`${server.url}/base.html`);
  await other.waitForFunction(() => globalThis.sealpack);
  const count = await other.evaluate(
    (source) => new Function(`return ${source}`)()("zstd-ipr128.pack"),
    COUNT,
  );
  assert.equal(count, 400);
  await other.close();
});

test("a sandboxed frame, whose origin is opaque, causes no preflight", async () => {
  const script = `${IMPORT} parent.postMessage(await (${COUNT})("/a.pack"), "*");`;
  server.aliases["/frame.html"] = html("", `<script type="module">${script}</script>`);
  assert.equal(await inFrame({ sandbox: "allow-scripts", src: "/frame.html" }, null), 400);
  const requests = server.requests("/a.pack");
  assert.ok(!requests.some((request) => /OPTIONS|bytes=-/.test(request)), requests.join(", "));
});

test("a report has the number of workers that took part", async () => {
  const counts = await page.evaluate(async () => {
    const builder = sealpack.create({ itemsPerRecord: 1 });
    for (let at = 0; at < 400; at += 1) await builder.append(crypto.getRandomValues(new Uint8Array(60_000)));
    const pack = await sealpack.open((await builder.finish()).blob);
    const counts = [(await pack.verify()).workers];
    // On a busy machine this thread may be done before a worker has started.
    for (let turn = 0; turn < 20 && !counts[1]; turn += 1) counts[1] = (await pack.verify({ workers: 2 })).workers;
    return counts;
  });
  assert.equal(counts[0], 0);
  assert.ok(counts[1] > 0, `${counts}`);
});

test("a HEAD that says 0 does not make a file empty, across origins", async () => {
  const count = await page.evaluate(
    ([url, source]) => new Function(`return ${source}`)()(url),
    [`${server.otherUrl}/a.pack?quirk=head-empty`, COUNT],
  );
  assert.equal(count, 400);
});

test("the page logged no error during these tests", () => {
  assert.deepEqual(page.loggedErrors, []);
});
