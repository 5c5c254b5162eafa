// Bytes in memory.
import { SealpackError } from "../errors.js";

/** @import { PackSource } from "./from.js" */

/** @implements {PackSource} */
export class MemorySource {
  /** The bytes stay the caller's: they must not be transferred to a worker. */
  lends = true;
  #bytes;
  #size;

  /** @param {Uint8Array<ArrayBuffer>} bytes neither changed nor copied */
  constructor(bytes) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  /** All bytes of the file; fewer if the caller transferred them away. */
  get memory() {
    return this.#bytes;
  }

  async size() {
    return this.#size;
  }

  /**
   * @param {number} offset
   * @param {number} length
   */
  async read(offset, length) {
    if (this.#bytes.length !== this.#size) {
      throw new SealpackError("read-failed", "the bytes of the pack were transferred away or resized");
    }
    return this.#bytes.subarray(offset, offset + length);
  }
}
