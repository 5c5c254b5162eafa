// A range of items, read one request ahead, as an async iterator and as a stream.
import { aborted, guarded } from "./errors.js";
import { linked, throwIfAborted } from "./abort.js";
import { Slices } from "./schedule.js";

/** @import { Signal } from "./abort.js" */
/** @import { RangeOptions } from "./index.js" */
/** @import { Pack } from "./pack.js" */
/** @import { RangeRead, RangeScan } from "../dist/read.js" */

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
  const scan = guarded(() => pack.handle().scan(start, end, GAP, requestSize));
  const slices = new Slices();
  const all = linked(signal);
  const options = { signal: all.signal, requestSize };
  let ahead = null;
  try {
    ahead = fetchNext(pack, scan, options);
    while (ahead) {
      const { read, bytes } = ahead;
      const [fetched, , proof] = await bytes;
      ahead = fetchNext(pack, scan, options);
      for (const item of await take(pack, read, fetched, proof, signal)) {
        throwIfAborted(signal);
        yield item;
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
  }
}

/**
 * Starts the next read; null at the end.
 *
 * @param {Pack} pack
 * @param {RangeScan} scan
 * @param {{ signal: Signal, requestSize: number }} options
 */
function fetchNext(pack, scan, { signal, requestSize }) {
  pack.handle();
  const read = scan.next();
  if (!read) return null;
  const [start, end, inTail] = read.range();
  const fetched = inTail ? undefined : pack.readBytes(start, end, signal, { requestSize });
  const bytes = Promise.all([fetched, pack.chooseCodec(signal), pack.prove(read, signal)]);
  bytes.catch(() => {}); // awaited later, or never if the caller leaves early
  return { read, bytes };
}

/**
 * @param {Pack} pack
 * @param {RangeRead} read
 * @param {Uint8Array | undefined} bytes
 * @param {Awaited<ReturnType<Pack["prove"]>>} proof
 * @param {Signal} signal
 */
async function take(pack, read, bytes, proof, signal) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const items = [];
  try {
    await pack.take(read, bytes, proof, items, signal);
    return items;
  } finally {
    read.free();
  }
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
