// Verifying every record: bytes are fetched ahead, runs are inspected in
// lanes, and what was found is put together in the order of the file.
import { reading } from "./modules.js";
import { aborted, fromWasm, guarded, listener } from "./errors.js";
import { linked, throwIfAborted } from "./abort.js";
import { Lanes, LocalLane } from "./lanes.js";
import { Buffers } from "./source/buffers.js";

/** Bytes of one run: for a small one, asking takes a browser longer than reading. */
const RUN_SIZE = 4 * 1024 * 1024;
const SMALLEST_RUN = RUN_SIZE / 16;
/** Runs for each thread, so that all end at about the same time. */
const RUNS_EACH = 8;

export async function verifyPack(pack, { signal, onProgress, workers = 0, extract } = {}) {
  throwIfAborted(signal);
  const all = linked(signal);
  const tell = listener(onProgress);
  const trusted = pack.trustedHash;
  const digests = Boolean(trusted);
  const local = new LocalLane(pack.handle(), { signal: all.signal, extract, digests });
  // Functions of the caller's stay on the caller's thread.
  const apart = extract || pack.codec === "custom" ? 0 : workers;
  const lanes = new Lanes(local, apart, apart > 0 && { ...pack.forWorkers(), digests });
  const verdicts = new reading.glue.Verdicts(pack.handle(), trusted ?? new Uint8Array(0));
  try {
    const share = Math.ceil(pack.info.recordsSize / (RUNS_EACH * Math.max(1, apart)));
    const runSize = Math.min(RUN_SIZE, Math.max(SMALLEST_RUN, share));
    await inspectAll(pack, lanes, runSize, all, (run, result) => {
      note(pack, verdicts, local, run, result);
      tell?.(progress(pack, run));
    });
    await pack.sameVersion(signal);
    return report(guarded(() => verdicts.finish()));
  } catch (error) {
    throw signal?.aborted ? aborted(signal) : fromWasm(error);
  } finally {
    all.release();
    await lanes.close();
    verdicts.free();
  }
}

/** Keeps every lane busy, and hands over results in order. */
async function inspectAll(pack, lanes, runSize, { signal, abort }, deliver) {
  const runs = guarded(() => pack.handle().scan(0, pack.length, 0, runSize));
  const queue = [];
  const buffers = new Buffers();
  const begin = () => {
    const next = runs.next();
    if (!next) return false;
    const [start, end, , first, count] = next.range();
    next.free();
    const run = { first, count, start, end };
    run.result = pack
      .readBytes(start, end, signal, { buffers })
      .then((bytes) => lanes.inspect({ ...run, bytes, lent: pack.lends }, buffers));
    run.result.catch(() => {}); // awaited in its turn
    queue.push(run);
    return true;
  };
  const readAhead = () => {
    while (queue.length < lanes.depth + 1 && begin());
  };
  try {
    readAhead();
    while (queue.length) {
      const run = queue.shift();
      const result = await run.result;
      deliver(run, result);
      if (!result.lent) buffers.give(result.bytes.buffer);
      throwIfAborted(signal);
      readAhead();
    }
  } catch (error) {
    abort(error); // what is under way ends at once
    throw error;
  } finally {
    await Promise.allSettled(queue.map((run) => run.result));
    runs.free();
  }
}

function note(pack, verdicts, local, run, { found, bytes }) {
  const bad = new Set(found.bad);
  const hashed = found.digests.length > 0;
  for (let at = 0; at < run.count; at += 1) {
    if (!bad.has(at)) {
      const digest = hashed ? found.digests.subarray(32 * at, 32 * at + 32) : found.digests;
      guarded(() => verdicts.sound(found.frames[at], found.sizes[at], digest));
      continue;
    }
    const { offset, size } = pack.record(run.first + at);
    const stored = bytes.subarray(offset - run.start, offset - run.start + size);
    guarded(() => verdicts.inspected(local.again(run.first + at, offset, stored)));
  }
}

function progress(pack, run) {
  const { recordsSize, recordCount } = pack.info;
  return {
    bytes: run.end,
    totalBytes: recordsSize,
    records: run.first + run.count,
    totalRecords: recordCount,
  };
}

const LAYERS = [
  "structure",
  "index",
  "app_data",
  "record_checksum",
  "decoding",
  "frame_checksum",
  "lengths",
  "content_hash",
];
const VERDICTS = ["passed", "failed", "not_present"];

/** The report of the module's numbers, its errors as ours. */
function report([numbers, failures, damaged]) {
  const [damagedCount, recordCount, framesWithoutChecksum, payloadSize, protectedItems] = numbers.slice(
    LAYERS.length,
  );
  return {
    ok: failures.length === 0,
    layers: Object.fromEntries(LAYERS.map((name, at) => [name, VERDICTS[numbers[at]]])),
    failures: failures.map(([layer, error]) => Object.assign(fromWasm(error), { layer: LAYERS[layer] })),
    damaged: damaged.map(([record, error]) => Object.assign(fromWasm(error), { record })),
    damagedCount,
    recordCount,
    framesWithoutChecksum,
    payloadSize,
    itemsAreProtected: Boolean(protectedItems),
  };
}
