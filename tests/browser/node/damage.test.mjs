// Random damage to zstd packs: a read returns the right item or throws, and the
// instance stays usable after every error.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { folder } from "../fixtures.mjs";
import { random, randomItems } from "../random.mjs";

const ROUNDS = Number(process.env.DAMAGE_ROUNDS ?? 60_000);
const CODES = new Set(["not-a-pack", "unsupported", "corrupt", "checksum", "limit"]);

async function packs(rand) {
  const packsToDamage = [];
  for (const itemsPerRecord of [1, 1, 4, 128]) {
    for (const recordChecksum of [false, true]) {
      const items = [
        ...randomItems(rand, 30),
        new TextEncoder().encode("some text that repeats ".repeat(9)),
      ];
      const builder = create({ itemsPerRecord, recordChecksum, contentHash: false });
      items.forEach((item) => builder.append(item));
      packsToDamage.push({ items, bytes: new Uint8Array(await (await builder.finish()).blob.arrayBuffer()) });
    }
  }
  return packsToDamage;
}

/** Packs with frames of C zstd, which have more kinds of blocks than those of the builder. */
async function packsOfCZstd(decoder) {
  const read = [];
  const names = ["zstd-ipr1", "zstd-ipr128"];
  if (decoder === "fast") names.push("dictionary/events");
  for (const name of names) {
    const bytes = new Uint8Array(await readFile(path.join(folder, `${name}.pack`)));
    const pack = await open(bytes, { codec: "zstd", decoder });
    read.push({ bytes, items: await pack.getMany(Array(pack.length).keys()) });
  }
  return read;
}

/** Flips a bit, changes a byte, writes a run of noise, or cuts bytes off the end. */
function damage(rand, bytes) {
  const kind = rand.below(10);
  if (kind === 0) return bytes.slice(0, rand.below(bytes.length));
  const damaged = bytes.slice();
  const at = rand.below(bytes.length);
  if (kind < 6) damaged[at] ^= 1 << rand.below(8);
  else if (kind < 8) damaged[at] = rand.below(256);
  else
    for (let step = 0; step < 1 + rand.below(16); step += 1)
      damaged[Math.min(at + step, bytes.length - 1)] = rand.below(256);
  return damaged;
}

for (const decoder of ["small", "fast"]) {
  test(`${ROUNDS} random corruptions never return a wrong byte, with the ${decoder} decoder`, () =>
    corrupt(decoder));
}

async function corrupt(decoder) {
  const rand = random(7);
  const codes = {};
  const fixed = await packsOfCZstd(decoder);
  let packsToDamage = [...fixed, ...(await packs(rand))];
  let unaffected = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round % 500 === 499) packsToDamage = [...fixed, ...(await packs(rand))];
    const { items, bytes } = rand.pick(packsToDamage);
    const damaged = damage(rand, bytes);
    let pack;
    try {
      pack = await open(damaged, { codec: "zstd", decoder });
      // Undamaged items may be read; every item that is returned must be right.
      const position = rand.below(items.length);
      const item = await pack.get(position);
      assert.equal(
        Buffer.compare(item, items[position]),
        0,
        `round ${round}: wrong bytes for item ${position}`,
      );
      for (const [at, found] of (await pack.getMany(items.keys())).entries()) {
        assert.equal(Buffer.compare(found, items[at]), 0, `round ${round}: wrong bytes for item ${at}`);
      }
      unaffected += 1;
    } catch (error) {
      if (error.code === "ERR_ASSERTION") throw error;
      assert.ok(
        CODES.has(error.code) || error.code === "out-of-range",
        `round ${round}: ${error.code}, ${error.message}`,
      );
      codes[error.code] = (codes[error.code] ?? 0) + 1;
    }
    pack?.close();
  }
  console.log(`# ${ROUNDS} corruptions, ${decoder}: ${JSON.stringify(codes)}, ${unaffected} without effect`);
  const { items, bytes } = packsToDamage[0];
  assert.equal((await open(bytes)).length, items.length);
}

for (const workers of [0, 1, 2]) {
  test(`the report lists exactly the damaged records, with ${workers} workers`, async () => {
    const rand = random(3);
    const builder = create({ itemsPerRecord: 1 });
    for (let at = 0; at < 600; at += 1) {
      const item = new Uint8Array(40_000).map((_, step) => (step % 7 ? step : rand.below(256)));
      await builder.append(item);
    }
    const bytes = new Uint8Array(await (await builder.finish()).blob.arrayBuffer());
    const pack = await open(bytes, { codec: "zstd" });
    const damaged = Array.from({ length: 200 }, (_, at) => 3 * at);
    for (const record of damaged) bytes[pack.record(record).offset + 5000] ^= 1;
    const report = await pack.verify({ workers });
    assert.deepEqual(
      report.damaged.map(({ record }) => record),
      damaged,
    );
    assert.equal(report.damagedCount, damaged.length);
    assert.equal(report.recordCount, 600);
    assert.equal(report.layers.content_hash, "failed");
    pack.close();
  });
}
