// The caller's own source: any object that can return its size and read a range.
import { SealpackError, invalidArgument, messageOf } from "../errors.js";
import { toBytes } from "../bytes.js";

/** @import { Source } from "../index.js" */
/** @import { Signal } from "../abort.js" */
/** @import { PackSource, SourceReadOptions } from "./from.js" */

/** @implements {PackSource} */
export class CustomSource {
  /** The bytes stay the caller's: they must not be transferred to a worker. */
  lends = true;
  #source;

  /** @param {Source} source */
  constructor(source) {
    this.#source = source;
  }

  /** @param {Signal} signal */
  async size(signal) {
    const size = Number(await called(() => this.#source.size(signal ?? undefined), "source.size()"));
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalidArgument(`source.size() returned ${size}, which is not a number of bytes`);
    }
    return size;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {SourceReadOptions} [options]
   */
  async read(offset, length, { signal } = {}) {
    const read = await called(() => this.#source.read(offset, length, signal ?? undefined), "source.read()");
    const bytes = toBytes(read, "the result of source.read()");
    if (bytes.length !== length) {
      throw new SealpackError(
        "changed",
        `source.read(${offset}, ${length}) returned ${bytes.length} bytes: it ended early, or the file changed`,
      );
    }
    return bytes;
  }

  async close() {
    await called(() => this.#source.close?.(), "source.close()");
  }
}

/**
 * The result of a function of the caller's; its error becomes `read-failed` with the cause.
 *
 * @template T
 * @param {() => T | Promise<T>} call
 * @param {string} what
 */
export async function called(call, what) {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof SealpackError) throw cause;
    throw new SealpackError("read-failed", `${what} failed: ${messageOf(cause)}`, { cause });
  }
}
