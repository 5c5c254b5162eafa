// Where runs of records are inspected: on this thread, or in workers.
import { reading } from "./modules.js";
import { platform } from "./platform.js";
import { SealpackError } from "./errors.js";
import { throwIfAborted } from "./abort.js";
import { Slices } from "./schedule.js";
import { RunInspector } from "./inspect.js";

/** This thread, in slices. */
export class LocalLane {
  /** Runs at once: the next one is decoded while WebCrypto hashes the last. */
  depth = 2;
  #inspector;
  /** Looks again at what is damaged, while the first is in the middle of a run. */
  #second = null;
  #newInspector;
  #slices = new Slices();
  #signal;
  #turn = Promise.resolve();

  constructor(handle, { signal, extract, digests }) {
    this.#newInspector = () => new RunInspector(reading.glue, reading.memory, handle, extract, digests);
    this.#inspector = this.#newInspector();
    this.#signal = signal;
  }

  async inspect(run) {
    // One run in the inspector at a time; the hashing may overlap.
    const begun = this.#turn.then(() =>
      this.#inspector.begin(run, this.#slices, () => throwIfAborted(this.#signal)),
    );
    this.#turn = begun.catch(() => {});
    const { done } = await begun;
    return { found: await done, bytes: run.bytes, lent: run.lent };
  }

  again(...record) {
    this.#second ??= this.#newInspector();
    return this.#second.again(...record);
  }

  async close() {
    await this.#turn;
    this.#inspector.free();
    this.#second?.free();
  }
}

/** A worker of its own. */
class WorkerLane {
  depth = 2;
  #worker;
  #waiting = new Map();
  #next = 0;
  #started;
  /** Why it answers no more. */
  #over = null;

  constructor(worker, start) {
    this.#worker = worker;
    this.ready = new Promise((resolve, reject) => (this.#started = { resolve, reject }));
    worker.onmessage = ({ data }) => this.#answered(data);
    worker.onerror = (event) =>
      this.#broken(
        new SealpackError("internal", `a worker stopped: ${event?.message ?? "it could not be started"}`),
      );
    try {
      worker.postMessage({ start });
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  #answered({ ready, failed, id, found, bytes }) {
    if (ready) return this.#started.resolve(this);
    if (failed) {
      const { code, message, ...where } = failed;
      return this.#broken(new SealpackError(code, `a worker failed: ${message}`, where));
    }
    this.#waiting.get(id)?.resolve({ found, bytes, lent: false });
    this.#waiting.delete(id);
  }

  #broken(error) {
    this.#over ??= error;
    this.#started.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Runs that it has not answered yet. */
  get running() {
    return this.#waiting.size;
  }

  inspect({ first, count, start, bytes: read, lent }, buffers) {
    if (this.#over) return Promise.reject(this.#over);
    const id = this.#next++;
    const bytes = lent ? copied(read, buffers.take(read.length)) : read;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ run: { id, first, count, start, bytes } }, [bytes.buffer]);
    });
  }

  close() {
    this.#broken(new SealpackError("internal", "the verification is over"));
    this.#worker.terminate();
  }
}

function copied(bytes, buffer) {
  const copy = new Uint8Array(buffer, 0, bytes.length);
  copy.set(bytes);
  return copy;
}

/**
 * The lanes of one verification: this thread's, until the first worker is
 * ready; where a page's policy or bundle has no room for workers, to the end.
 */
export class Lanes {
  #local;
  #started = [];
  #ready = [];

  /** @param start what a worker is told first */
  constructor(local, workers, start) {
    this.#local = local;
    for (let number = 0; number < workers; number += 1) {
      try {
        this.#begin(new WorkerLane(platform.startWorker(), start));
      } catch {
        break; // a policy without worker-src throws at once
      }
    }
  }

  #begin(lane) {
    this.#started.push(lane);
    lane.ready.then(
      () => this.#ready.push(lane),
      () => lane.close(),
    );
  }

  get #open() {
    return this.#ready.length ? this.#ready : [this.#local];
  }

  /** How many runs may be under way at once. */
  get depth() {
    return this.#open.reduce((sum, lane) => sum + lane.depth, 0);
  }

  /** Inspects a run in the lane with the fewest. `buffers` lends memory for what must be copied. */
  inspect(run, buffers) {
    const lane = this.#open.reduce((least, other) => (other.running < least.running ? other : least));
    return lane.inspect(run, buffers);
  }

  close() {
    for (const lane of this.#started) lane.close();
    return this.#local.close();
  }
}
