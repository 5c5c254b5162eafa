// Examining a run of records, on the page's thread or in a worker.

/** @import { PackHandle, RunExaminer } from "../dist/read.js" */
/** @import { Slices } from "./schedule.js" */
/** @typedef {ReturnType<typeof import("../dist/read.js").newGlue>} ReadGlue */
/**
 * What a worker needs to examine records of a pack.
 *
 * @typedef {object} WorkerStart
 * @property {"read" | "fast" | "build"} name the name of the module
 * @property {any} module
 * @property {number} size
 * @property {Uint8Array} tail
 * @property {string} codec
 * @property {number} recordLimit
 * @property {boolean} digests
 * @property {Uint8Array | undefined} dictionary the caller's
 */
/** @typedef {{ first: number, count: number, start: number, bytes: Uint8Array<ArrayBuffer> }} Run */
/**
 * The findings of a run, as plain numbers and digests that a worker can post.
 *
 * @typedef {{ frames: Uint8Array, sizes: Float64Array, digests: Uint8Array, damaged: number[] }} Findings
 */

/** WebCrypto hashes messages above this size: for smaller ones the call costs more than it saves. */
const WEBCRYPTO_FROM = 2048;
const MAX_U32 = 0xffffffff;

// the first number of RunExaminer.next(), as in verify.rs
const DAMAGED = 0;
const TO_HASH = 2;

/**
 * A handle for a pack that was opened before, from its trailer, index and app data.
 *
 * @param {ReadGlue} glue
 * @param {{ size: number, tail: Uint8Array, recordLimit: number }} pack
 */
export function reopen(glue, { size, tail, recordLimit }) {
  const opening = new glue.PackOpening(size, recordLimit);
  const tailStart = size - tail.length;
  for (;;) {
    const [start, end] = opening.wanted();
    const handle = opening.supply(tail.subarray(start - tailStart, end - tailStart));
    if (!handle) continue;
    opening.free();
    return handle;
  }
}

/** The examiner of one thread. */
export class LaneExaminer {
  /** @type {RunExaminer} */
  #examiner;
  #memory;
  #hashes;

  /**
   * @param {ReadGlue} glue
   * @param {WebAssembly.Memory} memory
   * @param {PackHandle} pack
   * @param {Function | undefined} extract
   * @param {boolean} digests whether to compute digests even if the pack stores no content hash
   */
  constructor(glue, memory, pack, extract, digests) {
    const subtle = globalThis.crypto?.subtle; // only secure contexts have it
    const maxHashed = subtle ? WEBCRYPTO_FROM : MAX_U32;
    this.#examiner = new glue.RunExaminer(pack, maxHashed, extract, digests);
    this.#memory = memory;
    this.#hashes = digests || Boolean(pack.info()[2]);
  }

  /**
   * Examines a run. The promise is fulfilled once the next run may begin; its
   * `done` once the digests are computed.
   *
   * @param {Run} run
   * @param {Slices} [slices] on the page's thread: yields to the event loop
   * @param {() => void} [check] throws to stop between records
   * @returns {Promise<{ done: Promise<Findings> }>}
   */
  async begin({ first, count, start, bytes }, slices, check) {
    this.#examiner.load(first, count, start, bytes);
    /** @type {Findings} */
    const found = {
      frames: new Uint8Array(count),
      sizes: new Float64Array(count),
      digests: new Uint8Array(this.#hashes ? 32 * count : 0),
      damaged: [],
    };
    const hashing = [];
    for (let at = 0; at < count; at += 1) {
      if (slices?.over) await slices.next();
      check?.();
      const [kind, frame, size, ...message] = this.#examiner.next() ?? [];
      if (kind === DAMAGED) {
        found.damaged.push(at);
        continue;
      }
      found.frames[at] = frame;
      found.sizes[at] = size;
      if (kind === TO_HASH) hashing.push(this.#hash(found.digests, at, message));
      else if (this.#hashes) found.digests.set(this.#examiner.digest() ?? [], 32 * at);
    }
    return { done: Promise.all(hashing).then(() => found) };
  }

  /**
   * @param {Uint8Array} digests
   * @param {number} at
   * @param {number[]} message
   */
  #hash(digests, at, [address, length]) {
    // WebCrypto copies the message before it returns, so the memory may be reused.
    const message = new Uint8Array(this.#memory.buffer, address, length);
    return crypto.subtle
      .digest("SHA-256", /** @type {Uint8Array<ArrayBuffer>} */ (message))
      .then((digest) => digests.set(new Uint8Array(digest), 32 * at));
  }

  /**
   * Examines one record again, for the report of its damage.
   *
   * @param {number} record
   * @param {number} start
   * @param {Uint8Array} bytes
   */
  examineAgain(record, start, bytes) {
    this.#examiner.load(record, 1, start, bytes);
    this.#examiner.next();
    return this.#examiner;
  }

  free() {
    this.#examiner.free();
  }
}
