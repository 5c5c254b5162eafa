// The names of a pack's items. They are part of the app data, compressed in
// blocks: a call decodes the blocks that it needs, and keeps the last few.
// A separate wasm module looks names up; the reader's module decodes the blocks.
// Large names are in a file next to the pack, which is read as a whole.
import { naming } from "./modules.js";
import { SealpackError, fromWasm, guarded, invalidArgument, messageOf } from "./errors.js";
import { abortable } from "./abort.js";
import { checkPosition, checkRange } from "./checks.js";
import { describe, isBytes, kindOf, toBytes } from "./bytes.js";
import { platform } from "./platform.js";
import { sourceFrom } from "./source/from.js";

/** @import * as Public from "./index.js" */
/** @import { Signal } from "./abort.js" */
/** @import { Pack } from "./pack.js" */
/** @import { PackSource } from "./source/from.js" */
/** @import { NamesHandle } from "../dist/names.js" */
/**
 * A decoded block: the bytes of its names, where each ends, and all of them as text if they are ASCII.
 *
 * @typedef {{ first: number, bytes: Uint8Array<ArrayBuffer>, ends: Uint32Array, text: string | undefined }} NameBlock
 */

/** The maximum number of decoded blocks that are kept. A block of typical paths takes a quarter of a mebibyte. */
const MAX_BLOCKS = 8;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes as a string if they are UTF-8.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function textOf(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The bytes of a name; null for a string that is not valid Unicode (it has half
 * a surrogate pair), and so can be no item's name.
 *
 * @param {string | Public.Bytes} name
 */
export function bytesOf(name) {
  if (isBytes(name)) return toBytes(name);
  if (typeof name !== "string") throw invalidArgument(`a name is a string or bytes, not ${describe(name)}`);
  const bytes = new TextEncoder().encode(name);
  return textOf(bytes) === name ? bytes : null;
}

/** @implements {Public.Names} */
class Names {
  #pack;
  #handle;
  #decoder;
  /** @type {NameBlock[]} the most recently used one is last */
  #blocks = [];

  /**
   * @param {Pack} pack
   * @param {NamesHandle} handle
   * @param {BlockDecoder} decoder
   */
  constructor(pack, handle, decoder) {
    this.#pack = pack;
    this.#handle = handle;
    this.#decoder = decoder;
  }

  get length() {
    return this.#pack.length;
  }

  get isSorted() {
    this.#pack.handle(); // throws once the pack is closed
    return this.#handle.isSorted;
  }

  /** @type {Public.Names["get"]} */
  get(position) {
    this.#pack.handle();
    checkPosition(position, "item", this.length);
    return nameIn(this.#blockOf(position), position);
  }

  /** @type {Public.Names["find"]} */
  find(name) {
    const bytes = bytesOf(name);
    this.#pack.handle();
    return bytes ? Array.from(this.#decoder.withReason(() => this.#handle.find(bytes))) : [];
  }

  /** @type {Public.Names["range"]} */
  range(start = 0, end = this.length) {
    this.#pack.handle();
    checkRange(start, end, this.length);
    return this.#named(start, end);
  }

  [Symbol.iterator]() {
    return this.range();
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Generator<[position: number, name: Public.ItemName | null], void, undefined>}
   */
  *#named(start, end) {
    for (let position = start; position < end;) {
      this.#pack.handle();
      const block = this.#blockOf(position);
      const last = Math.min(end, block.first + block.ends.length);
      for (; position < last; position += 1) yield [position, nameIn(block, position)];
    }
  }

  /** @param {number} position */
  #blockOf(position) {
    const blocks = this.#blocks;
    let at = blocks.findIndex(({ first, ends }) => position >= first && position < first + ends.length);
    if (at < 0) {
      const [first, bytes, ends] = this.#decoder.withReason(() => this.#handle.block(position));
      const text = textOf(bytes);
      if (blocks.length >= MAX_BLOCKS) blocks.shift();
      at = blocks.push({ first, bytes, ends, text: text?.length === bytes.length ? text : undefined }) - 1;
    }
    const [block] = blocks.splice(at, 1);
    blocks.push(block);
    return block;
  }
}

/**
 * The name of a position in this block; null if the item has none.
 *
 * @param {NameBlock} block
 * @param {number} position
 * @returns {Public.ItemName | null}
 */
function nameIn({ first, bytes, ends, text }, position) {
  const slot = position - first;
  const start = slot ? ends[slot - 1] : 0;
  const end = ends[slot];
  if (start === end) return null;
  if (text !== undefined) return text.slice(start, end);
  const name = bytes.subarray(start, end);
  return textOf(name) ?? name.slice();
}

/** Decodes blocks of names with the reader's module, which has a zstd decoder. */
class BlockDecoder {
  #pack;
  /** The last error, which cannot pass through the module of names. */
  #thrown = /** @type {SealpackError | null} */ (null);

  /** @param {Pack} pack */
  constructor(pack) {
    this.#pack = pack;
  }

  /**
   * @param {Uint8Array} frame
   * @param {number} size
   */
  decode(frame, size) {
    try {
      return guarded(() => this.#pack.instance.glue.decodeNames(frame, size));
    } catch (error) {
      this.#thrown = /** @type {SealpackError} */ (error);
      throw error;
    }
  }

  /**
   * Calls the module of names. If a block cannot be decoded, the error has
   * the code and the message of the decoder.
   *
   * @template T
   * @param {() => T} call
   */
  withReason(call) {
    this.#thrown = null;
    try {
      return guarded(call);
    } catch (thrown) {
      const error = /** @type {SealpackError} */ (thrown);
      const cause = /** @type {SealpackError | null} */ (this.#thrown);
      if (!cause || error.fault !== "decode") throw error;
      const [place] = /^names: block \d+: /.exec(error.message) ?? [""];
      const { code, section, fault } = cause;
      throw new SealpackError(code, cause.message.replace(/^names: block 0: /, place), { section, fault });
    }
  }
}

/** The maximum size in bytes of a names file that is read. */
const MAX_FILE = 512 * 1024 * 1024;

/**
 * Returns a function that opens the file with the names of a pack: the option
 * `names`, or, if the pack is a URL, that URL with `.names` appended to its path.
 * Undefined if there is neither.
 *
 * @param {unknown} input the pack, as passed to `open`
 * @param {Public.OpenOptions} options
 * @returns {(() => Promise<PackSource>) | undefined}
 */
export function namesFileOf(input, { names, fetch, retries, wholeFileLimit = MAX_FILE, validators }) {
  const isUrl = ["String", "URL"].includes(kindOf(input));
  const place = names ?? (isUrl ? String(input).replace(/(?=[?#]|$)/, ".names") : undefined);
  return place === undefined ? undefined : () => sourceFrom(place, { fetch, retries, wholeFileLimit, validators });
}

/**
 * Reads a names file, which must have this size.
 *
 * @param {() => Promise<PackSource>} openFile
 * @param {number} size
 * @param {Signal} signal
 */
async function readNamesFile(openFile, size, signal) {
  const where = /** @type {const} */ ({ section: "names", fault: "names" });
  if (size > MAX_FILE) {
    throw new SealpackError("limit", `names: a file of ${size} bytes, above the maximum of ${MAX_FILE}`, where);
  }
  try {
    const source = await openFile();
    const found = await source.size(signal);
    if (found !== size) {
      const message = `the file next to the pack has ${found} bytes instead of ${size}`;
      throw new SealpackError("corrupt", message, where);
    }
    const bytes = await source.read(0, size, { signal });
    await source.close?.();
    return bytes;
  } catch (error) {
    throw SealpackError.from({ ...fromWasm(error).toJSON(), message: `names: ${messageOf(error)}` });
  }
}

/** The names of one open pack, which are loaded on the first call. */
export class PackNames {
  #pack;
  #openFile;
  /** Aborted once the pack is closed. */
  #closing = platform.newController();
  /** @type {Promise<NamesHandle | null> | null} */
  #loading = null;
  #decoder;
  /** @type {Names | null} */
  #names = null;

  /**
   * @param {Pack} pack
   * @param {(() => Promise<PackSource>) | undefined} openFile
   */
  constructor(pack, openFile) {
    this.#pack = pack;
    this.#openFile = openFile;
    this.#decoder = new BlockDecoder(pack);
  }

  /** @param {Signal} signal */
  async open(signal) {
    this.#pack.handle();
    if (this.#pack.trustedBy === "content-hash") {
      throw new SealpackError(
        "untrusted",
        "a content hash does not cover the names: open with digestRoot, or without trust",
        { section: "names" },
      );
    }
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = null;
      this.#pack.handle(); // "closed" explains more than an aborted read
      throw error;
    });
    const handle = await abortable(this.#loading, signal);
    this.#pack.handle();
    if (handle) this.#names ??= new Names(this.#pack, handle, this.#decoder);
    return this.#names;
  }

  /**
   * @param {string | Public.Bytes} name
   * @param {Signal} signal
   */
  async find(name, signal) {
    bytesOf(name); // refuses other values in any pack
    const names = await this.open(signal);
    return names ? names.find(name) : [];
  }

  async #load() {
    const section = this.#pack.handle().namesSection();
    if (!section) return null;
    await naming.load();
    const { glue } = naming.instance;
    const size = guarded(() => glue.namesFileSize(section, this.#pack.length));
    const file = size === undefined ? undefined : await this.#readFile(size);
    /** @type {(frame: Uint8Array, size: number) => Uint8Array} */
    const decode = (frame, size) => this.#decoder.decode(frame, size);
    return guarded(() => new glue.NamesHandle(section, this.#pack.length, decode, file));
  }

  /** @param {number} size */
  #readFile(size) {
    if (this.#openFile) return readNamesFile(this.#openFile, size, this.#closing.signal);
    const message = "the names are in the file next to the pack that ends in .names: pass it to open() as `names`";
    throw new SealpackError("invalid-argument", message, { section: "names" });
  }

  /** Frees the module's memory. */
  close() {
    this.#closing.abort();
    this.#loading?.then((handle) => handle?.free()).catch(() => {});
    this.#loading = null;
  }
}
