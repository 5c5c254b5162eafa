// Names of items in packs built by the package: every name comes back at its position,
// and names that cannot be stored are refused before their item is added.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { random, randomItems, randomNames } from "../random.mjs";

const itemOf = (at) => Buffer.from(`item ${at}`);
const bytesOf = (name) => Buffer.from(name ?? "");

/** A pack with these names, appended all at once or one after the other. */
async function packWith(names, { isAwaited = true, appData, ...options } = {}) {
  const builder = create({ itemsPerRecord: 4, ...options });
  for (const [at, name] of names.entries()) {
    const appended = builder.append(itemOf(at), { name });
    if (isAwaited) await appended;
  }
  assert.equal(builder.length, names.length);
  return (await builder.finish({ appData })).blob;
}

/** Compares every name and item of a pack, and finds every name. */
async function assertNames(blob, given) {
  const pack = await open(blob);
  const names = await pack.names();
  assert.deepEqual(Array.from(names, ([, name]) => bytesOf(name)), given.map(bytesOf));
  for (const [at, name] of given.entries()) {
    const same = given.flatMap((other, position) => (bytesOf(name).equals(bytesOf(other)) ? [position] : []));
    assert.deepEqual(names.find(name ?? ""), bytesOf(name).length ? same : [], `item ${at}`);
  }
  for (const at of [0, given.length >> 1, given.length - 1]) assert.deepEqual(Buffer.from(await pack.get(at)), itemOf(at));
  assert.ok((await pack.verify()).ok);
  await pack.close();
  return names;
}

const NOT_UTF8 = Uint8Array.of(0x66, 0xff, 0x6f);
const MIXED = [undefined, "src/main.rs", "", "src/lib.rs", NOT_UTF8, null, "\ufeffmark", "a\n\u202eb", "src/lib.rs", undefined];

for (const codec of ["zstd", "none"]) {
  for (const isAwaited of [true, false]) {
    test(`names come back at their positions: ${codec}, ${isAwaited ? "one after the other" : "all at once"}`, async () => {
      await assertNames(await packWith(MIXED, { codec, isAwaited }), MIXED);
      const last = [null, null, null, "only the last"];
      await assertNames(await packWith(last, { codec, isAwaited }), last);
    });
  }
}

test("random names in any number come back, in packs of every shape", async () => {
  const rand = random(17);
  for (let round = 0; round < 150; round += 1) {
    const items = randomItems(rand, 400);
    const names = randomNames(rand, items.length);
    const builder = create({ codec: rand.pick(["zstd", "none"]), itemsPerRecord: rand.pick([1, 3, 128]) });
    for (const [at, item] of items.entries()) {
      const appended = builder.append(item, { name: names[at] });
      if (rand.chance(0.5)) await appended;
    }
    const pack = await open((await builder.finish()).blob);
    const read = await pack.names();
    const expected = names.map(bytesOf);
    assert.equal(read === null, !expected.some(({ length }) => length), `round ${round}`);
    if (read) assert.deepEqual(Array.from(read, ([, name]) => bytesOf(name)), expected, `round ${round}`);
    await pack.close();
  }
});

test("thousands of names are stored compressed, whatever their order", async () => {
  const ascending = Array.from({ length: 30_000 }, (_, at) => `src/module-${String(at >> 6).padStart(4, "0")}/file-${String(at).padStart(6, "0")}.rs`);
  const rand = random(4);
  const shuffled = ascending.map((name) => [rand.next(), name]).sort(([a], [b]) => a - b).map(([, name]) => name);
  const sizes = [];
  for (const [names, isSorted] of [[ascending, true], [shuffled, false]]) {
    const plain = await packWith(names.map(() => null), { itemsPerRecord: 1000 });
    const blob = await packWith(names, { itemsPerRecord: 1000 });
    sizes.push(blob.size - plain.size);
    const pack = await open(blob);
    const read = await pack.names();
    assert.equal(read.isSorted, isSorted);
    assert.deepEqual(Array.from(read, ([, name]) => name), names);
    for (let step = 0; step < 200; step += 1) {
      const at = rand.below(names.length);
      assert.deepEqual(read.find(names[at]), [at]);
    }
    await pack.close();
  }
  console.log(`# 30,000 names: ${sizes[0]} bytes ascending, ${sizes[1]} in random order`);
  assert.ok(sizes[0] < 200_000 && sizes[1] < 600_000, `${sizes}`);
});

test("the caller's app data is stored next to names; without names it stays as it is", async () => {
  const appData = Buffer.from("SLPKEXT1 mine");
  const pack = await open(await packWith(["a", "b"], { appData }));
  assert.deepEqual(Buffer.from(await pack.appData()), appData);
  assert.deepEqual(await pack.find("b"), [1]);
  const plain = create({ codec: "none", appData: Buffer.from("mine") });
  plain.append(itemOf(0), {});
  plain.append(itemOf(1), { name: "" });
  plain.append(itemOf(2), { name: null });
  const { blob } = await plain.finish();
  const without = create({ codec: "none", appData: Buffer.from("mine") });
  for (const at of [0, 1, 2]) without.append(itemOf(at));
  const other = await (await without.finish()).blob.arrayBuffer();
  assert.deepEqual(Buffer.from(await blob.arrayBuffer()), Buffer.from(other));
});

test("a name that cannot be stored is refused, and the item is not added", async () => {
  const builder = create();
  const refused = [
    ["\ud800", "invalid-argument", /half a surrogate pair/],
    ["a\0b", "invalid-argument", /NUL/],
    [Uint8Array.of(0), "invalid-argument", /NUL/],
    [7, "invalid-argument", /a name is a string or bytes, not the number 7/],
    [["a"], "invalid-argument", /a name is a string or bytes/],
    ["é".repeat(32_768), "limit", /65536 bytes, above the maximum of 65535/],
  ];
  for (const [name, code, message] of refused) {
    assert.throws(() => builder.append(itemOf(0), { name }), { code, message });
  }
  assert.equal(builder.length, 0);
  const longest = "é".repeat(32_767);
  await builder.append(itemOf(0), { name: longest });
  const pack = await open((await builder.finish()).blob);
  assert.deepEqual([pack.length, await pack.find(longest)], [1, [0]]);
});

test("bytes that change after append() name the item as they were", async () => {
  const builder = create();
  for (const name of [Uint8Array.of(97, 98), Buffer.from("cd")]) {
    builder.append(itemOf(0), { name });
    name.fill(120);
  }
  const pack = await open((await builder.finish()).blob);
  assert.deepEqual(Array.from(await pack.names()), [[0, "ab"], [1, "cd"]]);
});

test("names above the limit end the pack with an error that says what to do", async () => {
  const rand = random(8);
  const name = () => Buffer.from(Array.from({ length: 40 }, () => 33 + rand.below(90)));
  const until = async (options) => {
    const builder = create({ codec: "none", ...options });
    let count = 0;
    const error = await (async () => {
      for (; count < 1_000_000; count += 1) await builder.append(new Uint8Array(0), { name: name() });
    })().catch((thrown) => thrown);
    await assert.rejects(builder.finish(), { code: "limit" });
    return { count, error };
  };
  for (const namesLimit of [0, 10_000, 300_000]) {
    const { count, error } = await until({ namesLimit });
    assert.equal(error.code, "limit");
    assert.match(error.message, /the names take more than \d+ bytes, compressed: pass a larger namesLimit/);
    assert.ok(count * 25 <= namesLimit + 1, `${count} names in ${namesLimit} bytes`);
  }
  await assert.rejects(packWith(["a"], { namesLimit: 0 }), { code: "limit" });
  assert.ok((await packWith(["a"], { namesLimit: 4000 })).size > 0);
  for (const namesLimit of [-1, 0.5, 2 ** 32, "1"]) {
    assert.throws(() => create({ namesLimit }), { code: "invalid-argument" });
  }
});

test("an aborted builder with names ends at once", async () => {
  const controller = new AbortController();
  const builder = create({ signal: controller.signal });
  const appended = builder.append(itemOf(0), { name: "a" });
  controller.abort();
  await assert.rejects(appended, { code: "aborted" });
  await assert.rejects(builder.finish(), { code: "aborted" });
  const other = create();
  await other.append(itemOf(0), { name: "a" });
  await other.abort();
  assert.throws(() => other.append(itemOf(1), { name: "b" }), { code: "aborted" });
});
