// Few requests: detecting the codec takes none, reads of one record share its request,
// and a cache keeps decoded records. Memory that a large record needed in wasm is
// released.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { create, open } from "../../../wasm/js/index.node.js";
import { building, readingFast } from "../../../wasm/js/modules.js";

const ITEMS = 4000;
const itemAt = (at) => new TextEncoder().encode(`item ${at} `.repeat(40 + (at % 7)));

async function packOf(options) {
  const builder = create({ itemsPerRecord: 16, contentHash: false, ...options });
  for (let at = 0; at < ITEMS; at += 1) builder.append(itemAt(at));
  const padding = crypto.getRandomValues(new Uint8Array(60_000));
  for (let at = 0; at < 10; at += 1) builder.append(padding);
  return new Uint8Array(await (await builder.finish()).blob.arrayBuffer());
}

/** A source that logs its reads and returns bytes after a short delay. */
function loggingSource(bytes) {
  const source = {
    reads: [],
    aborted: 0,
    size: () => bytes.length,
    async read(offset, length, signal) {
      source.reads.push(`${offset}+${length}`);
      signal?.addEventListener("abort", () => (source.aborted += 1));
      await sleep(5);
      return bytes.slice(offset, offset + length);
    },
  };
  return source;
}

const PINNED = { fetch: undefined };

async function openLogged(options, openOptions = PINNED) {
  const source = loggingSource(await packOf(options));
  const pack = await open(source, openOptions);
  source.reads.length = 0;
  return { source, pack };
}

test("a known format id costs no request to detect the codec", async () => {
  for (const codec of ["zstd", "none"]) {
    const { source, pack } = await openLogged({ codec });
    assert.equal(pack.codec, "auto");
    assert.deepEqual(await pack.get(5), itemAt(5));
    assert.equal(source.reads.length, 1, `${codec}: ${source.reads}`);
    assert.equal(pack.codec, codec);
  }
});

test("a format id that does not match the codec is detected", async () => {
  for (const [codec, formatId] of [["none", 1], ["zstd", 0], ["zstd", 77]]) {
    const { pack } = await openLogged({ codec, formatId });
    assert.deepEqual(await pack.get(5), itemAt(5));
    assert.equal(pack.codec, codec);
  }
});

test("concurrent reads of one record share its request", async () => {
  for (const cacheSize of [undefined, 0]) {
    const { source, pack } = await openLogged({}, { cacheSize });
    const items = await Promise.all(Array.from({ length: 16 }, (_, at) => pack.get(at)));
    items.forEach((item, at) => assert.deepEqual(item, itemAt(at)));
    assert.equal(source.reads.length, 1);
    assert.equal(new Set(items.map(({ buffer }) => buffer)).size, 16, "each item has a buffer of its own");
  }
});

test("neighbours come from the cache, unless it is turned off", async () => {
  for (const [cacheSize, requests] of [[undefined, 1], [0, 16]]) {
    const { source, pack } = await openLogged({}, { cacheSize });
    for (let at = 0; at < 16; at += 1) {
      const item = await pack.get(at);
      assert.deepEqual(item, itemAt(at));
      item.fill(0); // the caller owns it
    }
    assert.equal(source.reads.length, requests);
    assert.deepEqual(await pack.get(3), itemAt(3));
  }
});

test("the cache keeps at most its size, the records used last", async () => {
  const { source, pack } = await openLogged({}, { cacheSize: 3 * 16 * 420 });
  for (const record of [0, 1, 0, 2, 3, 4, 5]) await pack.get(16 * record);
  source.reads.length = 0;
  await pack.get(16 * 5);
  assert.equal(source.reads.length, 0);
  await pack.get(16 * 1);
  assert.equal(source.reads.length, 1);
});

test("aborting one of two readers of a record leaves the other's request alone; aborting both ends it", async () => {
  const { source, pack } = await openLogged({});
  const first = new AbortController();
  const second = new AbortController();
  const one = pack.get(0, { signal: first.signal });
  const two = pack.get(1, { signal: second.signal });
  first.abort();
  await assert.rejects(one, { code: "aborted" });
  assert.deepEqual(await two, itemAt(1));
  assert.equal(source.aborted, 0);
  const both = [pack.get(100, { signal: first.signal }), pack.get(200, { signal: second.signal })];
  second.abort();
  for (const read of both) await assert.rejects(read, { code: "aborted" });
  assert.deepEqual(await pack.get(200), itemAt(200), "a record that was cancelled is read again");
});

test("a failed read is not cached, and many records are read in one call", async () => {
  const { source, pack } = await openLogged({});
  const { read } = source;
  source.read = async () => {
    throw new Error("not now");
  };
  await assert.rejects(pack.get(0), { code: "read-failed" });
  source.read = read;
  const positions = Array.from({ length: ITEMS }, (_, at) => (at * 37) % ITEMS);
  const items = await pack.getMany(positions);
  items.forEach((item, at) => assert.deepEqual(item, itemAt(positions[at])));
});

test("memory that a large record needed is released once nothing is in flight", { timeout: 60_000 }, async () => {
  const size = 120 * 2 ** 20;
  const builder = create({ codec: "none", itemsPerRecord: 1, contentHash: false });
  await builder.append(itemAt(1));
  await builder.append(new Uint8Array(size));
  const { blob } = await builder.finish();
  const small = await open(await packOf({}));
  const pack = await open(blob);
  assert.equal((await pack.get(1)).length, size);
  for (let waited = 0; pack.instance.memory.buffer.byteLength > 64 * 2 ** 20 && waited < 100; waited += 1) await sleep(20);
  for (const { instance } of [readingFast, building, pack, small]) {
    assert.ok(instance.memory.buffer.byteLength < 64 * 2 ** 20, `${instance.memory.buffer.byteLength} bytes`);
  }
  // Both packs work in the new instance, and a custom codec moves with its pack.
  assert.deepEqual(await pack.get(0), itemAt(1));
  assert.deepEqual(await small.get(7), itemAt(7));
  assert.ok((await pack.verify()).ok);
  const custom = await open(blob, { codec: { decode: (payload) => payload } });
  assert.equal((await custom.get(1)).length, size);
  await sleep(100);
  assert.deepEqual(await custom.get(0), itemAt(1));
});
