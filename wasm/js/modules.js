// Loading the wasm modules: each on first use, or when `init` is called.
//
// A module is a script that contains its gzipped bytes. That is as small to
// transfer as the bare file, every bundler includes it, no server sends a wrong
// MIME type for it, and a page that may not connect to anything can load it.
import * as readGlue from "../dist/read.js";
import * as buildGlue from "../dist/build.js";
import * as trustGlue from "../dist/trust.js";
import { SealpackError, invalidArgument, messageOf } from "./errors.js";
import { describe, isBytes, toBytes } from "./bytes.js";

/** @import { ModuleSource, init as publicInit } from "./index.js" */
/** @typedef {{ default: (options: any) => Promise<object> }} Glue the functions of a module */

/** @template {Glue} G */
export class WasmModule {
  #glue;
  #packed;
  #loading = /** @type {Promise<void> | null} */ (null);
  #ready = false;
  #larger;
  /** The module in use: this one or the larger one. */
  #active = /** @type {WasmModule<G>} */ (this);
  #compiled = /** @type {WebAssembly.Module | null} */ (null);
  #memory = /** @type {WebAssembly.Memory | null} */ (null);

  /**
   * @param {G} glue
   * @param {() => Promise<{ default: string }>} packed imports the script with the module's bytes
   * @param {WasmModule<any>} [larger] a module that can do the same and more: used instead if it is loaded
   */
  constructor(glue, packed, larger) {
    this.#glue = glue;
    this.#packed = packed;
    this.#larger = larger;
  }

  /** The module's functions; call `load` first. */
  get glue() {
    return this.#active.#glue;
  }

  /** The instance's memory; call `load` first. */
  get memory() {
    return /** @type {WebAssembly.Memory} */ (this.#active.#memory);
  }

  /** The WebAssembly.Module, for workers. */
  get compiled() {
    return this.#active.#compiled;
  }

  /** Whether the larger module is used instead of this one. */
  get isLarger() {
    return this.#active !== this;
  }

  get ready() {
    return this.#ready;
  }

  /**
   * Loads the module once; from `source` if it is given and the module was not loaded yet.
   *
   * @param {ModuleSource} [source]
   */
  load(source) {
    this.#loading ??= this.#instantiate(source).then(
      () => {
        this.#ready = true;
      },
      (cause) => {
        this.#loading = null; // the next call tries again
        if (cause instanceof SealpackError) throw cause;
        throw new SealpackError(
          "wasm-unavailable",
          `sealpack's WebAssembly module could not be loaded: ${messageOf(cause)}`,
          { cause },
        );
      },
    );
    return this.#loading;
  }

  /** @param {ModuleSource | undefined} source */
  async #instantiate(source) {
    const larger = this.#larger;
    if (source === undefined && larger && larger.#loading) {
      await larger.#loading.catch(() => {});
      if (larger.#ready) {
        this.#active = larger;
        return;
      }
    }
    this.#compiled = await compile(source === undefined ? await this.#unpacked() : await source);
    const exports = await this.#glue.default({ module_or_path: this.#compiled });
    this.#memory =
      Object.values(exports).find((exported) => exported instanceof WebAssembly.Memory) ?? null;
  }

  async #unpacked() {
    const { default: text } = await this.#packed();
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }
}

/**
 * @param {unknown} value
 * @returns {value is Request}
 */
const isRequest = (value) => typeof Request === "function" && value instanceof Request;

/**
 * Compiles a module, gzipped or not, from any source that `init` accepts.
 *
 * @param {Awaited<ModuleSource>} source
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (isBytes(source)) return WebAssembly.compile(await gunzipped(toBytes(source)));
  if (typeof source === "string" || source instanceof URL || isRequest(source))
    return compile(await fetch(source));
  if (!(source instanceof Response)) {
    throw invalidArgument(
      `a module is loaded from a URL, Response, bytes or WebAssembly.Module, not from ${describe(source)}`,
    );
  }
  if (!source.ok) throw new Error(`${source.url} answered ${source.status}`);
  // Not compileStreaming: some servers send another MIME type.
  return compile(await source.arrayBuffer());
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function gunzipped(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}

/** Builds, and reads as well. */
export const building = new WasmModule(buildGlue, () => import("../dist/build.packed.js"));
export const reading = new WasmModule(readGlue, () => import("../dist/read.packed.js"), building);
export const trusting = new WasmModule(trustGlue, () => import("../dist/trust.packed.js"));
const MODULES = { read: reading, build: building, trust: trusting };

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
