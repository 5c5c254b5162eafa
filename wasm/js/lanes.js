// The lanes of a verification: runs of records are examined on this thread or
// in workers.
import { platform } from "./platform.js";
import { SealpackError, messageOf } from "./errors.js";
import { throwIfAborted } from "./abort.js";
import { Slices } from "./schedule.js";
import { LaneExaminer } from "./examine.js";

/** @import { Signal } from "./abort.js" */
/** @import { Findings, Run } from "./examine.js" */
/** @import { WorkerLike } from "./platform.js" */
/** @import { Buffers } from "./source/buffers.js" */
/** @import { Pack } from "./pack.js" */
/** @typedef {Run & { lent: boolean }} LaneRun `lent`: the bytes belong to the source, and must be copied for a worker */
/** @typedef {{ found: Findings, bytes: Uint8Array<ArrayBuffer>, lent: boolean }} LaneResult */
/**
 * @typedef {object} Lane
 * @property {number} depth runs in flight at most
 * @property {number} running runs in flight
 * @property {(run: LaneRun, buffers: Buffers) => Promise<LaneResult>} examine
 */

/**
 * This thread, in slices.
 *
 * @implements {Lane}
 */
export class LocalLane {
  /** Decodes the next run while WebCrypto hashes the last one. */
  depth = 2;
  running = 0;
  #examiner;
  /** Examines damaged records again, while the first examiner is in the middle of a run. */
  #second;
  #pack;
  #newExaminer;
  /** @type {Pack["instance"] | undefined} that of the examiner */
  #instance;
  #slices = new Slices();
  #signal;
  #turn = /** @type {Promise<unknown>} */ (Promise.resolve());

  /**
   * @param {Pack} pack
   * @param {{ signal: Signal, extract: Function | undefined, digests: boolean }} options
   */
  constructor(pack, { signal, extract, digests }) {
    this.#pack = pack;
    this.#newExaminer = () => {
      const { glue, memory } = (this.#instance = pack.instance);
      return new LaneExaminer(glue, memory, pack.handle(), extract, digests);
    };
    this.#second = this.#newExaminer(); // stays in the instance of the report's builder
    this.#examiner = this.#newExaminer();
    this.#signal = signal;
  }

  /** @param {LaneRun} run */
  async examine(run) {
    // One run at a time in the examiner; hashing may overlap.
    const begun = this.#turn.then(() => {
      if (this.#instance !== this.#pack.instance) {
        this.#examiner.free();
        this.#examiner = this.#newExaminer();
      }
      return this.#examiner.begin(run, this.#slices, () => throwIfAborted(this.#signal));
    });
    this.#turn = begun.catch(() => {});
    const { done } = await begun;
    return { found: await done, bytes: run.bytes, lent: run.lent };
  }

  /** @param {Parameters<LaneExaminer["examineAgain"]>} record */
  examineAgain(...record) {
    return this.#second.examineAgain(...record);
  }

  async close() {
    await this.#turn;
    this.#examiner.free();
    this.#second.free();
  }
}

/**
 * One worker.
 *
 * @implements {Lane}
 */
class WorkerLane {
  depth = 2;
  #worker;
  /** @type {Map<number, { resolve: (result: LaneResult) => void, reject: (error: unknown) => void }>} */
  #waiting = new Map();
  #next = 0;
  /** Whether the worker has examined a run. */
  examined = false;
  /** Fulfilled once the worker takes runs; rejected if it cannot. */
  ready;
  #started;
  /** The error after which the worker is not used any more. */
  #stopped = /** @type {SealpackError | null} */ (null);

  /**
   * @param {WorkerLike} worker
   * @param {Promise<unknown>} start the first message to the worker
   */
  constructor(worker, start) {
    this.#worker = worker;
    /** @type {{ resolve: (lane: WorkerLane) => void, reject: (error: unknown) => void }} */
    let started = { resolve: () => {}, reject: () => {} };
    /** @type {Promise<WorkerLane>} */
    this.ready = new Promise((resolve, reject) => (started = { resolve, reject }));
    this.#started = started;
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) =>
      this.#stop(
        new SealpackError("internal", `a worker stopped: ${event?.message ?? "it could not be started"}`),
      );
    start
      .then((start) => worker.postMessage({ start }))
      .catch((error) => this.#stop(new SealpackError("internal", `a worker failed: ${messageOf(error)}`)));
  }

  /** @param {any} answer */
  #receive({ ready, failed, id, found, bytes }) {
    if (ready) return this.#started.resolve(this);
    if (failed) {
      return this.#stop(SealpackError.from({ ...failed, message: `a worker failed: ${failed.message}` }));
    }
    this.examined = true;
    this.#waiting.get(id)?.resolve({ found, bytes, lent: false });
    this.#waiting.delete(id);
  }

  /** @param {SealpackError} error */
  #stop(error) {
    this.#stopped ??= error;
    this.#started.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  get running() {
    return this.#waiting.size;
  }

  /**
   * @param {LaneRun} run
   * @param {Buffers} buffers
   * @returns {Promise<LaneResult>}
   */
  async examine({ first, count, start, bytes: read, lent }, buffers) {
    if (this.#stopped) throw this.#stopped;
    const id = this.#next++;
    const bytes = lent ? copied(read, buffers.take(read.length)) : read;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ run: { id, first, count, start, bytes } }, [bytes.buffer]);
    });
  }

  close() {
    this.#stop(new SealpackError("internal", "the verification is over"));
    this.#worker.terminate();
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {ArrayBuffer} buffer
 */
function copied(bytes, buffer) {
  const copy = new Uint8Array(buffer, 0, bytes.length);
  copy.set(bytes);
  return copy;
}

/**
 * The lanes of one verification: this thread until the first worker is ready,
 * or to the end if the page's policy or its bundle has no workers.
 */
export class Lanes {
  #local;
  /** @type {WorkerLane[]} */
  #started = [];
  /** @type {WorkerLane[]} */
  #ready = [];

  /**
   * @param {LocalLane} local
   * @param {number} workers
   * @param {Promise<unknown> | undefined} start the first message to each worker
   */
  constructor(local, workers, start) {
    this.#local = local;
    for (let number = 0; start && number < workers; number += 1) {
      try {
        this.#add(new WorkerLane(platform.startWorker(), start));
      } catch {
        break; // a policy without worker-src throws at once
      }
    }
  }

  /** @param {WorkerLane} lane */
  #add(lane) {
    this.#started.push(lane);
    lane.ready.then(
      () => this.#ready.push(lane),
      () => lane.close(),
    );
  }

  /** @returns {Lane[]} */
  get #open() {
    return this.#ready.length ? this.#ready : [this.#local];
  }

  /** The number of workers that examined runs. */
  get workers() {
    return this.#started.filter((lane) => lane.examined).length;
  }

  /** How many runs may be in flight. */
  get depth() {
    return this.#open.reduce((sum, lane) => sum + lane.depth, 0);
  }

  /**
   * Examines a run in the lane with the fewest runs in flight.
   *
   * @param {LaneRun} run
   * @param {Buffers} buffers lends memory for bytes that must be copied
   */
  examine(run, buffers) {
    const lane = this.#open.reduce((idlest, other) => (other.running < idlest.running ? other : idlest));
    return lane.examine(run, buffers);
  }

  close() {
    for (const lane of this.#started) lane.close();
    return this.#local.close();
  }
}
