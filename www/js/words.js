// Texts for numbers and errors.

const grouped = new Intl.NumberFormat("en");

/** @param {number} number */
export const count = (number) => grouped.format(number);

/**
 * @param {number} number
 * @param {string} one
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** @param {number} number */
export function bytes(number) {
  if (number < 1000) return plural(number, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let value = number;
  let unit = -1;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toPrecision(3)} ${units[unit]}`;
}

/** @param {number} number */
export function exactBytes(number) {
  return number < 1000 ? bytes(number) : `${bytes(number)} (${count(number)})`;
}

/** @param {number} number */
export function seconds(number) {
  if (number < 60) return `${Math.max(1, Math.round(number))} s`;
  return `${Math.floor(number / 60)} min ${Math.round(number % 60)} s`;
}

/**
 * The name in a URL, decoded if possible.
 *
 * @param {string} url
 */
export function nameOf(url) {
  const last = url.replace(/[?#].*$/s, "").split("/").pop() || url;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * Advice for error codes.
 *
 * @type {Partial<Record<import("sealpack").ErrorCode, string>>}
 */
const ADVICE = {
  untrusted: "The data does not match the trusted root. Do not use its items.",
  "not-a-pack": "This does not look like a packfile. Is it the right file, and is it complete?",
  checksum: "Bytes of this file were damaged after it was written. Fetch it again, or use another copy.",
  corrupt: "The file contradicts itself: it is damaged or cut short, or its writer has a bug.",
  unsupported: "This version of the page cannot read it; a newer one may.",
  changed: "Open it again to read the version that is there now.",
  network: "Check the address, and whether the server allows this page to read it (CORS).",
  "range-not-supported": "Download the file and open it from disk instead.",
  "size-unknown": "Download the file and open it from disk instead.",
  "read-failed": "Choose the file again.",
  "write-failed": "Check the free space. Choose fewer files, or free some space.",
  limit: "Its sizes exceed the limits of this page.",
};

/**
 * The advice for an error; nothing for an error that is not the package's own.
 *
 * @param {import("sealpack").SealpackError} error
 */
export function advice(error) {
  return ADVICE[error?.code];
}
