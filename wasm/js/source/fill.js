// Filling a buffer from a stream: in place where the stream can (a "BYOB"
// reader), else from the pieces that it hands out.
import { abortable } from "../abort.js";

/**
 * Readers at work. Chromium collects the stream of a blob that nothing but its
 * own pending read refers to, and that read then never ends.
 */
const reading = new Set();

/**
 * Reads `stream` to its end, of which `length` bytes are wanted. `buffer` is
 * detached: what it held is in `bytes.buffer` from here on.
 *
 * @param {(more: number) => void} [onBytes]
 * @returns {Promise<{ bytes: Uint8Array, more: boolean }>} what came, and
 *   whether more than `length` would have come: then the stream is cancelled
 */
export async function fill(stream, buffer, length, signal, onBytes) {
  const reader = inPlace(stream) ?? inPieces(stream.getReader());
  let count = 0;
  reading.add(reader);
  try {
    for (;;) {
      const full = count === length;
      // At the end a byte more is asked for: there should be none.
      const room = full ? new Uint8Array(1) : new Uint8Array(buffer, count, length - count);
      const { done, value } = await abortable(reader.read(room), signal);
      if (!full && value) buffer = value.buffer;
      if (done) return { bytes: new Uint8Array(buffer, 0, count), more: false };
      if (full) break;
      count += value.length;
      onBytes?.(value.length);
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    reading.delete(reader);
  }
  await reader.cancel();
  return { bytes: new Uint8Array(buffer, 0, count), more: true };
}

/** Null where the stream only has pieces of its own. */
function inPlace(stream) {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** A reader as of the mode "byob", over one that is not. */
function inPieces(reader) {
  let left = new Uint8Array(0);
  return {
    cancel: (reason) => reader.cancel(reason),
    async read(room) {
      while (!left.length) {
        const { done, value } = await reader.read();
        if (done) return { done, value: room.subarray(0, 0) };
        left = value;
      }
      const value = room.subarray(0, left.length);
      value.set(left.subarray(0, value.length));
      left = left.subarray(value.length);
      return { done: false, value };
    },
  };
}
