// Reading the body of a response, never more than was requested.
import { SealpackError } from "../errors.js";
import { abortable } from "../abort.js";
import { joined } from "../bytes.js";
import { fill } from "./fill.js";
import { redacted } from "./http-rules.js";

/** @import { OnBytes, SourceReadOptions } from "./from.js" */

/** The connection ended early. Callers see `network`, after the last retry. */
export class TruncatedBody extends Error {
  /**
   * @param {number} found
   * @param {number | undefined} wanted
   * @param {unknown} [cause]
   */
  constructor(found, wanted, cause) {
    const of = wanted === undefined ? "" : ` of ${wanted}`;
    super(`the connection ended after ${found}${of} bytes`, { cause });
  }
}

/**
 * The body's bytes, exactly `length` of them.
 *
 * @param {Response} response
 * @param {number} length
 * @param {SourceReadOptions & { onBytes?: OnBytes | undefined }} options
 */
export async function readBody(response, length, { signal, onBytes, buffers } = {}) {
  if (!response.body && length) throw new TruncatedBody(0, length);
  if (!response.body) return new Uint8Array(0);
  let count = 0;
  /** @param {number} more */
  const counted = (more) => {
    count += more;
    onBytes?.(more);
  };
  const buffer = buffers?.take(length) ?? new ArrayBuffer(length);
  const { bytes, more } = await fill(response.body, buffer, length, signal, counted).catch((error) => {
    throw error instanceof SealpackError ? error : new TruncatedBody(count, length, error);
  });
  if (more) {
    const message = `${redacted(response.url)} sent more than the requested ${length} bytes`;
    throw new SealpackError("range-not-supported", message);
  }
  if (bytes.length < length) throw new TruncatedBody(bytes.length, length);
  return bytes;
}

/**
 * The whole of a body of unknown length, up to `limit` bytes; null if it has more.
 *
 * @param {Response} response
 * @param {number} limit
 * @param {SourceReadOptions & { onBytes?: OnBytes | undefined }} options
 */
export async function readUpTo(response, limit, { signal, onBytes } = {}) {
  if (!response.body) return new Uint8Array(0);
  const reader = response.body.getReader();
  const pieces = [];
  let count = 0;
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return joined(pieces);
      count += value.length;
      if (count > limit) break;
      pieces.push(value);
      onBytes?.(value.length);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error instanceof SealpackError ? error : new TruncatedBody(count, undefined, error);
  }
  await reader.cancel();
  return null;
}
