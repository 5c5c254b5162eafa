// The error class of the package. Programs check `code`; people read
// `message`. README and index.d.ts list the codes, which never change.

/** @import { ErrorCode, SealpackError as PublicError } from "./index.js" */

/**
 * Where an error occurred.
 *
 * @typedef {object} Where
 * @property {PublicError["section"] | undefined} [section]
 * @property {string | undefined} [fault]
 * @property {number | undefined} [record]
 * @property {number | undefined} [status]
 * @property {string | undefined} [url]
 */

export class SealpackError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message what happened and, if the caller can act, what to do
   * @param {Where & { cause?: unknown }} [detail]
   */
  constructor(code, message, { cause, section, fault, record, status, url } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    // The platform's aborts have this name too.
    this.name = code === "aborted" ? "AbortError" : "SealpackError";
    this.code = code;
    if (section !== undefined) this.section = section;
    if (fault !== undefined) this.fault = fault;
    if (record !== undefined) this.record = record;
    if (status !== undefined) this.status = status;
    if (url !== undefined) this.url = url;
  }

  /** @type {PublicError["toJSON"]} */
  toJSON() {
    const { name, code, message, section, fault, record, status, url } = this;
    const all = { name, code, message, section, fault, record, status, url };
    const entries = Object.entries(all).filter(([, value]) => value !== undefined);
    return /** @type {any} */ (Object.fromEntries(entries));
  }

  /** @param {import("./index.js").ErrorDetails} data */
  static from({ code, message, ...where }) {
    return new SealpackError(code, message, where);
  }
}

/** @type {PublicError["section"][]} */
const SECTIONS = [undefined, "trailer", "index", "app-data", "record", "content-hash", "digest-list", "names"];
const SECTION_NAMES = ["", "trailer", "offset index", "app data", "record", "content hash", "digest list", "names"];
const MAX_U32 = 2 ** 32 - 1;

/** @param {bigint} number */
const hex = (number, digits = 8) => `0x${number.toString(16).padStart(digits, "0")}`;
/** The fields of the trailer that a digest list repeats. */
const FIELDS = ["format id", "number of records", "number of items", "number of items per record", "field"];

/**
 * The hexadecimal digits of a hash, from four little-endian words.
 *
 * @param {bigint[]} words
 */
const hashDigits = (words) =>
  words.map((word) => word.toString(16).padStart(16, "0").match(/../g)?.reverse().join("")).join("");
// An error about two hashes has them after its three fields.
/** @param {bigint[]} fields */
const expectedHash = (fields) => hashDigits(fields.slice(3, 7));
/** @param {bigint[]} fields */
const foundHash = (fields) => hashDigits(fields.slice(7, 11));

/**
 * For every error of the module: the code, the fault, and the message made of
 * its fields and text. The rows follow `ErrorRow` and `Refusal` of
 * wasm/src/error.rs, whose numbers the module throws.
 *
 * @type {[code: ErrorCode, fault: string | undefined, message: (fields: bigint[], text?: string) => string][]}
 */
const ROWS = [
  ["corrupt", "other", () => "it is damaged"],
  ["corrupt", "truncated", ([needed, found]) => `needs ${needed} bytes, but has ${found}`],
  ["corrupt", "leftover", ([bytes]) => `${bytes} bytes too many`],
  ["not-a-pack", "magic", ([found]) => `not a packfile: the magic is ${hex(found)}`],
  [
    "unsupported",
    "early-dialect",
    () =>
      "the early dialect (magic HCLS, a trailer of 64 bytes) is not supported: write the file again with a newer writer",
  ],
  ["unsupported", "version", ([found]) => `version ${found} is not supported, only version 1`],
  [
    "checksum",
    "checksum",
    ([stored, computed]) => `the checksum is ${hex(computed)}, but should be ${hex(stored)}`,
  ],
  [
    "checksum",
    "content-hash",
    (fields) => `the hash is ${foundHash(fields)}, but should be ${expectedHash(fields)}`,
  ],
  ["unsupported", "flags", ([found]) => `unknown flags: ${hex(found, 2)}`],
  ["unsupported", "group-size", ([found]) => `groups of ${found} values, but only 128 is supported`],
  ["corrupt", "width", ([found]) => `a bit width of ${found}, outside 1 to 32`],
  ["corrupt", "carry", ([min, residual]) => `the value ${min} + ${residual} exceeds 2^32-1`],
  [
    "corrupt",
    "sections",
    ([claimed, file]) => `the sections take ${claimed} bytes, but the file has ${file}`,
  ],
  [
    "corrupt",
    "record-count",
    ([claimed, most]) => `${claimed} records stated, but the index has room for ${most}`,
  ],
  [
    "corrupt",
    "item-count",
    ([items, each, records]) => `${items} items at ${each} per record do not make ${records} records`,
  ],
  [
    "corrupt",
    "sum",
    ([expected, found]) => `the sizes add up to ${found} bytes instead of ${expected}`,
  ],
  ["extract", "extract", (_, text) => `the hash extract failed: ${text}`],
  [
    "unsupported",
    "extension",
    ([kind]) => `extension ${kind} is unknown: only a newer version can read the items`,
  ],
  ["corrupt", "decode", () => "the payload is not a frame of this codec"],
  ["corrupt", "decode", () => "the frame ends early"],
  ["corrupt", "decode", ([bytes]) => `${bytes} bytes follow the frame`],
  [
    "corrupt",
    "decode",
    ([expected, found]) => `the payload decodes to ${found} bytes instead of ${expected}`,
  ],
  ["limit", "decode", ([limit, found]) => `the payload decodes to ${found} bytes, above the limit of ${limit}`],
  ["checksum", "decode", () => "the frame's checksum does not match"],
  [
    "corrupt",
    "decode",
    ([allowed]) =>
      `the frame carries no content size and decodes to more than four times its bytes (${allowed})`,
  ],
  [
    "unsupported",
    "decode",
    ([id, given]) =>
      `the frame needs dictionary ${id}, which this reader does not have` +
      (given ? `; the one given is dictionary ${given}` : ""),
  ],
  ["limit", "decode", ([size]) => `a dictionary of ${size} bytes, above the maximum of 1 MiB`],
  ["corrupt", "decode", () => "not a zstd dictionary"],
  ["corrupt", "decode", () => "a dictionary without an id"],
  ["corrupt", "decode", () => "the tables of the dictionary are damaged"],
  [
    "corrupt",
    "decode",
    ([named, stored]) => `the frame needs dictionary ${named}, but the pack stores dictionary ${stored}`,
  ],
  ["corrupt", "decode", (_, text) => `the payload cannot be decoded: ${text}`],
  ["limit", undefined, ([length]) => `an item of ${length} bytes, above the maximum of ${MAX_U32}`],
  ["limit", undefined, () => `a pack holds at most ${MAX_U32} items`],
  ["limit", undefined, ([size]) => `a record of ${size} bytes, above the maximum of ${MAX_U32}`],
  ["limit", undefined, ([size]) => `an offset index of ${size} bytes, above the maximum of ${MAX_U32}`],
  ["limit", undefined, ([length]) => `app data of ${length} bytes, above the maximum of ${MAX_U32}`],
  ["limit", undefined, () => "a file of 2^64 bytes or more"],
  ["limit", undefined, ([bytes]) => `${bytes} bytes are more than this platform can address`],
  ["limit", undefined, ([size, limit]) => `a record decodes to ${size} bytes, above the limit of ${limit}`],
  ["limit", undefined, ([items, limit]) => `the pack holds ${items} items, above the limit of ${limit}`],
  ["limit", undefined, ([bytes, limit]) => `a single allocation of ${bytes} bytes, above the limit of ${limit}`],
  ["out-of-range", undefined, ([position, items]) => `no item ${position}: the pack has ${items}, counted from 0`],
  ["out-of-range", undefined, ([record, records]) => `no record ${record}: the pack has ${records}, counted from 0`],
  [
    "invalid-argument",
    undefined,
    ([wanted, given]) => `${given} bytes were supplied instead of ${wanted}`,
  ],
  ["out-of-range", undefined, ([start, end]) => `the range start ${start} exceeds its end ${end}`],
  [
    "invalid-argument",
    undefined,
    ([expected, given]) => `record ${given} was supplied instead of record ${expected}`,
  ],
  ["encode", undefined, (_, text) => text ?? ""],
  ["untrusted", undefined, (f) => `the digest list has root ${foundHash(f)}, but ${expectedHash(f)} is trusted`],
  ["untrusted", undefined, (f) => `the content hash is ${foundHash(f)}, but ${expectedHash(f)} is trusted`],
  ["untrusted", undefined, ([field, own, other]) => `the trailer's ${FIELDS[Number(field)]} is ${other}, but ${own} is trusted`],
  ["untrusted", undefined, (f) => `the app data has the hash ${foundHash(f)}, but ${expectedHash(f)} is trusted`],
  [
    "untrusted",
    undefined,
    (f) => `the digests from record ${f[0]} on lead to ${foundHash(f)}, which is not the top of the trusted tree`,
  ],
  [
    "untrusted",
    undefined,
    (f) => `the items of record ${f[0]} have the digest ${foundHash(f)}, but ${expectedHash(f)} is trusted`,
  ],
  // NamesFault; a block that cannot be decoded has the row of its decoding error.
  ["corrupt", "names", ([names, items]) => `there are ${names} names for ${items} items`],
  ["corrupt", "names", ([block]) => `block ${block} does not follow the block before it`],
  ["corrupt", "names", ([block, size]) => `block ${block} claims an impossible size of ${size} bytes`],
  ["corrupt", "names", ([item]) => `the name of item ${item} is cut short`],
  ["corrupt", "names", ([item]) => `bytes follow the last name of the block of item ${item}`],
  ["corrupt", "names", ([item]) => `the name of item ${item} claims to share more bytes with the previous name than that name has`],
  ["corrupt", "names", ([item]) => `the name of item ${item} has more than 65535 bytes`],
  ["corrupt", "names", ([item]) => `the name of item ${item} contains a NUL byte`],
  ["corrupt", "names", ([item]) => `the names of the block of item ${item} take more than 4 MiB`],
  [
    "corrupt",
    "names",
    ([item]) => `the name of item ${item} sorts before the previous one, but the names are marked as sorted`,
  ],
  [
    "corrupt",
    "names",
    ([rank, item]) => `entry ${rank} of the sorted order is item ${item}, which does not exist`,
  ],
  ["unsupported", "names", () => "they are in a file next to the pack, which cannot be opened here"],
  [
    "corrupt",
    "names",
    ([expected, found]) => `the file next to the pack has ${found} bytes instead of ${expected}`,
  ],
  ["checksum", "names", () => "the file next to the pack does not have the hash that the pack states"],
  ["limit", undefined, ([limit]) => `more than ${limit} items have this name`],
  // Refusal, in wasm/src/error.rs
  ["invalid-argument", undefined, () => "a size or an offset is not a whole number of bytes"],
  ["invalid-argument", undefined, () => "the pack is already open, or opening it failed"],
  ["unsupported", undefined, () => "no codec has this name"],
  ["invalid-argument", undefined, () => "fewer bytes were supplied than requested"],
  ["invalid-argument", undefined, () => "not every record was examined"],
  ["invalid-argument", undefined, () => "a SHA-256 has 32 bytes"],
  ["invalid-argument", undefined, () => "the digest list is already open, or opening it failed"],
  ["invalid-argument", undefined, () => "itemsPerRecord must be at least 1"],
  ["invalid-argument", undefined, () => "partSize must be 1 to 2^30 bytes"],
  ["closed", undefined, () => "the pack is finished, or building it failed"],
  ["closed", undefined, () => "the output stream refused a write"],
];

/**
 * The SealpackError for an error of the module: its numbers and its text.
 *
 * @param {[numbers: BigUint64Array, text: string | undefined]} thrown
 */
function toError([numbers, text]) {
  const [row, section, number, ...fields] = numbers;
  const [code, fault, messageFrom] = ROWS[Number(row)];
  const where = SECTIONS[Number(section)];
  const record = where === "record" ? Number(number) : undefined;
  const block = where === "names" && fault === "decode" ? `block ${number}: ` : "";
  const message = messageFrom(fields, text);
  if (code === "encode") {
    return new SealpackError(
      code,
      record === undefined
        ? `closing the encoder failed: ${message}`
        : `record ${record} could not be encoded: ${message}`,
    );
  }
  if (code === "untrusted") return new SealpackError(code, message, { record });
  if (!where) return new SealpackError(code, message);
  const place = record === undefined ? SECTION_NAMES[Number(section)] : `record ${record}`;
  // A file too short for a trailer is not a damaged pack but another kind of file.
  const other = fault === "truncated" && where === "trailer" ? "not-a-pack" : code;
  return new SealpackError(other, `${place}: ${block}${message}`, { section: where, fault, record });
}

/**
 * The message of an error of any origin.
 *
 * @param {any} error
 * @returns {string}
 */
export const messageOf = (error) => String(error?.message ?? error);

/**
 * The SealpackError for whatever the wasm module threw. Anything but an error
 * of the module is a bug, and its message says so.
 *
 * @param {unknown} thrown
 */
export function fromWasm(thrown) {
  if (thrown instanceof SealpackError) return thrown;
  if (Array.isArray(thrown) && thrown[0] instanceof BigUint64Array) {
    return toError(/** @type {[BigUint64Array, string | undefined]} */ (thrown));
  }
  return new SealpackError("internal", `sealpack failed unexpectedly: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}

/**
 * Calls the module; its errors become SealpackErrors.
 *
 * @template T
 * @param {() => T} call
 */
export function guarded(call) {
  try {
    return call();
  } catch (thrown) {
    throw fromWasm(thrown);
  }
}

/**
 * The caller's callback as an event listener: its error is reported as
 * uncaught and does not affect the operation.
 *
 * @template T
 * @param {((event: T) => void) | null | undefined} callback
 * @returns {((event: T) => void) | undefined}
 */
export function listener(callback) {
  if (!callback) return undefined;
  return (event) => {
    try {
      callback(event);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  };
}

/** @param {string} message */
export function invalidArgument(message) {
  return new SealpackError("invalid-argument", message);
}

/** @param {{ reason?: unknown } | null | undefined} signal */
export function aborted(signal) {
  return new SealpackError("aborted", "the operation was aborted", { cause: signal?.reason });
}
