// The codec of a pack: named by the caller, detected, or the caller's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";

const items = Array.from({ length: 40 }, (_, at) => new TextEncoder().encode(`item ${at} `.repeat(30)));

async function packOf(options) {
  const builder = create({ contentHash: false, ...options });
  items.forEach((item) => builder.append(item));
  return new Uint8Array(await (await builder.finish()).blob.arrayBuffer());
}

/** The codec of a test: every bit flipped. */
const flip = (bytes) => bytes.map((byte) => byte ^ 0xff);

test("the codec is detected for every format id", async () => {
  for (const codec of ["zstd", "none"]) {
    for (const formatId of [0, 1, 77, 0xfe1e000b, 0xfe1e000c]) {
      for (const itemsPerRecord of [1, 8]) {
        const isUnknown = codec === "none" && [1, 77].includes(formatId);
        const pack = await open(await packOf({ codec, formatId, itemsPerRecord }), {
          codec: isUnknown ? "auto-or-none" : "auto",
        });
        assert.deepEqual(await pack.get(7), items[7], `${codec}, ${formatId}, ${itemsPerRecord}`);
        assert.equal(pack.codec, codec);
        pack.close();
      }
    }
  }
});

test("records of an unknown codec are refused until the caller chooses", async () => {
  const unknown = async (pack) => {
    const refused = { code: "unsupported", message: /format id 77.*decode/ };
    await assert.rejects(pack.get(7), refused);
    await assert.rejects(pack.get(7), refused, "also the second time");
    await assert.rejects(pack.getMany([1, 39]), refused);
    await assert.rejects(pack.range().next(), refused);
    await assert.rejects(pack.verify(), refused);
    await assert.rejects(pack.verify({ workers: 2 }), refused);
    assert.equal(pack.codec, "auto");
  };
  for (const itemsPerRecord of [1, 8]) {
    const bytes = await packOf({ codec: "none", formatId: 77, itemsPerRecord });
    const pack = await open(bytes);
    await unknown(pack);
    pack.close();
    for (const codec of ["none", "auto-or-none", (id) => (id === 77 ? "none" : "auto")]) {
      const chosen = await open(bytes, { codec });
      assert.deepEqual(await chosen.get(7), items[7]);
      assert.equal(chosen.codec, "none");
      assert.ok((await chosen.verify({ workers: 2 })).ok);
      chosen.close();
    }
  }
});

test("an unknown codec is refused after any number of empty records too, and empty records are read", async () => {
  for (const [empty, rest] of [
    [200, 200],
    [10, 0],
  ]) {
    const builder = create({ codec: "none", formatId: 77, itemsPerRecord: 1, contentHash: false });
    for (let at = 0; at < empty; at += 1) builder.append(new Uint8Array(0));
    for (let at = 0; at < rest; at += 1) builder.append(items[0]);
    const pack = await open((await builder.finish()).blob);
    assert.deepEqual(await pack.get(7), new Uint8Array(0));
    if (rest) {
      await assert.rejects(pack.get(empty + 7), { code: "unsupported" });
      await assert.rejects(pack.verify(), { code: "unsupported" });
    } else {
      assert.ok((await pack.verify()).ok);
    }
    pack.close();
  }
});

test("records above the limit are listed as not checked, not as damaged", async () => {
  const builder = create({ codec: "zstd", itemsPerRecord: 1 });
  for (const length of [10, 5000, 10, 6000]) builder.append(new Uint8Array(length));
  const { blob } = await builder.finish();
  for (const workers of [0, 2]) {
    const pack = await open(blob, { recordLimit: 1000 });
    const report = await pack.verify({ workers });
    assert.equal(report.ok, false);
    assert.deepEqual([report.damagedCount, report.damaged], [0, []]);
    assert.equal(report.uncheckedCount, 2);
    assert.deepEqual(
      report.unchecked.map(({ record, code }) => [record, code]),
      [
        [1, "limit"],
        [3, "limit"],
      ],
    );
    assert.equal(report.layers.decoding, "not_checked");
    assert.ok(!Object.values(report.layers).includes("failed"));
    assert.ok(report.failures.every(({ code }) => code === "limit"));
    pack.close();
  }
});

test("a damaged magic does not make a zstd pack read as uncompressed", async () => {
  const bytes = await packOf({ codec: "zstd", itemsPerRecord: 1 });
  for (let at = 0; at < 4; at += 1) {
    const damaged = bytes.slice();
    damaged[at] ^= 0x20;
    const pack = await open(damaged);
    await assert.rejects(pack.get(0), { code: "corrupt" });
    assert.deepEqual(await pack.get(1), items[1]);
    pack.close();
  }
});

test("the caller's own codec is used, by object and by format id, and gets the decoded size", async () => {
  const builder = create({ codec: "none", itemsPerRecord: 4, formatId: 77, contentHash: false });
  items.forEach((item) => builder.append(flip(item)));
  const bytes = await (await builder.finish()).blob.arrayBuffer();
  const sizes = [];
  const codec = { decode: (payload, size) => (sizes.push(size), flip(payload)) };
  const pack = await open(bytes, { codec: (id) => (id === 77 ? codec : "auto") });
  assert.deepEqual(await pack.get(5), items[5]);
  assert.equal(pack.codec, "custom");
  assert.equal(
    sizes[0],
    items.slice(4, 8).reduce((sum, item) => sum + item.length, 0),
  );
  assert.ok((await pack.verify({ workers: 2 })).ok);
  pack.close();
});

test("an error of the caller's codec is the cause, a wrong result is refused, and reading continues", async () => {
  const bytes = await packOf({ codec: "none", itemsPerRecord: 4 });
  const thrown = new Error("no such table");
  let decode = () => {
    throw thrown;
  };
  const pack = await open(bytes, { codec: { decode: (payload) => decode(payload) } });
  await assert.rejects(
    pack.get(0),
    (error) => error.code === "corrupt" && error.cause === thrown && error.record === 0,
  );
  decode = async (payload) => payload;
  await assert.rejects(pack.get(0), (error) => error.cause.code === "invalid-argument");
  decode = (payload) => payload.subarray(1);
  await assert.rejects(pack.get(0), { code: "corrupt" });
  decode = (payload) => payload;
  assert.deepEqual(await pack.get(0), items[0]);
  pack.close();
});

test("an extract replaces items before they are hashed, and its error is in the report", async () => {
  const builder = create({ codec: "none", itemsPerRecord: 4 });
  items.forEach((item) => builder.append(item));
  const pack = await open((await builder.finish()).blob);
  assert.ok((await pack.verify({ extract: (item) => item })).ok);
  const other = await pack.verify({ extract: flip });
  assert.equal(other.layers.content_hash, "failed");
  const failing = await pack.verify({
    extract: () => {
      throw new Error("no");
    },
  });
  assert.equal(failing.failures[0].code, "extract");
  pack.close();
});

test("a closed pack throws `closed`, and may be closed twice", async () => {
  const pack = await open(await packOf({ codec: "zstd" }));
  pack.close();
  pack.close();
  await assert.rejects(pack.get(0), { code: "closed" });
  await assert.rejects(pack.verify(), { code: "closed" });
  assert.throws(() => pack.range(), { code: "closed" });
});
