// Every input of `open` as a PackSource.
import { invalidArgument } from "../errors.js";
import { describe, isBytes, toBytes } from "../bytes.js";
import { MemorySource } from "./memory.js";
import { BlobSource } from "./blob.js";
import { CustomSource, called } from "./custom.js";
import { HttpSource } from "./http.js";

/** @import { Signal } from "../abort.js" */
/** @import { OpenOptions } from "../index.js" */
/** @import { Buffers } from "./buffers.js" */
/** @typedef {Pick<OpenOptions, "size" | "fetch" | "retries" | "wholeFileLimit">} SourceOptions */
/** @typedef {{ signal?: Signal, buffers?: Buffers | undefined }} ReadOptions `buffers` lends the memory for the result */
/** @typedef {(more: number) => void} OnBytes called with the number of bytes that arrived */
/**
 * @typedef {object} PackSource
 * @property {(signal: Signal) => Promise<number>} size
 * @property {(offset: number, length: number, options?: ReadOptions) => Promise<Uint8Array<ArrayBuffer>>} read
 * @property {(want: number, signal: Signal, onBytes?: OnBytes) => Promise<{ size: number, bytes: Uint8Array }>} [tail]
 *   the last `want` bytes and the size, in one request if possible
 * @property {() => Promise<void>} [close]
 * @property {boolean} [lends] whether bytes that are read stay the source's
 * @property {boolean} [pinned] false if a change of the file may go unnoticed
 */

/**
 * @param {any} input
 * @param {SourceOptions} options
 * @returns {Promise<PackSource>}
 */
export async function sourceFrom(input, options = {}) {
  if (typeof input === "string" || input instanceof URL) return new HttpSource(String(input), options);
  if (typeof Request === "function" && input instanceof Request) return new HttpSource(input, options);
  if (typeof Blob === "function" && input instanceof Blob) return new BlobSource(input);
  if (isBytes(input)) return new MemorySource(toBytes(input));
  if (typeof input?.getFile === "function") {
    return new BlobSource(await called(() => input.getFile(), "getFile()"));
  }
  if (typeof input?.size === "function" && typeof input?.read === "function") return new CustomSource(input);
  throw invalidArgument(
    `a pack is opened from a URL, Request, Blob, ArrayBuffer, Uint8Array or { size(), read() }, not from ${describe(input)}`,
  );
}
