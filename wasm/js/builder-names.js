// The names of a pack that is being built. The module of names collects them, and is
// loaded for the first one; the builder's module compresses them.
import { naming } from "./modules.js";
import { SealpackError, guarded, invalidArgument } from "./errors.js";
import { bytesOf } from "./names.js";

/** @import * as Public from "./index.js" */
/** @import { NamesWriter } from "../dist/names.js" */
/** @import { building } from "./modules.js" */

/** The longest name in bytes. */
const MAX_NAME = 65_535;
const NO_NAME = new Uint8Array(0);

/**
 * The bytes of a name, which the caller's do not change any more; none without a name.
 *
 * @param {string | Public.Bytes | null | undefined} name
 */
export function checkedName(name) {
  if (name === undefined || name === null) return NO_NAME;
  const bytes = bytesOf(name);
  if (!bytes) throw invalidArgument("a name must be valid Unicode, but this one has half a surrogate pair");
  if (bytes.length > MAX_NAME) {
    throw new SealpackError("limit", `a name of ${bytes.length} bytes, above the maximum of ${MAX_NAME}`);
  }
  if (bytes.includes(0)) throw invalidArgument("a name must not contain NUL");
  return typeof name === "string" ? bytes : bytes.slice();
}

export class BuilderNames {
  #limit;
  #writer = /** @type {NamesWriter | null} */ (null);
  /** The last error of the builder's module, which cannot pass through the module of names. */
  #thrown = /** @type {unknown} */ (null);

  /** @param {number} limit on the size of the compressed names, in bytes */
  constructor(limit) {
    this.#limit = limit;
  }

  /**
   * Whether `start` must come before this name.
   *
   * @param {Uint8Array} name
   */
  needsStart(name) {
    return name.length > 0 && !this.#writer;
  }

  /**
   * Loads the module of names.
   *
   * @param {() => typeof building.instance} builder returns the instance of the builder's module
   */
  async start(builder) {
    await naming.load();
    /** @type {(block: Uint8Array) => Uint8Array} */
    const encode = (block) => this.#kept(() => builder().glue.encodeNames(block));
    /** @type {(frame: Uint8Array, size: number) => Uint8Array} */
    const decode = (frame, size) => this.#kept(() => builder().glue.decodeNames(frame, size));
    this.#writer = guarded(() => new naming.instance.glue.NamesWriter(encode, decode));
  }

  /**
   * Adds the name of an item. The items between the last named one and this one have none.
   *
   * @param {number} position
   * @param {Uint8Array} name
   */
  add(position, name) {
    const writer = this.#writer;
    if (!name.length || !writer) return;
    this.#check(this.#withReason(() => writer.push(position, name)));
  }

  /**
   * The names as the pack stores them; undefined if no item has one.
   *
   * @param {number} items the number of items
   */
  finish(items) {
    const writer = this.#writer;
    if (!writer) return undefined;
    this.#writer = null; // finish() frees it
    const names = this.#withReason(() => writer.finish(items));
    this.#check(names.length);
    return names;
  }

  free() {
    this.#writer?.free();
    this.#writer = null;
  }

  /** @param {number} size */
  #check(size) {
    if (size <= this.#limit) return;
    const message = `the names take more than ${this.#limit} bytes, compressed: pass a larger namesLimit, or fewer names`;
    throw new SealpackError("limit", message);
  }

  /**
   * @template T
   * @param {() => T} call
   */
  #kept(call) {
    try {
      return call();
    } catch (error) {
      this.#thrown = error;
      throw error;
    }
  }

  /**
   * Calls the module of names. If the builder's module has failed, that is the error.
   *
   * @template T
   * @param {() => T} call
   */
  #withReason(call) {
    return guarded(() => {
      try {
        return call();
      } catch (error) {
        throw this.#thrown ?? error;
      }
    });
  }
}
