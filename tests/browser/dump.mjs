// Writes packs built in wasm with random options into a folder, for the native
// reader to check:
//
//   node tests/browser/dump.mjs FOLDER [COUNT=10000] [SEED=1]
//
// Each pack N is three files: N.pack; N.items, every item as [u32 LE length]
// [bytes]; N.json with codec, itemsPerRecord, formatId, recordChecksum,
// contentHash (hex or null), appData (hex), names (each in hex; empty if no item has
// a name).
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { create } from "../../wasm/js/index.node.js";
import { random, randomItems, randomNames, randomOptions } from "./random.mjs";

const [folder, count = "10000", seed = "1"] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node tests/browser/dump.mjs FOLDER [COUNT] [SEED]");
  process.exit(2);
}

function framed(items) {
  return Buffer.concat(
    items.flatMap((item) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(item.length);
      return [length, item];
    }),
  );
}

await mkdir(folder, { recursive: true });
const rand = random(Number(seed));
let bytes = 0;
for (let number = 0; number < Number(count); number += 1) {
  const items = randomItems(rand);
  const options = randomOptions(rand);
  const given = randomNames(rand, items.length);
  const builder = create(options);
  for (const [at, item] of items.entries()) builder.append(item, { name: given[at] });
  const { blob, contentHash, fileSize, formatId } = await builder.finish();
  const { codec, itemsPerRecord, recordChecksum } = options;
  const appData = Buffer.from(options.appData ?? []).toString("hex");
  const hexNames = given.map((name) => Buffer.from(name ?? "").toString("hex"));
  const names = hexNames.some(Boolean) ? hexNames : [];
  const name = path.join(folder, String(number));
  await Promise.all([
    writeFile(`${name}.pack`, Buffer.from(await blob.arrayBuffer())),
    writeFile(`${name}.items`, framed(items)),
    writeFile(
      `${name}.json`,
      JSON.stringify({ codec, itemsPerRecord, formatId, recordChecksum, contentHash, appData, names }),
    ),
  ]);
  bytes += fileSize;
}
console.log(`${count} packs, ${bytes} bytes, in ${folder}`);
