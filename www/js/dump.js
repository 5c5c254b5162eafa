// An item as hexadecimal, text or JSON.
import { h } from "./dom.js";

const SHOWN = 16 * 1024;
const PREVIEW_LENGTH = 60;
/** Deeper levels of JSON are not indented further. */
const MAX_INDENT = 40;

/** @param {Uint8Array} bytes */
export function looksLikeText(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, 4096), {
      stream: bytes.length > 4096,
    });
    // eslint-disable-next-line no-control-regex
    return !/[\u0000-\u0008\u000e-\u001f]/.test(text);
  } catch {
    return false;
  }
}

/**
 * How a character that cannot be seen is shown.
 *
 * @param {string} character
 */
function shown(character) {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/**
 * The text with control characters, and those that are invisible or change the
 * direction of text, replaced by visible ones: an item cannot look like something
 * else. Line breaks and tabs stay.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.replace(/[^\P{Cc}\t\n\r]|[\p{Cf}\p{Zl}\p{Zp}]/gu, shown);
}

/**
 * The same for text of a single line, such as a name: line breaks and tabs are replaced too.
 *
 * @param {string} text
 */
export const visibleLine = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, shown);

/**
 * The bytes as text, without a character that is cut at the end.
 *
 * @param {Uint8Array} bytes
 */
function decoded(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true });
}

/**
 * The JSON of the item, indented; null if it is not JSON. Only white space changes:
 * long numbers keep their digits, and repeated keys stay.
 *
 * @param {Uint8Array} bytes
 */
export function asJson(bytes) {
  if (bytes.length > 4 << 20) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    JSON.parse(text);
    return indented(text);
  } catch {
    return null;
  }
}

/**
 * Valid JSON with a line for each value, up to at least the part that is shown.
 *
 * @param {string} text
 */
function indented(text) {
  const tokens = text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  let out = "";
  let depth = 0;
  let opened = false;
  const line = () => `\n${"  ".repeat(Math.min(depth, MAX_INDENT))}`;
  for (const [token] of tokens) {
    if (out.length > 2 * SHOWN) break;
    if (token === "}" || token === "]") {
      depth -= 1;
      out += opened ? token : line() + token;
      opened = false;
      continue;
    }
    if (opened) out += line();
    opened = token === "{" || token === "[";
    if (opened) depth += 1;
    if (token === ",") out += `,${line()}`;
    else out += token === ":" ? ": " : token;
  }
  return out;
}

/**
 * At most one line, for lists.
 *
 * @param {Uint8Array} bytes
 */
export function preview(bytes) {
  if (!bytes.length) return "empty";
  const head = bytes.subarray(0, 4 * PREVIEW_LENGTH);
  if (!looksLikeText(bytes)) return Array.from(bytes.subarray(0, 12), hex).join(" ");
  const characters = Array.from(visible(decoded(head).replace(/\s+/g, " ")));
  const cut = characters.length > PREVIEW_LENGTH || head.length < bytes.length;
  return characters.slice(0, PREVIEW_LENGTH).join("") + (cut ? "…" : "");
}

/** @param {number} byte */
const hex = (byte) => byte.toString(16).padStart(2, "0");

/** @param {Uint8Array} bytes */
export function hexDump(bytes) {
  const dump = h("pre.dump", { tabindex: "0", "aria-label": "Item in hexadecimal" });
  const shown = bytes.subarray(0, SHOWN);
  for (let at = 0; at < shown.length; at += 16) {
    const row = shown.subarray(at, at + 16);
    const digits = Array.from(row, hex);
    const left = digits.slice(0, 8).join(" ").padEnd(23);
    const right = digits.slice(8).join(" ").padEnd(23);
    const text = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join(
      "",
    );
    dump.append(h("span.offset", at.toString(16).padStart(8, "0")), `  ${left}  ${right}  ${text}\n`);
  }
  if (!bytes.length) dump.append("(no bytes)");
  return [dump, rest(bytes, SHOWN)];
}

/** @param {Uint8Array} bytes */
export function textDump(bytes) {
  const text = visible(decoded(bytes.subarray(0, SHOWN)));
  return [
    h("pre.dump.text", { tabindex: "0", "aria-label": "Item as text" }, text || "(no text)"),
    rest(bytes, SHOWN),
  ];
}

/** @param {string} text */
export function jsonDump(text) {
  const shown = visible(text.slice(0, SHOWN));
  const more =
    text.length > SHOWN ? h("p.hint", "The item is longer: download it to see the rest.") : null;
  return [h("pre.dump.text", { tabindex: "0", "aria-label": "Item as JSON" }, shown), more];
}

/**
 * @param {Uint8Array} bytes
 * @param {number} shown
 */
function rest(bytes, shown) {
  return bytes.length > shown
    ? h("p.hint", `The first ${shown} of ${bytes.length} bytes: download the item to see the rest.`)
    : null;
}
