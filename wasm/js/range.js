// A run of items, read ahead by one request, as an async iterator and as a stream.
import { aborted, guarded } from "./errors.js";
import { linked, throwIfAborted } from "./abort.js";
import { Slices } from "./schedule.js";

const REQUEST_SIZE = 1024 * 1024;
const GAP = 0; // neighbouring records touch

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
    all.abort(); // whoever leaves early wants no more of what is on its way
    all.release();
    ahead?.read.free();
    scan.free();
  }
}

/** The next read, on its way; null at the end. */
function fetchNext(pack, scan, { signal, requestSize }) {
  pack.handle();
  const read = scan.next();
  if (!read) return null;
  const [start, end, here] = read.range();
  const fetched = here ? undefined : pack.readBytes(start, end, signal, { requestSize });
  const bytes = Promise.all([fetched, pack.chooseCodec(signal), pack.prove(read, signal)]);
  bytes.catch(() => {}); // awaited a turn later, or not at all where the caller leaves early
  return { read, bytes };
}

async function take(pack, read, bytes, proof, signal) {
  const items = [];
  try {
    await pack.take(read, bytes, proof, items, signal);
    return items;
  } finally {
    read.free();
  }
}

/** A ReadableStream that reads an item when one is wanted, and stops when it is cancelled. */
export function readableOf(items, outer) {
  const controller = new AbortController();
  const stop = () => controller.abort(outer.reason);
  outer?.addEventListener("abort", stop, { once: true });
  if (outer?.aborted) stop();
  const iterator = items(controller.signal);
  const done = () => outer?.removeEventListener("abort", stop);
  const source = {
    async pull(sink) {
      try {
        const { done: ended, value } = await iterator.next();
        if (!ended) return sink.enqueue(value);
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
