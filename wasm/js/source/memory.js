// Bytes in memory.

/** @import { PackSource } from "./from.js" */

/** @implements {PackSource} */
export class MemorySource {
  /** The bytes stay the caller's: they must not be transferred to a worker. */
  lends = true;
  #bytes;

  /** @param {Uint8Array<ArrayBuffer>} bytes neither changed nor copied */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  async size() {
    return this.#bytes.length;
  }

  /**
   * @param {number} offset
   * @param {number} length
   */
  async read(offset, length) {
    return this.#bytes.subarray(offset, offset + length);
  }
}
