// A Blob or File: the browser keeps it on disk and reads slices of it.
import { SealpackError, messageOf } from "../errors.js";
import { fill } from "./fill.js";

/** @import { PackSource, SourceReadOptions } from "./from.js" */

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
   * @param {SourceReadOptions} [options]
   */
  async read(offset, length, { signal, buffers } = {}) {
    const part = this.#blob.slice(offset, offset + length);
    let bytes;
    try {
      // Not every implementation has streams: that of jsdom has none.
      bytes =
        buffers && typeof part.stream === "function"
          ? (await fill(part.stream(), buffers.take(length), length, signal)).bytes
          : new Uint8Array(await part.arrayBuffer());
    } catch (cause) {
      throw cause instanceof SealpackError ? cause : failed(cause);
    }
    if (bytes.length !== length) throw failed();
    return bytes;
  }
}

/**
 * A File is a view of a file on disk: once that changes, every read fails.
 *
 * @param {unknown} [cause]
 */
function failed(cause) {
  const { name } = /** @type {{ name?: string }} */ (cause ?? {});
  if (cause && name !== "NotReadableError" && name !== "NotFoundError") {
    return new SealpackError("read-failed", `the Blob could not be read: ${messageOf(cause)}`, { cause });
  }
  const message = "the file changed or was removed after it was chosen, or it is a folder";
  return new SealpackError("changed", message, { cause });
}
