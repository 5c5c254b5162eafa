// The destination of a pack. Its old content is removed first, so that it contains
// exactly the pack afterwards.
import { invalidArgument } from "./errors.js";
import { describe } from "./bytes.js";

/** @import { NodeFileHandle } from "./index.js" */
/** @typedef {Uint8Array<ArrayBuffer>} Part */
/**
 * @typedef {object} Sink
 * @property {(part: Part) => void | Promise<void>} write
 * @property {(fileSize: number) => void | Blob | Promise<void>} close returns the Blob if it holds the pack
 * @property {(reason: unknown) => unknown} abort
 */

/**
 * Keeps the parts until they become a Blob, which the browser may keep on disk.
 *
 * @implements {Sink}
 */
class BlobSink {
  /** @type {Part[]} */
  #parts = [];

  /** @param {Part} part */
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

/**
 * A WritableStream. If it writes a file, the file may still have its old content.
 *
 * @implements {Sink}
 */
class StreamSink {
  #writer;
  #emptied;
  /** @type {(() => Promise<Blob>) | undefined} */
  #getFile;

  /**
   * @param {any} stream
   * @param {() => Promise<Blob>} [getFile] returns the file that the stream writes
   */
  constructor(stream, getFile) {
    const isFile = typeof stream.truncate === "function" && typeof stream.seek === "function";
    this.#writer = stream.getWriter();
    this.#emptied = isFile ? this.#writer.write({ type: "truncate", size: 0 }) : undefined;
    this.#emptied?.catch(() => {}); // awaited by the first write
    this.#getFile = getFile;
  }

  /** @param {Part} part */
  async write(part) {
    await this.#emptied;
    await this.#writer.ready;
    await this.#writer.write(part);
  }

  /** @param {number} fileSize */
  async close(fileSize) {
    await this.#writer.close();
    if (this.#getFile) checkSize((await this.#getFile()).size, fileSize);
  }

  /** @param {unknown} reason */
  async abort(reason) {
    await this.#writer.abort(reason);
  }
}

/**
 * A Writable of Node: an HTTP response, a file stream, a pipe.
 *
 * @implements {Sink}
 */
class NodeStreamSink {
  #stream;
  #error = /** @type {unknown} */ (null);
  /** @type {(error: unknown) => void} */
  #fail = () => {};

  /** @param {any} stream */
  constructor(stream) {
    this.#stream = stream;
    stream.on("error", (/** @type {unknown} */ error) => this.#failed(error));
    stream.on("close", () => this.#failed(new Error("the stream was closed")));
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#error ??= error;
    this.#fail(this.#error);
  }

  /**
   * Runs a call of the stream that takes a callback.
   *
   * @param {(done: (error?: unknown) => void) => void} call
   * @returns {Promise<void>}
   */
  #settled(call) {
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      call((error) => (error ? reject(error) : resolve()));
    });
  }

  /** @param {Part} part */
  write(part) {
    return this.#settled((done) => this.#stream.write(part, done));
  }

  close() {
    return this.#settled((done) => this.#stream.end(done));
  }

  abort() {
    this.#stream.destroy?.();
  }
}

/**
 * @typedef {NodeFileHandle & {
 *   write: (part: Part, offset: number, length: number, position: number | null) => Promise<{ bytesWritten: number }>
 * }} NodeFile
 */

/**
 * A FileHandle of Node's `fs/promises`, whose write() may write less than it was given.
 *
 * @implements {Sink}
 */
class NodeFileSink {
  #file;
  #isFile;
  #offset = 0;

  /**
   * @param {NodeFile} file
   * @param {boolean} isFile false for a pipe or a device, which have no positions
   */
  constructor(file, isFile) {
    this.#file = file;
    this.#isFile = isFile;
  }

  /** @param {NodeFile} file */
  static async open(file) {
    const isFile = Boolean((await file.stat?.())?.isFile());
    if (isFile) await file.truncate?.(0);
    return new NodeFileSink(file, isFile);
  }

  /** @param {Part} part */
  async write(part) {
    for (let at = 0; at < part.length;) {
      const position = this.#isFile ? this.#offset : null;
      const { bytesWritten } = await this.#file.write(part, at, part.length - at, position);
      at += bytesWritten;
      this.#offset += bytesWritten;
    }
  }

  // The caller opened the file and closes it.
  /** @param {number} fileSize */
  async close(fileSize) {
    if (this.#isFile) checkSize((await this.#file.stat?.())?.size, fileSize);
  }

  async abort() {
    if (this.#isFile) await this.#file.truncate?.(0);
  }
}

/**
 * The caller's own `{ write(part, offset), truncate?, getSize?, close?, abort? }`;
 * a FileSystemSyncAccessHandle is one, and a file of Deno.
 *
 * @implements {Sink}
 */
class CustomSink {
  #object;
  #offset = 0;
  /** Only the `write` of a file returns the bytes written; `(part) => parts.push(part)` does not. */
  #isFile;
  #isSyncHandle;

  /** @param {any} object */
  constructor(object) {
    this.#object = object;
    this.#isFile = typeof object.truncate === "function";
    this.#isSyncHandle = this.#isFile && typeof object.getSize === "function";
  }

  /** @param {any} object */
  static async open(object) {
    await object.truncate?.(0);
    return new CustomSink(object);
  }

  /** @param {Part} part */
  async write(part) {
    for (let rest = part; rest.length;) {
      const where = this.#isSyncHandle ? { at: this.#offset } : this.#offset;
      const written = await this.#object.write(rest, where);
      const count = this.#isFile && typeof written === "number" ? written : rest.length;
      if (count <= 0 || count > rest.length) throw new Error(`write() returned ${count} for ${rest.length} bytes`);
      this.#offset += count;
      rest = rest.subarray(count);
    }
  }

  /**
   * Drops the result: the return value of the caller's close() is not the pack.
   *
   * @param {number} fileSize
   */
  async close(fileSize) {
    if (this.#isSyncHandle) {
      await this.#object.flush?.();
      checkSize(await this.#object.getSize(), fileSize);
    }
    await this.#object.close?.();
  }

  /** @param {unknown} reason */
  async abort(reason) {
    if (this.#object.abort) return this.#object.abort(reason);
    await this.#object.truncate?.(0);
    if (this.#isSyncHandle) await this.#object.close?.();
  }
}

/**
 * @param {number | undefined} size
 * @param {number} expected
 */
function checkSize(size, expected) {
  if (size !== undefined && size !== expected) {
    throw new Error(`the destination has ${size} bytes afterwards, not the ${expected} of the pack`);
  }
}

/**
 * Opens the destination, recognised by its methods.
 *
 * @param {any} to
 * @returns {Promise<Sink>}
 */
export async function sinkFor(to) {
  if (to === undefined) return new BlobSink();
  const can = (/** @type {string} */ name) => typeof to?.[name] === "function";
  if (can("getWriter")) return new StreamSink(to);
  if (can("createWritable")) {
    const stream = await to.createWritable();
    return new StreamSink(stream, can("getFile") ? () => to.getFile() : undefined);
  }
  if (can("write") && can("end") && can("on")) return new NodeStreamSink(to);
  if (can("write") && typeof to.fd === "number") return NodeFileSink.open(to);
  if (can("write")) return CustomSink.open(to);
  const hint = typeof to === "string" ? ": open the file first, with open() of node:fs/promises" : "";
  throw invalidArgument(
    `a pack is written to a WritableStream, a file handle or { write() }, not to ${describe(to)}${hint}`,
  );
}
