// The destination of a pack: a Blob, a WritableStream, a file handle, or
// anything with write().
import { invalidArgument } from "./errors.js";
import { describe } from "./bytes.js";

/** @import { Destination } from "./index.js" */
/**
 * @typedef {object} Sink
 * @property {(part: Uint8Array<ArrayBuffer>) => void | Promise<void>} write
 * @property {() => void | Blob | Promise<void>} close returns the Blob if it holds the pack
 * @property {(reason: unknown) => unknown} abort
 */

/**
 * Keeps the parts until they become a Blob, which the browser may keep on disk.
 *
 * @implements {Sink}
 */
class BlobSink {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #parts = [];

  /** @param {Uint8Array<ArrayBuffer>} part */
  write(part) {
    this.#parts.push(part);
  }

  close() {
    return new Blob(this.#parts, { type: "application/octet-stream" });
  }

  abort() {
    this.#parts.length = 0;
  }
}

/** @implements {Sink} */
class StreamSink {
  #writer;

  /** @param {WritableStream<any>} stream */
  constructor(stream) {
    this.#writer = stream.getWriter();
  }

  /** @param {Uint8Array<ArrayBuffer>} part */
  async write(part) {
    await this.#writer.ready;
    await this.#writer.write(part);
  }

  async close() {
    await this.#writer.close();
  }

  /** @param {unknown} reason */
  async abort(reason) {
    await this.#writer.abort(reason);
  }
}

/** @typedef {Extract<Destination, { fd: number }>} NodeFile */

/**
 * A FileHandle of Node's `fs/promises`, whose write() may write less than it was given.
 *
 * @implements {Sink}
 */
class FileSink {
  #file;

  /** @param {NodeFile} file */
  constructor(file) {
    this.#file = file;
  }

  /** @param {Uint8Array<ArrayBuffer>} part */
  async write(part) {
    for (let at = 0; at < part.length;) {
      at += (await this.#file.write(part, at, part.length - at)).bytesWritten;
    }
  }

  // The caller opened the file and closes it.
  close() {}

  abort() {}
}

/**
 * The caller's own `{ write(part, offset), close?, abort? }`, or a FileSystemSyncAccessHandle.
 *
 * @implements {Sink}
 */
class OwnSink {
  #own;
  #offset = 0;
  #isSyncHandle;

  /** @param {any} own */
  constructor(own) {
    this.#own = own;
    this.#isSyncHandle = typeof own.truncate === "function" && typeof own.getSize === "function";
  }

  /** @param {Uint8Array<ArrayBuffer>} part */
  async write(part) {
    if (this.#isSyncHandle) this.#own.write(part, { at: this.#offset });
    else await this.#own.write(part, this.#offset);
    this.#offset += part.length;
  }

  /** Drops the result: the return value of the caller's close() is not the pack. */
  async close() {
    await this.#own.close?.();
  }

  /** @param {unknown} reason */
  abort(reason) {
    return this.#own.abort?.(reason);
  }
}

/**
 * @param {any} to
 * @returns {Promise<Sink>}
 */
export async function sinkFor(to) {
  if (to === undefined) return new BlobSink();
  if (typeof to?.getWriter === "function") return new StreamSink(to);
  if (typeof to?.createWritable === "function") return new StreamSink(await to.createWritable());
  if (typeof to?.write === "function" && typeof to?.fd === "number") return new FileSink(to);
  if (typeof to?.write === "function") return new OwnSink(to);
  throw invalidArgument(
    `a pack is written to a WritableStream, a file handle or { write() }, not to ${describe(to)}`,
  );
}
