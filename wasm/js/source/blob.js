// A Blob or File. The browser keeps it on disk and hands over slices.
import { SealpackError } from "../errors.js";

export class BlobSource {
  #blob;

  constructor(blob) {
    this.#blob = blob;
  }

  async size() {
    return this.#blob.size;
  }

  async read(offset, length) {
    try {
      return new Uint8Array(await this.#blob.slice(offset, offset + length).arrayBuffer());
    } catch (cause) {
      // A File is a view of a file on disk: once that changes, every read of it fails.
      throw new SealpackError("changed", "the file changed or went away after it was chosen", { cause });
    }
  }
}
