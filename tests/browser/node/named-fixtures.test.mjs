// The stored packs with names, read by the package in Node: the names that the native
// library stored, and for broken ones the same error as the native library.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { open } from "../../../wasm/js/index.node.js";
import { folder as fixtures } from "../fixtures.mjs";

const folder = path.join(fixtures, "names");
const read = async (name) => new Uint8Array(await readFile(path.join(folder, name)));
const manifest = JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8"));

const mixed = manifest.mixed_names_hex.map((name) => Buffer.from(name, "hex"));
const sorted = Array.from({ length: 5000 }, (_, at) =>
  Buffer.from(`src/module-${String(Math.floor(at / 50)).padStart(3, "0")}/file-${String(at).padStart(5, "0")}.rs`),
);
/** Each sound pack: its names, whether they are sorted, and the file that has them. */
const SOUND = {
  "mixed.pack": { names: mixed, isSorted: false },
  "sorted.pack": { names: sorted, isSorted: true },
  "companion.pack": { names: sorted, isSorted: true, file: "companion.pack.names" },
};

test("every stored file is read by these tests", async () => {
  const files = Object.entries(SOUND).flatMap(([name, { file }]) => (file ? [name, file] : [name]));
  const all = ["manifest.json", ...Object.keys(manifest.broken), ...files];
  assert.deepEqual((await readdir(folder)).sort(), all.sort());
});

for (const [name, { names, isSorted, file }] of Object.entries(SOUND)) {
  test(`names that the native library stored are listed and found: ${name}`, async () => {
    const pack = await open(await read(name), file ? { names: await read(file) } : {});
    const opened = await pack.names();
    assert.equal(opened.isSorted, isSorted);
    assert.deepEqual(Array.from(opened, ([, found]) => Buffer.from(found ?? "")), names);
    for (const [at, wanted] of names.entries()) {
      const found = opened.find(new Uint8Array(wanted));
      assert.equal(found.includes(at), wanted.length > 0, `item ${at}`);
      assert.ok(found.every((position) => names[position].equals(wanted)));
    }
    for (const at of [0, names.length >> 1, names.length - 1]) {
      assert.equal(Buffer.from(await pack.get(at)).toString(), `item ${at}`);
    }
    assert.equal(Buffer.from(await pack.appData()).toString(), "mine");
    assert.ok((await pack.verify()).ok);
    await pack.close();
  });
}

/** The message of the error of a call; null if it succeeds. */
const messageOf = (call) => call().then(() => null, (error) => {
  assert.equal(error.name, "SealpackError", error.stack);
  return error.message;
});

for (const [name, expected] of Object.entries(manifest.broken)) {
  test(`a broken pack is refused as by the native library: ${name}`, async () => {
    const pack = await open(await read(name));
    const listed = async () => Array.from((await pack.names()) ?? []);
    assert.equal(await messageOf(listed), expected.names);
    assert.equal(await messageOf(() => pack.get(3)), expected.item);
    await pack.close();
  });
}

test("a names file with a changed byte or a cut end is refused, and items stay readable", async () => {
  const [bytes, file] = await Promise.all([read("companion.pack"), read("companion.pack.names")]);
  for (let at = 0; at < file.length; at += 1 + (file.length >> 7)) {
    const changed = file.slice();
    changed[at] ^= 1 << (at & 7);
    for (const names of [changed, file.slice(0, at)]) {
      const pack = await open(bytes, { names });
      const error = await pack.names().then(assert.fail, (thrown) => thrown);
      assert.deepEqual([error.section, error.fault], ["names", "names"], error.message);
      assert.ok(["corrupt", "checksum"].includes(error.code), error.code);
      assert.equal(Buffer.from(await pack.get(4999)).toString(), "item 4999");
      await pack.close();
    }
  }
});
