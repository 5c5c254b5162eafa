// Reuses buffers. The pieces that a stream allocates become garbage immediately, of which
// a browser accumulates gigabytes before it collects them; a buffer lent to the stream is
// returned.

/** Sizes are multiples of this, so that runs of similar size share buffers. */
const STEP = 1024 * 1024;

/** As many buffers as were lent at the same time, each as large as the largest request. */
export class Buffers {
  /** @type {ArrayBuffer[]} */
  #free = [];

  /**
   * A buffer of at least `length` bytes, with any content.
   *
   * @param {number} length
   */
  take(length) {
    const buffer = this.#free.pop();
    return buffer && buffer.byteLength >= length ? buffer : new ArrayBuffer(STEP * Math.ceil(length / STEP));
  }

  /**
   * Takes a buffer back once nothing reads it any more.
   *
   * @param {ArrayBuffer} buffer
   */
  giveBack(buffer) {
    this.#free.push(buffer);
  }
}
