// The names of items: as text, as file names, and found by a part of them.
import { visibleLine } from "./dump.js";

/** @import { ItemName, Names } from "sealpack" */

/** Lists show this many characters of the start and of the end of a longer name. */
const SHOWN = { start: 90, end: 60 };
/** The longest file name that every system accepts, in UTF-8 bytes. */
const MAX_FILE_NAME = 200;
/** The time in milliseconds after which a search lets the page respond. */
const SLICE = 12;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * The bytes as text; bytes that are not UTF-8 as `\xff`.
 *
 * @param {Uint8Array} bytes
 */
function escaped(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => decoded(bytes.subarray(at, at + count)) !== null);
    text += length ? decoded(bytes.subarray(at, at + length)) : `\\x${bytes[at]?.toString(16).padStart(2, "0")}`;
    at += length ?? 1;
  }
  return text;
}

/** @param {Uint8Array} bytes */
function decoded(bytes) {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * A name as text of one line in which every character is visible.
 *
 * @param {ItemName} name
 */
export const nameText = (name) => visibleLine(typeof name === "string" ? name : escaped(name));

/**
 * A name for lists: only the start and the end of a long one.
 *
 * @param {ItemName} name
 */
export function shortName(name) {
  const characters = Array.from(nameText(name));
  if (characters.length <= SHOWN.start + SHOWN.end) return characters.join("");
  return `${characters.slice(0, SHOWN.start).join("")}…${characters.slice(-SHOWN.end).join("")}`;
}

/**
 * The name of a file for the item with this name: its last part, made safe for every system.
 *
 * @param {ItemName} name
 * @param {string} otherwise the name of the file if nothing is left
 */
export function fileName(name, otherwise) {
  const text = typeof name === "string" ? name : escaped(name);
  const last = text.split("/").findLast((part) => part.trim() !== "") ?? "";
  const safe = Array.from(last.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"|?*\\]/gu, "_"));
  while (encoder.encode(safe.join("")).length > MAX_FILE_NAME) safe.splice(safe.length >> 1, 1);
  const joined = safe.join("").trim();
  return /^\.*$/.test(joined) ? otherwise : joined;
}

/**
 * The positions of the items whose names contain `part`, in upper or lower case. The
 * page responds during the search.
 *
 * @param {Names} names
 * @param {string} part
 * @param {AbortSignal} signal ends the search; the result is then null
 */
export async function positionsOfNamesWith(names, part, signal) {
  const wanted = part.toLowerCase();
  /** @type {number[]} */
  const found = [];
  let until = performance.now() + SLICE;
  for (const [position, name] of names) {
    if (name !== null && matches(name, wanted)) found.push(position);
    if (position % 256 || performance.now() < until) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (signal.aborted) return null;
    until = performance.now() + SLICE;
  }
  return signal.aborted ? null : found;
}

/**
 * Whether a name contains the text, either as it is or as the page shows it.
 *
 * @param {ItemName} name
 * @param {string} wanted
 */
function matches(name, wanted) {
  if (typeof name === "string" && name.toLowerCase().includes(wanted)) return true;
  return nameText(name).toLowerCase().includes(wanted);
}
