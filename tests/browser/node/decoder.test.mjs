// The two decoders: which one reads a pack, dictionaries, and moving a pack from the small
// one to the fast one while it is read.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { create, init, open } from "../../../wasm/js/index.node.js";
import { readingFast } from "../../../wasm/js/modules.js";
import { platform } from "../../../wasm/js/platform.js";
import { folder } from "../fixtures.mjs";
import { random } from "../random.mjs";

const fixture = async (name) => new Uint8Array(await readFile(path.join(folder, "dictionary", name)));
const [events, shared, dictionary] = await Promise.all(["events.pack", "shared.pack", "shared.dict"].map(fixture));

// As in a browser.
platform.startsFast = false;
platform.fastFrom = 512 * 1024;

/** Lines of text, and the pack of them. */
async function textPack(count) {
  const rand = random(5);
  const items = Array.from({ length: count }, (_, at) =>
    Buffer.from(`item ${at}: ${Array.from({ length: 40 }, () => rand.below(1000)).join(" ")}`),
  );
  const builder = create({ itemsPerRecord: 16 });
  for (const item of items) await builder.append(item);
  return { items, bytes: new Uint8Array(await (await builder.finish()).blob.arrayBuffer()) };
}

/** Runs `use` while the fast decoder cannot be loaded. */
async function withoutFast(use) {
  const { load } = readingFast;
  Object.defineProperty(readingFast, "instance", { value: null, configurable: true });
  readingFast.load = () => Promise.reject(new Error("no such file"));
  try {
    await use();
  } finally {
    readingFast.load = load;
    delete readingFast.instance;
  }
}

// Before any other test loads the fast decoder for the whole process.
test("a pack that is opened with auto moves to the fast decoder once enough was read, in the middle of a range", async () => {
  const { items, bytes } = await textPack(60_000);
  assert.equal(readingFast.instance, null);
  const pack = await open(bytes, { cacheSize: 0 });
  assert.equal(pack.decoder, "small");
  await pack.get(7);
  assert.equal(pack.decoder, "small");
  const seen = new Set();
  let position = 0;
  for await (const item of pack.range(0, pack.length, { requestSize: 100_000 })) {
    seen.add(pack.decoder);
    if (position % 5000 === 0) assert.equal(Buffer.compare(await pack.get(position), items[position]), 0);
    // The pack has begun to load it; a fast machine would read the rest before it is there.
    if (position === items.length / 2) await readingFast.load();
    assert.equal(Buffer.compare(item, items[position]), 0, `item ${position}`);
    position += 1;
  }
  assert.equal(position, items.length);
  assert.deepEqual([...seen], ["small", "fast"]);
  assert.equal((await open(bytes)).decoder, "fast", "the next pack has it from the start");
  assert.equal((await open(bytes, { decoder: "small" })).decoder, "small");
});

test("verifying moves a pack to the fast decoder, and finds what the small one finds", async () => {
  const { bytes } = await textPack(60_000);
  const records = (await open(bytes)).info.recordCount;
  const damaged = [3, 77, records - 1];
  for (const number of damaged) bytes[(await open(bytes)).record(number).offset + 60] ^= 4;
  for (const workers of [0, 2]) {
    const packs = [await open(bytes, { decoder: "small" }), await open(bytes, { decoder: "fast" })];
    const reports = await Promise.all(packs.map((pack) => pack.verify({ workers })));
    assert.deepEqual(reports[0].damaged.map(({ record }) => record), damaged);
    const plain = (report) => ({ ...report, workers: undefined });
    assert.deepEqual(plain(reports[1]), plain(reports[0]));
  }
});

test("frames that need the pack's dictionary are read by the fast decoder, which auto loads", async () => {
  const pack = await open(events);
  assert.equal(pack.decoder, "fast");
  assert.equal(pack.length, 400);
  const report = await pack.verify();
  assert.ok(report.ok, JSON.stringify(report.failures));
  const items = [];
  for await (const item of pack.range()) items.push(item);
  assert.equal(items.length, 400);
  assert.equal(Buffer.compare(await pack.get(399), items[399]), 0);
  const withWorkers = await pack.verify({ workers: 2 });
  assert.equal(withWorkers.ok, true);
  pack.close();
});

test("the small decoder refuses them as unsupported, not as damaged, and says what to do", async () => {
  const pack = await open(events, { decoder: "small" });
  await assert.rejects(pack.get(7), {
    code: "unsupported",
    message:
      'record 7: the frame needs dictionary 57481, which this reader does not have: open the pack with decoder "fast" or "auto"',
  });
  pack.close();
});

test("a pack that shares a dictionary is read with the caller's", async () => {
  for (const input of [shared, new Blob([shared])]) {
    for (const decoder of ["auto", "fast"]) {
      const given = Uint8Array.from(dictionary);
      const pack = await open(input, { decoder, dictionary: given });
      given.fill(0); // the pack has its own copy
      assert.equal(pack.decoder, "fast");
      const items = [];
      for await (const item of pack.range()) items.push(item);
      assert.equal(items.length, pack.length);
      assert.equal(Buffer.compare(await pack.get(7), items[7]), 0);
      for (const workers of [0, 2]) {
        const report = await pack.verify({ workers });
        assert.ok(report.ok, JSON.stringify(report.failures));
        assert.equal(report.uncheckedCount, 0);
      }
      pack.close();
    }
  }
});

test("without the shared dictionary, with another one or with bytes that are none, the error says so", async () => {
  const id = new DataView(dictionary.buffer, dictionary.byteOffset).getUint32(4, true);
  const refused = async (options, expected) => assert.rejects(open(shared, options).then((pack) => pack.get(7)), expected);
  const missing = `the frame needs dictionary ${id}, which this reader does not have`;
  await refused({}, { code: "unsupported", message: new RegExp(`${missing}: pass it to open\\(\\) as dictionary$`) });
  const report = await (await open(shared)).verify();
  assert.equal(report.uncheckedCount, report.recordCount);
  const other = Uint8Array.from(dictionary);
  other[4] ^= 1;
  await refused({ dictionary: other }, { code: "unsupported", message: new RegExp(`${missing}; the one given is dictionary ${id ^ 1}$`) });
  await refused({ dictionary, decoder: "small" }, { code: "unsupported", message: /open the pack with decoder "fast" or "auto"$/ });
  const damaged = Uint8Array.from(dictionary);
  damaged.fill(0xff, 8, 100);
  for (const decoder of ["auto", "fast"]) {
    await refused({ dictionary: damaged, decoder }, { code: "invalid-argument", message: "dictionary: the tables of the dictionary are damaged" });
  }
  for (const dictionary of [new Uint8Array(0), Buffer.from("plain text"), "text", 7, null]) {
    await refused({ dictionary }, { code: "invalid-argument", message: /^dictionary must be the bytes of a zstd dictionary, not / });
  }
});

test("a pack that stores a dictionary is read with its own, and one without frames that need it ignores it", async () => {
  assert.ok((await (await open(events, { dictionary })).verify()).ok);
  const { items, bytes } = await textPack(100);
  const pack = await open(bytes, { dictionary });
  assert.equal(Buffer.compare(await pack.get(99), items[99]), 0);
});

test("without the fast decoder auto goes on with the small one; a dictionary is an error that says why", async () => {
  const { items, bytes } = await textPack(20_000);
  const { fastFrom } = platform;
  platform.fastFrom = 0;
  await withoutFast(async () => {
    const pack = await open(bytes);
    assert.equal((await pack.verify()).ok, true);
    assert.equal(Buffer.compare(await pack.get(19_999), items[19_999]), 0);
    assert.equal(pack.decoder, "small");
    const refused = await open(events);
    await assert.rejects(refused.get(7), ({ code, message, record, cause }) => {
      assert.equal(code, "wasm-unavailable");
      assert.equal(record, 7);
      assert.match(message, /dictionary 57481, .* could not be loaded/);
      return /no such file/.test(String(cause));
    });
    await assert.rejects(open(bytes, { decoder: "fast" }), /no such file/);
  });
  platform.fastFrom = fastFrom;
  assert.equal((await (await open(events)).verify()).ok, true);
});

test("in Node packs are opened with the fast decoder, or with the small one if it cannot be loaded", async () => {
  platform.startsFast = true;
  assert.equal((await open(events)).decoder, "fast");
  await withoutFast(async () => assert.equal((await open(events)).decoder, "small"));
  platform.startsFast = false;
});

test("init loads the fast decoder, also from the script of the package that has it", async () => {
  await init({ fast: undefined });
  const script = await readFile(new URL("../../../wasm/dist/fast.packed.js", import.meta.url));
  const fresh = new readingFast.constructor("fast", (await import("../../../wasm/dist/fast.js")).newGlue, {});
  await fresh.load(script);
  assert.ok(fresh.compiled instanceof WebAssembly.Module);
});

test("another decoder is an invalid argument", async () => {
  await assert.rejects(open(events, { decoder: "quick" }), {
    code: "invalid-argument",
    message: 'decoder must be "auto", "small" or "fast", not the text "quick"',
  });
});
