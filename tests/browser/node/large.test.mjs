// A pack of more than 4 GiB, as a sparse file, is opened, its last item is read, and it is
// verified in memory that does not grow with the file: in Chromium as a chosen File, in
// Node through a custom source (a Blob of Node 20 reads zeros after 4 GiB).
import assert from "node:assert/strict";
import { mkdtemp, open as openFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { create, open } from "../../../wasm/js/index.node.js";
import { FILE_PAGE, browserMemory, launch, newPage } from "../browser.mjs";
import { serve } from "../server.mjs";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const ITEM = 16 * MIB;
const ITEMS = 384; // 6 GiB
/** The maximum growth of memory: enough for some items of 16 MiB, a twelfth of the file. */
const MAX_GROWTH = GIB / 2;
const LAST = "the last item of a large file";

let folder;
let name;
let size;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "large-"));
  name = path.join(folder, "large.pack");
  size = await sparsePack();
});
after(() => rm(folder, { recursive: true }));

/** Writes a pack whose items are zeros, which the file does not store. */
async function sparsePack() {
  const file = await openFile(name, "w");
  const zeros = new Uint8Array(ITEM);
  const to = {
    async write(part, offset) {
      if (Buffer.compare(part, zeros.subarray(0, part.length)) !== 0)
        await file.write(part, 0, part.length, offset);
    },
  };
  const builder = create({ to, codec: "none", itemsPerRecord: 1, partSize: 4 * MIB });
  for (let count = 0; count < ITEMS; count += 1) await builder.append(zeros);
  await builder.append(new TextEncoder().encode(LAST));
  const { fileSize } = await builder.finish();
  await file.close();
  return fileSize;
}

test(
  "Node reads the last item of 6 GiB, and verifies with constant memory",
  { timeout: 300_000 },
  async (context) => {
    const file = await openFile(name);
    context.after(() => file.close());
    const source = {
      size: () => size,
      read: async (offset, length) => (await file.read(new Uint8Array(length), 0, length, offset)).buffer,
    };
    const pack = await open(source, { codec: "none" });
    assert.ok(pack.info.fileSize > 6 * GIB);
    assert.equal(pack.record(ITEMS).offset, ITEM * ITEMS);
    assert.equal(new TextDecoder().decode(await pack.get(ITEMS)), LAST);
    const before = process.memoryUsage().rss;
    let max = before;
    const started = performance.now();
    const report = await pack.verify({
      onProgress: () => (max = Math.max(max, process.memoryUsage().rss)),
    });
    const seconds = (performance.now() - started) / 1000;
    assert.ok(report.ok);
    assert.equal(report.itemsAreProtected, true);
    console.log(
      `# Node: ${(size / GIB).toFixed(2)} GiB verified in ${seconds.toFixed(1)} s, memory grew by ${Math.round((max - before) / MIB)} MiB at most`,
    );
    assert.ok(max - before < MAX_GROWTH, `${max - before} bytes`);
    pack.close();
  },
);

test("Chromium does the same with a chosen file, without workers and with two", { timeout: 300_000 }, async (context) => {
  const browser = await launch();
  const js = fileURLToPath(new URL("../../../wasm/", import.meta.url));
  const server = await serve({ "/package/": js }, { aliases: { "/page.html": FILE_PAGE } });
  context.after(() => Promise.all([browser.close(), server.close()]));
  const page = await newPage(await browser.newContext());
  await page.goto(`${server.url}/page.html`);
  await page.setInputFiles("input", name);
  await page.waitForFunction(() => globalThis.sealpack);
  const opened = await page.evaluate(async () => {
    globalThis.pack = await sealpack.open(document.querySelector("input").files[0], { codec: "none" });
    return [new TextDecoder().decode(await pack.get(pack.length - 1)), pack.info.fileSize];
  });
  assert.deepEqual(opened, [LAST, size]);
  for (const workers of [0, 2]) {
    const before = await browserMemory();
    let max = before;
    const started = performance.now();
    const verified = page.evaluate((count) => pack.verify({ workers: count }), workers);
    for (let over = false; !over; max = Math.max(max, await browserMemory()))
      over = await Promise.race([verified.then(() => true), sleep(250, false)]);
    const { ok } = await verified;
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `# Chromium, ${workers} workers: ${(size / GIB).toFixed(2)} GiB verified in ${seconds.toFixed(1)} s, all its processes grew by ${Math.round((max - before) / MIB)} MiB at most`,
    );
    assert.ok(ok);
    assert.ok(max - before < MAX_GROWTH, `${max - before} bytes`);
  }
});
