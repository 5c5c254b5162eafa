// Reading an open pack. This module fetches bytes; core decides which bytes are
// wanted next and whether they are sound.
import { reading } from "./modules.js";
import { SealpackError, aborted, guarded, invalidArgument } from "./errors.js";
import { abortable, linked } from "./abort.js";
import { PackCodec } from "./codec.js";
import { describe, toHex } from "./bytes.js";
import { ASYNC_DISPOSE, DISPOSE } from "./platform.js";
import { verifyPack } from "./verify.js";
import { readItems, readableOf } from "./range.js";
import { Slices } from "./schedule.js";

/** @import { Signal } from "./abort.js" */
/** @import * as Public from "./index.js" */
/** @import { Buffers } from "./source/buffers.js" */
/** @import { PackSource } from "./source/from.js" */
/** @import { DigestList, Proof } from "./trust.js" */
/** @import { PackHandle, RangeRead } from "../dist/read.js" */
/**
 * What a worker needs to examine records of a pack.
 *
 * @typedef {object} WorkerStart
 * @property {any} module
 * @property {boolean} isLarger
 * @property {number} size
 * @property {Uint8Array} tail
 * @property {string} codec
 * @property {number} recordLimit
 * @property {boolean} digests
 */

/** Records at most this many bytes apart share a request: a round trip costs about as much. */
const GAP = 64 * 1024;
const REQUEST_SIZE = 4 * 1024 * 1024;
const REQUESTS = 6;
/** Only open() has this key. */
export const PRIVATE = Symbol("sealpack");

/** @implements {Public.Pack} */
export class Pack {
  #source;
  #handle;
  #size;
  #codec;
  #recordLimit;
  #tailStart;
  #list;

  /**
   * @param {symbol} key
   * @param {object} parts
   * @param {PackSource} parts.source
   * @param {PackHandle} parts.handle
   * @param {number} parts.size
   * @param {Public.CodecChoice} parts.codec
   * @param {number} parts.recordLimit
   * @param {DigestList | null} parts.list
   */
  constructor(key, { source, handle, size, codec, recordLimit, list }) {
    if (key !== PRIVATE) throw invalidArgument("open() makes a Pack");
    this.#source = source;
    this.#handle = /** @type {PackHandle | null} */ (handle);
    this.#size = size;
    this.#recordLimit = recordLimit;
    this.#list = list;
    const { tailStart, ...info } = decodeInfo(handle.info());
    this.#tailStart = tailStart;
    /**
     * @readonly
     * @type {Public.PackInfo}
     */
    this.info = Object.freeze({ ...info, fileSize: size });
    this.#codec = new PackCodec(codec, this.info.formatId, () => this.handle());
  }

  // ---- properties

  get length() {
    return this.info.totalItems;
  }

  get codec() {
    return this.#codec.name;
  }

  /** @type {Public.Pack["trustedBy"]} */
  get trustedBy() {
    if (!this.#list) return null;
    return this.#list.isRoot ? "digest-root" : "content-hash";
  }

  /** @type {Public.Pack["layers"]} */
  get layers() {
    const { dialect, appDataSize } = this.info;
    const covered = appDataSize > 0 && dialect === "app-data-crc";
    return { structure: "passed", index: "passed", app_data: covered ? "passed" : "not_present" };
  }

  async appData() {
    if (this.trustedBy === "content-hash") {
      throw new SealpackError(
        "untrusted",
        "a content hash does not cover the app data: open with digestRoot, or without trust",
        { section: "app-data" },
      );
    }
    return /** @type {Uint8Array<ArrayBuffer>} */ (this.handle().appData());
  }

  /** @type {Public.Pack["record"]} */
  record(number) {
    return this.#place(number, "record", this.info.recordCount);
  }

  /** @type {Public.Pack["recordOf"]} */
  recordOf(position) {
    return this.#place(position, "item", this.length);
  }

  /**
   * @param {number} which
   * @param {"item" | "record"} what
   * @param {number} count
   */
  #place(which, what, count) {
    const handle = this.handle();
    checkPosition(which, what, count);
    const [number, offset, size, firstItem, itemCount] = guarded(() => handle.record(which, what === "item"));
    return { number, offset, size, firstItem, itemCount };
  }

  // ---- reading

  /** @type {Public.Pack["get"]} */
  async get(position, options) {
    const [item] = await this.getMany([position], options);
    return item;
  }

  /** @type {Public.Pack["getMany"]} */
  async getMany(positions, { signal, gap = GAP, requestSize = REQUEST_SIZE, requests = REQUESTS } = {}) {
    const handle = this.handle();
    if (typeof positions?.[Symbol.iterator] !== "function") {
      throw invalidArgument(`the positions are a list of numbers, not ${describe(positions)}`);
    }
    atLeastOne({ requestSize, requests });
    const wanted = Array.from(positions);
    for (const position of wanted) checkPosition(position, "item", this.length);
    const items = new Array(wanted.length);
    if (!wanted.length) return items;
    const order = Uint32Array.from(wanted.keys()).sort((a, b) => wanted[a] - wanted[b]);
    const reads = guarded(() => handle.plan(Uint32Array.from(wanted), order, gap, requestSize));
    try {
      const taken = this.#whileReading(reads, items, { signal, requests, requestSize });
      await Promise.all([taken, this.chooseCodec(signal)]);
      this.handle();
      return items;
    } finally {
      for (const read of reads) read.free();
    }
  }

  /**
   * Runs up to `requests` reads at once; the first error stops the others.
   *
   * @param {RangeRead[]} reads
   * @param {Uint8Array<ArrayBuffer>[]} items
   * @param {{ signal: Signal, requests: number, requestSize: number }} options
   */
  async #whileReading(reads, items, { signal, requests, requestSize }) {
    const all = linked(signal);
    const queue = reads.values();
    const slices = new Slices();
    const worker = async () => {
      for (const read of queue) {
        await this.#takeRead(read, items, { signal: all.signal, requestSize });
        if (slices.over) await slices.next();
      }
    };
    try {
      const workers = Array.from({ length: Math.min(requests, reads.length) }, worker);
      await Promise.all(workers);
      await this.sameVersion(signal);
    } catch (error) {
      all.abort(error);
      throw signal?.aborted ? aborted(signal) : error;
    } finally {
      all.release();
    }
  }

  /**
   * @param {RangeRead} read
   * @param {Uint8Array<ArrayBuffer>[]} items
   * @param {{ signal: Signal, requestSize: number }} options
   */
  async #takeRead(read, items, { signal, requestSize }) {
    const [start, end, inTail] = read.range();
    const fetched = inTail ? undefined : this.readBytes(start, end, signal, { requestSize });
    const [bytes, , proof] = await Promise.all([fetched, this.chooseCodec(signal), this.prove(read, signal)]);
    await this.take(read, bytes, proof, items, signal);
  }

  /** @type {Public.Pack["range"]} */
  range(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readItems(this, start, end, options);
  }

  /** @type {Public.Pack["stream"]} */
  stream(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readableOf((signal) => readItems(this, start, end, { ...options, signal }), options.signal);
  }

  /** @type {Public.Pack["verify"]} */
  async verify(options = {}) {
    this.handle();
    await this.chooseCodec(options.signal);
    return verifyPack(this, options);
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {Public.RangeOptions} options
   */
  #checkRange(start, end, { requestSize = REQUEST_SIZE }) {
    this.handle();
    atLeastOne({ requestSize });
    for (const bound of [start, end]) {
      if (!Number.isInteger(bound)) throw invalidArgument(`a position is a whole number, not ${bound}`);
    }
    if (start < 0 || end < start || end > this.length) {
      throw new SealpackError(
        "out-of-range",
        `no items ${start} to ${end}: the pack has ${this.length}, counted from 0`,
      );
    }
  }

  // ---- for the package's own modules

  /** @param {Signal} signal */
  async chooseCodec(signal) {
    await this.#codec.choose((start, end) => this.readBytes(start, end), signal);
  }

  /**
   * Fetches the proof of the records of a read, if the pack was opened with trust.
   *
   * @param {RangeRead} read
   * @param {Signal} signal
   */
  async prove(read, signal) {
    this.handle();
    return this.#list?.prove(read, signal);
  }

  /**
   * Decodes the items of a read and checks them against the proof. `bytes` is
   * undefined if opening the pack read them. After an error none of the items
   * may be returned to the caller.
   *
   * @param {RangeRead} read
   * @param {Uint8Array | undefined} bytes
   * @param {Proof | undefined} proof
   * @param {Uint8Array<ArrayBuffer>[]} items
   * @param {Signal} signal
   */
  async take(read, bytes, proof, items, signal) {
    this.handle();
    let digests;
    try {
      digests = guarded(() => read.take(bytes, items, Boolean(this.#list)));
    } catch (error) {
      const explained = this.#codec.explain(/** @type {SealpackError} */ (error));
      throw await this.#changedOrDamaged(explained, signal);
    }
    if (proof) this.#list?.check(proof, digests);
  }

  /** The content hash in the digest list; undefined without trust. */
  get trustedHash() {
    this.handle();
    return this.#list?.contentHash;
  }

  /** The module's handle; throws once the pack is closed. */
  handle() {
    if (!this.#handle) throw new SealpackError("closed", "the pack is closed");
    return this.#handle;
  }

  /**
   * Bytes start..end of the file, all of one version of it.
   *
   * @param {number} start
   * @param {number} end
   * @param {Signal} [signal]
   * @param {{ buffers?: Buffers, requestSize?: number }} [options] `buffers` lends the memory, unless
   *   the source lends its own; `requestSize` is the limit for reads of several records
   */
  async readBytes(start, end, signal, { buffers, requestSize = 0 } = {}) {
    const length = end - start;
    this.handle();
    // Only a single record may be longer than a request.
    if (length > Math.max(this.#recordLimit + REQUEST_SIZE, requestSize)) {
      throw new SealpackError(
        "limit",
        `a record takes ${length} bytes in the file, above the limit of ${this.#recordLimit}`,
      );
    }
    try {
      return await abortable(this.#source.read(start, length, { signal, buffers }), signal);
    } catch (error) {
      this.handle(); // "closed" explains more than the error of a closed source
      throw error;
    }
  }

  /**
   * Reads the trailer again after reading, if no header would show a change of
   * the file.
   *
   * @param {Signal} signal
   */
  async sameVersion(signal) {
    if (this.#source.pinned !== false) return;
    const { trailerSize } = this.info;
    const before = this.handle().tailBytes(this.#size - trailerSize, this.#size);
    const now = await this.readBytes(this.#size - trailerSize, this.#size, signal);
    if (before?.some((byte, at) => byte !== now[at])) {
      throw new SealpackError(
        "changed",
        "the file changed while it was read: its trailer differs. Open it again",
      );
    }
  }

  /**
   * `changed` instead of an error about damage, if the file changed meanwhile.
   *
   * @param {SealpackError} error
   * @param {Signal} signal
   */
  async #changedOrDamaged(error, signal) {
    if (this.#source.pinned !== false || !["corrupt", "checksum"].includes(error.code)) return error;
    return this.sameVersion(signal).then(
      () => error,
      (other) => (other.code === "changed" ? other : error),
    );
  }

  /** Whether bytes that are read belong to the source, and must not be transferred or modified. */
  get lends() {
    return this.#source.lends === true;
  }

  /** @returns {Omit<WorkerStart, "digests">} */
  forWorkers() {
    const tail = this.handle().tailBytes(this.#tailStart, this.#size) ?? new Uint8Array(0);
    return {
      module: reading.compiled,
      isLarger: reading.isLarger,
      size: this.#size,
      tail,
      codec: this.codec,
      recordLimit: this.#recordLimit,
    };
  }

  // ---- closing

  /** @type {Public.Pack["close"]} */
  close() {
    const handle = this.#handle;
    if (!handle) return undefined;
    this.#handle = null;
    handle.free();
    const closing = this.#list?.close();
    return closing ? Promise.all([closing, this.#source.close?.()]).then(() => {}) : this.#source.close?.();
  }

  [DISPOSE]() {
    Promise.resolve(this.close()).catch(() => {}); // a synchronous dispose cannot report it
  }

  async [ASYNC_DISPOSE]() {
    await this.close();
  }
}

/**
 * Names the numbers of an open pack.
 *
 * @param {any[]} info
 */
function decodeInfo([numbers, formatName, contentHash]) {
  const [formatId, recordCount, totalItems, itemsPerRecord, indexSize, appDataSize, ...places] = numbers;
  const [trailerSize, recordsSize, tailStart, recordChecksum, withCrc] = places;
  return {
    formatId,
    recordCount,
    totalItems,
    itemsPerRecord,
    indexSize,
    appDataSize,
    version: 1,
    trailerSize,
    recordsSize,
    tailStart,
    recordChecksum: Boolean(recordChecksum),
    dialect: /** @type {Public.PackInfo["dialect"]} */ (withCrc ? "app-data-crc" : "no-app-data-crc"),
    formatName,
    contentHash: contentHash && toHex(contentHash),
  };
}

/** @param {Record<string, number>} options */
function atLeastOne(options) {
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isInteger(value) || value < 1) {
      throw invalidArgument(`${name} is a whole number of at least 1, not ${String(value)}`);
    }
  }
}

/**
 * @param {number} position
 * @param {"item" | "record"} what
 * @param {number} count
 */
function checkPosition(position, what, count) {
  if (typeof position !== "number" || !Number.isInteger(position)) {
    throw invalidArgument(
      `the position of ${what === "item" ? "an item" : "a record"} is a whole number, not ${String(position)}`,
    );
  }
  if (position < 0 || position >= count) {
    throw new SealpackError("out-of-range", `no ${what} ${position}: the pack has ${count}, counted from 0`);
  }
}
