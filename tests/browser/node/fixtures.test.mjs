// The reference files, read by the package in Node: every item of the sound
// ones, and the error of the broken ones.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { open } from "../../../wasm/js/index.node.js";
import { reading, readingFast } from "../../../wasm/js/modules.js";
import { brokenPacks, soundPacks, itemsOf, readBroken } from "../fixtures.mjs";

const DECODERS = ["small", "fast"];
const CODES = ["fine", "not-a-pack", "unsupported", "corrupt", "checksum", "limit"];

/** The digest of all items, each as (length u32 | bytes). */
function digestOf(items) {
  const hash = createHash("sha256");
  for (const item of items) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(item.length);
    hash.update(length).update(item);
  }
  return hash.digest("hex");
}

const codecName = (codec) => (codec.startsWith("zstd") ? "zstd" : "none");

test("every item of every sound file equals that of the reference", async () => {
  let items = 0;
  for (const fixture of await soundPacks()) {
    for (const [codec, decoder] of [
      [codecName(fixture.codec), "small"],
      [codecName(fixture.codec), "fast"],
      ["auto-or-none", "auto"],
    ]) {
      const pack = await open(fixture.bytes, { codec, decoder });
      const expected = itemsOf(fixture.items);
      assert.equal(pack.length, expected.length, fixture.name);
      assert.equal(pack.info.contentHash, fixture.content_hash, fixture.name);
      assert.equal(Buffer.compare(await pack.appData(), fixture.app), 0, fixture.name);
      let position = 0;
      for await (const item of pack.range()) {
        assert.equal(
          Buffer.compare(item, expected[position]),
          0,
          `${fixture.name}, item ${position}, ${codec}`,
        );
        position += 1;
      }
      assert.equal(position, expected.length);
      const some = [0, 1, 7, 128, expected.length - 1].filter((at) => at >= 0 && at < expected.length);
      const many = await pack.getMany([...some].reverse());
      some
        .reverse()
        .forEach((at, place) => assert.equal(Buffer.compare(many[place], expected[at]), 0, fixture.name));
      pack.close();
      items += position;
    }
  }
  console.log(`# ${(await soundPacks()).length} sound files, ${items} items compared`);
});

test("every sound file verifies, with and without workers", async () => {
  for (const fixture of await soundPacks()) {
    for (const decoder of DECODERS) {
      const pack = await open(fixture.bytes, { codec: codecName(fixture.codec), decoder });
      for (const workers of [0, 2]) {
        const report = await pack.verify({ workers });
        assert.ok(report.ok, `${fixture.name}: ${report.failures[0]?.message}`);
        assert.equal(report.recordCount, fixture.record_count);
        assert.equal(report.layers.content_hash, fixture.content_hash ? "passed" : "not_present");
      }
      pack.close();
    }
  }
});

test("every broken file is refused or reported, with a code, and the instance stays usable", async () => {
  const [healthy] = (await soundPacks()).filter(({ name }) => name === "zstd-ipr128");
  const codes = {};
  const cases = await brokenPacks();
  const all = cases.flatMap((one) => DECODERS.map((decoder) => ({ ...one, decoder })));
  const outcomes = new Map();
  for (const { file, bytes, codec, mustRefuse, scans, decoder } of all) {
    const openWith = (bytes, options) => open(bytes, { ...options, decoder });
    const { outcome, items } = await readBroken(openWith, bytes, codecName(codec));
    assert.equal(outcome, outcomes.get(file) ?? outcome, `${file}: the decoders agree`);
    outcomes.set(file, outcome);
    codes[outcome] = (codes[outcome] ?? 0) + 1;
    // If the reference refuses, crashes or panics, the package refuses: in open, in a read, or in verify.
    if (mustRefuse) assert.notEqual(outcome, "fine", `${file} passed as sound`);
    if (items && scans.length)
      assert.ok(scans.includes(digestOf(items)), `${file}: the items differ from the reference`);
    assert.ok(CODES.includes(outcome), `${file}: ${outcome}`);
    const pack = await open(healthy.bytes);
    assert.equal((await pack.get(42)).length, itemsOf(healthy.items)[42].length, `after ${file}`);
    pack.close();
  }
  // The largest of them decodes to 32 MiB; others claim up to 2^62 bytes.
  const sizes = [reading, readingFast].map(({ instance }) => instance.memory.buffer.byteLength);
  const memory = Math.max(...sizes);
  console.log(`# ${cases.length} broken files: ${JSON.stringify(codes)}, ${memory >> 20} MiB of memory`);
  assert.ok(memory < 200 * 2 ** 20, `${memory} bytes`);
});
