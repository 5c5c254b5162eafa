// A Blob or File: the browser keeps it on disk and reads slices of it.
import { SealpackError } from "../errors.js";
import { fill } from "./fill.js";

/** @import { PackSource, ReadOptions } from "./from.js" */

/** @implements {PackSource} */
export class BlobSource {
  #blob;

  /** @param {Blob} blob */
  constructor(blob) {
    this.#blob = blob;
  }

  async size() {
    return this.#blob.size;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {ReadOptions} [options]
   */
  async read(offset, length, { signal, buffers } = {}) {
    const part = this.#blob.slice(offset, offset + length);
    try {
      if (!buffers) return new Uint8Array(await part.arrayBuffer());
      const { bytes } = await fill(part.stream(), buffers.take(length), length, signal);
      if (bytes.length === length) return bytes;
    } catch (cause) {
      if (cause instanceof SealpackError) throw cause;
      // A File is a view of a file on disk: once that changes, every read fails.
      throw changed(cause);
    }
    throw changed();
  }
}

/** @param {unknown} [cause] */
const changed = (cause) =>
  new SealpackError("changed", "the file changed or was removed after it was chosen", { cause });
