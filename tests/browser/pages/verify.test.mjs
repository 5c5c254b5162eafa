// Verifying in Chromium while the page does other work: garbage collection, timers, its
// own code.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create } from "../../../wasm/js/index.node.js";
import { FILE_PAGE } from "../browser.mjs";
import { openPackagePage } from "../package-page.mjs";

const ITEM = 64 * 1024;
const ITEMS = 1024;
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
let folder;
let opened;
let page;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "blob-"));
  const builder = create({ codec: "none", itemsPerRecord: 1 });
  for (let at = 0; at < ITEMS; at += 1) await builder.append(new Uint8Array(ITEM).fill(at));
  const { blob } = await builder.finish();
  await writeFile(path.join(folder, "chosen.pack"), Buffer.from(await blob.arrayBuffer()));
  const folders = { "/package/": path.join(root, "target", "www", "sealpack") };
  opened = await openPackagePage(folders, { "/page.html": FILE_PAGE }, ["--js-flags=--expose-gc"]);
  ({ page } = opened);
  await page.setInputFiles("input", path.join(folder, "chosen.pack"));
});
after(async () => {
  await opened?.close();
  await rm(folder, { recursive: true });
});

for (const workers of [0, 2]) {
  test(`garbage collection does not end reads of a chosen file, ${workers} workers`, { timeout: 30_000 }, async () => {
    const records = await page.evaluate(async (count) => {
      const collecting = setInterval(() => gc(), 1);
      let records = 0;
      for (let round = 0; round < 10; round += 1) {
        const pack = await sealpack.open(document.querySelector("input").files[0]);
        const verified = pack.verify({ workers: count });
        gc();
        records += (await verified).recordCount;
        pack.close();
      }
      clearInterval(collecting);
      return records;
    }, workers);
    assert.equal(records, 10 * ITEMS);
  });
}

/** Long operations on a pack in memory. */
const LONG = {
  verifies: (pack, signal) => pack.verify({ signal }),
  "reads a range": async (pack, signal) => {
    for await (const item of pack.range(0, pack.length, { signal })) void item;
  },
  "reads many items": (pack, signal) =>
    pack.getMany(Array.from({ length: pack.length }, (_, at) => at), { signal, requestSize: 65_536 }),
};

for (const [does, work] of Object.entries(LONG)) {
  test(`timers of the page run while its thread ${does}, and may abort it`, async () => {
    const [code, ticks] = await page.evaluate(async (source) => {
      const work = new Function(`return ${source}`)();
      const builder = sealpack.create({ itemsPerRecord: 64 });
      const item = new Uint8Array(16_384);
      for (let at = 0; at < 4096; at += 1) {
        item.forEach((_, place) => (item[place] = (place * (at + 7)) >> 3));
        await builder.append(item);
      }
      const { blob } = await builder.finish();
      const pack = await sealpack.open(await blob.arrayBuffer());
      let ticks = 0;
      const ticking = setInterval(() => (ticks += 1), 5);
      await work(pack);
      clearInterval(ticking);
      const failed = await work(pack, AbortSignal.timeout(20)).then(() => ({}), (error) => error);
      return [failed.code, ticks];
    }, work.toString());
    assert.ok(ticks > 0);
    assert.equal(code, "aborted");
  });
}
