// The one error class of the package. Programs look at `code`; people read
// `message`. The codes are a promise: they are listed in the README and in
// index.d.ts, and are never renamed.

export class SealpackError extends Error {
  /**
   * @param {string} code one of the codes of index.d.ts
   * @param {string} message what happened and, where there is something to do, what
   * @param {object} [detail] where: section, record, fault, status, url, cause …
   */
  constructor(code, message, { cause, ...where } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    // Callers that know only the platform's habit look for this name.
    this.name = code === "aborted" ? "AbortError" : "SealpackError";
    this.code = code;
    Object.assign(this, where);
  }
}

const SECTIONS = [undefined, "trailer", "index", "app-data", "record", "content-hash", "digest-list"];
const PLACES = [, "trailer", "offset index", "app data", , "content hash", "digest list"];
const MOST = 2 ** 32 - 1;

const hex = (number, digits = 8) => `0x${number.toString(16).padStart(digits, "0")}`;
/** The fields of the trailer that a digest list repeats. */
const FIELDS = ["format id", "number of records", "number of items", "number of items per record", "field"];
/** Four little-endian words as the digits of a hash. */
const hash = (words) =>
  words.map((word) => word.toString(16).padStart(16, "0").match(/../g).reverse().join("")).join("");
/** The two hashes behind the fields. */
const wanted = (fields) => hash(fields.slice(3, 7));
const found = (fields) => hash(fields.slice(7, 11));

/**
 * Every error of the module: its code, its fault, and the sentence made of its
 * fields. The order is that of wasm/src/error.rs, which throws the rows' numbers.
 */
const ROWS = [
  ["corrupt", "other", () => "it is damaged"],
  ["corrupt", "truncated", ([needed, found]) => `${needed} bytes are needed, ${found} are there`],
  ["corrupt", "leftover", ([bytes]) => `${bytes} bytes are left over`],
  ["not-a-pack", "magic", ([found]) => `no packfile: the magic is ${hex(found)}`],
  [
    "unsupported",
    "early-dialect",
    () =>
      "the early dialect (magic HCLS, a trailer of 64 bytes) cannot be read: write the file anew with a newer writer",
  ],
  ["unsupported", "version", ([found]) => `version ${found} is not known, only 1 is`],
  [
    "checksum",
    "checksum",
    ([stored, computed]) => `the checksum is ${hex(computed)} and should be ${hex(stored)}`,
  ],
  [
    "checksum",
    "content-hash",
    (fields) => `the hash is ${found(fields)} and should be ${wanted(fields)}`,
  ],
  ["unsupported", "flags", ([found]) => `unknown flags: ${hex(found, 2)}`],
  ["unsupported", "group-size", ([found]) => `groups of ${found} values, only 128 is known`],
  ["corrupt", "width", ([found]) => `a bit width of ${found}, outside 1 to 32`],
  ["corrupt", "carry", ([min, residual]) => `a value of ${min} + ${residual} passes 2^32-1`],
  [
    "corrupt",
    "sections",
    ([claimed, file]) => `its sections take ${claimed} bytes, the file has ${file}`,
  ],
  [
    "corrupt",
    "record-count",
    ([claimed, most]) => `${claimed} records claimed, the index has room for ${most}`,
  ],
  [
    "corrupt",
    "item-count",
    ([items, each, records]) => `${items} items, ${each} a record, cannot make ${records} records`,
  ],
  [
    "corrupt",
    "sum",
    ([expected, found]) => `the sizes add up to ${found} bytes and should to ${expected}`,
  ],
  ["extract", "extract", (_, said) => `the hash extract failed: ${said}`],
  ["corrupt", "decode", () => "the payload is not a frame of this codec"],
  ["corrupt", "decode", () => "the frame ends early"],
  ["corrupt", "decode", ([bytes]) => `${bytes} bytes stand behind the frame`],
  [
    "corrupt",
    "decode",
    ([expected, found]) => `the payload decodes to ${found} bytes and should to ${expected}`,
  ],
  ["limit", "decode", ([limit, found]) => `the payload decodes to ${found} bytes, ${limit} at most`],
  ["checksum", "decode", () => "the frame's checksum does not match"],
  [
    "corrupt",
    "decode",
    ([allowed]) =>
      `the frame carries no content size and decodes to more than four times its bytes (${allowed})`,
  ],
  ["unsupported", "decode", () => "the frame needs a dictionary"],
  ["corrupt", "decode", (_, said) => `the payload cannot be decoded: ${said}`],
  ["limit", , ([length]) => `an item of ${length} bytes: ${MOST} at most`],
  ["limit", , () => `a pack holds ${MOST} items at most`],
  ["limit", , ([size]) => `a record of ${size} bytes: ${MOST} at most`],
  ["limit", , ([size]) => `an offset index of ${size} bytes: ${MOST} at most`],
  ["limit", , ([length]) => `app data of ${length} bytes: ${MOST} at most`],
  ["limit", , () => "a file of 2^64 bytes or more"],
  ["limit", , ([bytes]) => `${bytes} bytes do not fit this platform's memory`],
  ["limit", , ([size, limit]) => `a record decodes to ${size} bytes, above the limit of ${limit}`],
  ["out-of-range", , ([position, items]) => `no item ${position}: the pack has ${items}, counted from 0`],
  ["out-of-range", , ([record, records]) => `no record ${record}: the pack has ${records}, counted from 0`],
  [
    "invalid-argument",
    ,
    ([wanted, given]) => `${given} bytes were supplied where ${wanted} were asked for`,
  ],
  ["out-of-range", , ([start, end]) => `the range ${start}..${end} is upside down`],
  [
    "invalid-argument",
    ,
    ([expected, given]) => `record ${given} was handed over in the place of record ${expected}`,
  ],
  ["encode", , (_, said) => said],
  ["untrusted", , (f) => `the digest list has root ${found(f)}, and ${wanted(f)} is trusted`],
  ["untrusted", , (f) => `the content hash is ${found(f)}, and ${wanted(f)} is trusted`],
  ["untrusted", , ([field, own, other]) => `the trailer's ${FIELDS[field]} is ${other}, and ${own} is trusted`],
  ["untrusted", , (f) => `the app data has the hash ${found(f)}, and ${wanted(f)} is trusted`],
  [
    "untrusted",
    ,
    (f) => `the digests from record ${f[0]} on lead to ${found(f)}, which is not the tree that is trusted`,
  ],
  [
    "untrusted",
    ,
    (f) => `the items of record ${f[0]} have the digest ${found(f)}, and ${wanted(f)} is trusted`,
  ],
  ["limit", , ([items, limit]) => `the pack holds ${items} items, above the limit of ${limit}`],
  ["limit", , ([bytes, limit]) => `${bytes} bytes would be held at once, above the limit of ${limit}`],
  // what the skin refuses by itself
  ["invalid-argument", , () => "a size or an offset is no whole number of bytes"],
  ["invalid-argument", , () => "the pack is open, or was refused"],
  ["unsupported", , () => "no codec of that name is known"],
  ["invalid-argument", , () => "fewer bytes were handed over than were asked for"],
  ["invalid-argument", , () => "not every record was looked at"],
  ["invalid-argument", , () => "a SHA-256 has 32 bytes"],
  ["invalid-argument", , () => "the digest list is open, or was refused"],
  ["invalid-argument", , () => "itemsPerRecord must be at least 1"],
  ["invalid-argument", , () => "partSize must be 1 to 2^30 bytes"],
  ["closed", , () => "the pack is finished, or could not be"],
  ["closed", , () => "the output stream took no more"],
];

/** The error that the module's numbers stand for. */
function told([numbers, said]) {
  const [row, section, number, ...fields] = numbers;
  const [code, fault, sentence] = ROWS[row];
  const where = SECTIONS[section];
  const record = where === "record" ? Number(number) : undefined;
  const text = sentence(fields, said);
  if (code === "encode") {
    return new SealpackError(
      code,
      record === undefined
        ? `the encoder failed on being closed: ${text}`
        : `record ${record} could not be encoded: ${text}`,
    );
  }
  if (code === "untrusted") return new SealpackError(code, text, record === undefined ? {} : { record });
  if (!where) return new SealpackError(code, text);
  const place = record === undefined ? PLACES[section] : `record ${record}`;
  // A file too short for a trailer is no damaged pack, it is something else.
  const other = fault === "truncated" && where === "trailer" ? "not-a-pack" : code;
  const detail = { section: where, fault };
  if (record !== undefined) detail.record = record;
  return new SealpackError(other, `${place}: ${text}`, detail);
}

/** What the wasm module threw, as a SealpackError. Anything else is a bug of ours and says so. */
export function fromWasm(thrown) {
  if (thrown instanceof SealpackError) return thrown;
  if (Array.isArray(thrown) && thrown[0] instanceof BigUint64Array) return told(thrown);
  return new SealpackError("internal", `sealpack failed unexpectedly: ${thrown?.message ?? thrown}`, {
    cause: thrown,
  });
}

/** Calls into the module, with its errors as ours. */
export function guarded(call) {
  try {
    return call();
  } catch (thrown) {
    throw fromWasm(thrown);
  }
}

/**
 * A caller's callback that is told something, as an event listener is: what it
 * throws is an error of the page's, and not of what was going on.
 */
export function listener(callback) {
  return (
    callback &&
    ((...told) => {
      try {
        callback(...told);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    })
  );
}

export function invalidArgument(message) {
  return new SealpackError("invalid-argument", message);
}

export function aborted(signal) {
  return new SealpackError("aborted", "the operation was aborted", { cause: signal?.reason });
}
