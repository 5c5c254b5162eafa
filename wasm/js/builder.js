// Building a pack. append() copies an item and returns; records are compressed, hashed
// and written afterwards, in slices of a few milliseconds.
import { building } from "./modules.js";
import { SealpackError, aborted, guarded, invalidArgument, messageOf } from "./errors.js";
import { abortable, linked } from "./abort.js";
import { describe, toBytes, toHex } from "./bytes.js";
import { BuilderNames, checkedName } from "./builder-names.js";
import { ASYNC_DISPOSE, DISPOSE } from "./platform.js";
import { Slices } from "./schedule.js";
import { sinkFor } from "./sink.js";

/** @import * as Public from "./index.js" */
/** @import { Sink } from "./sink.js" */
/** @import { PackBuilder } from "../dist/build.js" */
/** @typedef {ReturnType<typeof checkedOptions>} CheckedOptions */

const PRIVATE = Symbol("sealpack");
const MAX_U32 = 0xffffffff;
/** The default limit on the size of the compressed names, in bytes: every reader fetches them on opening. */
const NAMES_LIMIT = 16 * 1024 * 1024;
/** An instance of the module with more memory than this is replaced after building, in bytes. */
const MAX_IDLE_MEMORY = 64 * 1024 * 1024;

/** @type {typeof Public.create} */
export function create(options = {}) {
  return new Builder(PRIVATE, checkedOptions(options));
}

/** @param {Public.CreateOptions} options */
function checkedOptions(options) {
  const checked = {
    itemsPerRecord: wholeNumber(options.itemsPerRecord ?? 128, "itemsPerRecord", 1),
    partSize: wholeNumber(options.partSize ?? 1024 * 1024, "partSize", 1),
    formatId: options.formatId === undefined ? undefined : wholeNumber(options.formatId, "formatId", 0),
    codec: options.codec ?? "zstd",
    contentHash: options.contentHash ?? true,
    recordChecksum: options.recordChecksum ?? false,
    namesLimit: wholeNumber(options.namesLimit ?? NAMES_LIMIT, "namesLimit", 0),
    appData: options.appData === undefined ? undefined : toBytes(options.appData, "appData"),
    signal: options.signal,
    to: options.to,
  };
  if (!["zstd", "none"].includes(checked.codec)) {
    throw new SealpackError(
      "unsupported",
      `codec must be "zstd" or "none", not ${describe(checked.codec)}`,
    );
  }
  return checked;
}

/**
 * @param {number} value
 * @param {string} name
 * @param {number} min
 */
function wholeNumber(value, name, min) {
  if (!Number.isInteger(value) || value < min || value > MAX_U32) {
    throw invalidArgument(`${name} must be a whole number from ${min} to 2^32-1, not ${describe(value)}`);
  }
  return value;
}

/** @implements {Public.Builder} */
export class Builder {
  #options;
  #handle = /** @type {PackBuilder | null} */ (null);
  #instance = /** @type {typeof building.instance | null} */ (null);
  #sink = /** @type {Sink | null} */ (null);
  #state = /** @type {"open" | "sealing" | "finished" | "failed"} */ ("open");
  #error = /** @type {SealpackError | null} */ (null);
  /** Follows the caller's signal, and ends every wait once the pack has failed. */
  #cancellation;
  #slices = new Slices();
  /** Loading or writing in progress. Items wait in `#waitingItems` meanwhile. */
  #pendingWork = /** @type {Promise<void> | null} */ (null);
  /** @type {{ bytes: Uint8Array, name: Uint8Array }[]} */
  #waitingItems = [];
  #items = 0;
  /** The items that the module has: all but the waiting ones. */
  #added = 0;
  #names;

  /**
   * @param {symbol} key
   * @param {CheckedOptions} options
   */
  constructor(key, options) {
    if (key !== PRIVATE) throw invalidArgument("a Builder is made by create()");
    this.#options = options;
    this.#names = new BuilderNames(options.namesLimit);
    this.#cancellation = linked(options.signal);
    // Aborts the destination at once, not at the next call of the builder.
    this.#cancellation.signal.addEventListener("abort", () => this.#fail(aborted(options.signal)));
    this.#work(this.#start());
  }

  get length() {
    return this.#items;
  }

  /** @type {Public.Builder["append"]} */
  append(item, { name: given } = {}) {
    this.#throwUnlessOpen();
    const bytes = toBytes(item, "the item");
    const name = checkedName(given);
    this.#items += 1;
    if (this.#pendingWork || this.#names.needsStart(name)) {
      this.#waitingItems.push({ bytes: bytes.slice(), name });
      if (!this.#pendingWork) this.#work(Promise.resolve());
      return this.#pendingWork ?? undefined;
    }
    try {
      this.#add(bytes, name);
      if (this.#mustPause) this.#work(this.#writeParts());
    } catch (error) {
      throw this.#fail(error);
    }
    return this.#pendingWork ?? undefined;
  }

  /** @type {Public.Builder["finish"]} */
  async finish({ appData } = {}) {
    const data = appData === undefined ? this.#options.appData : toBytes(appData, "appData");
    this.#throwUnlessOpen();
    this.#state = "sealing";
    try {
      while (this.#pendingWork) await this.#pendingWork;
      this.#throwIfFailed();
      const [handle, sink] = this.#started;
      const names = this.#names.finish(this.#items);
      const sealed = guarded(() => handle.finish(data ?? new Uint8Array(0), names));
      await this.#writeParts();
      const blob = await abortable(sink.close(sealed.fileSize), this.#cancellation.signal);
      sealed.contentHash &&= toHex(sealed.contentHash);
      this.#state = "finished";
      return Object.freeze(blob ? { ...sealed, blob } : sealed);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#free();
    }
  }

  /** @type {Public.Builder["abort"]} */
  async abort(reason) {
    const sealing = this.#state === "sealing";
    if (!sealing && this.#state !== "open") return;
    this.#fail(new SealpackError("aborted", "building was aborted", { cause: reason }));
    await this.#pendingWork?.catch(() => {});
    if (!sealing) this.#free(); // otherwise finish() does
  }

  [DISPOSE]() {
    this.abort();
  }

  async [ASYNC_DISPOSE]() {
    await this.abort();
  }

  // ---- after append() returned

  async #start() {
    const sink = sinkFor(this.#options.to).then((sink) => {
      this.#sink = sink;
      if (this.#error) this.#discard();
    });
    await Promise.all([sink, abortable(building.load(), this.#cancellation.signal)]);
    this.#throwIfFailed();
    this.#handle = guarded(() => this.#newHandle());
  }

  #newHandle() {
    const { codec, itemsPerRecord, partSize, formatId, recordChecksum, contentHash } = this.#options;
    this.#instance = building.instance;
    const { BuildOptions, PackBuilder } = this.#instance.glue;
    const options = new BuildOptions(codec, itemsPerRecord, partSize);
    if (formatId !== undefined) options.formatId(formatId);
    options.recordChecksum(Boolean(recordChecksum));
    options.contentHash(Boolean(contentHash));
    return new PackBuilder(options);
  }

  /** The handle and the destination, once #start() is done. */
  get #started() {
    return /** @type {[PackBuilder, Sink]} */ ([this.#handle, this.#sink]);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {Uint8Array} name
   */
  #add(bytes, name) {
    const [handle] = this.#started;
    this.#names.add(this.#added, name);
    guarded(() => handle.append(bytes));
    this.#added += 1;
  }

  /** Whether there are parts to write, or the page waits for its turn. */
  get #mustPause() {
    const [handle] = this.#started;
    return handle.hasParts || this.#slices.over;
  }

  /**
   * Runs `step`, then adds the items that arrived meanwhile. The next call of
   * the builder throws the error, if there was one.
   *
   * @param {Promise<void>} step
   */
  #work(step) {
    const pendingWork = this.#drain(step).catch((error) => {
      this.#pendingWork = null;
      throw this.#fail(error);
    });
    pendingWork.catch(() => {}); // append() and finish() throw it again
    this.#pendingWork = pendingWork;
  }

  /** @param {Promise<void>} step */
  async #drain(step) {
    await step;
    while (this.#waitingItems.length) {
      for (const { bytes, name } of this.#waitingItems.splice(0)) {
        if (this.#names.needsStart(name)) await this.#startNames();
        this.#add(bytes, name);
        if (this.#mustPause) await this.#writeParts();
      }
    }
    // No await between the check of `#waitingItems` and this: an item would be lost.
    this.#pendingWork = null;
  }

  async #startNames() {
    const loading = this.#names.start(() => /** @type {typeof building.instance} */ (this.#instance));
    await abortable(loading, this.#cancellation.signal);
    this.#throwIfFailed();
  }

  async #writeParts() {
    const [handle, sink] = this.#started;
    for (let part = handle.nextPart(); part; part = handle.nextPart()) {
      await abortable(sink.write(/** @type {Uint8Array<ArrayBuffer>} */ (part)), this.#cancellation.signal);
      this.#throwIfFailed();
    }
    if (this.#slices.over) await this.#slices.next();
    this.#throwIfFailed();
  }

  #throwIfFailed() {
    if (this.#error) throw this.#error;
    if (this.#options.signal?.aborted) throw this.#fail(aborted(this.#options.signal));
  }

  /** Throws unless the builder takes items. */
  #throwUnlessOpen() {
    this.#throwIfFailed();
    if (this.#state !== "open") throw new SealpackError("closed", "the pack is finished");
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    if (!this.#error) {
      this.#error =
        thrown instanceof SealpackError
          ? thrown
          : new SealpackError("write-failed", `the pack could not be written: ${messageOf(thrown)}`, {
              cause: thrown,
            });
      this.#state = "failed";
      this.#waitingItems.length = 0;
      this.#discard();
      this.#cancellation.abort(this.#error);
      this.#cancellation.release();
    }
    return this.#error;
  }

  #discard() {
    Promise.resolve()
      .then(() => this.#sink?.abort(this.#error))
      .catch(() => {});
  }

  #free() {
    this.#cancellation.release();
    this.#names.free();
    this.#handle?.free();
    this.#handle = null;
    // wasm never gives memory back, but a dropped instance does.
    const instance = this.#instance;
    if (instance && instance.memory.buffer.byteLength > MAX_IDLE_MEMORY) {
      building.replaced(instance).then(() => {
        for (const pack of instance.packs) pack.deref()?.renewIfLarge();
      }, () => {});
    }
  }
}
