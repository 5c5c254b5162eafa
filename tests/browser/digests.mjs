// Digest lists, implemented from FORMAT.md with Node's SHA-256, so that the package is
// not tested against itself.
import { createHash } from "node:crypto";

const BLOCK = 128;
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The digest of a record: each item as its length and its bytes. */
export function recordDigest(items) {
  const hash = createHash("sha256");
  for (const item of items) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(item.length);
    hash.update(length).update(item);
  }
  return hash.digest();
}

export function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** The levels of the tree, from the leaves to the top. */
function treeOf(leaves) {
  const levels = [leaves];
  while (levels.at(-1).length > 1) {
    const below = levels.at(-1);
    const above = [];
    for (let at = 0; at < below.length; at += 2) {
      const alone = at + 1 === below.length;
      above.push(alone ? below[at] : sha256(Buffer.of(1), below[at], below[at + 1]));
    }
    levels.push(above);
  }
  return levels;
}

/**
 * @param {Buffer[]} digests of the records
 * @param {{ formatId: number, totalItems: number, itemsPerRecord: number, appData?: Uint8Array }} of
 * @returns {{ list: Buffer, root: string, contentHash: string }}
 */
export function digestList(digests, { formatId, totalItems, itemsPerRecord, appData = Buffer.alloc(0) }) {
  const blocks = [];
  for (let at = 0; at < digests.length; at += BLOCK) blocks.push(Buffer.concat(digests.slice(at, at + BLOCK)));
  const levels = treeOf(blocks.map((block) => sha256(Buffer.of(0), block)));
  const contentHash = sha256(...blocks);
  const fields = Buffer.alloc(24);
  fields.write("SLDG");
  fields.writeUInt8(1, 4);
  fields.writeUInt16LE(BLOCK, 6);
  [formatId, digests.length, totalItems, itemsPerRecord].forEach((value, at) =>
    fields.writeUInt32LE(value, 8 + 4 * at),
  );
  const covered = Buffer.concat([
    fields,
    contentHash,
    sha256(appData),
    levels.at(-1)[0] ?? sha256(Buffer.of(0)),
  ]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32c(covered));
  const parts = [covered, crc];
  blocks.forEach((block, at) => {
    parts.push(block);
    for (const [level, nodes] of levels.slice(0, -1).entries())
      parts.push(nodes[(at >> level) ^ 1] ?? Buffer.alloc(32));
  });
  return {
    list: Buffer.concat(parts),
    root: sha256(covered).toString("hex"),
    contentHash: contentHash.toString("hex"),
  };
}

/** The digests of the records that items form. */
export function digestsOf(items, itemsPerRecord) {
  const digests = [];
  for (let at = 0; at < items.length; at += itemsPerRecord)
    digests.push(recordDigest(items.slice(at, at + itemsPerRecord)));
  return digests;
}
