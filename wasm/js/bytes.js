// Values of the caller: which of them count as bytes, and their names in messages.
import { invalidArgument } from "./errors.js";

/** @import { Bytes } from "./index.js" */

/**
 * The name of the value's kind, such as "Blob". Unlike `instanceof` it is the
 * same for values of another window.
 *
 * @param {unknown} value
 */
export const kindOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

/**
 * @param {unknown} value
 * @returns {value is ArrayBuffer}
 */
const isBuffer = (value) => /^(Shared)?ArrayBuffer$/.test(kindOf(value));

/**
 * @param {unknown} value
 * @returns {value is Bytes}
 */
export function isBytes(value) {
  return ArrayBuffer.isView(value) || isBuffer(value);
}

/**
 * A plain Uint8Array over `value`, without copying. Plain, because the slice()
 * of Node's Buffer returns a view and not a copy.
 *
 * @param {unknown} value
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function toBytes(value, what = "the argument") {
  if (ArrayBuffer.isView(value)) {
    if (value.constructor === Uint8Array) return value;
    const { buffer, byteOffset, byteLength } = value;
    return new Uint8Array(/** @type {ArrayBuffer} */ (buffer), byteOffset, byteLength);
  }
  if (isBuffer(value)) return new Uint8Array(value);
  throw invalidArgument(`${what} is ${describe(value)}, not a Uint8Array or an ArrayBuffer`);
}

/**
 * The pieces joined into one array.
 *
 * @param {Uint8Array[]} pieces
 */
export function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/**
 * What kind of value it is, for messages.
 *
 * @param {any} value
 */
export function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 80))}`;
  if (typeof value !== "object") return `the ${typeof value} ${String(value)}`;
  const name = value.constructor?.name;
  if (!name) return "an object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
