// Inspecting a run of records: the same on the page's thread and in a worker.

/** Messages above this size are hashed by WebCrypto: below, calling it costs more than it saves. */
const WEBCRYPTO_FROM = 2048;
const ALL = 0xffffffff;

// what Inspector.next() answers first, as in verify.rs
const DAMAGED = 0;
const TO_HASH = 2;

/** A run's records as numbers and digests, so that they can be posted. */
export class RunInspector {
  #inspector;
  #memory;
  #hashes;

  /** @param digests whether they are wanted although the pack stores no hash of them */
  constructor(glue, memory, pack, extract, digests = false) {
    const subtle = globalThis.crypto?.subtle; // absent where the page is not secure
    this.#inspector = new glue.Inspector(pack, subtle ? WEBCRYPTO_FROM : ALL, extract, digests);
    this.#memory = memory;
    this.#hashes = digests || Boolean(pack.info()[2]);
  }

  /**
   * @param slices where the thread is the page's: gives the event loop its turns
   * @returns {Promise<{ done: Promise<{ frames: Uint8Array, sizes: Float64Array, digests: Uint8Array, bad: number[] }> }>}
   *   settled once the next run may be begun; `done` once the digests are there
   */
  async begin({ first, count, start, bytes }, slices, check) {
    this.#inspector.load(first, count, start, bytes);
    const found = {
      frames: new Uint8Array(count),
      sizes: new Float64Array(count),
      digests: new Uint8Array(this.#hashes ? 32 * count : 0),
      bad: [],
    };
    const hashing = [];
    for (let at = 0; at < count; at += 1) {
      if (slices?.over) await slices.next();
      check?.();
      const [what, frame, size, ...message] = this.#inspector.next();
      if (what === DAMAGED) {
        found.bad.push(at);
        continue;
      }
      found.frames[at] = frame;
      found.sizes[at] = size;
      if (what === TO_HASH) hashing.push(this.#hash(found.digests, at, message));
      else if (this.#hashes) found.digests.set(this.#inspector.digest(), 32 * at);
    }
    return { done: Promise.all(hashing).then(() => found) };
  }

  #hash(digests, at, [address, length]) {
    // WebCrypto copies the message before it answers, so the memory is free again.
    const message = new Uint8Array(this.#memory.buffer, address, length);
    return crypto.subtle
      .digest("SHA-256", message)
      .then((digest) => digests.set(new Uint8Array(digest), 32 * at));
  }

  /** Looks at one record again, for the report to say what is wrong with it. */
  again(record, start, bytes) {
    this.#inspector.load(record, 1, start, bytes);
    this.#inspector.next();
    return this.#inspector;
  }

  free() {
    this.#inspector.free();
  }
}
