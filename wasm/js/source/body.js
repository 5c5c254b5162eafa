// Reading a body of known length: never more than was asked for.
import { SealpackError } from "../errors.js";
import { abortable } from "../abort.js";

/**
 * The body's bytes: exactly `length` of them, or, where `length` is undefined,
 * all of them up to `limit` (null above it).
 */
export async function readBody(response, length, signal, onBytes, limit = length) {
  if (!response.body) {
    if (length) throw truncated(0, length);
    return new Uint8Array(0);
  }
  const reader = response.body.getReader();
  const chunks = new Chunks(length);
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) break;
      if (length === undefined && chunks.length + value.length > limit) {
        await reader.cancel();
        return null;
      }
      if (length !== undefined && chunks.length + value.length > length) {
        await reader.cancel();
        throw new SealpackError(
          "range-not-supported",
          `${response.url} sent more than the ${length} bytes asked for`,
        );
      }
      chunks.push(value);
      onBytes?.(value.length);
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    if (error instanceof SealpackError) throw error;
    throw truncated(chunks.length, length, error);
  }
  if (length !== undefined && chunks.length < length) throw truncated(chunks.length, length);
  return chunks.take();
}

// Not a code that callers see: the read is tried again, and then it is `network`.
function truncated(found, wanted, cause) {
  const of = wanted === undefined ? "" : ` of ${wanted}`;
  return new SealpackError("truncated-body", `the connection ended after ${found}${of} bytes`, { cause });
}

/** Bytes that come in pieces; in place where their number is known. */
class Chunks {
  length = 0;
  #whole;
  #pieces = [];

  constructor(length) {
    this.#whole = length === undefined ? null : new Uint8Array(length);
  }

  push(piece) {
    if (this.#whole) this.#whole.set(piece, this.length);
    else this.#pieces.push(piece);
    this.length += piece.length;
  }

  take() {
    if (this.#whole) return this.#whole;
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}
