// Bytes that are here already.

export class MemorySource {
  /** What is read is a view, so it must not be handed on to a worker. */
  inMemory = true;
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
