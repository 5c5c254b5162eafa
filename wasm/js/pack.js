// Reading an open pack. This module fetches bytes; core decides which bytes are
// wanted next and whether they are sound.
import { SealpackError, guarded, invalidArgument } from "./errors.js";
import { abortable, throwIfAborted } from "./abort.js";
import { atLeastOne, checkPosition, checkRange, groupedByRecord } from "./checks.js";
import { reopen } from "./examine.js";
import { decodeInfo } from "./info.js";
import { Records, copyOf, itemOf, recordAt } from "./records.js";
import { PackCodec } from "./codec.js";
import { PackDecoder } from "./decoder.js";
import { Home } from "./home.js";
import { PackNames } from "./names.js";
import { describe, joined } from "./bytes.js";
import { ASYNC_DISPOSE, DISPOSE } from "./platform.js";
import { verifyPack } from "./verify.js";
import { readBatches, readItems, readableOf } from "./range.js";

/** @import { Signal } from "./abort.js" */
/** @import * as Public from "./index.js" */
/** @import { Buffers } from "./source/buffers.js" */
/** @import { PackSource } from "./source/from.js" */
/** @import { ReadGlue, WorkerStart } from "./examine.js" */
/** @import { Instance } from "./modules.js" */
/** @import { DecodedRecord } from "./records.js" */
/** @import { DigestList, DigestProof } from "./trust.js" */
/** @import { PackHandle, RangeRead } from "../dist/read.js" */
/** @typedef {{ read: RangeRead, memory: WebAssembly.Memory }} PlannedRead `memory` is that of the read's instance */

/** Records at most this many bytes apart share a request: a round trip costs about as much. */
const GAP = 64 * 1024;
const REQUEST_SIZE = 4 * 1024 * 1024;
const REQUESTS = 6;
/** Only open() has this key. */
export const PRIVATE = Symbol("sealpack");

/** @implements {Public.Pack} */
export class Pack {
  #source;
  #home;
  #size;
  #codec;
  #decoder;
  #recordLimit;
  #tailStart;
  #list;
  #records;
  #names;

  /**
   * @param {symbol} key
   * @param {object} parts
   * @param {PackSource} parts.source
   * @param {PackHandle} parts.handle
   * @param {number} parts.size
   * @param {Public.CodecChoice} parts.codec
   * @param {Public.DecoderChoice} parts.decoder
   * @param {number} parts.recordLimit
   * @param {DigestList | null} parts.list
   * @param {number} parts.cacheSize
   * @param {Instance<ReadGlue>} parts.instance
   * @param {(() => Promise<PackSource>) | undefined} parts.namesFile
   * @param {Uint8Array<ArrayBuffer> | undefined} parts.dictionary
   */
  constructor(key, parts) {
    const { source, handle, size, codec, decoder, recordLimit, list, cacheSize, instance, namesFile, dictionary } = parts;
    if (key !== PRIVATE) throw invalidArgument("a Pack is opened by open()");
    this.#source = source;
    this.#size = size;
    this.#recordLimit = recordLimit;
    this.#list = list;
    const { tailStart, hasDictionary, ...info } = decodeInfo(handle.info());
    this.#tailStart = tailStart;
    /**
     * @readonly
     * @type {Public.PackInfo}
     */
    this.info = Object.freeze({ ...info, fileSize: size });
    const needed = info.indexSize + info.appDataSize;
    this.#home = new Home(instance, handle, needed, (glue) => this.#reopened(glue));
    this.#records = new Records(this, cacheSize);
    this.#names = new PackNames(this, namesFile);
    const dictionaries = { isStored: hasDictionary, given: dictionary };
    this.#decoder = new PackDecoder(decoder, dictionaries, instance, (fast) => this.#home.moveTo(fast));
    this.#decoder.applyTo(handle); // before the codec, which uses it
    this.#codec = new PackCodec(codec, this.info.formatId, () => this.handle());
  }

  // ---- properties

  get length() {
    return this.info.totalItems;
  }

  get codec() {
    return this.#codec.name;
  }

  /** @type {Public.Pack["decoder"]} */
  get decoder() {
    return this.#decoder.name;
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
      const message = "a content hash does not cover the app data: open with digestRoot, or without trust";
      throw new SealpackError("untrusted", message, { section: "app-data" });
    }
    return /** @type {Uint8Array<ArrayBuffer>} */ (this.handle().appData(false));
  }

  /** @type {Public.Pack["names"]} */
  async names({ signal } = {}) {
    return this.#names.open(signal);
  }

  /** @type {Public.Pack["find"]} */
  async find(name, { signal } = {}) {
    return this.#names.find(name, signal);
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
  async get(position, options = {}) {
    this.handle();
    const { signal, requestSize, requests } = options;
    const isPlain = !signal?.aborted && requestSize === undefined && requests === undefined;
    const item = isPlain ? this.#records.itemInMemory(position) : undefined;
    return item ?? (await this.getMany([position], options))[0];
  }

  /** @type {Public.Pack["getMany"]} */
  async getMany(positions, { signal, gap = GAP, requestSize = REQUEST_SIZE, requests = REQUESTS } = {}) {
    this.handle();
    if (typeof positions?.[Symbol.iterator] !== "function") {
      throw invalidArgument(`the positions must be a list of numbers, not ${describe(positions)}`);
    }
    atLeastOne({ requestSize, requests });
    throwIfAborted(signal);
    const { itemsPerRecord } = this.info;
    const wanted = Array.from(positions);
    const places = groupedByRecord(wanted, this.length, itemsPerRecord);
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const items = new Array(wanted.length);
    const options = { signal, gap, requestSize, requests };
    await this.#records.forEach(Array.from(places.keys()), options, (number, record, own) => {
      const indices = places.get(number) ?? [];
      const whole = own && record.ends.length === 1 && indices.length === 1;
      for (const at of indices) {
        items[at] = whole ? record.payload : itemOf(record, wanted[at] - number * itemsPerRecord);
      }
    });
    this.handle();
    return items;
  }

  /** @type {Public.Pack["range"]} */
  range(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readItems(this, start, end, options);
  }

  /** @type {Public.Pack["batches"]} */
  batches(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readBatches(this, start, end, options);
  }

  /** @type {Public.Pack["stream"]} */
  stream(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readableOf((signal) => readItems(this, start, end, { ...options, signal }), options.signal);
  }

  /** @type {Public.Pack["verify"]} */
  async verify(options = {}) {
    const release = this.acquire();
    try {
      await this.chooseCodec(options.signal);
      this.work(this.info.recordsSize);
      return await verifyPack(this, options);
    } finally {
      release();
    }
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {Public.RangeOptions} options
   */
  #checkRange(start, end, { requestSize = REQUEST_SIZE }) {
    this.handle();
    atLeastOne({ requestSize });
    checkRange(start, end, this.length);
  }

  // ---- for the package's own modules

  /**
   * Loads what the records need before they can be read.
   *
   * @param {Signal} signal
   */
  async prepare(signal) {
    if (!["none", "custom"].includes(this.codec)) await abortable(this.#decoder.prepare(), signal);
  }

  /**
   * Counts stored bytes of records that are decoded.
   *
   * @param {number} bytes
   */
  work(bytes) {
    if (this.codec === "zstd") this.#decoder.work(bytes);
  }

  /** @param {Signal} signal */
  async chooseCodec(signal) {
    await this.#codec.choose((start, end) => this.readBytes(start, end), signal);
  }

  /**
   * The reads for these records, in file order.
   *
   * @param {number[]} numbers in ascending order
   * @param {number} gap
   * @param {number} requestSize
   */
  plan(numbers, gap, requestSize) {
    const firsts = Uint32Array.from(numbers, (number) => number * this.info.itemsPerRecord);
    return guarded(() => this.handle().plan(firsts, gap, requestSize));
  }

  /**
   * Fetches and decodes the records of a read.
   *
   * @param {PlannedRead} planned
   * @param {Signal} signal
   * @param {number} requestSize
   */
  async decodeRead(planned, signal, requestSize) {
    return this.decode(planned, ...(await this.fetch(planned.read, signal, requestSize)), signal);
  }

  /**
   * Fetches the bytes of a read, and the proof of its records. The bytes are
   * undefined if opening the pack read them.
   *
   * @param {RangeRead} read
   * @param {Signal} signal
   * @param {number} requestSize
   */
  fetch(read, signal, requestSize) {
    const [start, end, inTail] = read.range();
    const bytes = inTail ? undefined : this.readBytes(start, end, signal, { requestSize });
    return Promise.all([bytes, this.#list?.prove(read, signal)]);
  }

  /**
   * Decodes the records of a read and checks them against the proof.
   *
   * @param {PlannedRead} planned
   * @param {Uint8Array | undefined} bytes
   * @param {DigestProof | undefined} proof
   * @param {Signal} signal
   */
  async decode({ read, memory }, bytes, proof, signal) {
    guarded(() => read.supply(bytes));
    /** @type {Map<number, DecodedRecord>} */
    const records = new Map();
    const digests = [];
    for (const number of read.records()) {
      const place = await this.attempt(() => guarded(() => read.decodeNext()), signal);
      records.set(number, copyOf(recordAt(memory, place)));
      if (proof) digests.push(guarded(() => read.digest()));
    }
    this.work(bytes?.length ?? 0);
    if (proof) this.#list?.check(proof, joined(digests));
    return records;
  }

  /**
   * Decodes by a function that returns nothing while the codec is not known; detects it then.
   *
   * @template T
   * @param {() => T} decode
   * @param {Signal} signal
   * @returns {Promise<NonNullable<T>>}
   */
  async attempt(decode, signal) {
    this.handle();
    try {
      let decoded = decode();
      if (!decoded) {
        await this.chooseCodec(signal);
        this.handle();
        decoded = decode();
      }
      if (!decoded) throw new SealpackError("internal", "the codec was not detected");
      this.#codec.adopt(this.handle().codec);
      return decoded;
    } catch (error) {
      const explained = this.#decoder.explain(this.#codec.explain(/** @type {SealpackError} */ (error)));
      throw await this.#changedOrDamaged(explained, signal);
    }
  }

  /**
   * Decodes a record of a file that is in memory, into views that are valid until the next
   * call of the module. Undefined if the record must be authenticated, and if it cannot be
   * decoded: `decode` then reports the error.
   *
   * @param {number} number
   */
  decodeInMemory(number) {
    const { memory } = this.#source;
    if (!memory || this.#list || !["none", "zstd"].includes(this.codec)) return undefined;
    const release = this.acquire();
    try {
      const handle = this.handle();
      const [, offset, size] = handle.record(number, false);
      if (offset + size > memory.length) return undefined;
      const place = handle.decodeRecord(number, memory.subarray(offset, offset + size));
      this.work(size);
      return place && recordAt(this.instance.memory, place);
    } catch {
      return undefined;
    } finally {
      release();
    }
  }

  /** The content hash in the digest list; undefined without trust. */
  get trustedHash() {
    this.handle();
    return this.#list?.contentHash;
  }

  /** The module's handle; throws once the pack is closed. */
  handle() {
    return this.#home.handle;
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
      const message = `a record takes ${length} bytes in the file, above the limit of ${this.#recordLimit}`;
      throw new SealpackError("limit", message);
    }
    try {
      return await abortable(this.#source.read(start, length, { signal, buffers }), signal);
    } catch (error) {
      this.handle(); // "closed" explains more than the error of a closed source
      throw error;
    }
  }

  /**
   * Compares the trailer again after reading, if the responses have no ETag or date that
   * would show a change of the file.
   *
   * @param {Signal} signal
   */
  async sameVersion(signal) {
    if (this.isPinned) return;
    const { trailerSize } = this.info;
    const before = this.handle().tailBytes(this.#size - trailerSize, this.#size);
    const current = await this.readBytes(this.#size - trailerSize, this.#size, signal);
    if (before?.some((byte, at) => byte !== current[at])) {
      throw new SealpackError("changed", "the file changed while it was read: its trailer differs. Open it again");
    }
  }

  /**
   * `changed` instead of an error about damage, if the file changed meanwhile.
   *
   * @param {SealpackError} error
   * @param {Signal} signal
   */
  async #changedOrDamaged(error, signal) {
    if (this.isPinned || !["corrupt", "checksum"].includes(error.code)) return error;
    return this.sameVersion(signal).then(
      () => error,
      (other) => (other.code === "changed" ? other : error),
    );
  }

  /** Whether every response would show a change of the file. */
  get isPinned() {
    return this.#source.pinned !== false;
  }

  /** Whether bytes that are read belong to the source, and must not be transferred or modified. */
  get lends() {
    return this.#source.lends === true;
  }

  /** @returns {Promise<Omit<WorkerStart, "digests">>} */
  async forWorkers() {
    await this.#decoder.loaded; // workers start with the decoder that they keep
    const { name, compiled } = this.instance.module;
    const { dictionary } = this.#decoder;
    const start = { name: /** @type {WorkerStart["name"]} */ (name), module: compiled, codec: this.codec, dictionary };
    return { ...start, ...this.#opened() };
  }

  /** @param {ReadGlue} glue */
  #reopened(glue) {
    const handle = reopen(glue, this.#opened());
    this.#decoder.applyTo(handle);
    this.#codec.applyTo(handle);
    return handle;
  }

  /** What `reopen` needs. */
  #opened() {
    const tail = this.handle().tailBytes(this.#tailStart, this.#size) ?? new Uint8Array(0);
    return { size: this.#size, tail, recordLimit: this.#recordLimit };
  }

  /** The instance of the wasm module that the handle belongs to. */
  get instance() {
    return this.#home.instance;
  }

  /**
   * Marks the handle as used.
   *
   * @returns {() => void} ends the use
   */
  acquire() {
    this.handle();
    return this.#home.acquire();
  }

  // ---- closing

  /** @type {Public.Pack["close"]} */
  close() {
    if (!this.#home.close()) return undefined;
    this.#names.close();
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
