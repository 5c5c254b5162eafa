// Where the parts of a pack go: into a Blob, a WritableStream, a file handle,
// or anything with write().
import { invalidArgument } from "./errors.js";
import { describe } from "./bytes.js";

/** Parts kept until they are a Blob. The browser may keep those on disk. */
class BlobSink {
  #parts = [];

  write(part) {
    this.#parts.push(part);
  }

  close() {
    return new Blob(this.#parts, { type: "application/octet-stream" });
  }

  abort() {
    this.#parts.length = 0;
  }
}

class StreamSink {
  #writer;

  constructor(stream) {
    this.#writer = stream.getWriter();
  }

  async write(part) {
    await this.#writer.ready;
    await this.#writer.write(part);
  }

  async close() {
    await this.#writer.close();
  }

  async abort(reason) {
    await this.#writer.abort(reason);
  }
}

/** A file of Node's `fs/promises`: its write() may take less than it was given. */
class FileSink {
  #file;

  constructor(file) {
    this.#file = file;
  }

  async write(part) {
    for (let at = 0; at < part.length;) {
      at += (await this.#file.write(part, at, part.length - at)).bytesWritten;
    }
  }

  // The caller opened it, and closes it.
  close() {}

  abort() {}
}

/** The caller's own `{ write(part, offset), close?, abort? }`; FileSystemSyncAccessHandle fits too. */
class OwnSink {
  #own;
  #offset = 0;
  #sync;

  constructor(own) {
    this.#own = own;
    this.#sync = typeof own.truncate === "function" && typeof own.getSize === "function";
  }

  async write(part) {
    if (this.#sync) this.#own.write(part, { at: this.#offset });
    else await this.#own.write(part, this.#offset);
    this.#offset += part.length;
  }

  /** Answers nothing: what the caller's close() answers is not the pack. */
  async close() {
    await this.#own.close?.();
  }

  abort(reason) {
    return this.#own.abort?.(reason);
  }
}

export async function sinkFor(to) {
  if (to === undefined) return new BlobSink();
  if (typeof to?.getWriter === "function") return new StreamSink(to);
  if (typeof to?.createWritable === "function") return new StreamSink(await to.createWritable());
  if (typeof to?.write === "function" && typeof to?.fd === "number") return new FileSink(to);
  if (typeof to?.write === "function") return new OwnSink(to);
  throw invalidArgument(
    `a pack is written to a WritableStream, a file handle or { write() }, not to ${describe(to)}`,
  );
}
