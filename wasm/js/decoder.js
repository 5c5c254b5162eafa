// Which of the two decoders reads a pack: the small one, which every page loads first, or
// the fast one, C zstd, which is loaded once a pack needs it or once it repays its download.
import { reading, readingFast } from "./modules.js";
import { SealpackError, invalidArgument } from "./errors.js";
import { giveDictionary } from "./dictionary.js";
import { describe } from "./bytes.js";
import { platform } from "./platform.js";

/** @import { DecoderChoice } from "./index.js" */
/** @import { ReadGlue } from "./examine.js" */
/** @import { Instance } from "./modules.js" */
/** @import { PackHandle } from "../dist/read.js" */
/** @import { PackHandle as FastPackHandle } from "../dist/fast.js" */

/**
 * @param {unknown} decoder
 * @returns {asserts decoder is DecoderChoice}
 */
export function checkDecoder(decoder) {
  if (!["auto", "small", "fast"].includes(/** @type {string} */ (decoder))) {
    throw invalidArgument(`decoder must be "auto", "small" or "fast", not ${describe(decoder)}`);
  }
}

/**
 * The module to open a pack with, loaded.
 *
 * @param {DecoderChoice} choice
 */
export async function loadedModule(choice) {
  if (choice === "fast") {
    await readingFast.load();
    return readingFast;
  }
  if (choice === "auto" && (platform.startsFast || readingFast.instance)) {
    await readingFast.load().catch(() => {}); // the small one will do
    if (readingFast.instance) return readingFast;
  }
  await reading.load();
  return reading;
}

/** The decoder of one pack. */
export class PackDecoder {
  #choice;
  #hasDictionary;
  /** The caller's dictionary, for packs that store none. */
  dictionary;
  #move;
  /** Stored bytes of the frames decoded so far. */
  #work = 0;
  #isFast;
  /** @type {Promise<void> | null} the loading of the fast decoder, which never rejects */
  #loading = null;
  /** @type {unknown} why the fast decoder could not be loaded */
  #failure = null;

  /**
   * @param {DecoderChoice} choice
   * @param {{ isStored: boolean, given: Uint8Array<ArrayBuffer> | undefined }} dictionary
   * @param {Instance<ReadGlue>} instance the pack's first one
   * @param {(instance: Instance<ReadGlue>) => void} move moves the pack to an instance
   */
  constructor(choice, { isStored, given }, instance, move) {
    this.#choice = choice;
    this.#hasDictionary = isStored || given !== undefined;
    this.dictionary = isStored ? undefined : given;
    this.#isFast = instance.module === readingFast;
    this.#move = move;
  }

  /** Fulfilled once the decoder is in use whose loading has begun. */
  get loaded() {
    return this.#loading;
  }

  /** @returns {"small" | "fast"} */
  get name() {
    return this.#isFast ? "fast" : "small";
  }

  /** Loads the fast decoder if the pack needs it. */
  async prepare() {
    if (!this.#hasDictionary) return;
    await this.load();
    const failure = this.#failure;
    if (failure instanceof SealpackError && failure.code === "invalid-argument") throw failure;
  }

  /**
   * Gives a new handle the caller's dictionary, if its module decodes with one.
   *
   * @param {PackHandle | FastPackHandle} handle
   */
  applyTo(handle) {
    giveDictionary(handle, this.dictionary);
  }

  /**
   * Loads the fast decoder if these stored bytes, with those before them, repay it. The
   * small one goes on meanwhile, and for good if the fast one cannot be loaded.
   *
   * @param {number} bytes
   */
  work(bytes) {
    this.#work += bytes;
    if (this.#work >= platform.fastFrom) this.load();
  }

  /** Loads the fast decoder, unless the caller chose the small one, and moves the pack to it. */
  load() {
    if (this.#choice === "auto" && !this.#isFast) this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load() {
    try {
      await readingFast.load();
      this.#move(readingFast.instance);
      this.#isFast = true;
    } catch (error) {
      this.#failure = error;
    }
  }

  /**
   * Adds what to do to the error about a frame that needs the pack's dictionary, which
   * only the fast decoder uses.
   *
   * @param {SealpackError} error
   */
  explain(error) {
    if (error.code !== "unsupported" || error.fault !== "decode") return error;
    const { message, ...where } = error;
    if (!this.#hasDictionary) {
      return new SealpackError("unsupported", `${message}: pass it to open() as dictionary`, where);
    }
    if (this.#isFast) return error;
    if (this.#choice === "small") {
      return new SealpackError("unsupported", `${message}: open the pack with decoder "fast" or "auto"`, where);
    }
    if (!this.#failure) return error;
    const failed = `${message}, and the decoder that has it could not be loaded`;
    return new SealpackError("wasm-unavailable", failed, { ...where, cause: this.#failure });
  }
}
