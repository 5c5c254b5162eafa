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
 * The item in a slot of a record, as a copy.
 *
 * @param {DecodedRecord} record
 * @param {number} slot
 */
export const itemOf = ({ payload, ends }, slot) => payload.slice(slot ? ends[slot - 1] : 0, ends[slot]);

/** The least recently used records are dropped once all of them take more than `limit` bytes. */
class RecordCache {
  #limit;
  #size = 0;
  /** @type {Map<number, DecodedRecord>} the least recently used first */
  #records = new Map();

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit;
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

/** A read in flight, for all callers that wait for one of its records. */
class Flight {
  /** How many callers wait; without any the read is cancelled. */
  waiting = 0;
  ended = false;
  #controller = platform.newController();
  /** @type {(records: Map<number, DecodedRecord>) => void} */
  resolve = () => {};
  /** @type {(error: unknown) => void} */
  reject = () => {};
  /** @type {Promise<Map<number, DecodedRecord>>} */
  done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));

  /** @param {RangeRead} read */
  constructor(read) {
    this.read = read;
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
  /** @type {Map<number, Flight>} */
  #flights = new Map();

  /**
   * @param {Pack} pack
   * @param {number} cacheSize in bytes
   */
  constructor(pack, cacheSize) {
    this.#pack = pack;
    this.#cache = new RecordCache(cacheSize);
  }

  /**
   * Calls `use` with each of these records, in any order. `own` says that
   * nothing else refers to the record.
   *
   * @param {number[]} numbers without repetition
   * @param {FetchOptions} options
   * @param {(number: number, record: DecodedRecord, own: boolean) => void} use
   */
  async each(numbers, options, use) {
    const slices = new Slices();
    const missing = new Set();
    for (const number of numbers) {
      const record = this.#cache.get(number);
      if (record) use(number, record, false);
      else missing.add(number);
      if (slices.over) await slices.next();
    }
    if (!missing.size) return;
    const flights = this.#join(Array.from(missing), options);
    const useAll = async (/** @type {Flight} */ flight) => {
      const records = await flight.done;
      const own = flight.waiting === 1;
      for (const [number, record] of records) {
        if (missing.has(number)) use(number, record, own && !this.#cache.get(number));
        if (slices.over) await slices.next();
      }
    };
    try {
      await abortable(Promise.all(Array.from(flights, useAll)), options.signal);
    } finally {
      for (const flight of flights) flight.leave();
    }
  }

  /**
   * The flights of these records; starts those that are not in flight.
   *
   * @param {number[]} missing
   * @param {FetchOptions} options
   */
  #join(missing, { gap, requestSize, requests }) {
    // A flight that was cancelled has not ended yet: do not join it.
    const isNew = (/** @type {number} */ number) => this.#flights.get(number)?.signal.aborted !== false;
    const start = missing.filter(isNew).sort((a, b) => a - b);
    const started = this.#pack.plan(start, gap, requestSize).map((read) => new Flight(read));
    for (const flight of started) {
      for (const number of flight.numbers) this.#flights.set(number, flight);
    }
    const flights = new Set(missing.map((number) => /** @type {Flight} */ (this.#flights.get(number))));
    for (const flight of flights) flight.waiting += 1;
    if (started.length) this.#run(started, requests, requestSize);
    return flights;
  }

  /**
   * Runs flights, up to `requests` at once.
   *
   * @param {Flight[]} flights
   * @param {number} requests
   * @param {number} requestSize
   */
  async #run(flights, requests, requestSize) {
    const release = this.#pack.acquire();
    const queue = flights.values();
    const slices = new Slices();
    /** @type {[Flight, Map<number, DecodedRecord>][]} */
    const unchecked = [];
    const work = async () => {
      for (const flight of queue) {
        try {
          throwIfAborted(flight.signal);
          const records = await this.#pack.decodeRead(flight.read, flight.signal, requestSize);
          if (this.#pack.isPinned) this.#land(flight, records);
          else unchecked.push([flight, records]);
        } catch (error) {
          this.#end(flight);
          flight.reject(error);
        }
        flight.read.free();
        if (slices.over) await slices.next();
      }
    };
    await Promise.all(Array.from({ length: Math.min(requests, flights.length) }, work));
    try {
      // One look at the trailer for all of them.
      if (unchecked.length) await this.#pack.sameVersion(undefined);
      for (const [flight, records] of unchecked) this.#land(flight, records);
    } catch (error) {
      for (const [flight] of unchecked) {
        this.#end(flight);
        flight.reject(error);
      }
    }
    release();
  }

  /**
   * @param {Flight} flight
   * @param {Map<number, DecodedRecord>} records
   */
  #land(flight, records) {
    this.#end(flight);
    for (const [number, record] of records) this.#cache.set(number, record);
    flight.resolve(records);
  }

  /** @param {Flight} flight */
  #end(flight) {
    flight.ended = true;
    for (const number of flight.numbers) {
      if (this.#flights.get(number) === flight) this.#flights.delete(number);
    }
  }
}
