// Packs built in wasm: their items, their bytes, and the parts in which they are written.
import assert from "node:assert/strict";
import { mkdtemp, open as openFile, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { itemsOf, soundPacks } from "../fixtures.mjs";
import { random, randomItems, randomOptions } from "../random.mjs";
import { framesOf } from "../frames.mjs";

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

async function build(items, options) {
  const builder = create(options);
  for (const item of items) await builder.append(item);
  return builder.finish();
}

test("a pack without compression has the bytes of the reference implementation", async () => {
  let compared = 0;
  for (const fixture of await soundPacks()) {
    if (fixture.codec !== "none" || (fixture.app_data_crc32c === null && fixture.app_data_size > 0)) continue;
    const { blob } = await build(itemsOf(fixture.items), {
      codec: "none",
      itemsPerRecord: fixture.items_per_record,
      formatId: fixture.format,
      contentHash: fixture.content_hash !== null,
      recordChecksum: fixture.record_checksum,
      appData: fixture.app.length ? fixture.app : undefined,
    });
    assert.equal(Buffer.compare(await bytesOf(blob), fixture.bytes), 0, fixture.name);
    compared += 1;
  }
  assert.ok(compared >= 25, `only ${compared}`);
  console.log(`# ${compared} files without compression are equal byte for byte`);
});

test("random packs read back item by item and verify; every frame has a size and a checksum", async () => {
  const rand = random(1);
  let frames = 0;
  for (let round = 0; round < 300; round += 1) {
    const items = randomItems(rand);
    const options = randomOptions(rand);
    const { blob, ...sealed } = await build(items, options);
    const bytes = await bytesOf(blob);
    assert.equal(sealed.fileSize, bytes.length);
    const pack = await open(bytes, { codec: options.codec });
    const context = JSON.stringify({ round, ...options, appData: options.appData?.length });
    assert.equal(pack.length, items.length, context);
    let position = 0;
    for await (const item of pack.range()) {
      assert.equal(Buffer.compare(item, items[position]), 0, `${context}, item ${position}`);
      position += 1;
    }
    assert.equal(Buffer.compare(await pack.appData(), options.appData ?? new Uint8Array(0)), 0, context);
    const report = await pack.verify();
    assert.ok(report.ok, `${context}: ${report.failures[0]?.message}`);
    if (options.codec === "zstd") {
      for (const { payload, size } of framesOf(pack, bytes, items)) {
        if (size > 0)
          assert.deepEqual(payload, { contentSize: size, checksum: true, singleSegment: true }, context);
        frames += 1;
      }
    }
    pack.close();
  }
  console.log(`# 300 random packs, ${frames} frames checked`);
});

test("a stream receives parts of equal size, one at a time, if append() is awaited", async () => {
  const sizes = [];
  let waiting = 0;
  let max = 0;
  const to = new WritableStream({
    async write(part) {
      max = Math.max(max, (waiting += 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
      sizes.push(part.length);
      waiting -= 1;
    },
  });
  const item = new Uint8Array(50_000).fill(7);
  const builder = create({ to, codec: "none", partSize: 65_536, itemsPerRecord: 3 });
  for (let count = 0; count < 200; count += 1) await builder.append(item);
  const sealed = await builder.finish();
  assert.equal(sealed.blob, undefined);
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    sealed.fileSize,
  );
  assert.ok(sizes.length > 100);
  assert.ok(sizes.slice(0, -1).every((size) => size === 65_536));
  assert.ok(sizes.at(-1) <= 65_536);
  assert.equal(max, 1);
});

test("a file of Node and an object with write() receive the pack", async (context) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "pack-"));
  context.after(() => rm(folder, { recursive: true }));
  const items = randomItems(random(9), 200);
  const name = path.join(folder, "out.pack");
  const file = await openFile(name, "w");
  await build(items, { to: file, partSize: 1000 });
  await file.close();
  const parts = [];
  await build(items, { to: { write: (part, offset) => void parts.push([offset, part]) }, partSize: 1000 });
  const whole = await readFile(name);
  for (const [offset, part] of parts)
    assert.equal(Buffer.compare(whole.subarray(offset, offset + part.length), part), 0);
  const pack = await open(whole);
  assert.equal(pack.length, items.length);
  pack.close();
});

test("the error of a destination fails the pack, and the destination is aborted", async () => {
  let discarded = false;
  const to = { write: () => Promise.reject(new Error("disk full")), abort: () => (discarded = true) };
  const builder = create({ to, codec: "none", partSize: 10 });
  builder.append(new Uint8Array(2000));
  await assert.rejects(
    builder.finish(),
    (error) => error.code === "write-failed" && error.cause.message === "disk full",
  );
  assert.ok(discarded);
  assert.throws(() => builder.append(new Uint8Array(1)), { code: "write-failed" });
});

test("an aborted builder returns no pack", async () => {
  const controller = new AbortController();
  const builder = create({ signal: controller.signal });
  await builder.append(new Uint8Array(10));
  controller.abort();
  assert.throws(() => builder.append(new Uint8Array(10)), { code: "aborted" });
  await assert.rejects(builder.finish(), { code: "aborted" });
});

test("invalid options and items are refused immediately, with a code", async () => {
  for (const options of [
    { itemsPerRecord: 0 },
    { itemsPerRecord: 1.5 },
    { partSize: 0 },
    { formatId: -1 },
    { formatId: 2 ** 32 },
    { appData: "text" },
  ]) {
    assert.throws(() => create(options), { code: "invalid-argument" }, JSON.stringify(options));
  }
  assert.throws(() => create({ codec: "lz4" }), { code: "unsupported" });
  const builder = create();
  assert.throws(() => builder.append("text"), { code: "invalid-argument" });
  builder.append(new Uint8Array(1));
  assert.equal((await builder.finish()).totalItems, 1);
  assert.throws(() => builder.append(new Uint8Array(1)), { code: "closed" });
  await assert.rejects(builder.finish(), { code: "closed" });
});

test("items that change after append() are packed as they were", async () => {
  const builder = create({ codec: "none" });
  // also a Buffer: its slice() is a view
  for (const buffer of [new Uint8Array([1, 2, 3]), Buffer.from([1, 2, 3])]) {
    builder.append(buffer);
    buffer.fill(9);
    builder.append(buffer);
  }
  const pack = await open((await builder.finish()).blob);
  const [before, after] = [Uint8Array.of(1, 2, 3), Uint8Array.of(9, 9, 9)];
  assert.deepEqual(await pack.getMany([0, 1, 2, 3]), [before, after, before, after]);
});

test("verifying leaves the bytes of the caller unchanged, with and without workers", async () => {
  const [{ bytes }] = (await soundPacks()).filter(({ name }) => name === "zstd-ipr128");
  const cached = bytes.slice();
  const sources = [
    Buffer.from(bytes),
    bytes.slice().buffer,
    { size: () => cached.length, read: (offset, length) => cached.slice(offset, offset + length) },
  ];
  for (const source of sources) {
    const pack = await open(source);
    for (const workers of [2, 2, 0]) assert.ok((await pack.verify({ workers })).ok);
    pack.close();
    const size = source.byteLength ?? cached.length;
    assert.equal(size, bytes.length);
  }
});
