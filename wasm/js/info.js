// The properties of a pack.
import { toHex } from "./bytes.js";

/** @import * as Public from "./index.js" */

/**
 * The properties of a pack, from the numbers of the module.
 *
 * @param {any[]} info
 */
export function decodeInfo([numbers, formatName, contentHash]) {
  const [formatId, recordCount, totalItems, itemsPerRecord, indexSize, appDataSize, ...places] = numbers;
  const [trailerSize, recordsSize, tailStart, recordChecksum, withCrc, hasDictionary] = places;
  return {
    formatId,
    recordCount,
    totalItems,
    itemsPerRecord,
    indexSize,
    appDataSize,
    version: 1,
    trailerSize,
    recordsSize,
    tailStart,
    hasDictionary: Boolean(hasDictionary),
    recordChecksum: Boolean(recordChecksum),
    dialect: /** @type {Public.PackInfo["dialect"]} */ (withCrc ? "app-data-crc" : "no-app-data-crc"),
    formatName,
    contentHash: contentHash && toHex(contentHash),
  };
}
