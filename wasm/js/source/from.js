// Every input of `open` as a PackSource.
import { invalidArgument } from "../errors.js";
import { describe, isBytes, kindOf, toBytes } from "../bytes.js";
import { MemorySource } from "./memory.js";
import { BlobSource } from "./blob.js";
import { CustomSource, called } from "./custom.js";
import { FileSource } from "./file.js";
import { HttpSource } from "./http.js";

/** @import { Signal } from "../abort.js" */
/** @import { SealpackError } from "../errors.js" */
/** @import { OpenOptions } from "../index.js" */
/** @import { Buffers } from "./buffers.js" */
/** @typedef {Pick<OpenOptions, "size" | "fetch" | "retries" | "wholeFileLimit" | "validators">} SourceOptions */
/** @typedef {{ signal?: Signal, buffers?: Buffers | undefined }} SourceReadOptions `buffers` lends the memory for the result */
/** @typedef {(more: number) => void} OnBytes called with the number of bytes that arrived */
/**
 * @typedef {object} PackSource
 * @property {(signal: Signal) => Promise<number>} size
 * @property {(offset: number, length: number, options?: SourceReadOptions) => Promise<Uint8Array<ArrayBuffer>>} read
 * @property {(want: number, signal: Signal, onBytes?: OnBytes) => Promise<{ size: number, bytes: Uint8Array }>} [tail]
 *   the last `want` bytes and the size, in one request if possible
 * @property {() => Promise<void>} [close]
 * @property {Uint8Array<ArrayBuffer>} [memory] the whole file, if it is in memory
 * @property {boolean} [lends] whether bytes that are read stay the source's
 * @property {(error: SealpackError) => SealpackError} [explain] adds what the source knows to an error of opening
 * @property {boolean} [pinned] false if a change of the file may go unnoticed
 */

/**
 * Recognises the input by its kind and its methods, not by `instanceof`: it may
 * come from another window.
 *
 * @param {any} input
 * @param {SourceOptions} options
 * @returns {Promise<PackSource>}
 */
export async function sourceFrom(input, options = {}) {
  const kind = kindOf(input);
  const can = (/** @type {string} */ name) => typeof input?.[name] === "function";
  if (kind === "String" || kind === "URL") return new HttpSource(String(input), options);
  if (kind === "Request") return new HttpSource(input, options);
  if (isBytes(input)) return new MemorySource(toBytes(input));
  if (can("slice") && can("arrayBuffer")) return new BlobSource(input);
  if (can("getFile")) return new BlobSource(await called(() => input.getFile(), "getFile()"));
  if (can("read") && can("stat") && typeof input.fd === "number") return new FileSource(input);
  if (can("size") && can("read")) return new CustomSource(input);
  const folder = kind === "FileSystemDirectoryHandle" || input?.isDirectory === true;
  throw invalidArgument(
    `a pack is opened from a URL, Request, Blob, file handle, ArrayBuffer, Uint8Array or { size(), read() }, not from ${folder ? "a folder" : describe(input)}`,
  );
}
