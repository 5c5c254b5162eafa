// Reading a body: never more than was asked for.
import { SealpackError } from "../errors.js";
import { abortable } from "../abort.js";
import { joined } from "../bytes.js";
import { fill } from "./fill.js";

/**
 * The body's bytes, exactly `length` of them.
 *
 * @param {{ signal?: AbortSignal, onBytes?: (more: number) => void, buffers?: Buffers }} options
 *   `buffers` lends the memory, where what is read need not outlast its use
 */
export async function readBody(response, length, { signal, onBytes, buffers } = {}) {
  if (!response.body && length) throw truncated(0, length);
  if (!response.body) return new Uint8Array(0);
  let count = 0;
  const counted = (more) => {
    count += more;
    onBytes?.(more);
  };
  const buffer = buffers?.take(length) ?? new ArrayBuffer(length);
  const { bytes, more } = await fill(response.body, buffer, length, signal, counted).catch((error) => {
    throw error instanceof SealpackError ? error : truncated(count, length, error);
  });
  if (more) {
    const message = `${response.url} sent more than the ${length} bytes asked for`;
    throw new SealpackError("range-not-supported", message);
  }
  if (bytes.length < length) throw truncated(bytes.length, length);
  return bytes;
}

/** All of a body whose length nobody told, up to `limit` bytes; null above it. */
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
    throw error instanceof SealpackError ? error : truncated(count, undefined, error);
  }
  await reader.cancel();
  return null;
}

// Not a code that callers see: the read is tried again, and then it is `network`.
function truncated(found, wanted, cause) {
  const of = wanted === undefined ? "" : ` of ${wanted}`;
  return new SealpackError("truncated-body", `the connection ended after ${found}${of} bytes`, { cause });
}
