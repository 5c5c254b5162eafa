// Verifying every record: runs of bytes are fetched ahead and examined in
// lanes, and their findings are added to the report in the order of the file.
import { aborted, fromWasm, guarded, listener } from "./errors.js";
import { linked, throwIfAborted } from "./abort.js";
import { toBytes } from "./bytes.js";
import { Lanes, LocalLane } from "./lanes.js";
import { Buffers } from "./source/buffers.js";

/** @import { LaneResult } from "./lanes.js" */
/** @import { LayerName, Report, Verdict, VerifyOptions } from "./index.js" */
/** @import { Pack } from "./pack.js" */
/** @import { ReportBuilder } from "../dist/read.js" */
/** @typedef {{ first: number, count: number, start: number, end: number }} RunRange */
/** @typedef {[number, unknown][]} ErrorList */

/** Bytes of a run: with smaller ones, a browser spends more time per request than on reading. */
const RUN_SIZE = 4 * 1024 * 1024;
const MIN_RUN_SIZE = RUN_SIZE / 16;
/** Runs per thread, so that all threads end at about the same time. */
const RUNS_PER_THREAD = 8;

/**
 * @param {Pack} pack
 * @param {VerifyOptions} options
 * @returns {Promise<Report>}
 */
export async function verifyPack(pack, { signal, onProgress, workers = 0, extract: own }) {
  throwIfAborted(signal);
  /** @type {typeof own} */
  const extract = own && ((item) => toBytes(own(item), "the result of extract()"));
  const all = linked(signal);
  const report = listener(onProgress);
  const trusted = pack.trustedHash;
  const digests = Boolean(trusted);
  const local = new LocalLane(pack, { signal: all.signal, extract, digests });
  // The caller's functions stay on the caller's thread.
  const threads = extract || pack.codec === "custom" ? 0 : workers;
  const start = threads > 0 ? pack.forWorkers().then((pack) => ({ ...pack, digests })) : undefined;
  start?.catch(() => {}); // each lane awaits it, if one starts
  const lanes = new Lanes(local, threads, start);
  const builder = new pack.instance.glue.ReportBuilder(pack.handle(), trusted ?? new Uint8Array(0));
  try {
    const share = Math.ceil(pack.info.recordsSize / (RUNS_PER_THREAD * Math.max(1, threads)));
    const runSize = Math.min(RUN_SIZE, Math.max(MIN_RUN_SIZE, share));
    await examineAll(pack, lanes, runSize, all, (run, result) => {
      addFindings(pack, builder, local, run, result);
      report?.(progress(pack, run));
    });
    await pack.sameVersion(signal);
    return reportFrom(guarded(() => builder.finish()), lanes.workers);
  } catch (error) {
    throw signal?.aborted ? aborted(signal) : fromWasm(error);
  } finally {
    all.release();
    await lanes.close();
    builder.free();
  }
}

/**
 * Keeps every lane busy, and delivers results in the order of the file.
 *
 * @param {Pack} pack
 * @param {Lanes} lanes
 * @param {number} runSize
 * @param {ReturnType<typeof linked>} all
 * @param {(run: RunRange, result: LaneResult) => void} deliver
 */
async function examineAll(pack, lanes, runSize, { signal, abort }, deliver) {
  const runs = guarded(() => pack.handle().scan(0, pack.length, 0, runSize));
  /** @type {(RunRange & { result: Promise<LaneResult> })[]} */
  const queue = [];
  const buffers = new Buffers();
  const begin = () => {
    const next = runs.next();
    if (!next) return false;
    const [start, end, , first, count] = next.range();
    next.free();
    const run = { first, count, start, end };
    const result = pack
      .readBytes(start, end, signal, { buffers })
      .then((bytes) => lanes.examine({ ...run, bytes, lent: pack.lends }, buffers));
    result.catch(() => {}); // awaited when it is first in the queue
    queue.push({ ...run, result });
    return true;
  };
  const readAhead = () => {
    while (queue.length < lanes.depth + 1 && begin());
  };
  try {
    readAhead();
    for (let run = queue.shift(); run; run = queue.shift()) {
      const result = await run.result;
      deliver(run, result);
      if (!result.lent) buffers.giveBack(result.bytes.buffer);
      throwIfAborted(signal);
      readAhead();
    }
  } catch (error) {
    abort(error); // cancels everything in flight
    throw error;
  } finally {
    await Promise.allSettled(queue.map((run) => run.result));
    runs.free();
  }
}

/**
 * @param {Pack} pack
 * @param {ReportBuilder} builder
 * @param {LocalLane} local
 * @param {RunRange} run
 * @param {LaneResult} result
 */
function addFindings(pack, builder, local, run, { found, bytes }) {
  const damaged = new Set(found.damaged);
  const hashed = found.digests.length > 0;
  for (let at = 0; at < run.count; at += 1) {
    if (!damaged.has(at)) {
      const digest = hashed ? found.digests.subarray(32 * at, 32 * at + 32) : found.digests;
      guarded(() => builder.sound(found.frames[at], found.sizes[at], digest));
      continue;
    }
    const { offset, size } = pack.record(run.first + at);
    const stored = bytes.subarray(offset - run.start, offset - run.start + size);
    guarded(() => builder.examined(local.examineAgain(run.first + at, offset, stored)));
  }
}

/**
 * @param {Pack} pack
 * @param {RunRange} run
 */
function progress(pack, run) {
  const { recordsSize, recordCount } = pack.info;
  return {
    bytes: run.end,
    totalBytes: recordsSize,
    records: run.first + run.count,
    totalRecords: recordCount,
  };
}

/** @type {LayerName[]} */
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
/** @type {Verdict[]} */
const VERDICTS = ["passed", "failed", "not_present", "not_checked"];

/**
 * The report of the module with names for its numbers.
 *
 * @param {[numbers: number[], failures: ErrorList, damaged: ErrorList, unchecked: ErrorList]} report
 * @param {number} workers
 * @returns {Report}
 */
function reportFrom([numbers, failures, damaged, unchecked], workers) {
  const [damagedCount, uncheckedCount, recordCount, framesWithoutChecksum, payloadSize, protectedItems] =
    numbers.slice(LAYERS.length);
  const layers = Object.fromEntries(LAYERS.map((name, at) => [name, VERDICTS[numbers[at]]]));
  return {
    ok: failures.length === 0,
    layers: /** @type {Report["layers"]} */ (layers),
    failures: failures.map(([layer, error]) => ({ ...details(error), layer: LAYERS[layer] })),
    damaged: damaged.map(withRecord),
    damagedCount,
    unchecked: unchecked.map(withRecord),
    uncheckedCount,
    recordCount,
    framesWithoutChecksum,
    payloadSize,
    itemsAreProtected: Boolean(protectedItems),
    workers,
  };
}

/** @param {[record: number, error: unknown]} listed */
const withRecord = ([record, error]) => ({ ...details(error), record });

/**
 * An error of the module as plain data.
 *
 * @param {unknown} error
 */
function details(error) {
  const { name: _, ...plain } = fromWasm(error).toJSON();
  return plain;
}
