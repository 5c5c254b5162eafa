// Loading the wasm modules: each on first use, or when `init` says so.
//
// A module comes as a script that holds its gzipped bytes. That is as small on
// the wire as the bare file, and it is found wherever this script is: no
// bundler leaves it behind, no server gets its MIME type wrong, and a page that
// may not connect to anything loads it too.
import * as readGlue from "../dist/read.js";
import * as buildGlue from "../dist/build.js";
import { SealpackError, invalidArgument } from "./errors.js";
import { describe, isBytes, toBytes } from "./bytes.js";

/** What differs between a browser and Node, which puts its own in (index.node.js). */
export const platform = {
  startWorker: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
};

export class WasmModule {
  #glue;
  #packed;
  #loading = null;
  #ready = false;
  /** The WebAssembly.Module, for workers; and the instance's exports. */
  compiled = null;
  exports = null;

  /** @param packed imports the script with the module's bytes */
  constructor(glue, packed) {
    this.#glue = glue;
    this.#packed = packed;
  }

  /** The module's functions; call `load` first. */
  get glue() {
    return this.#glue;
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
    this.compiled = await compile(source === undefined ? await this.#unpacked() : await source);
    this.exports = await this.#glue.default({ module_or_path: this.compiled });
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

export const reading = new WasmModule(readGlue, () => import("../dist/read.packed.js"));
export const building = new WasmModule(buildGlue, () => import("../dist/build.packed.js"));

/**
 * Loads the modules from elsewhere than beside the package, or ahead of their
 * first use. `init(source)` is the reader's; `init({ read, build })` is each.
 */
export async function init(source) {
  const each = source && typeof source === "object" && ("read" in source || "build" in source);
  if (!each) return void (await reading.load(source));
  const loads = [];
  if ("read" in source) loads.push(reading.load(source.read));
  if ("build" in source) loads.push(building.load(source.build));
  await Promise.all(loads);
}
