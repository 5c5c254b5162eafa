// The decoded records of a pack. Reads of one record that are in flight share
// its request and its decoding, and a cache keeps the records used last.
import { abortable, throwIfAborted } from "./abort.js";
import { platform } from "./platform.js";
import { Slices } from "./schedule.js";

/** @import { Signal } from "./abort.js" */
/** @import { Pack } from "./pack.js" */
/** @import { RangeRead } from "../dist/read.js" */
/** @typedef {{ payload: Uint8Array<ArrayBuffer>, ends: Uint32Array }} DecodedRecord */
/** @typedef {{ signal: Signal, gap: number, requestSize: number, requests: number }} FetchOptions */

/**
 * A record in a module's memory, as views that are valid until the memory grows or the
 * record's place is used again.
 *
 * @param {WebAssembly.Memory} memory
 * @param {ArrayLike<number>} place as `RangeRead.decodeNext` returns it
 * @returns {DecodedRecord}
 */
export function recordAt({ buffer }, place) {
  const payload = new Uint8Array(/** @type {ArrayBuffer} */ (buffer), place[0], place[1]);
  return { payload, ends: new Uint32Array(buffer, place[2], place[3]) };
}

/**
 * The record in memory of its own. For a browser that takes about as long as decoding it.
 *
 * @param {DecodedRecord} record
 * @returns {DecodedRecord}
 */
export const copyOf = ({ payload, ends }) => ({ payload: new Uint8Array(payload), ends: new Uint32Array(ends) });

/**
 * The item in a slot of a record, as a copy.
 *
 * @param {DecodedRecord} record
 * @param {number} slot
 */
export const itemOf = ({ payload, ends }, slot) => payload.slice(slot ? ends[slot - 1] : 0, ends[slot]);

/** How many records the cache remembers that were read once. */
const MAX_SEEN = 4096;

/** The least recently used records are dropped once all of them take more than `limit` bytes. */
class RecordCache {
  #limit;
  #size = 0;
  /** @type {Set<number>} records that were read once, and not kept */
  #seen = new Set();
  /** @type {Map<number, DecodedRecord>} the least recently used first */
  #records = new Map();

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit;
  }

  /**
   * Whether to keep a record of a file in memory: from its second read on, so that random
   * reads do not copy records.
   *
   * @param {number} number
   */
  wants(number) {
    if (!this.#limit || this.#seen.delete(number)) return this.#limit > 0;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.add(number);
    return false;
  }

  /** @param {number} number */
  get(number) {
    const record = this.#records.get(number);
    if (!record) return undefined;
    this.#records.delete(number);
    this.#records.set(number, record);
    return record;
  }

  /**
   * @param {number} number
   * @param {DecodedRecord} record
   */
  set(number, record) {
    if (sizeOf(record) > this.#limit || this.#records.has(number)) return;
    this.#records.set(number, record);
    this.#size += sizeOf(record);
    for (const [oldest, dropped] of this.#records) {
      if (this.#size <= this.#limit) break;
      this.#records.delete(oldest);
      this.#size -= sizeOf(dropped);
    }
  }
}

/** @param {DecodedRecord} record */
const sizeOf = ({ payload, ends }) => payload.byteLength + ends.byteLength;

/** A read in flight, which all callers that need one of its records share. */
class SharedRead {
  /** The number of callers that wait; at 0 the read is cancelled. */
  waiting = 0;
  ended = false;
  #controller = platform.newController();
  /** @type {(records: Map<number, DecodedRecord>) => void} */
  resolve = () => {};
  /** @type {(error: unknown) => void} */
  reject = () => {};
  /** @type {Promise<Map<number, DecodedRecord>>} */
  done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));

  /**
   * @param {RangeRead} read
   * @param {WebAssembly.Memory} memory that of its instance
   */
  constructor(read, memory) {
    this.read = read;
    this.memory = memory;
    this.numbers = read.records();
    this.signal = this.#controller.signal;
    this.done.catch(() => {}); // the callers that wait await it too
  }

  leave() {
    this.waiting -= 1;
    if (this.waiting === 0 && !this.ended) this.#controller.abort();
  }
}

export class Records {
  #pack;
  #cache;
  /** @type {Map<number, SharedRead>} */
  #reads = new Map();

  /**
   * @param {Pack} pack
   * @param {number} cacheSize in bytes
   */
  constructor(pack, cacheSize) {
    this.#pack = pack;
    this.#cache = new RecordCache(cacheSize);
  }

  /**
   * The item, synchronously, if its record is in the cache or the file is in memory.
   * Undefined for any other item, and for an invalid position.
   *
   * @param {number} position
   */
  itemInMemory(position) {
    if (!Number.isInteger(position) || position < 0 || position >= this.#pack.length) return undefined;
    const { itemsPerRecord } = this.#pack.info;
    const number = Math.floor(position / itemsPerRecord);
    const slot = position - number * itemsPerRecord;
    const cached = this.#cache.get(number);
    if (cached) return itemOf(cached, slot);
    if (this.#reads.has(number)) return undefined;
    const record = this.#pack.decodeInMemory(number);
    if (!record) return undefined;
    if (this.#cache.wants(number)) this.#cache.set(number, copyOf(record));
    return itemOf(record, slot);
  }

  /**
   * Calls `use` with each of these records, in any order. `own` is true if nothing else
   * refers to the record.
   *
   * @param {number[]} numbers without repetition
   * @param {FetchOptions} options
   * @param {(number: number, record: DecodedRecord, own: boolean) => void} use
   */
  async forEach(numbers, options, use) {
    const slices = new Slices();
    const missing = new Set();
    for (const number of numbers) {
      const record = this.#cache.get(number);
      if (record) use(number, record, false);
      else missing.add(number);
      if (slices.over) await slices.next();
    }
    if (!missing.size) return;
    const reads = this.#join(Array.from(missing), options);
    const useAll = async (/** @type {SharedRead} */ shared) => {
      const records = await shared.done;
      const own = shared.waiting === 1;
      for (const [number, record] of records) {
        if (missing.has(number)) use(number, record, own && !this.#cache.get(number));
        if (slices.over) await slices.next();
      }
    };
    try {
      await abortable(Promise.all(Array.from(reads, useAll)), options.signal);
    } finally {
      for (const shared of reads) shared.leave();
    }
  }

  /**
   * The reads of these records; starts those that are not in flight.
   *
   * @param {number[]} missing
   * @param {FetchOptions} options
   */
  #join(missing, { gap, requestSize, requests }) {
    // A read that was cancelled may not have ended yet: do not join it.
    const isNew = (/** @type {number} */ number) => this.#reads.get(number)?.signal.aborted !== false;
    const start = missing.filter(isNew).sort((a, b) => a - b);
    const { memory } = this.#pack.instance;
    const started = this.#pack.plan(start, gap, requestSize).map((read) => new SharedRead(read, memory));
    for (const shared of started) {
      for (const number of shared.numbers) this.#reads.set(number, shared);
    }
    const reads = new Set(missing.map((number) => /** @type {SharedRead} */ (this.#reads.get(number))));
    for (const shared of reads) shared.waiting += 1;
    if (started.length) this.#run(started, requests, requestSize);
    return reads;
  }

  /**
   * Runs reads, up to `requests` at once.
   *
   * @param {SharedRead[]} reads
   * @param {number} requests
   * @param {number} requestSize
   */
  async #run(reads, requests, requestSize) {
    const release = this.#pack.acquire();
    const queue = reads.values();
    const slices = new Slices();
    /** @type {[SharedRead, Map<number, DecodedRecord>][]} */
    const unchecked = [];
    const work = async () => {
      for (const shared of queue) {
        try {
          throwIfAborted(shared.signal);
          const records = await this.#pack.decodeRead(shared, shared.signal, requestSize);
          if (this.#pack.isPinned) this.#complete(shared, records);
          else unchecked.push([shared, records]);
        } catch (error) {
          this.#remove(shared);
          shared.reject(error);
        }
        shared.read.free();
        if (slices.over) await slices.next();
      }
    };
    await Promise.all(Array.from({ length: Math.min(requests, reads.length) }, work));
    try {
      // One check of the trailer for all of them.
      if (unchecked.length) await this.#pack.sameVersion(undefined);
      for (const [shared, records] of unchecked) this.#complete(shared, records);
    } catch (error) {
      for (const [shared] of unchecked) {
        this.#remove(shared);
        shared.reject(error);
      }
    }
    release();
  }

  /**
   * @param {SharedRead} shared
   * @param {Map<number, DecodedRecord>} records
   */
  #complete(shared, records) {
    this.#remove(shared);
    for (const [number, record] of records) this.#cache.set(number, record);
    shared.resolve(records);
  }

  /** @param {SharedRead} shared */
  #remove(shared) {
    shared.ended = true;
    for (const number of shared.numbers) {
      if (this.#reads.get(number) === shared) this.#reads.delete(number);
    }
  }
}
