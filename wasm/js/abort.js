// Cancelling: a signal is checked between steps and raced against every wait,
// so a source that ignores it cannot delay the caller.
import { platform } from "./platform.js";
import { SealpackError, aborted } from "./errors.js";

/** @typedef {AbortSignal | null | undefined} Signal */

/** @param {Signal} signal */
export function throwIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal);
}

/**
 * `promise` or the abort, whichever comes first. A later result is dropped.
 *
 * @template T
 * @param {T | Promise<T>} promise
 * @param {Signal} signal
 * @returns {Promise<T>}
 */
export async function abortable(promise, signal) {
  if (!signal) return promise;
  if (signal.aborted) {
    Promise.resolve(promise).catch(() => {});
    throw aborted(signal);
  }
  return new Promise((resolve, reject) => {
    const stop = () => reject(aborted(signal));
    signal.addEventListener("abort", stop, { once: true });
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * Waits; an abort ends the wait at once.
 *
 * @param {number} milliseconds
 * @param {Signal} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const waited = /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    })
  );
  return abortable(waited, signal).finally(() => clearTimeout(timer));
}

/**
 * A signal that follows `outer` and can also be aborted here, for work that
 * was started in parallel.
 *
 * @param {Signal} outer
 */
export function linked(outer) {
  const controller = platform.newController();
  const follow = () => controller.abort(outer?.reason);
  if (outer?.aborted) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    /** @param {unknown} [reason] */
    abort: (reason) => controller.abort(reason),
    release: () => outer?.removeEventListener("abort", follow),
  };
}

/**
 * The abort error in place of the error of a cancelled fetch or stream.
 *
 * @param {unknown} error
 * @param {Signal} signal
 */
export function asAbort(error, signal) {
  if (signal?.aborted && !(error instanceof SealpackError)) return aborted(signal);
  return error;
}
