// Inspecting a run of records: the same on the page's thread and in a worker.

/** Messages above this size are hashed by WebCrypto: below, calling it costs more than it saves. */
const WEBCRYPTO_FROM = 2048;
const ALL = 0xffffffff;

/** A run's records as numbers and digests, so that they can be posted. */
export class RunInspector {
  #inspector;
  #memory;
  #hashes;

  constructor(glue, exports, pack, extract) {
    const subtle = globalThis.crypto?.subtle; // absent where the page is not secure
    this.#inspector = new glue.Inspector(pack, subtle ? WEBCRYPTO_FROM : ALL, extract);
    this.#memory = exports.memory;
    this.#hashes = Boolean(pack.info().contentHash);
  }

  /**
   * @param slices where the thread is the page's: gives the event loop its turns
   * @returns {Promise<{ frames: Uint8Array, sizes: Float64Array, digests: Uint8Array, bad: number[] }>}
   *   settled once the digests are there; `started` once the next run may be begun
   */
  async begin({ first, count, start, bytes }, slices, check) {
    this.#inspector.load(first, count, start, bytes);
    const found = { frames: new Uint8Array(count), sizes: new Float64Array(count), digests: new Uint8Array(this.#hashes ? 32 * count : 0), bad: [] };
    const hashing = [];
    for (let at = 0; at < count; at += 1) {
      if (slices?.over) await slices.next();
      check?.();
      const finding = this.#inspector.next();
      if (finding.sound) {
        [found.frames[at], found.sizes[at]] = finding.numbers();
        if (finding.toHash) hashing.push(this.#hash(found.digests, at));
        else if (this.#hashes) found.digests.set(finding.digest(), 32 * at);
      } else {
        found.bad.push(at);
      }
      finding.free();
    }
    return { done: Promise.all(hashing).then(() => found) };
  }

  #hash(digests, at) {
    // WebCrypto copies the message before it answers, so the memory is free again.
    const [address, length] = this.#inspector.messageAt();
    const message = new Uint8Array(this.#memory.buffer, address, length);
    return crypto.subtle.digest("SHA-256", message).then((digest) => digests.set(new Uint8Array(digest), 32 * at));
  }

  /** What is wrong with one record, for the report. */
  finding(record, start, bytes) {
    this.#inspector.load(record, 1, start, bytes);
    return this.#inspector.next();
  }

  free() {
    this.#inspector.free();
  }
}
