// Loading the wasm modules: each on first use, or when `init` says so.
//
// A module is fetched next to this file. Where that cannot be had (a bundler
// that leaves .wasm files behind, a page that may not connect to its own
// origin) the copy inside `*.inline.js` is read instead, and nobody notices
// but the network panel.
import * as readGlue from "../dist/read.js";
import * as buildGlue from "../dist/build.js";
import { SealpackError, invalidArgument } from "./errors.js";
import { isBytes, describe } from "./bytes.js";

/** What differs between a browser and Node, which puts its own in (index.node.js). */
export const platform = {
  /** A Response, or bytes. */
  fetchFile: (url) => fetch(url),
  startWorker: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
};

export class WasmModule {
  #glue;
  #url;
  #inline;
  #loading = null;
  #ready = false;
  /** The WebAssembly.Module, for workers; and the instance's exports. */
  compiled = null;
  exports = null;

  constructor(glue, url, inline) {
    this.#glue = glue;
    this.#url = url;
    this.#inline = inline;
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
        throw new SealpackError("wasm-unavailable", `sealpack's WebAssembly module could not be loaded: ${cause?.message ?? cause}`, { cause });
      },
    );
    return this.#loading;
  }

  async #instantiate(source) {
    this.compiled = await (source === undefined ? this.#found() : compile(await source));
    this.exports = await this.#glue.default({ module_or_path: this.compiled });
  }

  async #found() {
    try {
      return await compile(this.#url);
    } catch (error) {
      if (!this.#inline) throw error;
      return inlined(this.#inline);
    }
  }
}

/** A module from whatever `init` takes. */
async function compile(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (isBytes(source)) return WebAssembly.compile(source);
  if (typeof source === "string") return compile(new URL(source, globalThis.location?.href));
  const found = source instanceof URL ? await platform.fetchFile(source) : isRequest(source) ? await fetch(source) : source;
  if (isBytes(found)) return WebAssembly.compile(found);
  if (!(found instanceof Response)) {
    throw invalidArgument(`a module is loaded from a URL, Response, bytes or WebAssembly.Module, not from ${describe(source)}`);
  }
  if (!found.ok) throw new Error(`${found.url} answered ${found.status}`);
  // By its bytes rather than streaming: not every server knows the MIME type.
  return WebAssembly.compile(await found.arrayBuffer());
}

const isRequest = (value) => typeof Request === "function" && value instanceof Request;

async function inlined(load) {
  const { default: text } = await load();
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unpacked = new Response(packed).body.pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(unpacked).arrayBuffer());
}

export const reading = new WasmModule(
  readGlue,
  new URL("../dist/read_bg.wasm", import.meta.url),
  () => import("../dist/read.inline.js"),
);

export const building = new WasmModule(
  buildGlue,
  new URL("../dist/build_bg.wasm", import.meta.url),
  () => import("../dist/build.inline.js"),
);

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
