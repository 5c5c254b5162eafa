// Speed in one run: this package, fzstd, and @bokuweb/zstd-wasm with WebCrypto
// for the hash, on the same packs.
//
//   node tests/browser/bench/run.mjs          in Node and in Chromium
//
// Decode: every record's frame to its payload. Verify: decode, and check frames,
// lengths and the content hash; the other two check no frame checksum, and get
// the places of frames and items. Compare the ratios; the last column is the
// number of busy cores.
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { create } from "../../../wasm/js/index.node.js";
import { launch } from "../browser.mjs";
import { random } from "../random.mjs";
import { serve } from "../server.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const SIZE = Number(process.env.BENCH_SIZE ?? 48 * 2 ** 20);

/** Like ledgers: half repeated structure, half keys and hashes. */
function ledgers(rand) {
  const items = [];
  const field = (length) => Uint8Array.from({ length }, () => rand.below(256));
  const accounts = Array.from({ length: 400 }, () => field(32));
  for (let bytes = 0; bytes < SIZE;) {
    const item = Buffer.concat(
      Array.from({ length: 700 }, () =>
        Buffer.concat([
          Buffer.from("entry:account:"),
          rand.pick(accounts),
          Buffer.alloc(60),
          field(24),
          Buffer.from("seq=000000"),
        ]),
      ),
    );
    items.push(item);
    bytes += item.length;
  }
  return { name: "ledger-like, 98 KB an item", items, itemsPerRecord: 1 };
}

const WORDS = [
  "the",
  "ledger",
  "closed",
  "with",
  "an",
  "offset",
  "of",
  "and",
  "was",
  "sealed",
  "by",
  "node",
  "into",
  "record",
  "after",
];

function text(rand) {
  const items = [];
  for (let bytes = 0; bytes < SIZE / 2;) {
    let line = "";
    while (line.length < 240) line += `${rand.pick(WORDS)} ${rand.below(1000)} `;
    items.push(Buffer.from(line));
    bytes += line.length;
  }
  return { name: "text, 250 B an item, 128 a record", items, itemsPerRecord: 128 };
}

async function packOf({ name, items, itemsPerRecord }) {
  const builder = create({ itemsPerRecord });
  for (const item of items) await builder.append(item);
  return { name, bytes: Buffer.from(await (await builder.finish()).blob.arrayBuffer()) };
}

function show(where, results) {
  console.log(`\n${where}`);
  for (const { pack, rows, crypto } of results) {
    console.log(`  ${pack}   (WebCrypto SHA-256: ${crypto.toFixed(0)} MB/s)`);
    const base = rows.find(({ name }) => name === "fzstd, decode").rate;
    for (const { name, rate, cores } of rows) {
      const ratio = (rate / base).toFixed(2);
      console.log(
        `    ${name.padEnd(36)} ${rate.toFixed(0).padStart(6)} MB/s   ${ratio} × fzstd   ${cores.toFixed(1)} cores`,
      );
    }
  }
}

/** The seconds that all cores of the machine were busy. */
function busy() {
  const spent = os.cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return spent.reduce((sum, milliseconds) => sum + milliseconds / 1000, 0);
}

const rand = random(11);
const packs = [await packOf(ledgers(rand)), await packOf(text(rand))];

const { measure } = await import("./measure.mjs");
const zstd = await import("@bokuweb/zstd-wasm");
await zstd.init();
const sealpack = await import("../../../wasm/js/index.node.js");
const fzstd = await import("fzstd");
const inNode = [];
for (const { name, bytes } of packs) inNode.push(await measure(name, bytes, { sealpack, fzstd, zstd, busy }));
show(`Node ${process.version}`, inNode);

const page = `
import * as fzstd from "fzstd";
import * as zstd from "@bokuweb/zstd-wasm";
import * as sealpack from "/package/js/index.js";
import { measure } from "./measure.mjs";
await zstd.init("/zstd.wasm");
globalThis.measureAll = async (packs) => {
  const results = [];
  for (const [name, url] of packs) results.push(await measure(name, new Uint8Array(await (await fetch(url)).arrayBuffer()), { sealpack, fzstd, zstd, busy }));
  return results;
};
`;
const bundle = await build({
  stdin: { contents: page, resolveDir: here },
  bundle: true,
  write: false,
  format: "esm",
  target: "es2022",
  external: ["/package/*"],
  loader: { ".wasm": "file" },
  outdir: "/",
  conditions: ["browser"],
  mainFields: ["browser", "module", "main"],
  platform: "browser",
});
const script = bundle.outputFiles.find(({ path: name }) => name.endsWith(".js")).contents;
const zstdWasm = path.join(here, "..", "node_modules", "@bokuweb", "zstd-wasm", "dist", "web", "zstd.wasm");
const aliases = {
  "/bench.html": Buffer.from('<script type="module" src="/bench.js"></script>'),
  "/bench.js": Buffer.from(script),
  "/zstd.wasm": await readFile(zstdWasm),
};
packs.forEach(({ bytes }, number) => (aliases[`/${number}.pack`] = bytes));
const server = await serve({ "/package/": path.join(here, "..", "..", "..", "wasm") }, { aliases });
const browser = await launch();
const tab = await browser.newPage();
await tab.exposeFunction("busy", busy);
await tab.goto(`${server.url}/bench.html`);
await tab.waitForFunction(() => globalThis.measureAll);
const inChromium = await tab.evaluate(
  (list) => globalThis.measureAll(list),
  packs.map(({ name }, number) => [name, `/${number}.pack`]),
);
show(`Chromium ${browser.version()}`, inChromium);
await browser.close();
await server.close();
