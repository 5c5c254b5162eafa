// The reference files for the tests.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "fixtures");

const read = (...name) => readFile(path.join(folder, ...name));

export async function soundPacks() {
  const { packs } = JSON.parse(await read("manifest.json"));
  return Promise.all(
    packs.map(async (pack) => ({
      ...pack,
      bytes: new Uint8Array(await read(pack.pack_file)),
      items: await read(pack.items_file),
      app: pack.app_data_file ? await read(pack.app_data_file) : Buffer.alloc(0),
    })),
  );
}

/** The items of a stream of `[u32 LE length][bytes]`. */
export function itemsOf(stream) {
  const items = [];
  for (let at = 0; at < stream.length;) {
    const length = stream.readUInt32LE(at);
    items.push(stream.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return items;
}

/**
 * Files that the reference refuses and the package accepts, by a rule of
 * FORMAT.md: a CRC of 0 over app data means the older dialect.
 */
const ACCEPTED = new Set(["app-data-crc-rc.pack"]);

/** The broken files; `scans` are the digests of all items by each version of the reference. */
export async function brokenPacks() {
  const { cases } = JSON.parse(await read("corrupt", "manifest-corrupt.json"));
  return Promise.all(
    cases.map(async (one) => {
      const sound = Object.values(one.peer).filter(({ open, scan }) => open === "ok" && scan === "ok");
      return {
        file: one.file,
        codec: one.codec,
        bytes: new Uint8Array(await read("corrupt", one.file)),
        mustRefuse: sound.length === 0 && !ACCEPTED.has(one.file),
        scans: sound.map((peer) => peer.scan_sha256),
      };
    }),
  );
}

/** The outcome of reading a file that may be broken: a code, or "fine" and the items. */
export async function readBroken(open, bytes, codec) {
  let pack;
  try {
    pack = await open(bytes, { codec });
  } catch (error) {
    return { outcome: error.code ?? "no code" };
  }
  try {
    const report = await pack.verify();
    if (!report.ok) return { outcome: report.failures[0].code ?? "no code" };
    const items = [];
    for await (const item of pack.range()) items.push(item);
    return { outcome: "fine", items };
  } catch (error) {
    return { outcome: error.code ?? "no code" };
  } finally {
    pack.close();
  }
}
