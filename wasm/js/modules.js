// Loading the wasm modules: each on first use, or when `init` says so.
//
// A module comes as a script that holds its gzipped bytes. That is as small on
// the wire as the bare file, and it is found wherever this script is: no
// bundler leaves it behind, no server gets its MIME type wrong, and a page that
// may not connect to anything loads it too.
import * as readGlue from "../dist/read.js";
import * as buildGlue from "../dist/build.js";
import * as trustGlue from "../dist/trust.js";
import { SealpackError, invalidArgument } from "./errors.js";
import { describe, isBytes, toBytes } from "./bytes.js";

export class WasmModule {
  #glue;
  #packed;
  #loading = null;
  #ready = false;
  #larger;
  /** Whose functions are used: this one's, or those of the larger. */
  #in = this;
  #compiled = null;
  #memory = null;

  /**
   * @param packed imports the script with the module's bytes
   * @param larger a module that can do the same and more: where it is there already, it is used
   */
  constructor(glue, packed, larger) {
    this.#glue = glue;
    this.#packed = packed;
    this.#larger = larger;
  }

  /** The module's functions; call `load` first. */
  get glue() {
    return this.#in.#glue;
  }

  /** The instance's memory. */
  get memory() {
    return this.#in.#memory;
  }

  /** The WebAssembly.Module, for workers. */
  get compiled() {
    return this.#in.#compiled;
  }

  /** Whether the larger module is used in place of this one. */
  get isLarger() {
    return this.#in !== this;
  }

  get ready() {
    return this.#ready;
  }

  /** Loads once; from `source` where one is given and none was loaded yet. */
  load(source) {
    this.#loading ??= this.#instantiate(source).then(
      () => (this.#ready = true),
      (cause) => {
        this.#loading = null; // the next call tries again
        if (cause instanceof SealpackError) throw cause;
        throw new SealpackError(
          "wasm-unavailable",
          `sealpack's WebAssembly module could not be loaded: ${cause?.message ?? cause}`,
          { cause },
        );
      },
    );
    return this.#loading;
  }

  async #instantiate(source) {
    const larger = source === undefined && this.#larger?.#loading;
    if (larger && (await larger.catch(() => false))) {
      this.#in = this.#larger;
      return;
    }
    this.#compiled = await compile(source === undefined ? await this.#unpacked() : await source);
    const exports = await this.#glue.default({ module_or_path: this.#compiled });
    this.#memory = Object.values(exports).find((exported) => exported instanceof WebAssembly.Memory);
  }

  async #unpacked() {
    const { default: text } = await this.#packed();
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }
}

const isRequest = (value) => typeof Request === "function" && value instanceof Request;

/** A module from whatever `init` takes, gzipped or not. */
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
  // By its bytes rather than streaming: not every server knows the MIME type.
  return compile(await source.arrayBuffer());
}

async function gunzipped(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Response(bytes).body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).arrayBuffer();
}

/** Builds, and reads as well. */
export const building = new WasmModule(buildGlue, () => import("../dist/build.packed.js"));
export const reading = new WasmModule(readGlue, () => import("../dist/read.packed.js"), building);
export const trusting = new WasmModule(trustGlue, () => import("../dist/trust.packed.js"));
const MODULES = { read: reading, build: building, trust: trusting };

/**
 * Loads the modules from elsewhere than beside the package, or ahead of their
 * first use. `init(source)` is the reader's; `init({ read, build, trust })` is each.
 */
export async function init(source) {
  const isRecord = source && typeof source === "object";
  if (isRecord && source.constructor === Object && !Object.keys(source).length) return;
  const named = isRecord ? Object.keys(MODULES).filter((name) => name in source) : [];
  if (!named.length) return void (await reading.load(source));
  await Promise.all(named.map((name) => MODULES[name].load(source[name])));
}
