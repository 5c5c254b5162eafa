// A pack that is held to a hash the caller trusts: which parts of the digest
// list are fetched, and when. What they prove, core says.
import { reading } from "./modules.js";
import { SealpackError, guarded, invalidArgument } from "./errors.js";
import { abortable } from "./abort.js";
import { describe, toBytes } from "./bytes.js";
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
    list.#source = await sourceFrom(trust.digests, trust.options).catch((error) => {
      throw invalidArgument(`digests: ${error.message ?? describe(trust.digests)}`);
    });
    list.#trusting = guarded(() => new reading.glue.Trusting(trust.hash, trust.isRoot));
    list.#header = list.#read(...list.#trusting.wanted(), signal);
    list.#header.catch(() => {}); // awaited once the pack is open, if it opens
    return list;
  }

  /** Holds an open pack to the list. */
  async hold(inner, signal) {
    let bytes = await this.#header;
    while (!guarded(() => this.#trusting.supply(bytes, inner))) {
      bytes = await this.#read(...this.#trusting.wanted(), signal);
    }
  }

  /** Fetches what proves the records of a read. */
  async prove(read, signal) {
    const parts = read.proof();
    const jobs = [];
    for (let at = 0; at < parts.length; at += 3) {
      const [block, start, end] = parts.subarray(at, at + 3);
      jobs.push(this.#read(start, end, signal).then((bytes) => guarded(() => read.prove(block, bytes))));
    }
    await Promise.all(jobs);
  }

  async #read(start, end, signal) {
    const bytes = await abortable(this.#source.read(start, end - start, signal), signal);
    if (bytes.length === end - start) return bytes;
    throw new SealpackError("corrupt", "the digest list ends early", { section: "digest-list" });
  }

  close() {
    this.#trusting?.free();
    this.#trusting = null;
    return this.#source?.close?.();
  }
}
