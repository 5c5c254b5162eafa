// Anything that can say its size and read a range: the caller's own object.
import { SealpackError, invalidArgument } from "../errors.js";
import { toBytes } from "../bytes.js";

export class CustomSource {
  /** What is read stays the caller's: it must not be transferred to a worker. */
  lends = true;
  #source;

  constructor(source) {
    this.#source = source;
  }

  async size(signal) {
    const size = Number(await this.#source.size(signal));
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalidArgument(`source.size() answered ${size}, which is no number of bytes`);
    }
    return size;
  }

  async read(offset, length, { signal } = {}) {
    const bytes = toBytes(await this.#source.read(offset, length, signal), "what source.read() answered");
    if (bytes.length !== length) {
      throw new SealpackError(
        "changed",
        `source.read(${offset}, ${length}) answered ${bytes.length} bytes: it ended early, or the file changed`,
      );
    }
    return bytes;
  }

  async close() {
    await this.#source.close?.();
  }
}
