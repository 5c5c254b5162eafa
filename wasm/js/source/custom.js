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
    const size = Number(await answered(() => this.#source.size(signal), "source.size()"));
    if (!Number.isSafeInteger(size) || size < 0) {
      throw invalidArgument(`source.size() answered ${size}, which is no number of bytes`);
    }
    return size;
  }

  async read(offset, length, { signal } = {}) {
    const read = await answered(() => this.#source.read(offset, length, signal), "source.read()");
    const bytes = toBytes(read, "what source.read() answered");
    if (bytes.length !== length) {
      throw new SealpackError(
        "changed",
        `source.read(${offset}, ${length}) answered ${bytes.length} bytes: it ended early, or the file changed`,
      );
    }
    return bytes;
  }

  async close() {
    await answered(() => this.#source.close?.(), "source.close()");
  }
}

/** What a function of the caller's answers; its error as one of ours, with the cause. */
export async function answered(call, what) {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof SealpackError) throw cause;
    throw new SealpackError("read-failed", `${what} failed: ${cause?.message ?? cause}`, { cause });
  }
}
