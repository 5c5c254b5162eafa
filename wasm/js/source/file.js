// A FileHandle of Node's `fs/promises`.
import { SealpackError } from "../errors.js";
import { called } from "./custom.js";

/** @import { FileHandle } from "../index.js" */
/** @import { PackSource, SourceReadOptions } from "./from.js" */

/** @implements {PackSource} */
export class FileSource {
  #file;

  /** @param {Extract<FileHandle, { fd: number }>} file the caller closes it */
  constructor(file) {
    this.#file = file;
  }

  async size() {
    return (await called(() => this.#file.stat(), "stat()")).size;
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {SourceReadOptions} [options]
   */
  async read(offset, length, { buffers } = {}) {
    const bytes = new Uint8Array(buffers?.take(length) ?? new ArrayBuffer(length), 0, length);
    for (let at = 0; at < length;) {
      const read = () => this.#file.read(bytes, at, length - at, offset + at);
      const { bytesRead } = await called(read, "read()");
      if (bytesRead === 0) throw new SealpackError("changed", "the file is shorter than before");
      at += bytesRead;
    }
    return bytes;
  }
}
