// Loading the wasm modules: each on first use, or when `init` is called.
//
// A module is a script that contains its gzipped bytes. That is as small to
// transfer as the bare file, every bundler includes it, no server sends a wrong
// MIME type for it, and a page that may not connect to anything can load it.
import { newGlue as readGlue } from "../dist/read.js";
import { newGlue as fastGlue } from "../dist/fast.js";
import { newGlue as buildGlue } from "../dist/build.js";
import { newGlue as trustGlue } from "../dist/trust.js";
import { newGlue as namesGlue } from "../dist/names.js";
import { instantiate } from "./instance.js";
import { SealpackError, invalidArgument, messageOf } from "./errors.js";
import { describe, isBytes, kindOf, toBytes } from "./bytes.js";

/** @import { ModuleSource, init as publicInit } from "./index.js" */
/** @typedef {{ load: (options: any) => Promise<object> }} Glue the functions of an instance */
/** @typedef {{ renewIfLarge: () => void }} Renewable */

/**
 * An instance of a module: its functions, its memory, and the packs in it.
 *
 * @template {Glue} G
 * @typedef {{ module: WasmModule<G>, glue: G, memory: WebAssembly.Memory, packs: Set<WeakRef<Renewable>> }} Instance
 */
/**
 * Where the package has a module: a script with its bytes, and a file for
 * contexts that cannot import scripts.
 *
 * @typedef {{ script: () => Promise<{ default: string }>, file?: () => URL }} Packed
 */

/** @template {Glue} G */
export class WasmModule {
  #newGlue;
  #packed;
  #loading = /** @type {Promise<void> | null} */ (null);
  #larger;
  /** The module in use: this one or the larger one. */
  #active = /** @type {WasmModule<G>} */ (this);
  #compiled = /** @type {WebAssembly.Module | null} */ (null);
  #instance = /** @type {Instance<G> | null} */ (null);
  #replacing = /** @type {Promise<void> | null} */ (null);

  /**
   * @param {"read" | "fast" | "build" | "trust" | "names" | "lab"} name
   * @param {() => G} newGlue
   * @param {Packed} packed
   * @param {WasmModule<any>} [larger] a module that can do the same and more: used instead if it is loaded
   */
  constructor(name, newGlue, packed, larger) {
    this.name = name;
    this.#newGlue = newGlue;
    this.#packed = packed;
    this.#larger = larger;
  }

  /** The current instance; call `load` first. */
  get instance() {
    return /** @type {Instance<G>} */ (this.#active.#instance);
  }

  /** The WebAssembly.Module, for workers. */
  get compiled() {
    return this.#active.#compiled;
  }

  /**
   * Sets the module to use instead of the package's files, unless `init` names another.
   *
   * @param {WebAssembly.Module} compiled
   */
  preset(compiled) {
    this.#compiled = compiled;
  }

  /**
   * Loads the module once; from `source` if it is given and the module was not loaded yet.
   *
   * @param {ModuleSource} [source]
   */
  load(source) {
    this.#loading ??= this.#start(source).catch((cause) => {
      this.#loading = null; // the next call tries again
      if (cause instanceof SealpackError) throw cause;
      throw new SealpackError(
        "wasm-unavailable",
        `sealpack's WebAssembly module could not be loaded: ${messageOf(cause)}`,
        { cause },
      );
    });
    return this.#loading;
  }

  /** @param {ModuleSource | undefined} source */
  async #start(source) {
    const larger = this.#larger;
    if (source === undefined && larger && (larger.#loading || larger.#compiled)) {
      await larger.load().catch(() => {});
      if (larger.#instance) {
        this.#active = larger;
        return;
      }
    }
    if (source !== undefined) this.#compiled = await compile(await source);
    this.#compiled ??= await this.#fromPackage();
    this.#instance = await this.#instantiate(this.#compiled);
  }

  /**
   * The instance after `old`: a new one, unless `old` was replaced already.
   *
   * @param {Instance<G>} old
   */
  async replaced(old) {
    const active = this.#active;
    if (active.#instance === old && active.#compiled) {
      active.#replacing ??= active
        .#instantiate(active.#compiled)
        .then((instance) => {
          active.#instance = instance;
        })
        .finally(() => (active.#replacing = null));
      await active.#replacing;
    }
    return this.instance;
  }

  /** @param {WebAssembly.Module} compiled */
  async #instantiate(compiled) {
    return { module: this, ...(await instantiate(this.#newGlue(), compiled)), packs: new Set() };
  }

  async #fromPackage() {
    const { script, file } = this.#packed;
    // A service worker may not import scripts later.
    if (file && kindOf(globalThis) === "ServiceWorkerGlobalScope") return compile(file());
    const { default: text } = await script();
    return compile(decoded(text));
  }
}

/**
 * Compiles a module, gzipped or not, from any source that `init` accepts.
 *
 * @param {Awaited<ModuleSource>} source
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(source) {
  const kind = kindOf(source);
  if (kind === "WebAssembly.Module") return /** @type {WebAssembly.Module} */ (source);
  if (isBytes(source)) return WebAssembly.compile(await unpacked(toBytes(source)));
  if (["String", "URL", "Request"].includes(kind)) return compile(await fetch(/** @type {string} */ (source)));
  if (kind !== "Response") {
    throw invalidArgument(
      `a module is loaded from a URL, Response, bytes or WebAssembly.Module, not from ${describe(source)}`,
    );
  }
  const response = /** @type {Response} */ (source);
  if (!response.ok) throw new Error(`${response.url} responded with ${response.status}`);
  // Not compileStreaming: some servers send another MIME type.
  return compile(await response.arrayBuffer());
}

/** @param {string} base64 */
const decoded = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/**
 * The bytes of a module: gzipped or not, or a script of the package.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<BufferSource>}
 */
async function unpacked(bytes) {
  if (bytes[0] === 0x2f && bytes[1] === 0x2f) {
    const [, base64] = /"([^"]*)"/.exec(new TextDecoder().decode(bytes)) ?? [];
    return unpacked(decoded(base64 ?? ""));
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}

/** Builds, and reads as well. */
export const building = new WasmModule("build", buildGlue, {
  script: () => import("../dist/build.packed.js"),
  file: () => new URL("../dist/build.wasm", import.meta.url),
});
export const reading = new WasmModule(
  "read",
  readGlue,
  {
    script: () => import("../dist/read.packed.js"),
    file: () => new URL("../dist/read.wasm.gz", import.meta.url),
  },
  building,
);
/**
 * Reads, with C zstd as its decoder. The package has one form of it, which contexts that
 * cannot import scripts fetch as a file.
 */
export const readingFast = new WasmModule("fast", fastGlue, {
  script: () => import("../dist/fast.packed.js"),
  file: () => new URL("../dist/fast.packed.js", import.meta.url),
});
export const trusting = new WasmModule("trust", trustGlue, {
  script: () => import("../dist/trust.packed.js"),
  file: () => new URL("../dist/trust.wasm", import.meta.url),
});
export const naming = new WasmModule("names", namesGlue, {
  script: () => import("../dist/names.packed.js"),
  file: () => new URL("../dist/names.wasm", import.meta.url),
});
export const MODULES = { read: reading, fast: readingFast, build: building, trust: trusting, names: naming };

/** @type {typeof publicInit} */
export async function init(source) {
  if (source && typeof source === "object") {
    if (source.constructor === Object && !Object.keys(source).length) return;
    const sources = /** @type {Record<string, ModuleSource | undefined>} */ (source);
    const named = Object.entries(MODULES).filter(([name]) => name in source);
    if (named.length) {
      await Promise.all(named.map(([name, module]) => module.load(sources[name])));
      return;
    }
  }
  await reading.load(/** @type {ModuleSource | undefined} */ (source));
}
