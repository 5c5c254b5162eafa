// The dictionary that several packs share, and which the caller gives.
import { describe, isBytes, toBytes } from "./bytes.js";
import { guarded, invalidArgument, messageOf } from "./errors.js";

/** @import { PackHandle } from "../dist/read.js" */
/** @import { PackHandle as FastPackHandle } from "../dist/fast.js" */

/** The first bytes of every zstd dictionary. */
const DICTIONARY_MAGIC = [0x37, 0xa4, 0x30, 0xec];

/**
 * The caller's dictionary, as a copy.
 *
 * @param {unknown} dictionary
 * @returns {Uint8Array<ArrayBuffer> | undefined}
 */
export function dictionaryFrom(dictionary) {
  if (dictionary === undefined) return undefined;
  const bytes = isBytes(dictionary) ? toBytes(dictionary).slice() : undefined;
  if (bytes && DICTIONARY_MAGIC.every((byte, at) => bytes[at] === byte)) return bytes;
  throw invalidArgument(`dictionary must be the bytes of a zstd dictionary, not ${bytes ? "other ones" : describe(dictionary)}`);
}

/**
 * Gives a new handle the caller's dictionary, if its module decodes with one.
 *
 * @param {PackHandle | FastPackHandle} handle
 * @param {Uint8Array | undefined} dictionary
 */
export function giveDictionary(handle, dictionary) {
  if (!dictionary || !("setDictionary" in handle)) return;
  try {
    guarded(() => handle.setDictionary(dictionary));
  } catch (error) {
    throw invalidArgument(`dictionary: ${messageOf(error).replace("app data: ", "")}`);
  }
}
