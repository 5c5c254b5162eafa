// Measures in one run, on the same packs: this package, fzstd, and
// @bokuweb/zstd-wasm with WebCrypto for the hash; in Node with zstd also node:zlib.
//
//   node tests/browser/bench/run.mjs          in Node and in Chromium
//
//   SEALPACK=FILE     the native command, which writes the packs (default:
//                     target/release/sealpack; without one this package does)
//   PACKAGES=A=DIR,…  other builds of the package to compare
//   DECODERS=small,…  the package's decoders (default: small,fast)
//   WHERE=node        runs only in Node (or only in chromium)
//   BENCH_SIZE, BENCH_ROUNDS
//
// "get" reads one item, without a cache. "every item" returns a copy of each, one at a
// time, "in batches" a view of each; the other libraries are given the offsets of frames
// and items, and cut the same copies or views. "decode" makes no items. "verify"
// decodes, and checks frames, lengths and the content hash. Compare the ratios: all rows
// of a round run directly after each other.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import zlib from "node:zlib";
import { build } from "esbuild";
import { create } from "../../../wasm/js/index.node.js";
import { browserTime, launch } from "../browser.mjs";
import { random } from "../random.mjs";
import { serve } from "../server.mjs";

const folder = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(folder, "..", "..", "..");
/** The size of the items of text in bytes; the ledger-like items have twice that. */
const SIZE = Number(process.env.BENCH_SIZE ?? 67e6);
const rounds = Number(process.env.BENCH_ROUNDS ?? 7);
const choices = (process.env.DECODERS ?? "small,fast").split(",");
const command = process.env.SEALPACK ?? path.join(root, "target", "release", "sealpack");
const packages = (process.env.PACKAGES ?? `sealpack=${path.join(root, "wasm")}`)
  .split(",")
  .map((choice) => choice.split("="));

/** Items like ledgers: one half repeated structure, the other keys and hashes. */
function ledgers(rand) {
  const items = [];
  const field = (length) => Uint8Array.from({ length }, () => rand.below(256));
  const accounts = Array.from({ length: 400 }, () => field(32));
  for (let bytes = 0; bytes < 2 * SIZE;) {
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
  return { name: "ledger-like, 98 KB per item", items, itemsPerRecord: 1 };
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
  for (let bytes = 0; bytes < SIZE;) {
    let line = "";
    while (line.length < 240) line += `${rand.pick(WORDS)} ${rand.below(1000)} `;
    items.push(Buffer.from(line));
    bytes += line.length;
  }
  return { name: "text, 250 B per item, 128 items per record", items, itemsPerRecord: 128 };
}

async function packOf({ name, items, itemsPerRecord }) {
  if (existsSync(command)) {
    const folder = await mkdtemp(path.join(os.tmpdir(), "sealpack-bench-"));
    const file = path.join(folder, "text.pack");
    const framed = Buffer.concat(items.flatMap((item) => [lengthOf(item), item]));
    const args = ["pack", "--framed", "-", "--items-per-record", String(itemsPerRecord), "-o", file];
    const { status, stderr } = spawnSync(command, args, { input: framed, encoding: "utf8" });
    if (status) throw new Error(stderr);
    const bytes = await readFile(file);
    await rm(folder, { recursive: true });
    return { name: `${name}, packed natively`, bytes };
  }
  const builder = create({ itemsPerRecord });
  for (const item of items) await builder.append(item);
  const bytes = Buffer.from(await (await builder.finish()).blob.arrayBuffer());
  return { name: `${name}, packed by this package`, bytes };
}

function lengthOf(item) {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(item.length);
  return length;
}

/** The median and the extremes. */
function summary(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1) };
}

function show(where, { name, rows, crypto }) {
  const rate = summary(crypto).median.toFixed(0);
  console.log(`\n${where}: ${name}   (WebCrypto SHA-256: ${rate} MB/s)`);
  for (const { name, rates, cpu } of rows) {
    const base = rows.find((other) => other.name === `@bokuweb/zstd-wasm${KINDS.find(([ends]) => ends.test(name))[1]}`);
    // Ratios within each round, because rounds differ more than the rows of one round.
    const ratio = summary(rates.map((rate, round) => rate / base.rates[round]));
    const { median, min, max } = summary(rates);
    const numbers = [
      median.toFixed(0).padStart(7),
      `${min.toFixed(0)} to ${max.toFixed(0)}`.padStart(15),
      ratio.median.toFixed(2).padStart(6),
      `${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}`.padStart(13),
      summary(cpu).median.toFixed(1).padStart(7),
      summary(cpu.map((used, round) => base.cpu[round] / used)).median.toFixed(2).padStart(6),
    ];
    console.log(`  ${name.padEnd(48)} ${numbers.join("  ")}`);
  }
}

/** The row of @bokuweb/zstd-wasm that does the same work as rows with these names. */
const KINDS = [
  [/(get|one record and its item)$/, ", one record and its item"],
  [/every item$/, ", every item"],
  [/(in batches|as a view)$/, ", every item as a view"],
  [/decode$/, ", decode"],
  [/(verify.*|WebCrypto)$/, " + WebCrypto"],
];

const rand = random(11);
const packs = [];
for (const make of [text, ledgers]) packs.push(await packOf(make(rand)));
console.log("MB/s (get: calls/s), min to max, ratio to @bokuweb/zstd-wasm, min to max,");
console.log("seconds of processor time per GB (get: per million calls), ratio of processor time");

async function inNode() {
  const { measure } = await import("./measure.mjs");
  const zstd = await import("@bokuweb/zstd-wasm");
  await zstd.init();
  const fzstd = await import("fzstd");
  const decoders = [
    ["fzstd", (frame) => fzstd.decompress(frame)],
    ["@bokuweb/zstd-wasm", (frame) => zstd.decompress(frame)],
  ];
  if (zlib.zstdDecompressSync) decoders.push(["node:zlib", (frame) => zlib.zstdDecompressSync(frame)]);
  const loaded = [];
  for (const [name, folder] of packages) {
    loaded.push([name, await import(pathToFileURL(path.join(folder, "js", "index.node.js")))]);
  }
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  for (const { name, bytes } of packs) {
    show(`Node ${process.version}`, { name, ...(await measure(bytes, { packages: loaded, choices, decoders, rounds, cpu })) });
  }
}

const page = `
import * as fzstd from "fzstd";
import * as zstd from "@bokuweb/zstd-wasm";
import { measure } from "./measure.mjs";
await zstd.init("/zstd.wasm");
const decoders = [
  ["fzstd", (frame) => fzstd.decompress(frame)],
  ["@bokuweb/zstd-wasm", (frame) => zstd.decompress(frame)],
];
globalThis.measureOne = async (url, names, choices, rounds) => {
  const packages = [];
  for (const [at, name] of names.entries()) packages.push([name, await import("/package/" + at + "/js/index.js")]);
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  return measure(bytes, { packages, choices, decoders, rounds, cpu });
};
`;

async function inChromium() {
  const bundle = await build({
    stdin: { contents: page, resolveDir: folder },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    loader: { ".wasm": "file" },
    outdir: "/",
    conditions: ["browser"],
    mainFields: ["browser", "module", "main"],
    platform: "browser",
  });
  const script = bundle.outputFiles.find(({ path: name }) => name.endsWith(".js")).contents;
  const zstdWasm = path.join(folder, "..", "node_modules", "@bokuweb", "zstd-wasm", "dist", "web", "zstd.wasm");
  const aliases = {
    "/bench.html": Buffer.from('<script type="module" src="/bench.js"></script>'),
    "/bench.js": Buffer.from(script),
    "/zstd.wasm": await readFile(zstdWasm),
  };
  packs.forEach(({ bytes }, number) => (aliases[`/${number}.pack`] = bytes));
  const folders = packages.map(([, folder], at) => [`/package/${at}/`, folder]);
  const server = await serve(Object.fromEntries(folders), { aliases });
  const browser = await launch();
  const names = packages.map(([name]) => name);
  for (const [number, { name }] of packs.entries()) {
    const tab = await browser.newPage();
    await tab.exposeFunction("cpu", browserTime);
    await tab.goto(`${server.url}/bench.html`);
    await tab.waitForFunction(() => globalThis.measureOne);
    const measured = await tab.evaluate((args) => globalThis.measureOne(...args), [`/${number}.pack`, names, choices, rounds]);
    show(`Chromium ${browser.version()}`, { name, ...measured });
    await tab.close();
  }
  await browser.close();
  await server.close();
}

if (process.env.WHERE !== "chromium") await inNode();
if (process.env.WHERE !== "node") await inChromium();
