// Builds the npm package's wasm modules and their glue into dist/:
//
//   node wasm/build.mjs              build all of them
//   node wasm/build.mjs read fast    build only these
//   node wasm/build.mjs --tools      only install the tools (target/tools)
//
// Needs cargo with the wasm32-unknown-unknown target, clang and llvm-ar (Debian:
// clang, llvm) for C zstd, Node 20 and npm. It installs the other tools in pinned
// versions: wasm-bindgen's command (version in Cargo.toml), wasm-opt, zopfli and
// terser (package-lock.json). With rustup it also adds the sources of Rust's own
// libraries and compiles them for size; without them it prints a warning, and the
// modules are a tenth larger.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(folder);
const dist = path.join(folder, "dist");
const tools = path.join(root, "target", "tools");
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");

/**
 * The wasm modules and the cargo features of each. The builder's module also
 * reads: the two together are far smaller than two modules.
 */
const MODULES = {
  read: "read",
  fast: "fast",
  build: "read,build",
  trust: "trust",
  names: "names",
  lab: "lab",
};

/**
 * The forms of each module next to its script: a file, for contexts that cannot
 * import scripts. That of the reader is gzipped; the others are as they are, for
 * workerd, which compiles modules at deployment only. The builder's module
 * reads too.
 */
const FORMS = {
  read: [".wasm.gz"],
  fast: [],
  build: [".wasm"],
  trust: [".wasm"],
  names: [".wasm"],
  lab: [],
};

function run(command, args, options = {}) {
  execFileSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
}

function bindgenVersion() {
  const manifest = readFileSync(path.join(root, "Cargo.toml"), "utf8");
  return /^wasm-bindgen = .*"=([\d.]+)"/m.exec(manifest)[1];
}

/** Installs wasm-bindgen and its test runner, compiled with little optimisation. */
function installBindgen() {
  const version = bindgenVersion();
  const command = path.join(tools, "bin", "wasm-bindgen");
  if (existsSync(command)) {
    const found = execFileSync(command, ["--version"], { encoding: "utf8" });
    if (found.includes(version)) return;
  }
  console.log(`installing wasm-bindgen ${version} into target/tools`);
  const bins = ["wasm-bindgen", "wasm-bindgen-test-runner"].flatMap((bin) => ["--bin", bin]);
  run(
    "cargo",
    [
      "install",
      "wasm-bindgen-cli",
      "--version",
      version,
      "--root",
      tools,
      "--no-default-features",
      "--force",
      "--quiet",
      ...bins,
    ],
    {
      env: {
        ...process.env,
        CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
        CARGO_PROFILE_RELEASE_LTO: "off",
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
      },
    },
  );
}

function installOptimiser() {
  const command = path.join(folder, "node_modules", ".bin", "wasm-opt");
  const libraries = ["@gfx/zopfli", "terser"].map((name) => path.join(folder, "node_modules", name));
  if (![command, ...libraries].every(existsSync)) run("npm", ["ci", "--silent", "--no-fund", "--no-audit"], { cwd: folder });
  return command;
}

/**
 * The options that compile Rust's libraries for size, with every panic a
 * plain trap; null if this Rust does not support them. They are not stable
 * yet, hence RUSTC_BOOTSTRAP; the source itself uses stable Rust only.
 */
function smallLibraries() {
  const ask = (...args) =>
    execFileSync("rustc", args, {
      encoding: "utf8",
      env: { ...process.env, RUSTC_BOOTSTRAP: "1" },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const flags = [
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
    // Returning results through a pointer, and handles in a table of the glue, take fewer bytes.
    "-Ctarget-feature=-multivalue,-reference-types",
  ];
  try {
    ask(...flags, "--target", "wasm32-unknown-unknown", "--print", "cfg");
    const sources = path.join(ask("--print", "sysroot"), "lib/rustlib/src/rust/library/Cargo.lock");
    if (!existsSync(sources)) run("rustup", ["component", "add", "rust-src"]);
  } catch {
    console.warn("this Rust cannot compile its own libraries for size: the modules will be larger");
    return null;
  }
  return {
    flags,
    args: (name) => {
      const libraries = name === "fast" ? "std" : "core,alloc";
      return [`-Zbuild-std=${libraries},panic_abort`, "-Zbuild-std-features=optimize_for_size"];
    },
    env: { RUSTC_BOOTSTRAP: "1" },
  };
}

/** Flags that make the module the same on every machine, without folder names in it. */
function flags(name, more) {
  const cargo = process.env.CARGO_HOME ?? path.join(os.homedir(), ".cargo");
  const all = [`--remap-path-prefix=${cargo}/registry/src/=`, `--remap-path-prefix=${root}=`];
  all.push("--cfg=sealpack_module", ...more);
  // WebCrypto hashes long messages; a small SHA-256 suffices for the others.
  if (["read", "fast", "trust", "names"].includes(name)) all.push('--cfg=sha2_backend_soft="compact"');
  return all.join("\u001f");
}

/** Fails if the compiler of C is missing, which .cargo/config.toml names. */
function requireC() {
  const { CC_wasm32_unknown_unknown: clang = "clang", AR_wasm32_unknown_unknown: ar = "llvm-ar" } = process.env;
  for (const command of [clang, ar]) {
    try {
      execFileSync(command, ["--version"], { stdio: "ignore" });
    } catch {
      throw new Error(`the module "fast" needs ${command}: install clang and llvm`);
    }
  }
}

/** Compiles a module and its glue, and returns the bytes of the module. */
async function compile(name, optimiser, small) {
  compileRust(name, small);
  const wasm = bind(name);
  const names = optimise(name, wasm, optimiser);
  await trimGlue(name, names);
  return readFileSync(wasm);
}

function compileRust(name, small) {
  run(
    "cargo",
    [
      // As a cdylib only: with an rlib as well, cargo would skip LTO.
      "rustc",
      "--lib",
      "--crate-type",
      "cdylib",
      "--quiet",
      "--package",
      "sealpack-wasm",
      "--target",
      "wasm32-unknown-unknown",
      "--profile",
      "wasm",
      "--no-default-features",
      "--features",
      MODULES[name],
      ...(small?.args(name) ?? []),
    ],
    {
      env: {
        ...process.env,
        ...small?.env,
        RUSTFLAGS: undefined,
        CARGO_ENCODED_RUSTFLAGS: flags(name, small?.flags ?? []),
      },
    },
  );
}

/** Writes the glue of a compiled module into dist/, and returns the path of the module. */
function bind(name) {
  const compiled = path.join(target, "wasm32-unknown-unknown", "wasm", "sealpack_wasm.wasm");
  const raw = path.join(tools, `${name}.wasm`);
  copyFileSync(compiled, raw);
  run(path.join(tools, "bin", "wasm-bindgen"), [
    raw,
    "--target",
    "web",
    "--out-dir",
    dist,
    "--out-name",
    name,
    "--omit-default-module-path",
  ]);
  rmSync(path.join(dist, `${name}_bg.wasm.d.ts`));
  const wasm = path.join(tools, `${name}_bg.wasm`);
  renameSync(path.join(dist, `${name}_bg.wasm`), wasm);
  return wasm;
}

/** Optimises a module in place, and returns its shortened import and export names. */
function optimise(name, wasm, optimiser) {
  // Every engine has had these since 2022.
  const features = [
    "bulk-memory",
    "bulk-memory-opt",
    "nontrapping-float-to-int",
    "sign-ext",
    "mutable-globals",
    "reference-types",
    "multivalue",
  ];
  const enabled = features.map((feature) => `--enable-${feature}`);
  run(optimiser, [
    wasm,
    "-o",
    wasm,
    // zstd-sys exports what C calls.
    "--remove-exports",
    "--pass-arg=remove-exports@rust_zstd_*",
    // A tenth faster than -Oz, and the same number of bytes once gzipped. But the loops
    // of C zstd, which clang has optimised, become a quarter slower by it.
    ...(name === "fast" ? ["-O1"] : ["-O3", "--converge"]),
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
    ...enabled,
  ]);
  const shorten = [wasm, "-o", wasm, ...enabled, "--minify-imports-and-exports-and-modules"];
  return JSON.parse(execFileSync(optimiser, shorten, { encoding: "utf8" }));
}

/** Writes the gzipped module as a script, and in its other forms; returns its size. */
async function pack(name, bytes) {
  const packed = await gzipped(bytes);
  const head = `// The wasm module \`${name}\`, gzipped.\n`;
  const script = `${head}export default "${packed.toString("base64")}";\n`;
  writeFileSync(path.join(dist, `${name}.packed.js`), script);
  for (const form of FORMS[name]) {
    writeFileSync(path.join(dist, `${name}${form}`), form.endsWith(".gz") ? packed : bytes);
  }
  return packed.length;
}

/** Gzips with zopfli: a twentieth smaller than the best level of zlib. */
function gzipped(bytes) {
  return new Promise((resolve, reject) => {
    zopfli.gzip(bytes, { numiterations: 15 }, (error, packed) => (error ? reject(error) : resolve(Buffer.from(packed))));
  });
}

/**
 * Makes the glue of wasm-bindgen a function, so that a module can have several
 * instances, each with its own memory. Minifies it, and applies the short import
 * and export names of wasm-opt.
 */
async function trimGlue(name, { imports, exports }) {
  const file = path.join(dist, `${name}.js`);
  const imported = new Map(imports.map(([, long, short]) => [long, short]));
  const exported = new Map(exports);
  const text = readFileSync(file, "utf8")
    .replace(/^( +)(\w+): function/gm, (all, indent, long) => `${indent}${imported.get(long) ?? long}: function`)
    .replace(/\bwasm\.(\w+)/g, (all, long) => `wasm.${exported.get(long) ?? long}`)
    .replace(`"./${name}_bg.js"`, '"a"');
  const names = Array.from(text.matchAll(/^export (?:class|function) (\w+)/gm), ([, exported]) => exported);
  const body = text.replace(/^export (class|function)/gm, "$1").replace(/^export \{.*\};$/m, "");
  const factory = `export function newGlue() {\n${body}\nreturn { load: __wbg_init, ${names.join(", ")} };\n}\n`;
  renameSync(path.join(dist, `${name}.d.ts`), path.join(dist, `${name}.glue.d.ts`));
  const types = `"./${name}.glue.d.ts"`;
  writeFileSync(
    path.join(dist, `${name}.d.ts`),
    `export type * from ${types};
import type * as glue from ${types};
export function newGlue(): Omit<typeof glue, "default" | "initSync"> & {
  load: typeof glue.default;
};
`,
  );
  const { code } = await minify(factory, { module: true, format: { preamble: "/* eslint-disable */" } });
  writeFileSync(file, `${code}\n`);
}

mkdirSync(path.join(tools, "bin"), { recursive: true });
installBindgen();
const optimiser = installOptimiser();
const installed = createRequire(import.meta.url);
const zopfli = installed("@gfx/zopfli");
const { minify } = installed("terser");
if (!process.argv.includes("--tools")) {
  const chosen = process.argv.slice(2);
  const unknown = chosen.find((name) => !(name in MODULES));
  if (unknown) throw new Error(`no module "${unknown}": ${Object.keys(MODULES).join(", ")}`);
  const names = chosen.length ? chosen : Object.keys(MODULES);
  if (names.includes("fast")) requireC();
  if (!chosen.length) rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"])
    copyFileSync(path.join(root, licence), path.join(folder, licence));
  const small = smallLibraries();
  for (const name of names) {
    const bytes = await compile(name, optimiser, small);
    console.log(`${name}: ${bytes.length} bytes, ${await pack(name, bytes)} gzipped`);
  }
}
