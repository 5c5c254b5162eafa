// Bytes that are here already.

export class MemorySource {
  /** What is read stays the caller's: it must not be transferred to a worker. */
  lends = true;
  #bytes;

  /** @param {Uint8Array} bytes looked at, never changed, not copied */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  async size() {
    return this.#bytes.length;
  }

  async read(offset, length) {
    return this.#bytes.subarray(offset, offset + length);
  }
}
