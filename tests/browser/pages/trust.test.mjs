// Authenticated items in Chromium, over HTTP ranges from another origin: the
// requests, and a server that changes the pack or the list.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create } from "../../../wasm/js/index.node.js";
import { digestList, digestsOf } from "../digests.mjs";
import { IMPORT, openPackagePage } from "../package-page.mjs";

const wasm = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "wasm");
const COUNT = 40_000;
const text = (at) => `item ${at} of the text`;
const items = Array.from({ length: COUNT }, (_, at) => Buffer.from(text(at)));
let opened;
let server;
let page;
let published;

async function packOf(list) {
  const builder = create({ itemsPerRecord: 1, codec: "none" });
  for (const item of list) await builder.append(item);
  return Buffer.from(await (await builder.finish()).blob.arrayBuffer());
}

before(async () => {
  const pack = await packOf(items);
  published = digestList(digestsOf(items, 1), { formatId: 0, totalItems: COUNT, itemsPerRecord: 1 });
  const tampered = Buffer.from(pack);
  tampered.write("ITEM", pack.indexOf(text(42)));
  const forged = Buffer.from(published.list);
  forged[124 + 42 * 32] ^= 1;
  const html = Buffer.from(`<!doctype html><script type="module">${IMPORT}</script>`);
  const aliases = {
    "/page.html": html,
    "/a.pack": pack,
    "/lying.pack": tampered,
    "/a.digests": published.list,
    "/forged.digests": forged,
  };
  opened = await openPackagePage({ "/package/": wasm }, aliases);
  ({ server, page } = opened);
});
after(() => opened?.close());
beforeEach(() => server.forget());

/** Opens a pack of the other origin in the page and reads these items. */
const read = (pack, list, trust, positions) =>
  page.evaluate(
    async ([url, options, wanted]) => {
      try {
        const opened = await sealpack.open(url, options);
        const found = await opened.getMany(wanted);
        opened.close();
        return found.map((item) => new TextDecoder().decode(item));
      } catch (error) {
        return { code: error.code, record: error.record };
      }
    },
    [`${server.otherUrl}/${pack}`, { ...trust, digests: `${server.otherUrl}/${list}` }, positions],
  );

const byRoot = () => ({ digestRoot: published.root });
const byContent = () => ({ contentHash: published.contentHash });

test("an item takes the header and one block of the list, and no preflight", async () => {
  assert.deepEqual(await read("a.pack", "a.digests", byRoot(), [20_000]), [text(20_000)]);
  const requests = server.requests("/a.digests");
  const depth = Math.ceil(Math.log2(Math.ceil(COUNT / 128)));
  const start = 124 + Math.floor(20_000 / 128) * (128 + depth) * 32;
  assert.deepEqual(requests, ["GET bytes=0-123", `GET bytes=${start}-${start + (128 + depth) * 32 - 1}`]);
});

test("with a content hash the list is fetched completely, once", async () => {
  assert.deepEqual(await read("a.pack", "a.digests", byContent(), [1, 39_999]), [text(1), text(39_999)]);
});

test("a server that changes the pack or the list is detected", async () => {
  for (const trust of [byRoot(), byContent()]) {
    assert.deepEqual(await read("lying.pack", "a.digests", trust, [42]), { code: "untrusted", record: 42 });
    assert.deepEqual(await read("lying.pack", "a.digests", trust, [41]), [text(41)]);
    assert.equal((await read("a.pack", "forged.digests", trust, [42])).code, "untrusted");
    assert.equal((await read("lying.pack", "forged.digests", trust, [42])).code, "untrusted");
  }
  assert.deepEqual(page.loggedErrors, []);
});
