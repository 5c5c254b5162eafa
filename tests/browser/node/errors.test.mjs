// The wasm module throws numbers. JavaScript turns them into the messages of the native
// library, which are in wasm/tests/errors.json; the tests of wasm check that file too.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { fromWasm, SealpackError } from "../../../wasm/js/errors.js";

const rows = JSON.parse(await readFile(new URL("../../../wasm/tests/errors.json", import.meta.url), "utf8"));

test("every error has the same message in JavaScript and in the native library", () => {
  assert.ok(rows.length >= 40);
  for (const [numbers, text, message] of rows) {
    const error = fromWasm([BigUint64Array.from(numbers, BigInt), text ?? undefined]);
    assert.ok(error instanceof SealpackError);
    assert.equal(error.message, message);
    assert.match(error.code, /^[a-z-]+$/);
  }
});

test("errors keep the place of the damage", () => {
  const inRecord = fromWasm([BigUint64Array.of(23n, 4n, 7n, 0n, 0n, 0n), undefined]);
  assert.deepEqual(
    [inRecord.code, inRecord.section, inRecord.fault, inRecord.record],
    ["checksum", "record", "decode", 7],
  );
  const tooShort = fromWasm([BigUint64Array.of(1n, 1n, 0n, 76n, 3n, 0n), undefined]);
  assert.deepEqual([tooShort.code, tooShort.section, "record" in tooShort], ["not-a-pack", "trailer", false]);
});

test("the module's own refusals have a code and a message", () => {
  // They are the rows after those of core's errors.
  const first = BigInt(Math.max(...rows.map(([numbers]) => Number(numbers[0])))) + 1n;
  for (let row = first; row < first + 11n; row += 1n) {
    const error = fromWasm([BigUint64Array.of(row, 0n, 0n, 0n, 0n, 0n), undefined]);
    assert.match(error.code, /^(invalid-argument|unsupported|closed)$/, error.message);
    assert.match(error.message, /^\S+ \S+/);
  }
});

test("an error in a block of names says which one", () => {
  const error = fromWasm([BigUint64Array.of(19n, 7n, 3n, 0n, 0n, 0n), undefined]);
  assert.deepEqual([error.code, error.section, error.fault, "record" in error], ["corrupt", "names", "decode", false]);
  assert.equal(error.message, "names: block 3: the frame ends early");
});

test("workers report the same codes and places as the page's thread, also after create()", async () => {
  const builder = create({ itemsPerRecord: 4, recordChecksum: true });
  for (let at = 0; at < 400; at += 1) builder.append(new TextEncoder().encode(`item ${at} `.repeat(40)));
  const { blob } = await builder.finish();
  const bytes = new Uint8Array(await blob.arrayBuffer());
  bytes[40] ^= 1;
  const pack = await open(bytes);
  const findings = async (workers) => {
    const { failures, damaged } = await pack.verify({ workers });
    return [...failures, ...damaged].map(({ code, layer, section, fault, record }) => [code, layer, section, fault, record]);
  };
  const onThisThread = await findings(0);
  assert.equal(onThisThread.at(-1).at(-1), 0, "the first record is damaged");
  assert.deepEqual(await findings(2), onThisThread);
  pack.close();
});
