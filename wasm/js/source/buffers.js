// Buffers that are used again. What a stream hands out in pieces of its own is
// garbage a moment later, and a browser's collector lets gigabytes of it gather
// before it looks; a buffer that is lent to the stream comes back.

/** Sizes are multiples of this, so that runs of nearly one size share buffers. */
const STEP = 1024 * 1024;

/** As many as were lent at once, each as large as the largest that was asked for. */
export class Buffers {
  #free = [];

  /** A buffer of at least `length` bytes, of any content. */
  take(length) {
    const buffer = this.#free.pop();
    return buffer?.byteLength >= length ? buffer : new ArrayBuffer(STEP * Math.ceil(length / STEP));
  }

  /** Takes a buffer back, once nobody looks at it. */
  give(buffer) {
    this.#free.push(buffer);
  }
}
