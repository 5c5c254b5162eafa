// A Blob or File. The browser keeps it on disk and hands over slices.
import { SealpackError } from "../errors.js";
import { fill } from "./fill.js";

export class BlobSource {
  #blob;

  constructor(blob) {
    this.#blob = blob;
  }

  async size() {
    return this.#blob.size;
  }

  async read(offset, length, { signal, buffers } = {}) {
    const part = this.#blob.slice(offset, offset + length);
    try {
      if (!buffers) return new Uint8Array(await part.arrayBuffer());
      const { bytes } = await fill(part.stream(), buffers.take(length), length, signal);
      if (bytes.length === length) return bytes;
    } catch (cause) {
      if (cause instanceof SealpackError) throw cause;
      // A File is a view of a file on disk: once that changes, every read of it fails.
      throw changed(cause);
    }
    throw changed();
  }
}

const changed = (cause) =>
  new SealpackError("changed", "the file changed or went away after it was chosen", { cause });
