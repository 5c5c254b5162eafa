// A pack that is held to a hash the caller trusts: which parts of the digest
// list are fetched, and when. What they prove, core says.
import { trusting } from "./modules.js";
import { SealpackError, guarded, invalidArgument } from "./errors.js";
import { abortable } from "./abort.js";
import { describe, joined, toBytes } from "./bytes.js";
import { sourceFrom } from "./source/from.js";

/** What `open` was told to trust; null where nothing. */
export function trustFrom({ contentHash, digestRoot, digests, fetch, retries, wholeFileLimit }) {
  if ([contentHash, digestRoot, digests].every((option) => option === undefined)) return null;
  if ((contentHash === undefined) === (digestRoot === undefined) || digests === undefined) {
    throw invalidArgument("to trust a pack, pass `digests` and either `digestRoot` or `contentHash`");
  }
  const isRoot = digestRoot !== undefined;
  const hash = hashFrom(isRoot ? digestRoot : contentHash, isRoot ? "digestRoot" : "contentHash");
  return { hash, isRoot, digests, options: { fetch, retries, wholeFileLimit } };
}

function hashFrom(value, what) {
  const hex = typeof value === "string" && /^[0-9a-f]{64}$/i.test(value);
  if (hex) return Uint8Array.from(value.match(/../g), (pair) => Number.parseInt(pair, 16));
  if (typeof value === "string") throw invalidArgument(`${what} is 64 hexadecimal digits`);
  const bytes = toBytes(value, what);
  if (bytes.length !== 32) throw invalidArgument(`${what} has 32 bytes, not ${bytes.length}`);
  return bytes;
}

export class DigestList {
  #source;
  #trusting;
  #header;
  /** Whether the app data is vouched for too. */
  isRoot;

  /** Asks for the header at once, while the pack is being opened. */
  static async start(trust, signal) {
    const list = new DigestList();
    list.isRoot = trust.isRoot;
    const source = sourceFrom(trust.digests, trust.options).catch((error) => {
      throw invalidArgument(`digests: ${error.message ?? describe(trust.digests)}`);
    });
    [list.#source] = await Promise.all([source, abortable(trusting.load(), signal)]);
    list.#trusting = guarded(() => new trusting.glue.Trusting(trust.hash, trust.isRoot));
    list.#header = list.#read(...list.#trusting.wanted(), signal);
    list.#header.catch(() => {}); // awaited once the pack is open, if it opens
    return list;
  }

  /** The content hash that the list vouches for. */
  get contentHash() {
    return this.#trusting.contentHash();
  }

  /** Whether items may be given out: under a content hash only once the first and the last record were checked. */
  get settled() {
    return this.#trusting.settled;
  }

  /** Compares the list with an open pack's trailer and app data. */
  async hold(trailer, appData, signal) {
    let bytes = await this.#header;
    while (!guarded(() => this.#trusting.supply(bytes, trailer, appData))) {
      bytes = await this.#read(...this.#trusting.wanted(), signal);
    }
  }

  /** Fetches what proves the records of a read. */
  async prove(read, signal) {
    const records = read.records();
    const parts = this.#trusting.proof(records);
    const jobs = [];
    for (let at = 0; at < parts.length; at += 3) jobs.push(this.#read(parts[at + 1], parts[at + 2], signal));
    return { records, parts, bytes: joined(await Promise.all(jobs)) };
  }

  /** Holds the records of a read, by the digests of their items, to what was proved. */
  check({ records, parts, bytes }, digests) {
    guarded(() => this.#trusting.check(records, digests, parts, bytes));
  }

  async #read(start, end, signal) {
    const bytes = await abortable(this.#source.read(start, end - start, { signal }), signal);
    if (bytes.length === end - start) return bytes;
    throw new SealpackError("corrupt", "the digest list ends early", { section: "digest-list" });
  }

  close() {
    this.#trusting?.free();
    this.#trusting = null;
    return this.#source?.close?.();
  }
}
