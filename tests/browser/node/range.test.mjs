// A range of items as an async iterator: it behaves like an async generator for any order
// of the calls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";

const ITEMS = Array.from({ length: 40 }, (_, at) => `item ${at}`);
const text = (item) => new TextDecoder().decode(item);

async function packOfItems() {
  const builder = create({ itemsPerRecord: 16 });
  for (const item of ITEMS) await builder.append(new TextEncoder().encode(item));
  const pack = await open((await builder.finish()).blob);
  return pack;
}

test("concurrent calls of next() return items in order", async () => {
  const range = (await packOfItems()).range(3, 37);
  const results = await Promise.all(Array.from({ length: 36 }, () => range.next()));
  const items = results.filter(({ done }) => !done).map(({ value }) => text(value));
  assert.deepEqual(items, ITEMS.slice(3, 37));
  assert.deepEqual(results.slice(34), Array(2).fill({ value: undefined, done: true }));
});

test("return ends the range after the calls before it, in the middle of a record too", async () => {
  const range = (await packOfItems()).range();
  assert.equal(text((await range.next()).value), "item 0");
  const results = await Promise.all([range.next(), range.return(), range.next()]);
  assert.equal(text(results[0].value), "item 1");
  assert.deepEqual(results.slice(1), Array(2).fill({ value: undefined, done: true }));
});

test("throw ends the range with that error", async () => {
  const range = (await packOfItems()).range();
  await range.next();
  const mine = new Error("mine");
  await assert.rejects(range.throw(mine), (error) => error === mine);
  assert.equal((await range.next()).done, true);
});

for (const taken of [1, 16, 39, 40]) {
  test(`an abort after ${taken} items ends the range with aborted`, async () => {
    const controller = new AbortController();
    const range = (await packOfItems()).range(0, 40, { signal: controller.signal });
    for (let count = 0; count < taken; count += 1) await range.next();
    controller.abort();
    await assert.rejects(range.next(), { code: "aborted" });
    assert.equal((await range.next()).done, true);
  });
}

test("items are copies: changing one changes no other", async () => {
  const range = (await packOfItems()).range();
  const { value: first } = await range.next();
  assert.equal(first.buffer.byteLength, first.length);
  first.fill(0);
  assert.equal(text((await range.next()).value), "item 1");
});

test("batches are the items of a range, those of a record at a time", async () => {
  const pack = await packOfItems();
  for (const [start, end, sizes] of [
    [0, 40, [16, 16, 8]],
    [3, 37, [13, 16, 5]],
    [17, 18, [1]],
    [5, 5, []],
  ]) {
    const batches = [];
    for await (const items of pack.batches(start, end)) batches.push(items.map(text));
    assert.deepEqual(batches.map(({ length }) => length), sizes);
    assert.deepEqual(batches.flat(), ITEMS.slice(start, end));
  }
  assert.throws(() => pack.batches(0, 41), { code: "out-of-range" });
  const controller = new AbortController();
  const batches = pack.batches(0, 40, { signal: controller.signal });
  await batches.next();
  controller.abort();
  await assert.rejects(batches.next(), { code: "aborted" });
  for await (const items of pack.batches()) {
    assert.equal(text(items[0]), "item 0");
    break;
  }
  await pack.close();
});

test("a change to an item of a batch does not reach later reads", async () => {
  const pack = await packOfItems();
  for await (const [first] of pack.batches()) first.fill(0);
  assert.equal(text(await pack.get(0)), "item 0");
  assert.equal(text(await pack.get(16)), "item 16");
});

test("the items of a range keep their bytes, each in memory of its own", async () => {
  const builder = create({ itemsPerRecord: 16 });
  const texts = Array.from({ length: 5001 }, (_, at) => `item ${at} `.repeat(1 + (at % 50)));
  for (const text of texts) await builder.append(new TextEncoder().encode(text));
  const pack = await open((await builder.finish()).blob);
  const items = [];
  for await (const item of pack.range(0, pack.length, { requestSize: 3000 })) items.push(item);
  assert.equal(items.length, texts.length);
  items.forEach((item, at) => assert.equal(new TextDecoder().decode(item), texts[at]));
  assert.ok(items.every((item) => item.buffer.byteLength === item.length));
});

test("a range goes on when the module's memory grows, in the middle of a record too", async () => {
  const builder = create({ itemsPerRecord: 1, codec: "none" });
  await builder.append(new Uint8Array(24 * 2 ** 20).fill(7));
  const large = await open(new Uint8Array(await (await builder.finish()).blob.arrayBuffer()));
  const pack = await packOfItems();
  const range = pack.range();
  const batches = pack.batches();
  const { memory } = pack.instance;
  for (const [at, expected] of ITEMS.entries()) {
    assert.equal(text((await range.next()).value), expected);
    if (at % 16) continue;
    assert.deepEqual((await batches.next()).value.map(text), ITEMS.slice(at, at + 16));
    if (at > 0) continue;
    const before = memory.buffer;
    assert.equal((await large.get(0)).length, 24 * 2 ** 20);
    assert.equal(large.instance.memory, memory);
    assert.notEqual(memory.buffer, before, "the memory has grown");
  }
});

test("the items before a damaged record are returned, then its error, once", async () => {
  const builder = create({ itemsPerRecord: 16, codec: "none" });
  for (const item of ITEMS) await builder.append(new TextEncoder().encode(item));
  const { blob } = await builder.finish();
  let calls = 0;
  const decode = (bytes) => {
    calls += 1;
    if (text(bytes).startsWith("item 16")) throw new Error("not this one");
    return bytes;
  };
  for (const read of ["range", "batches"]) {
    calls = 0;
    const pack = await open(blob, { codec: { decode } });
    const items = [];
    const reading = (async () => {
      for await (const value of pack[read]()) items.push(...(read === "range" ? [value] : value));
    })();
    await assert.rejects(reading, { record: 1, message: /not this one/ });
    assert.deepEqual(items.map(text), ITEMS.slice(0, 16));
    assert.equal(calls, 2);
  }
});

test("a range ends with closed once its pack is closed, after the record that is decoded", async () => {
  const pack = await packOfItems();
  const range = pack.range();
  assert.equal(text((await range.next()).value), "item 0");
  pack.close();
  for (const expected of ITEMS.slice(1, 16)) assert.equal(text((await range.next()).value), expected);
  await assert.rejects(range.next(), { code: "closed" });
});

test("a codec that reads from the same range gets its items in turn", async () => {
  const builder = create({ itemsPerRecord: 16, codec: "none" });
  for (const item of ITEMS) await builder.append(new TextEncoder().encode(item));
  const { blob } = await builder.finish();
  const inner = [];
  let range;
  const decode = (bytes) => {
    inner.push(range.next());
    return bytes;
  };
  const pack = await open(blob, { codec: { decode } });
  range = pack.range();
  const outer = [];
  for (let next = await range.next(); !next.done; next = await range.next()) outer.push(text(next.value));
  const values = (await Promise.all(inner)).filter(({ done }) => !done).map(({ value }) => text(value));
  assert.deepEqual([...outer, ...values].sort(), ITEMS.toSorted());
});
