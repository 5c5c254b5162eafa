// Opening a pack: core decides which bytes are wanted, and checks them.
import { SealpackError, guarded, invalidArgument, listener } from "./errors.js";
import { describe } from "./bytes.js";
import { abortable, throwIfAborted } from "./abort.js";
import { checkCodec } from "./codec.js";
import { checkDecoder, loadedModule } from "./decoder.js";
import { dictionaryFrom } from "./dictionary.js";
import { PRIVATE, Pack } from "./pack.js";
import { namesFileOf } from "./names.js";
import { sourceFrom } from "./source/from.js";
import { DigestList, trustFrom } from "./trust.js";

/** @import { Signal } from "./abort.js" */
/** @import * as Public from "./index.js" */
/** @import { PackSource } from "./source/from.js" */
/** @import { ReadGlue } from "./examine.js" */
/** @import { PackHandle } from "../dist/read.js" */

/** Default limit on the decoded size of a record, in bytes. */
const RECORD_LIMIT = 256 * 1024 * 1024;
/** Default size of the cache of decoded records, in bytes. */
const CACHE_SIZE = 8 * 1024 * 1024;
/** Limit on the size of index and app data, in bytes. */
const DIRECTORY_LIMIT = 512 * 1024 * 1024;

/** @type {typeof Public.open} */
export async function open(input, options = {}) {
  const { signal, codec = "auto", decoder = "auto" } = options;
  const { recordLimit = RECORD_LIMIT, cacheSize = CACHE_SIZE } = options;
  if (!Number.isSafeInteger(cacheSize) || cacheSize < 0) {
    throw invalidArgument(`cacheSize must be a number of bytes, not ${describe(cacheSize)}`);
  }
  const onProgress = listener(options.onProgress);
  const source = await sourceFrom(input, options);
  let list = null;
  try {
    checkCodec(codec);
    checkDecoder(decoder);
    const dictionary = dictionaryFrom(options.dictionary);
    const trust = trustFrom(options);
    throwIfAborted(signal);
    const { instance } = await abortable(loadedModule(decoder), signal);
    list = trust && (await DigestList.start(trust, signal));
    const { glue } = instance;
    const { size, tail } = await sizeAndTail(source, glue, signal, onProgress);
    const handle = await openLoop(source, size, tail, { glue, signal, recordLimit, onProgress });
    const namesFile = namesFileOf(input, options);
    const parts = { source, handle, size, codec, decoder, recordLimit, list, cacheSize, instance, namesFile, dictionary };
    const pack = new Pack(PRIVATE, parts);
    await pack.prepare(signal);
    if (list) await authenticate(pack, handle, list, signal);
    return pack;
  } catch (error) {
    await Promise.allSettled([list?.close(), source.close?.()]);
    throw error instanceof SealpackError ? (source.explain?.(error) ?? error) : error;
  }
}

/**
 * Authenticates a pack against a digest list. A content hash does not cover the
 * number of items in a record: the digests of the first and the last record do.
 *
 * @param {Pack} pack
 * @param {PackHandle} handle
 * @param {DigestList} list
 * @param {Signal} signal
 */
async function authenticate(pack, handle, list, signal) {
  const { fileSize, trailerSize } = pack.info;
  const trailer = handle.tailBytes(fileSize - trailerSize, fileSize) ?? new Uint8Array(0);
  await list.bind(trailer, handle.appData(true), signal);
  // In this order: the last record proves nothing before the first was checked.
  if (!list.isRoot && pack.length) {
    await pack.getMany([0], { signal });
    await pack.getMany([pack.length - 1], { signal });
  }
  if (!list.settled) throw new SealpackError("untrusted", "the first and the last record were not checked");
}

/**
 * The size of the file, and its end if the source reads both in one request.
 *
 * @param {PackSource} source
 * @param {ReadGlue} glue
 * @param {Signal} signal
 * @param {Public.OpenOptions["onProgress"]} onProgress
 * @returns {Promise<{ size: number, tail?: Uint8Array }>}
 */
async function sizeAndTail(source, glue, signal, onProgress) {
  if (!source.tail) return { size: await abortable(source.size(signal), signal) };
  let loaded = 0;
  /** @type {((more: number) => void) | undefined} */
  const onBytes = onProgress && ((more) => onProgress({ loaded: (loaded += more) }));
  const { size, bytes } = await source.tail(glue.tailSize(), signal, onBytes);
  return { size, tail: bytes };
}

/**
 * @param {PackSource} source
 * @param {number} size
 * @param {Uint8Array | undefined} tail
 * @param {{ glue: ReadGlue, signal: Signal, recordLimit: number, onProgress: Public.OpenOptions["onProgress"] }} options
 * @returns {Promise<PackHandle>}
 */
async function openLoop(source, size, tail, { glue, signal, recordLimit, onProgress }) {
  const opening = guarded(() => new glue.PackOpening(size, recordLimit));
  try {
    for (;;) {
      const [start, end] = opening.wanted();
      if (end - start > DIRECTORY_LIMIT) {
        throw new SealpackError(
          "limit",
          `index and app data take ${end - start} bytes, above the limit of ${DIRECTORY_LIMIT}`,
        );
      }
      const inTail =
        tail &&
        size - start <= tail.length &&
        tail.subarray(start - (size - tail.length), end - (size - tail.length));
      const bytes = inTail || (await abortable(source.read(start, end - start, { signal }), signal));
      onProgress?.({ loaded: size - start });
      const pack = guarded(() => opening.supply(bytes));
      if (pack) return pack;
    }
  } finally {
    opening.free();
  }
}
