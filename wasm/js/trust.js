// Authenticating a pack against a trusted hash: fetches the parts of the digest
// list that prove the records. Core checks them.
import { trusting } from "./modules.js";
import { SealpackError, fromWasm, guarded, invalidArgument, messageOf } from "./errors.js";
import { abortable } from "./abort.js";
import { joined, toBytes } from "./bytes.js";
import { sourceFrom } from "./source/from.js";

/** @import { Signal } from "./abort.js" */
/** @import { OpenOptions } from "./index.js" */
/** @import { PackSource, SourceOptions } from "./source/from.js" */
/** @import { RangeRead } from "../dist/read.js" */
/** @import { DigestListHandle } from "../dist/trust.js" */
/** @typedef {{ hash: Uint8Array, isRoot: boolean, digests: unknown, options: SourceOptions }} Trust */
/** @typedef {{ records: Uint32Array, parts: Float64Array, bytes: Uint8Array }} DigestProof */

/**
 * The trust options of `open`; null if there are none.
 *
 * @param {OpenOptions} options
 * @returns {Trust | null}
 */
export function trustFrom({ contentHash, digestRoot, digests, fetch, retries, wholeFileLimit, validators }) {
  if ([contentHash, digestRoot, digests].every((option) => option === undefined)) return null;
  if ((contentHash === undefined) === (digestRoot === undefined) || digests === undefined) {
    throw invalidArgument("to trust a pack, pass `digests` and either `digestRoot` or `contentHash`");
  }
  const isRoot = digestRoot !== undefined;
  const hash = hashFrom(isRoot ? digestRoot : contentHash, isRoot ? "digestRoot" : "contentHash");
  return { hash, isRoot, digests, options: { fetch, retries, wholeFileLimit, validators } };
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function hashFrom(value, what) {
  if (typeof value === "string") {
    if (!/^[0-9a-f]{64}$/i.test(value)) throw invalidArgument(`${what} must have 64 hexadecimal digits`);
    return Uint8Array.from(value.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }
  const bytes = toBytes(value, what);
  if (bytes.length !== 32) throw invalidArgument(`${what} must have 32 bytes, not ${bytes.length}`);
  return bytes;
}

export class DigestList {
  #source;
  /** @type {DigestListHandle | null} */
  #handle;
  #header = /** @type {Promise<Uint8Array>} */ (Promise.resolve(new Uint8Array(0)));
  /** Whether the app data is authenticated too. */
  isRoot;

  /**
   * @param {PackSource} source
   * @param {DigestListHandle} handle
   * @param {boolean} isRoot
   */
  constructor(source, handle, isRoot) {
    this.#source = source;
    this.#handle = handle;
    this.isRoot = isRoot;
  }

  /**
   * Requests the header at once, while the pack is being opened.
   *
   * @param {Trust} trust
   * @param {Signal} signal
   */
  static async start(trust, signal) {
    const sourcing = sourceFrom(trust.digests, trust.options).catch((error) => {
      throw SealpackError.from({ ...fromWasm(error).toJSON(), message: `digests: ${messageOf(error)}` });
    });
    const [source] = await Promise.all([sourcing, abortable(trusting.load(), signal)]);
    const handle = guarded(() => new trusting.instance.glue.DigestListHandle(trust.hash, trust.isRoot));
    const list = new DigestList(source, handle, trust.isRoot);
    list.#header = list.#readWanted(signal);
    list.#header.catch(() => {}); // awaited once the pack is open, if it opens
    return list;
  }

  get #open() {
    if (!this.#handle) throw new SealpackError("closed", "the pack is closed");
    return this.#handle;
  }

  /** The content hash in the list. */
  get contentHash() {
    return this.#open.contentHash();
  }

  /** Whether items may be returned: under a content hash only after the first and the last record were checked. */
  get settled() {
    return this.#open.settled;
  }

  /**
   * Opens the list and compares it with an open pack's trailer and app data.
   *
   * @param {Uint8Array} trailer
   * @param {Uint8Array} appData
   * @param {Signal} signal
   */
  async bind(trailer, appData, signal) {
    let bytes = await this.#header;
    while (!guarded(() => this.#open.supply(bytes, trailer, appData))) {
      bytes = await this.#readWanted(signal);
    }
  }

  /**
   * Fetches the parts that prove the records of a read.
   *
   * @param {RangeRead} read
   * @param {Signal} signal
   * @returns {Promise<DigestProof>}
   */
  async prove(read, signal) {
    const records = read.records();
    const parts = this.#open.proof(records);
    const jobs = [];
    for (let at = 0; at < parts.length; at += 3) jobs.push(this.#read(parts[at + 1], parts[at + 2], signal));
    return { records, parts, bytes: joined(await Promise.all(jobs)) };
  }

  /**
   * Checks the records of a read, by the digests of their items, against the proof.
   *
   * @param {DigestProof} proof
   * @param {Uint8Array} digests
   */
  check({ records, parts, bytes }, digests) {
    guarded(() => this.#open.check(records, digests, parts, bytes));
  }

  /** @param {Signal} signal */
  #readWanted(signal) {
    const [start, end] = this.#open.wanted();
    return this.#read(start, end, signal);
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {Signal} signal
   */
  async #read(start, end, signal) {
    const bytes = await abortable(this.#source.read(start, end - start, { signal }), signal);
    if (bytes.length === end - start) return bytes;
    throw new SealpackError("corrupt", "the digest list ends early", { section: "digest-list" });
  }

  close() {
    this.#handle?.free();
    this.#handle = null;
    return this.#source.close?.();
  }
}
