// Names implemented from FORMAT.md, so that the package is not tested against
// itself; and packs that contain them.
import { crc32c } from "./digests.mjs";

const TRAILER = 76;
/** A writer ends a block at about this many bytes. */
const BLOCK = 64 << 10;

const u32 = (...values) => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32LE(value, 4 * at));
  return bytes;
};

function varint(number) {
  const bytes = [];
  for (; number > 0x7f; number >>>= 7) bytes.push((number & 0x7f) | 0x80);
  return Buffer.of(...bytes, number);
}

/** A zstd frame that stores these bytes as they are, in blocks of at most 128 KiB. */
export function storedFrame(bytes) {
  const parts = [u32(0xfd2fb528), Buffer.of(0xa0), u32(bytes.length)];
  for (let at = 0; at === 0 || at < bytes.length; at += 1 << 17) {
    const block = bytes.subarray(at, at + (1 << 17));
    const last = at + block.length >= bytes.length ? 1 : 0;
    parts.push(u32((block.length << 3) | last).subarray(0, 3), block);
  }
  return Buffer.concat(parts);
}

/** The entries of a block, front-coded. */
export function encodedBlock(names) {
  let before = Buffer.alloc(0);
  const entries = names.map((name) => {
    let shared = 0;
    while (shared < before.length && before[shared] === name[shared]) shared += 1;
    before = name;
    const rest = name.subarray(shared);
    return Buffer.concat([varint(shared), varint(rest.length), rest]);
  });
  return Buffer.concat(entries);
}

/** Integers of `width` bits, the least significant bit first. */
function packed(values, width) {
  const bytes = Buffer.alloc(Math.ceil((values.length * width) / 8));
  values.forEach((value, at) => {
    for (let bit = 0; bit < width; bit += 1) {
      const place = at * width + bit;
      if ((value >>> bit) & 1) bytes[place >> 3] |= 1 << (place & 7);
    }
  });
  return bytes;
}

/**
 * The names section of a pack; null or an empty name for an item without one.
 *
 * @param {(string | Uint8Array | null)[]} given
 * @param {{ block?: number, frame?: (bytes: Buffer) => Buffer }} options names per block, and what compresses one
 */
export function namesSection(given, { block = Infinity, frame = storedFrame } = {}) {
  const names = given.map((name) => Buffer.from(name ?? ""));
  const blocks = [];
  for (let from = 0; from < names.length;) {
    let to = from;
    for (let size = 0; to < names.length && to - from < block && size < BLOCK; to += 1) size += names[to].length + 6;
    blocks.push({ end: to, encoded: encodedBlock(names.slice(from, to)) });
    from = to;
  }
  const frames = blocks.map(({ encoded }) => frame(encoded));
  let offset = 0;
  const table = blocks.map(({ end, encoded }, at) => u32(end, (offset += frames[at].length), encoded.length));
  const isSorted = names.every((name, at) => !at || Buffer.compare(names[at - 1], name) <= 0);
  const order = Array.from(names.keys()).sort((a, b) => Buffer.compare(names[a], names[b]) || a - b);
  const width = Math.max(1, 32 - Math.clz32(names.length - 1));
  return Buffer.concat([
    Buffer.of(1, isSorted ? 1 : 0),
    u32(names.length, blocks.length),
    ...table,
    isSorted ? Buffer.alloc(0) : packed(order, width),
    ...frames,
  ]);
}

/** App data with extensions: `[kind, bytes]` in ascending order of the kinds. */
export function envelope(...sections) {
  return Buffer.concat([
    Buffer.from("SLPKEXT1"),
    ...sections.flatMap(([kind, bytes]) => [u32(kind, bytes.length), Buffer.from(bytes)]),
  ]);
}

/** The pack with this app data in place of its own. */
export function withAppData(pack, appData) {
  const trailer = Buffer.from(pack.subarray(pack.length - TRAILER));
  const end = pack.length - TRAILER - trailer.readUInt32LE(32);
  trailer.writeUInt32LE(appData.length, 32);
  trailer.writeUInt32LE(crc32c(appData), 68);
  trailer.writeUInt32LE(crc32c(trailer.subarray(0, 72)), 72);
  return Buffer.concat([pack.subarray(0, end), appData, trailer]);
}

/** The pack with these names, and the caller's app data. */
export function withNames(pack, names, { caller = "", ...options } = {}) {
  const own = caller.length ? [[1, Buffer.from(caller)]] : [];
  return withAppData(pack, envelope(...own, [3, namesSection(names, options)]));
}
