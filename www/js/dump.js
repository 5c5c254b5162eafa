// An item as hexadecimal, text or JSON.
import { h } from "./dom.js";

const SHOWN = 16 * 1024;

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

export function asJson(bytes) {
  if (bytes.length > 4 << 20) return null;
  try {
    return JSON.stringify(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), null, 2);
  } catch {
    return null;
  }
}

/** At most one line, for lists. */
export function preview(bytes) {
  if (!bytes.length) return "empty";
  const head = bytes.subarray(0, 60);
  if (looksLikeText(head) || looksLikeText(bytes)) return new TextDecoder().decode(head).replace(/\s+/g, " ");
  return Array.from(bytes.subarray(0, 12), hex).join(" ");
}

const hex = (byte) => byte.toString(16).padStart(2, "0");

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

export function textDump(bytes) {
  const text = new TextDecoder().decode(bytes.subarray(0, SHOWN));
  return [
    h("pre.dump.text", { tabindex: "0", "aria-label": "Item as text" }, text || "(no text)"),
    rest(bytes, SHOWN),
  ];
}

export function jsonDump(text) {
  const shown = text.slice(0, SHOWN);
  const more =
    text.length > SHOWN ? h("p.hint", "The item is longer: download it to see the rest.") : null;
  return [h("pre.dump.text", { tabindex: "0", "aria-label": "Item as JSON" }, shown), more];
}

function rest(bytes, shown) {
  return bytes.length > shown
    ? h("p.hint", `The first ${shown} of ${bytes.length} bytes: download the item to see the rest.`)
    : null;
}
