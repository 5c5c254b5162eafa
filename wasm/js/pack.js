// Opening a pack and reading it. The waiting is here; which bytes are wanted
// next, and whether they are sound, core says.
import { reading } from "./modules.js";
import { SealpackError, aborted, guarded, invalidArgument, listener } from "./errors.js";
import { abortable, linked, throwIfAborted } from "./abort.js";
import { PackCodec, checkCodec } from "./codec.js";
import { sourceFrom } from "./source/from.js";
import { describe, toHex } from "./bytes.js";
import { verifyPack } from "./verify.js";
import { readItems, readableOf } from "./range.js";
import { Slices } from "./schedule.js";
import { DigestList, trustFrom } from "./trust.js";

/** The most bytes that a record may decode to, unless the caller says otherwise. */
const RECORD_LIMIT = 256 * 1024 * 1024;
/** The most bytes that are held of index and app data. */
const DIRECTORY_LIMIT = 512 * 1024 * 1024;
/** Two records this close together are fetched in one request: about what a round trip costs. */
const GAP = 64 * 1024;
const REQUEST_SIZE = 4 * 1024 * 1024;
const REQUESTS = 6;
const PRIVATE = Symbol("sealpack");

export async function open(input, options = {}) {
  const { signal, codec = "auto", recordLimit = RECORD_LIMIT } = options;
  const onProgress = listener(options.onProgress);
  const source = await sourceFrom(input, options);
  let list = null;
  try {
    checkCodec(codec);
    const trust = trustFrom(options);
    throwIfAborted(signal);
    await abortable(reading.load(), signal);
    list = trust && (await DigestList.start(trust, signal));
    const { size, tail } = await sizeAndTail(source, signal, onProgress);
    const inner = await openLoop(source, size, tail, { signal, recordLimit, onProgress });
    const pack = new Pack(PRIVATE, { source, inner, size, codec, recordLimit, list });
    if (list) await hold(pack, inner, list, signal);
    return pack;
  } catch (error) {
    await Promise.allSettled([list?.close(), source.close?.()]);
    throw error;
  }
}

/**
 * Holds a pack to a digest list. A content hash does not vouch for the number
 * of items in a record: the digests of the first and the last record do.
 */
async function hold(pack, inner, list, signal) {
  const { fileSize, trailerSize } = pack.info;
  await list.hold(inner.tailBytes(fileSize - trailerSize, fileSize), inner.appData(), signal);
  // In this order: the first must be known before the last says anything.
  if (!list.isRoot && pack.length) {
    await pack.getMany([0], { signal });
    await pack.getMany([pack.length - 1], { signal });
  }
  if (!list.settled) throw new SealpackError("untrusted", "the first and the last record were not compared");
}

/** The size, and the end of the file where the source gives both at once. */
async function sizeAndTail(source, signal, onProgress) {
  if (!source.tail) return { size: await abortable(source.size(signal), signal) };
  let loaded = 0;
  const onBytes = onProgress && ((more) => onProgress({ loaded: (loaded += more) }));
  const { size, bytes } = await source.tail(reading.glue.tailSize(), signal, onBytes);
  return { size, tail: bytes };
}

async function openLoop(source, size, tail, { signal, recordLimit, onProgress }) {
  const opening = guarded(() => new reading.glue.Opening(size, recordLimit));
  try {
    for (;;) {
      const [start, end] = opening.wanted();
      if (end - start > DIRECTORY_LIMIT) {
        throw new SealpackError(
          "limit",
          `index and app data take ${end - start} bytes, more than are held here`,
        );
      }
      const here =
        tail &&
        size - start <= tail.length &&
        tail.subarray(start - (size - tail.length), end - (size - tail.length));
      const bytes = here || (await abortable(source.read(start, end - start, { signal }), signal));
      onProgress?.({ loaded: size - start });
      const pack = guarded(() => opening.supply(bytes));
      if (pack) return pack;
    }
  } finally {
    opening.free();
  }
}

export class Pack {
  #source;
  #inner;
  #size;
  #codec;
  #recordLimit;
  #tailStart;
  #list;

  constructor(key, { source, inner, size, codec, recordLimit, list }) {
    if (key !== PRIVATE) throw invalidArgument("a Pack is made by open()");
    this.#source = source;
    this.#inner = inner;
    this.#size = size;
    this.#recordLimit = recordLimit;
    this.#list = list;
    const { tailStart, ...info } = told(inner.info());
    this.#tailStart = tailStart;
    this.info = Object.freeze({ ...info, fileSize: size });
    this.#codec = new PackCodec(codec, this.info.formatId, () => this.#alive());
  }

  // ---- what it is

  get length() {
    return this.info.totalItems;
  }

  /** "none", "zstd", "custom", or "auto" until the first read finds out. */
  get codec() {
    return this.#codec.name;
  }

  /** What every record is held to: "digest-root", "content-hash", or null. */
  get trustedBy() {
    if (!this.#list) return null;
    return this.#list.isRoot ? "digest-root" : "content-hash";
  }

  /** What is known of the layers without reading the records. */
  get layers() {
    const { dialect, appDataSize } = this.info;
    const covered = appDataSize > 0 && dialect === "app-data-crc";
    return { structure: "passed", index: "passed", app_data: covered ? "passed" : "not_present" };
  }

  async appData() {
    if (this.trustedBy === "content-hash") {
      throw new SealpackError(
        "untrusted",
        "a content hash does not vouch for the app data: open with digestRoot, or without trust",
        { section: "app-data" },
      );
    }
    return this.#alive().appData();
  }

  record(number) {
    return this.#place(number, "record", this.info.recordCount);
  }

  recordOf(position) {
    return this.#place(position, "item", this.length);
  }

  #place(which, what, count) {
    const inner = this.#alive();
    checkPosition(which, what, count);
    const [number, offset, size, firstItem, itemCount] = guarded(() => inner.record(which, what === "item"));
    return { number, offset, size, firstItem, itemCount };
  }

  // ---- reading

  async get(position, options) {
    const [item] = await this.getMany([position], options);
    return item;
  }

  async getMany(positions, { signal, gap = GAP, requestSize = REQUEST_SIZE, requests = REQUESTS } = {}) {
    const inner = this.#alive();
    if (typeof positions?.[Symbol.iterator] !== "function") {
      throw invalidArgument(`the positions are a list of numbers, not ${describe(positions)}`);
    }
    atLeastOne({ requestSize, requests });
    const wanted = Array.from(positions);
    for (const position of wanted) checkPosition(position, "item", this.length);
    const items = new Array(wanted.length);
    if (!wanted.length) return items;
    const order = Uint32Array.from(wanted.keys()).sort((a, b) => wanted[a] - wanted[b]);
    const reads = guarded(() => inner.plan(Uint32Array.from(wanted), order, gap, requestSize));
    try {
      const taken = this.#whileReading(reads, items, { signal, requests, requestSize });
      await Promise.all([taken, this.chooseCodec(signal)]);
      this.#alive();
      return items;
    } finally {
      for (const read of reads) read.free();
    }
  }

  /** A few requests at once; the first error stops the others. */
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

  async #takeRead(read, items, { signal, requestSize }) {
    const [start, end, here] = read.range();
    const fetched = here ? undefined : this.readBytes(start, end, signal, { requestSize });
    const [bytes, , proof] = await Promise.all([fetched, this.chooseCodec(signal), this.prove(read, signal)]);
    await this.take(read, bytes, proof, items, signal);
  }

  range(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readItems(this, start, end, options);
  }

  stream(start = 0, end = this.length, options = {}) {
    this.#checkRange(start, end, options);
    return readableOf((signal) => readItems(this, start, end, { ...options, signal }), options.signal);
  }

  async verify(options = {}) {
    this.#alive();
    await this.chooseCodec(options.signal);
    return verifyPack(this, options);
  }

  #checkRange(start, end, { requestSize = REQUEST_SIZE }) {
    this.#alive();
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

  async chooseCodec(signal) {
    await this.#codec.choose((start, end) => this.readBytes(start, end), signal);
  }

  /** Fetches what proves the records of a read, where they are held to anything. */
  async prove(read, signal) {
    this.#alive();
    return this.#list?.prove(read, signal);
  }

  /**
   * Takes the items out of a read; `bytes` is undefined where they came with
   * the tail. After an error none of them may be given out.
   */
  async take(read, bytes, proof, items, signal) {
    this.#alive();
    let digests;
    try {
      digests = guarded(() => read.take(bytes, items, Boolean(this.#list)));
    } catch (error) {
      throw await this.#changedRather(this.#codec.explain(error), signal);
    }
    this.#list?.check(proof, digests);
  }

  /** The content hash that a digest list vouches for; undefined where there is none. */
  get trustedHash() {
    this.#alive();
    return this.#list?.contentHash;
  }

  /** The module's handle; throws once the pack is closed. */
  handle() {
    return this.#alive();
  }

  /**
   * Bytes start..end of the file, all of one version of it. `buffers` lends
   * the memory, unless the source lends its own; `requestSize` is what several
   * records were asked for at once by.
   */
  async readBytes(start, end, signal, { buffers, requestSize = 0 } = {}) {
    const length = end - start;
    this.#alive();
    // Only a single record is longer than what is asked for at once.
    if (length > Math.max(this.#recordLimit + REQUEST_SIZE, requestSize)) {
      throw new SealpackError(
        "limit",
        `a record takes ${length} bytes in the file, above the limit of ${this.#recordLimit}`,
      );
    }
    try {
      return await abortable(this.#source.read(start, length, { signal, buffers }), signal);
    } catch (error) {
      this.#alive(); // a source that was closed meanwhile says less
      throw error;
    }
  }

  /** Where no header shows a change of the file, the trailer does: looked at again after reading. */
  async sameVersion(signal) {
    if (this.#source.pinned !== false) return;
    const { trailerSize } = this.info;
    const before = this.#alive().tailBytes(this.#size - trailerSize, this.#size);
    const now = await this.readBytes(this.#size - trailerSize, this.#size, signal);
    if (before.some((byte, at) => byte !== now[at])) {
      throw new SealpackError(
        "changed",
        "the file changed while it was read: its trailer is another one. Open it again",
      );
    }
  }

  /** A damaged record, or a file that changed under us? */
  async #changedRather(error, signal) {
    if (this.#source.pinned !== false || !["corrupt", "checksum"].includes(error.code)) return error;
    return this.sameVersion(signal).then(
      () => error,
      (other) => (other.code === "changed" ? other : error),
    );
  }

  /** Whether what is read belongs to somebody else: not to be transferred, nor written to. */
  get lends() {
    return this.#source.lends === true;
  }

  /** What a worker needs to inspect records of this pack. */
  forWorkers() {
    const inner = this.#alive();
    const tail = inner.tailBytes(this.#tailStart, this.#size);
    return {
      module: reading.compiled,
      isLarger: reading.isLarger,
      size: this.#size,
      tail,
      codec: this.codec,
      recordLimit: this.#recordLimit,
    };
  }

  // ---- the end

  #alive() {
    if (!this.#inner) throw new SealpackError("closed", "the pack is closed");
    return this.#inner;
  }

  close() {
    const inner = this.#inner;
    if (!inner) return undefined;
    this.#inner = null;
    inner.free();
    const closing = this.#list?.close();
    return closing ? Promise.all([closing, this.#source.close?.()]).then(() => {}) : this.#source.close?.();
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    Promise.resolve(this.close()).catch(() => {}); // nobody waits to hear of it
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.close();
  }
}

/** What the module says of an open pack, by name. */
function told([numbers, formatName, contentHash]) {
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
    dialect: withCrc ? "app-data-crc" : "no-app-data-crc",
    formatName,
    contentHash: contentHash && toHex(contentHash),
  };
}

function atLeastOne(options) {
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isInteger(value) || value < 1) {
      throw invalidArgument(`${name} is a whole number from 1 on, not ${String(value)}`);
    }
  }
}

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
