// What counts as bytes, in one place.
import { invalidArgument } from "./errors.js";

const isBuffer = (value) =>
  value instanceof ArrayBuffer ||
  (typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer);

export function isBytes(value) {
  return ArrayBuffer.isView(value) || isBuffer(value);
}

/**
 * A plain Uint8Array over `value`; nothing is copied. Plain, since the slice()
 * of Node's Buffer is a view and not a copy.
 */
export function toBytes(value, what = "the argument") {
  if (value?.constructor === Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isBuffer(value)) return new Uint8Array(value);
  throw invalidArgument(`${what} is ${describe(value)}, not a Uint8Array or an ArrayBuffer`);
}

/** Pieces as one. */
export function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

export function describe(value) {
  if (value === null) return "null";
  if (typeof value !== "object") return `a ${typeof value}`;
  return value.constructor?.name ? `a ${value.constructor.name}` : "an object";
}

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
