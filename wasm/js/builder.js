// Building a pack. Items are taken at once; records are compressed, hashed
// and written behind them, a slice at a time.
import { building } from "./modules.js";
import { SealpackError, aborted, guarded, invalidArgument } from "./errors.js";
import { abortable, linked } from "./abort.js";
import { toBytes, toHex } from "./bytes.js";
import { Slices } from "./schedule.js";
import { sinkFor } from "./sink.js";

const PRIVATE = Symbol("sealpack");
const U32 = 0xffffffff;

/** Starts a pack. Nothing is loaded or written before the first item. */
export function create(options = {}) {
  const checked = {
    itemsPerRecord: whole(options.itemsPerRecord ?? 128, "itemsPerRecord", 1),
    partSize: whole(options.partSize ?? 1024 * 1024, "partSize", 1),
    formatId: options.formatId === undefined ? undefined : whole(options.formatId, "formatId", 0),
    codec: options.codec ?? "zstd",
    contentHash: options.contentHash ?? true,
    recordChecksum: options.recordChecksum ?? false,
    appData: options.appData === undefined ? undefined : toBytes(options.appData, "appData"),
    signal: options.signal,
    to: options.to,
  };
  if (!["zstd", "none"].includes(checked.codec)) {
    throw new SealpackError(
      "unsupported",
      `no codec is called ${String(checked.codec)}: there are "zstd" and "none"`,
    );
  }
  return new Builder(PRIVATE, checked);
}

function whole(value, name, least) {
  if (!Number.isInteger(value) || value < least || value > U32) {
    throw invalidArgument(`${name} is a whole number from ${least} to 2^32-1, not ${String(value)}`);
  }
  return value;
}

export class Builder {
  #options;
  #inner = null;
  #sink = null;
  #state = "open"; // then "sealing", then "finished"; or "failed"
  #error = null;
  /** Follows the caller's signal, and ends every wait once the pack has failed. */
  #ending;
  #slices = new Slices();
  /** What is on its way: loading, writing. Items wait in `#early` meanwhile. */
  #working = null;
  #early = [];
  #items = 0;

  constructor(key, options) {
    if (key !== PRIVATE) throw invalidArgument("a Builder is made by create()");
    this.#options = options;
    this.#ending = linked(options.signal);
    // A destination is told at once, not when the builder is called next.
    this.#ending.signal.addEventListener("abort", () => this.#fail(aborted(options.signal)));
    this.#work(this.#start());
  }

  /** Items taken so far. */
  get length() {
    return this.#items;
  }

  /**
   * Adds an item. What it answers need not be awaited; awaiting it keeps
   * memory flat where the destination is slower, and the page's thread free.
   */
  append(item) {
    this.#check();
    const bytes = toBytes(item, "the item");
    this.#items += 1;
    if (this.#working) {
      this.#early.push(bytes.slice());
      return this.#working;
    }
    try {
      this.#add(bytes);
    } catch (error) {
      throw this.#fail(error);
    }
    return this.#working ?? undefined;
  }

  /** Seals the pack. Answers what it is, with `blob` where it was not written elsewhere. */
  async finish({ appData } = {}) {
    const data = appData === undefined ? this.#options.appData : toBytes(appData, "appData");
    this.#check();
    this.#state = "sealing";
    try {
      while (this.#working) await this.#working;
      this.#checkSound();
      const sealed = guarded(() => this.#inner.finish(data ?? new Uint8Array(0)));
      await this.#writeParts();
      const blob = await abortable(this.#sink.close(), this.#ending.signal);
      sealed.contentHash &&= toHex(sealed.contentHash);
      this.#state = "finished";
      return Object.freeze(blob ? { ...sealed, blob } : sealed);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#free();
    }
  }

  /** Gives up: what was written is discarded where the destination can. */
  async abort(reason) {
    const sealing = this.#state === "sealing";
    if (!sealing && this.#state !== "open") return;
    this.#fail(new SealpackError("aborted", "building was given up", { cause: reason }));
    await this.#working?.catch(() => {});
    if (!sealing) this.#free(); // else finish() does
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.abort();
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.abort();
  }

  // ---- behind the items

  async #start() {
    const sink = sinkFor(this.#options.to).then((sink) => {
      this.#sink = sink;
      if (this.#error) this.#discard();
    });
    await Promise.all([sink, abortable(building.load(), this.#ending.signal)]);
    this.#checkSound();
    this.#inner = guarded(() => this.#made());
  }

  #made() {
    const { codec, itemsPerRecord, partSize, formatId, recordChecksum, contentHash } = this.#options;
    const { Options, Builder: Inner } = building.glue;
    const options = new Options(codec, itemsPerRecord, partSize);
    if (formatId !== undefined) options.formatId(formatId);
    options.recordChecksum(Boolean(recordChecksum));
    options.contentHash(Boolean(contentHash));
    return new Inner(options);
  }

  #add(bytes) {
    guarded(() => this.#inner.append(bytes));
    if (this.#inner.hasParts || this.#slices.over) this.#work(this.#writeParts());
  }

  /** Runs `step`, then the items that came meanwhile; an error is kept for whoever asks next. */
  #work(step) {
    const working = this.#drain(step).catch((error) => {
      this.#working = null;
      throw this.#fail(error);
    });
    working.catch(() => {}); // told again by append() and finish()
    this.#working = working;
  }

  async #drain(step) {
    await step;
    while (this.#early.length) {
      for (const bytes of this.#early.splice(0)) {
        guarded(() => this.#inner.append(bytes));
        if (this.#inner.hasParts || this.#slices.over) await this.#writeParts();
      }
    }
    // In the same turn as the look at `#early`: no item may fall between.
    this.#working = null;
  }

  async #writeParts() {
    for (let part = this.#inner.nextPart(); part; part = this.#inner.nextPart()) {
      await abortable(this.#sink.write(part), this.#ending.signal);
      this.#checkSound();
    }
    if (this.#slices.over) await this.#slices.next();
    this.#checkSound();
  }

  #checkSound() {
    if (this.#error) throw this.#error;
    if (this.#options.signal?.aborted) throw this.#fail(aborted(this.#options.signal));
  }

  /** Whether items may still come. */
  #check() {
    this.#checkSound();
    if (this.#state !== "open") throw new SealpackError("closed", "the pack is finished");
  }

  #fail(thrown) {
    if (!this.#error) {
      this.#error =
        thrown instanceof SealpackError
          ? thrown
          : new SealpackError("write-failed", `the pack could not be written: ${thrown?.message ?? thrown}`, {
              cause: thrown,
            });
      this.#state = "failed";
      this.#early.length = 0;
      this.#discard();
      this.#ending.abort(this.#error);
      this.#ending.release();
    }
    return this.#error;
  }

  #discard() {
    Promise.resolve()
      .then(() => this.#sink?.abort(this.#error))
      .catch(() => {});
  }

  #free() {
    this.#ending.release();
    this.#inner?.free();
    this.#inner = null;
  }
}
