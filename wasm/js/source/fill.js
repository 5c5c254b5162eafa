// Filling a buffer from a stream: in place if the stream supports it (a "BYOB"
// reader), otherwise from the chunks of the stream.
import { abortable } from "../abort.js";

/** @import { Signal } from "../abort.js" */
/** @import { OnBytes } from "./from.js" */
/** @typedef {{ done: boolean, value?: Uint8Array<ArrayBuffer> | undefined }} Filled */
/** @typedef {{ cancel: (reason?: unknown) => Promise<void>, read: (room: Uint8Array<ArrayBuffer>) => Promise<Filled> }} InPlaceReader */

/**
 * Readers in use. Chromium collects the stream of a blob if only its own
 * pending read refers to it, and that read then never ends.
 *
 * @type {Set<InPlaceReader>}
 */
const reading = new Set();

/**
 * Reads up to `length` bytes and checks that the stream ends there. `buffer` is
 * detached; its memory is in `bytes.buffer` afterwards.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @param {ArrayBuffer} buffer
 * @param {number} length
 * @param {Signal} signal
 * @param {OnBytes} [onBytes]
 * @returns {Promise<{ bytes: Uint8Array<ArrayBuffer>, more: boolean }>} the bytes, and whether the
 *   stream had more than `length` of them (it is then cancelled)
 */
export async function fill(stream, buffer, length, signal, onBytes) {
  const reader = inPlace(stream) ?? inChunks(stream.getReader());
  let count = 0;
  reading.add(reader);
  try {
    for (;;) {
      const full = count === length;
      // At the end, request one byte more: there should be none.
      const room = full ? new Uint8Array(1) : new Uint8Array(buffer, count, length - count);
      const { done, value } = await abortable(reader.read(room), signal);
      if (!full && value) buffer = value.buffer;
      if (done || !value) return { bytes: new Uint8Array(buffer, 0, count), more: false };
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

/**
 * Null if the stream only has chunks of its own.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {InPlaceReader | null}
 */
function inPlace(stream) {
  try {
    return /** @type {InPlaceReader} */ (stream.getReader({ mode: "byob" }));
  } catch {
    return null;
  }
}

/**
 * A reader like that of mode "byob", over an ordinary one.
 *
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @returns {InPlaceReader}
 */
function inChunks(reader) {
  let left = /** @type {Uint8Array} */ (new Uint8Array(0));
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
