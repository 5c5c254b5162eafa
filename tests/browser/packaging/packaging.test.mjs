// The published package: its tarball, installed into fresh projects, opens a
// pack, reads, verifies and builds in each.
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { launch, newPage } from "../browser.mjs";
import { folder as fixtures } from "../fixtures.mjs";
import { serve } from "../server.mjs";
import { makeTarball, npm, run } from "../tarball.mjs";

const folder = path.dirname(fileURLToPath(import.meta.url));
const tests = path.dirname(folder);
const bin = (name) => path.join(tests, "node_modules", ".bin", name);
const require = createRequire(import.meta.url);
const PACK = path.join(fixtures, "zstd-ipr128.pack");
const EXPECTED = { length: 400, ok: true, built: 1, found: [0] };

let workFolder;
let tarball;
let browser;

before(async () => {
  workFolder = await mkdtemp(path.join(os.tmpdir(), "sealpack-packaging-"));
  tarball = await makeTarball(workFolder);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await rm(workFolder, { recursive: true, force: true });
});

const USE = `
export async function use(sealpack, source, workers) {
  const pack = await sealpack.open(source);
  const item = await pack.get(42);
  const report = await pack.verify({ workers });
  const builder = sealpack.create();
  builder.append(item, { name: "the item" });
  const sealed = await builder.finish();
  const found = await (await sealpack.open(sealed.blob)).find("the item");
  return { length: pack.length, ok: report.ok, built: sealed.totalItems, found };
}
`;

/** A fresh project with the package installed and these files. */
async function project(name, files) {
  const folder = path.join(workFolder, name);
  await mkdir(folder);
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  await run("npm", ["install", "--silent", "--no-audit", "--no-fund", tarball], { cwd: folder });
  for (const [file, text] of Object.entries({ "use.js": USE, ...files }))
    await writeFile(path.join(folder, file), text);
  return folder;
}

const PAGE = (entry) => `<!doctype html><title>test</title><script type="module" src="${entry}"></script>`;
const MAIN = `
import * as sealpack from "sealpack";
import { use } from "./use.js";
const workers = Number(new URLSearchParams(location.search).get("workers") ?? 0);
globalThis.result = await use(sealpack, "/fixtures/zstd-ipr128.pack", workers).catch((error) => String(error.stack ?? error));
`;

/** Checks the result of the page in a folder, with and without workers. */
async function inChromium(folder, { workers = [0, 2], page: name = "index.html" } = {}) {
  const server = await serve({ "/fixtures/": fixtures, "/": folder });
  try {
    for (const count of workers) {
      const page = await newPage(await browser.newContext());
      await page.goto(`${server.url}/${name}?workers=${count}`);
      await page.waitForFunction(() => globalThis.result, null, { timeout: 15_000 });
      assert.deepEqual(await page.evaluate(() => globalThis.result), EXPECTED);
      assert.deepEqual(page.loggedErrors, []);
    }
  } finally {
    await server.close();
  }
}

const NODE = `
import { readFile } from "node:fs/promises";
import * as sealpack from "sealpack";
import { use } from "./use.js";
console.log(JSON.stringify(await use(sealpack, await readFile(${JSON.stringify(PACK)}), 2)));
`;

test("the package works in Node, with worker threads", async () => {
  const folder = await project("in-node", { "main.js": NODE });
  const { stdout } = await run(process.execPath, ["main.js"], { cwd: folder });
  assert.deepEqual(JSON.parse(stdout), EXPECTED);
});

test("the package works in Node, from CommonJS and in a worker thread", async () => {
  const folder = await project("in-node-worker", {
    "main.cjs": `const { Worker } = require("node:worker_threads"); new Worker("./main.js");`,
    "main.js": NODE,
  });
  const { stdout } = await run(process.execPath, ["main.cjs"], { cwd: folder });
  assert.deepEqual(JSON.parse(stdout), EXPECTED);
});

test("the package works in Deno, with worker threads", async () => {
  const folder = await project("in-deno", { "main.js": NODE });
  const { stdout } = await run(bin("deno"), ["run", "--allow-read", "--node-modules-dir=manual", "main.js"], {
    cwd: folder,
  });
  assert.deepEqual(JSON.parse(stdout), EXPECTED);
});

test("the package works in a browser as a plain module, with an import map", async () => {
  const map = JSON.stringify({ imports: { sealpack: "./node_modules/sealpack/js/index.js" } });
  const folder = await project("plain", {
    "main.js": MAIN,
    "index.html": `<script type="importmap">${map}</script>${PAGE("./main.js")}`,
  });
  await inChromium(folder);
});

test("the package works in a module worker", async () => {
  const worker = MAIN.replace('"sealpack"', '"./node_modules/sealpack/js/index.js"').replace(
    "globalThis.result =",
    "const result =",
  );
  const folder = await project("worker", {
    "worker.js": `${worker}postMessage(result);`,
    "main.js": `new Worker("./worker.js" + location.search, { type: "module" }).onmessage = ({ data }) => { globalThis.result = data; };`,
    "index.html": PAGE("./main.js"),
  });
  await inChromium(folder);
});

test("the package works when built by Vite", async () => {
  const folder = await project("vite", { "main.js": MAIN, "index.html": PAGE("/main.js") });
  const { build } = await import(pathToFileURL(require.resolve("vite")).href);
  await build({ root: folder, logLevel: "error", build: { target: "esnext" } });
  await inChromium(path.join(folder, "dist"));
});

test("the package works on Vite's dev server, where no worker can start, and the report says so", async () => {
  const main = MAIN.replace("await use(", "await counted(").replace(
    "const workers",
    `async function counted(sealpack, source, workers) {
  const result = await use(sealpack, source, workers);
  const pack = await sealpack.open(source);
  globalThis.workers = (await pack.verify({ workers })).workers;
  return result;
}
const workers`,
  );
  const folder = await project("vite-dev", { "main.js": main, "index.html": PAGE("/main.js") });
  await mkdir(path.join(folder, "public", "fixtures"), { recursive: true });
  await copyFile(PACK, path.join(folder, "public", "fixtures", "zstd-ipr128.pack"));
  const { createServer } = await import(pathToFileURL(require.resolve("vite")).href);
  const server = await createServer({ root: folder, logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
  await server.listen();
  try {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${server.resolvedUrls.local[0]}?workers=2`);
    await page.waitForFunction(() => globalThis.result, null, { timeout: 30_000 });
    assert.deepEqual(await page.evaluate(() => globalThis.result), EXPECTED);
    assert.equal(await page.evaluate(() => globalThis.workers), 0);
  } finally {
    await server.close();
  }
});

test("the package works when built by webpack", async () => {
  const folder = await project("webpack", { "main.js": MAIN });
  const webpack = require("webpack");
  const stats = await promisify(webpack)({
    mode: "production",
    context: folder,
    entry: "./main.js",
    output: { path: path.join(folder, "dist"), filename: "main.js" },
    experiments: { topLevelAwait: true },
    performance: { hints: false },
  });
  assert.equal(stats.hasErrors() || stats.hasWarnings(), false, stats.toString());
  await writeFile(path.join(folder, "dist", "index.html"), PAGE("./main.js"));
  await inChromium(path.join(folder, "dist"));
});

test("the package works when esbuild bundles it into one file", async () => {
  const folder = await project("esbuild", { "main.js": MAIN });
  const { build } = require("esbuild");
  await build({
    absWorkingDir: folder,
    entryPoints: ["main.js"],
    bundle: true,
    format: "esm",
    target: "es2022",
    outfile: "dist/main.js",
    logLevel: "error",
  });
  await writeFile(path.join(folder, "dist", "index.html"), PAGE("./main.js"));
  // the worker's file is missing then: the page's thread does the work
  await inChromium(path.join(folder, "dist"));
});

const TYPED = `
import { create, open, SealpackError, type Pack, type Source } from "sealpack";
const source: Source = { size: () => 3, read: async (offset, length) => new Uint8Array(length) };
export async function typed(): Promise<number> {
  const pack: Pack = await open(source, { codec: { decode: (bytes) => bytes }, signal: AbortSignal.timeout(5) });
  for await (const item of pack.range(0, 2)) item.byteLength;
  const [first] = await pack.getMany([1, 2], { gap: 5 });
  const { layers } = await pack.verify({ workers: 1 });
  if (layers.content_hash === "failed") throw new Error();
  const builder = create({ to: new WritableStream<Uint8Array>(), codec: "zstd" });
  await builder.append(first);
  try { return (await builder.finish()).fileSize; } catch (error) {
    if (error instanceof SealpackError && error.code === "aborted") return 0;
    throw error;
  }
}
// @ts-expect-error no codec of that name
create({ codec: "lz4" });
`;

test("the types resolve and are correct, for bundlers and for Node", async () => {
  const folder = await project("typed", { "main.ts": TYPED });
  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ]) {
    const options = [
      "--noEmit",
      "--strict",
      "--exactOptionalPropertyTypes",
      "--target",
      "es2022",
      "--lib",
      "esnext,dom,dom.asynciterable",
      "--types",
      "",
      "--module",
      module,
      "--moduleResolution",
      moduleResolution,
    ];
    await run(process.execPath, [path.join(tests, "node_modules", "typescript", "bin", "tsc"), ...options, "main.ts"], { cwd: folder }).catch(({ stdout }) =>
      assert.fail(stdout),
    );
  }
});

test("publint has no findings", async () => {
  const { publint } = await import("publint");
  const { messages } = await publint({
    pack: { tarball: new Uint8Array(await readFile(tarball)).buffer },
    strict: true,
  });
  assert.deepEqual(messages, []);
});

test("attw finds no wrong types", async () => {
  const wasm = ["./read.wasm.gz", "./fast.packed.js", "./build.wasm", "./trust.wasm", "./names.wasm"];
  const { stdout } = await run(bin("attw"), [
    tarball,
    "--profile",
    "esm-only",
    "--format",
    "json",
    "--exclude-entrypoints",
    ...wasm,
  ]).catch((error) => error);
  const { problems } = JSON.parse(stdout);
  const found = Object.values(problems ?? {})
    .flat()
    .filter(({ resolutionKind }) => !["node10", "node16-cjs"].includes(resolutionKind));
  assert.deepEqual(found, []);
});

test("the sizes stay within their limits", async () => {
  const folder = path.join(workFolder, "sizes");
  await mkdir(folder);
  await run("tar", ["-xzf", tarball], { cwd: folder });
  const sizes = {};
  for (const name of ["read", "fast", "build", "trust", "names"]) sizes[name] = (await packedBytes(name)).length;
  sizes.unpacked = await sizeOf(path.join(folder, "package"));
  console.log(`# bytes, of the modules gzipped: ${JSON.stringify(sizes)}`);
  const above = Object.keys(sizes).filter((name) => sizes[name] > LIMITS[name]);
  assert.deepEqual(above, [], JSON.stringify(sizes));
});

/** In bytes; the modules fast and build read as well. */
const LIMITS = { read: 37_000, fast: 45_000, build: 60_500, trust: 15_000, names: 13_500, unpacked: 700_000 };

test("the scripts are published without comments but for the licence, and with their lines", async () => {
  const folder = path.join(workFolder, "published", "js");
  const scripts = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".js"));
  const own = (await readdir(path.join(npm, "js"), { recursive: true })).filter((name) => name.endsWith(".js"));
  assert.equal(scripts.length, own.filter((name) => !/lab/.test(name)).length);
  for (const name of scripts) {
    const text = await readFile(path.join(folder, name), "utf8");
    const comments = text.split("\n").filter((line) => /^\s*\/[/*]/.test(line));
    assert.deepEqual(comments.map((line) => line.slice(0, 4)), name === "index.js" ? ["/*! "] : [], name);
    const source = await readFile(path.join(npm, "js", name), "utf8");
    const [lines, before] = [text, source].map((script) => script.split("\n").length);
    assert.ok(lines > before / 5, `${name} has ${lines} lines of ${before}`);
  }
});

test("the stepper of the page is not part of the package", async () => {
  const { stdout } = await run("tar", ["-tzf", tarball]);
  assert.deepEqual(stdout.split("\n").filter((name) => /lab/.test(name)), []);
});

/** The gzipped module in a script. */
async function packedBytes(name) {
  const { default: text } = await import(path.join(npm, "dist", `${name}.packed.js`));
  return Buffer.from(text, "base64");
}

async function sizeOf(folder) {
  let sum = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(path.join(entry.parentPath ?? entry.path, entry.name))).size;
  }
  return sum;
}

test("the modules import only their own glue, and contain no path of a machine", async () => {
  for (const name of ["read", "fast", "build", "trust", "names", "lab"]) {
    const bytes = gunzipSync(await packedBytes(name));
    const glue = await readFile(path.join(npm, "dist", `${name}.js`), "utf8");
    const imports = WebAssembly.Module.imports(await WebAssembly.compile(bytes));
    const provided = new Set(Array.from(glue.matchAll(/([\w$]+):function/g), ([, called]) => called));
    assert.ok(
      imports.every(({ module, name: called }) => module === "a" && provided.has(called)),
      JSON.stringify(imports),
    );
    assert.doesNotMatch(bytes.toString("latin1"), /\/(root|workFolder|work|Users)\//, name);
  }
});
