// A range of items, read one request ahead, as an async iterator and as a stream.
import { aborted, guarded } from "./errors.js";
import { linked, throwIfAborted } from "./abort.js";
import { itemOf } from "./records.js";
import { Slices } from "./schedule.js";

/** @import { Signal } from "./abort.js" */
/** @import { RangeOptions } from "./index.js" */
/** @import { Pack } from "./pack.js" */
/** @import { RangeScan } from "../dist/read.js" */

const REQUEST_SIZE = 1024 * 1024;
const GAP = 0; // neighbouring records touch

/**
 * @param {Pack} pack
 * @param {number} start
 * @param {number} end
 * @param {RangeOptions} options
 * @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>}
 */
export async function* readItems(pack, start, end, { signal, requestSize = REQUEST_SIZE } = {}) {
  throwIfAborted(signal);
  const release = pack.acquire();
  const scan = guarded(() => pack.handle().scan(start, end, GAP, requestSize));
  const slices = new Slices();
  const all = linked(signal);
  const { itemsPerRecord } = pack.info;
  let ahead = null;
  try {
    ahead = fetchNext(pack, scan, all.signal, requestSize);
    while (ahead) {
      const { read, fetched } = ahead;
      const [bytes, proof] = await fetched;
      ahead = fetchNext(pack, scan, all.signal, requestSize);
      const records = await pack.decode(read, bytes, proof, signal).finally(() => read.free());
      for (const [number, record] of records) {
        const first = number * itemsPerRecord;
        const slots = Math.min(record.ends.length, end - first);
        for (let slot = Math.max(0, start - first); slot < slots; slot += 1) {
          throwIfAborted(signal);
          yield record.ends.length === 1 ? record.payload : itemOf(record, slot);
        }
      }
      if (slices.over) await slices.next();
    }
    await pack.sameVersion(signal);
  } catch (error) {
    throw signal?.aborted ? aborted(signal) : error;
  } finally {
    all.abort(); // cancels the read ahead if the caller leaves early
    all.release();
    ahead?.read.free();
    scan.free();
    release();
  }
}

/**
 * Starts the next read; null at the end.
 *
 * @param {Pack} pack
 * @param {RangeScan} scan
 * @param {Signal} signal
 * @param {number} requestSize
 */
function fetchNext(pack, scan, signal, requestSize) {
  pack.handle();
  const read = scan.next();
  if (!read) return null;
  const fetched = pack.fetch(read, signal, requestSize);
  fetched.catch(() => {}); // awaited later, or never if the caller leaves early
  return { read, fetched };
}

/**
 * A ReadableStream that reads an item when one is pulled, and stops when it is
 * cancelled.
 *
 * @param {(signal: AbortSignal) => AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>} items
 * @param {Signal} outer
 * @returns {ReadableStream<Uint8Array<ArrayBuffer>>}
 */
export function readableOf(items, outer) {
  const controller = new AbortController();
  const stop = () => controller.abort(outer?.reason);
  outer?.addEventListener("abort", stop, { once: true });
  if (outer?.aborted) stop();
  const iterator = items(controller.signal);
  const done = () => outer?.removeEventListener("abort", stop);
  /** @type {UnderlyingDefaultSource<Uint8Array<ArrayBuffer>>} */
  const source = {
    async pull(sink) {
      try {
        const next = await iterator.next();
        if (!next.done) return sink.enqueue(next.value);
        done();
        sink.close();
      } catch (error) {
        done();
        throw outer?.aborted ? aborted(outer) : error;
      }
    },
    async cancel(reason) {
      done();
      controller.abort(reason);
      await iterator.return().catch(() => {});
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
