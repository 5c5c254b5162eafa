// The module throws numbers; the sentences that JavaScript makes of them are
// those of the native library (wasm/tests/errors.json, which it is held to too).
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fromWasm, SealpackError } from "../../../wasm/js/errors.js";

const rows = JSON.parse(await readFile(new URL("../../../wasm/tests/errors.json", import.meta.url), "utf8"));

test("every error says in JavaScript what it says natively", () => {
  assert.ok(rows.length >= 40);
  for (const [numbers, words, said] of rows) {
    const error = fromWasm([BigUint64Array.from(numbers, BigInt), words ?? undefined]);
    assert.ok(error instanceof SealpackError);
    assert.equal(error.message, said);
    assert.match(error.code, /^[a-z-]+$/);
  }
});

test("where an error is stays with it", () => {
  const inRecord = fromWasm([BigUint64Array.of(22n, 4n, 7n, 0n, 0n, 0n), undefined]);
  assert.deepEqual(
    [inRecord.code, inRecord.section, inRecord.fault, inRecord.record],
    ["checksum", "record", "decode", 7],
  );
  const tooShort = fromWasm([BigUint64Array.of(1n, 1n, 0n, 76n, 3n, 0n), undefined]);
  assert.deepEqual([tooShort.code, tooShort.section, "record" in tooShort], ["not-a-pack", "trailer", false]);
});
