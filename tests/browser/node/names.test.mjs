// Names of items: strings where they are UTF-8, bytes elsewhere; found by name;
// hostile names are refused with the error of the format, and the items stay readable.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { create, init, open } from "../../../wasm/js/index.node.js";
import { digestList, digestsOf } from "../digests.mjs";
import { encodedBlock, envelope, namesSection, storedFrame, withAppData, withNames } from "../names.mjs";
import { random } from "../random.mjs";
import { serve } from "../server.mjs";

async function packOf(items, options) {
  const builder = create({ codec: "none", itemsPerRecord: 4, ...options });
  for (const item of items) await builder.append(item);
  return Buffer.from(await (await builder.finish()).blob.arrayBuffer());
}

const itemsFor = (count) => Array.from({ length: count }, (_, at) => Buffer.from(`item ${at}`));
const NOT_UTF8 = Buffer.from([0x66, 0xff, 0x6f]);
const MIXED = ["src/main.rs", "", "src/lib.rs", NOT_UTF8, "\ufeffmark", "Zürich\n\u202e.txt", "src/lib.rs", "a"];

test("names are strings where they are UTF-8, bytes elsewhere, and null where there is none", async () => {
  const items = itemsFor(MIXED.length);
  for (const block of [Infinity, 3, 1]) {
    const pack = await open(withNames(await packOf(items), MIXED, { block, caller: "mine" }));
    const names = await pack.names();
    const expected = MIXED.map((name) => (typeof name === "string" ? name || null : new Uint8Array(name)));
    assert.deepEqual(MIXED.map((_, at) => names.get(at)), expected);
    assert.deepEqual(Array.from(names), expected.map((name, at) => [at, name]));
    assert.deepEqual(Array.from(names.range(2, 4)), [[2, expected[2]], [3, expected[3]]]);
    assert.deepEqual([names.length, names.isSorted], [MIXED.length, false]);
    assert.equal(await pack.names(), names);
    assert.equal(Buffer.from(await pack.appData()).toString(), "mine");
    assert.deepEqual(Buffer.from(await pack.get(3)), items[3]);
    await pack.close();
  }
});

test("find returns every position with exactly this name", async () => {
  const pack = await open(withNames(await packOf(itemsFor(MIXED.length)), MIXED, { block: 2 }));
  assert.deepEqual(await pack.find("src/lib.rs"), [2, 6]);
  assert.deepEqual(await pack.find(Buffer.from("src/lib.rs")), [2, 6]);
  assert.deepEqual(await pack.find(NOT_UTF8), [3]);
  assert.deepEqual(await pack.find(new Uint8Array(NOT_UTF8).buffer), [3]);
  assert.deepEqual(await pack.find("\ufeffmark"), [4]);
  for (const missing of ["", "mark", "src/lib", "src/lib.rs\0", "\ud800", "f\ufffdo", "zz"]) {
    assert.deepEqual(await pack.find(missing), [], JSON.stringify(missing));
  }
  for (const wrong of [1, null, undefined, {}, ["a"]]) {
    await assert.rejects(pack.find(wrong), { code: "invalid-argument" });
  }
  await pack.close();
});

test("a lone surrogate finds no name that holds a replacement character", async () => {
  const pack = await open(withNames(await packOf(itemsFor(2)), ["\ufffd", "a"]));
  assert.deepEqual(await pack.find("\ud800"), []);
  assert.deepEqual(await pack.find("\ufffd"), [0]);
});

test("a pack without names has none, and its app data is returned unchanged", async () => {
  const plain = await packOf(itemsFor(3), { appData: Buffer.from("mine") });
  const other = withAppData(plain, envelope([1, "mine"]));
  for (const bytes of [plain, other]) {
    const pack = await open(bytes);
    assert.equal(await pack.names(), null);
    assert.deepEqual(await pack.find("a"), []);
    await assert.rejects(pack.find(7), { code: "invalid-argument" });
    assert.equal(Buffer.from(await pack.appData()).toString(), "mine");
    await pack.close();
    await assert.rejects(pack.names(), { code: "closed" });
    await assert.rejects(pack.find("a"), { code: "closed" });
  }
});

test("positions outside the pack, and a closed pack, are refused", async () => {
  const pack = await open(withNames(await packOf(itemsFor(3)), ["a", "b", "c"]));
  const names = await pack.names();
  assert.equal(names.isSorted, true);
  for (const wrong of [-1, 3, 2 ** 32]) assert.throws(() => names.get(wrong), { code: "out-of-range" });
  for (const wrong of ["0", 0.5, NaN]) assert.throws(() => names.get(wrong), { code: "invalid-argument" });
  assert.throws(() => names.range(2, 1), { code: "out-of-range" });
  assert.throws(() => names.range(0, 4), { code: "out-of-range" });
  const started = names.range();
  assert.deepEqual(started.next().value, [0, "a"]);
  await pack.close();
  for (const call of [() => names.get(0), () => names.find("a"), () => names.range(), () => names.isSorted]) {
    assert.throws(call, { code: "closed" });
  }
  const again = await open(withNames(await packOf(itemsFor(3)), ["a", "b", "c"]));
  const opening = again.names();
  await again.close();
  await assert.rejects(opening, { code: "closed" });
});

test("opening and reading items decodes no names, and no request is made for them", async () => {
  let reads = 0;
  const bytes = withNames(await packOf(itemsFor(4)), ["a", "b", "c", "d"], { frame: () => Buffer.from("no frame") });
  const source = {
    size: () => bytes.length,
    read: (offset, length) => ((reads += 1), bytes.subarray(offset, offset + length)),
  };
  const pack = await open(source);
  assert.equal(Buffer.from(await pack.get(1)).toString(), "item 1");
  const before = reads;
  const names = await pack.names();
  assert.throws(() => names.get(0), { code: "corrupt", section: "names", fault: "decode" });
  assert.equal(reads, before);
  assert.equal((await pack.verify()).ok, true);
});

test("thousands of names in any order are found, whatever the blocks", async () => {
  const rand = random(7);
  const list = Array.from({ length: 5000 }, () => `${"abc"[rand.below(3)]}/${rand.below(3000)}/${"é".repeat(rand.below(4))}`);
  for (const names of [list, list.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))]) {
    const pack = await open(withNames(await packOf(itemsFor(names.length)), names, { block: 300 }));
    const opened = await pack.names();
    assert.deepEqual(Array.from(opened, ([, name]) => name), names);
    for (let step = 0; step < 300; step += 1) {
      const at = rand.below(names.length);
      assert.equal(opened.get(at), names[at]);
      const same = names.flatMap((name, position) => (name === names[at] ? [position] : []));
      assert.deepEqual(opened.find(names[at]), same);
    }
    await pack.close();
  }
});

/** A section of one block with these entries, marked as sorted or not. */
function section(encoded, { count, size = encoded.length, sorted = 1, frame = storedFrame(encoded) }) {
  const fields = Buffer.alloc(22);
  fields.set([1, sorted]);
  [count, 1, count, frame.length, size].forEach((value, at) => fields.writeUInt32LE(value, 2 + 4 * at));
  return Buffer.concat([fields, sorted ? Buffer.alloc(0) : Buffer.alloc(1, 0xff), frame]);
}

const two = encodedBlock([Buffer.from("a"), Buffer.from("b")]);
const sound = namesSection(["a", "b"]);
const patched = (at, ...bytes) => {
  const copy = Buffer.from(sound);
  copy.set(bytes, at);
  return copy;
};
const HOSTILE = {
  "another version": [patched(0, 2), "unsupported", /^names: version 2 is not supported/],
  "an unknown flag": [patched(1, 5), "unsupported", /^names: unknown flags: 0x05/],
  "a reference to another file that is cut short": [Buffer.of(1, 2, 2, 0, 0, 0), "corrupt", /^names: needs/],
  "another number of names": [namesSection(["a", "b", "c"]), "corrupt", /^names: there are 3 names for 2 items/],
  "more blocks than fit": [patched(6, 255, 255, 255, 255), "corrupt", /^names: /],
  "a block that is too large": [patched(18, 255, 255, 255, 255), "corrupt", /^names: block 0 claims an impossible size/],
  "a block of no bytes": [patched(14, 0, 0, 0, 0), "corrupt", /^names: /],
  "a section cut short": [sound.subarray(0, 9), "corrupt", /^names: /],
  "an empty section": [Buffer.alloc(0), "corrupt", /^names: /],
  "a frame of another size": [section(two, { count: 2, size: 7 }), "corrupt", /^names: block 0: the payload decodes to 6/],
  "no frame": [section(two, { count: 2, frame: Buffer.alloc(20) }), "corrupt", /^names: block 0: the payload is not a frame/],
  "a frame cut short": [
    section(two, { count: 2, frame: storedFrame(two).subarray(0, 12) }),
    "corrupt",
    /^names: block 0: the frame ends early/,
  ],
  "an entry cut short": [section(Buffer.of(0, 1, 97, 0, 9, 98), { count: 2 }), "corrupt", /item 1 is cut short/],
  "a length without end": [section(Buffer.of(128, 128, 128, 128, 1, 0), { count: 2 }), "corrupt", /item 0 is cut short/],
  "bytes after the last name": [section(Buffer.of(0, 1, 97, 0, 1, 98, 0), { count: 2 }), "corrupt", /bytes follow/],
  "shared bytes that do not exist": [section(Buffer.of(0, 1, 97, 2, 1, 98), { count: 2 }), "corrupt", /share more bytes/],
  "a NUL": [section(Buffer.of(0, 1, 97, 0, 1, 0), { count: 2 }), "corrupt", /item 1 contains a NUL/],
  "a name above 65,535 bytes": [
    section(Buffer.concat([Buffer.of(0, 0x80, 0x80, 4), Buffer.alloc(65_536, 97), Buffer.of(0, 0)]), { count: 2 }),
    "corrupt",
    /item 0 has more than 65535 bytes/,
  ],
  "names that are not sorted": [section(Buffer.of(0, 1, 98, 0, 1, 97), { count: 2 }), "corrupt", /item 1 sorts before/],
};

for (const [name, [bytes, code, message]] of Object.entries(HOSTILE)) {
  test(`hostile names are refused, and items stay readable: ${name}`, async () => {
    const pack = await open(withAppData(await packOf(itemsFor(2)), envelope([1, "mine"], [3, bytes])));
    const listed = async () => Array.from((await pack.names()) ?? []);
    const expected = (error) => {
      assert.deepEqual([error.code, error.section], [code, "names"], error.message);
      assert.match(error.message, message);
      assert.ok(error.fault);
      return true;
    };
    await assert.rejects(listed(), expected);
    await assert.rejects(listed(), expected, "again");
    assert.equal(Buffer.from(await pack.get(1)).toString(), "item 1");
    assert.equal(Buffer.from(await pack.appData()).toString(), "mine");
    await pack.close();
  });
}

test("an entry of the sorted order without an item is refused by find", async () => {
  const hostile = section(encodedBlock([Buffer.from("b"), Buffer.from("a"), Buffer.from("c")]), { count: 3, sorted: 0 });
  const pack = await open(withAppData(await packOf(itemsFor(3)), envelope([3, hostile])));
  await assert.rejects(pack.find("a"), { code: "corrupt", section: "names", fault: "names" });
  assert.equal((await pack.names()).get(1), "a");
});

test("names that expand beyond 4 MiB are refused", async () => {
  const long = Buffer.concat([Buffer.of(0, 0xff, 0xff, 3), Buffer.alloc(65_535, 97)]);
  const entries = Buffer.concat([long, ...Array.from({ length: 99 }, () => Buffer.of(0xff, 0xff, 3, 0))]);
  const pack = await open(withAppData(await packOf(itemsFor(100)), envelope([3, section(entries, { count: 100 })])));
  const names = await pack.names();
  assert.throws(() => names.get(0), { code: "corrupt", message: /take more than 4 MiB/ });
});

test("every flipped bit of the names is refused, or changes nothing but names", async () => {
  const plain = await packOf(itemsFor(6));
  const whole = namesSection(["a", "b/c", "b/d", null, "e", "e"], { block: 3 });
  for (let bit = 0; bit < 8 * whole.length; bit += 1) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    const pack = await open(withAppData(plain, envelope([3, flipped])));
    try {
      const names = await pack.names();
      assert.equal(Array.from(names).length, 6);
      names.find("b/c");
    } catch (error) {
      assert.equal(error.section, "names", `bit ${bit}: ${error.message}`);
    }
    assert.equal(Buffer.from(await pack.get(5)).toString(), "item 5");
    await pack.close();
  }
});

test("a trusted root authenticates names, a content hash does not", async () => {
  const items = itemsFor(8);
  const list = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const appData = envelope([3, namesSection(list)]);
  const bytes = withAppData(await packOf(items), appData);
  const of = { formatId: 0, totalItems: 8, itemsPerRecord: 4, appData };
  const { list: digests, root, contentHash } = digestList(digestsOf(items, 4), of);
  const pack = await open(bytes, { digestRoot: root, digests });
  assert.deepEqual(await pack.find("c"), [2]);
  const hashed = await open(bytes, { contentHash, digests });
  await assert.rejects(hashed.names(), { code: "untrusted", section: "names" });
  await assert.rejects(hashed.find("c"), { code: "untrusted" });
  const lying = withAppData(bytes, envelope([3, namesSection(list.toReversed())]));
  await assert.rejects(open(lying, { digestRoot: root, digests }), { code: "untrusted" });
});

test("names outlive the instance of the reader that a large record fills", async () => {
  const large = Buffer.alloc(70e6, 7);
  const pack = await open(withNames(await packOf([large, Buffer.from("b")], { itemsPerRecord: 1 }), ["large", "small"]), {
    cacheSize: 0,
  });
  const names = await pack.names();
  const hash = createHash("sha256").update(await pack.get(0)).digest("hex");
  assert.equal(hash, createHash("sha256").update(large).digest("hex"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([names.get(1), names.find("large")], ["small", [0]]);
  await pack.close();
});

/** A section that says that the names are in this file. */
function reference(file, count) {
  const size = Buffer.alloc(8);
  size.writeUInt32LE(file.length);
  const head = Buffer.of(1, 2, count, 0, 0, 0);
  return envelope([3, Buffer.concat([head, size, createHash("sha256").update(file).digest()])]);
}

test("names in a file next to the pack are read on request and checked against size and hash", async (context) => {
  const file = namesSection(["a", "b", null]);
  const bytes = withAppData(await packOf(itemsFor(3)), reference(file, 3));
  const other = Buffer.from(namesSection(["a", "c", null]));
  const aliases = { "/x.pack": bytes, "/x.pack.names": file, "/lost.pack": bytes, "/other.pack": bytes, "/other.pack.names": other };
  const server = await serve({}, { aliases });
  context.after(() => server.close());
  const pack = await open(`${server.url}/x.pack?key=1`);
  assert.ok(server.log.every(({ url }) => !url.includes(".names")));
  assert.deepEqual(await pack.find("b"), [1]);
  assert.ok(server.log.some(({ url }) => url === "/x.pack.names"));
  assert.deepEqual(Array.from(await pack.names()), [[0, "a"], [1, "b"], [2, null]]);
  await pack.close();
  for (const names of [file, new Blob([file]), `${server.url}/x.pack.names`]) {
    const given = await open(bytes, { names });
    assert.deepEqual(await given.find("b"), [1]);
    await given.close();
  }
  const refused = async (opened, expected) => {
    const without = await opened;
    await assert.rejects(without.names(), expected);
    assert.equal(Buffer.from(await without.get(2)).toString(), "item 2");
    await without.close();
  };
  await refused(open(bytes), { code: "invalid-argument", section: "names", message: /as `names`/ });
  await refused(open(`${server.url}/lost.pack`), { code: "http-status", status: 404, message: /^names: / });
  await refused(open(`${server.url}/other.pack`), { code: "checksum", section: "names", message: /does not have the hash/ });
  await refused(open(bytes, { names: file.subarray(1) }), { code: "corrupt", section: "names", message: /bytes instead of/ });
});

test("a signal aborts, and the module of names loads from where init says", async () => {
  await init({ names: undefined });
  const pack = await open(withNames(await packOf(itemsFor(2)), ["a", "b"]));
  await assert.rejects(pack.names({ signal: AbortSignal.abort() }), { code: "aborted" });
  await assert.rejects(pack.find("a", { signal: AbortSignal.abort() }), { code: "aborted" });
  assert.deepEqual(await pack.find("a"), [0]);
});
