// Cancelling: a signal is looked at between steps and raced against every
// wait, so that a source which ignores it cannot hold a caller up.
import { platform } from "./platform.js";
import { SealpackError, aborted } from "./errors.js";

export function throwIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal);
}

/** `promise`, or the abort, whichever is first. What `promise` says later is dropped. */
export function abortable(promise, signal) {
  if (!signal) return promise;
  if (signal.aborted) {
    Promise.resolve(promise).catch(() => {});
    return Promise.reject(aborted(signal));
  }
  return new Promise((resolve, reject) => {
    const stop = () => reject(aborted(signal));
    signal.addEventListener("abort", stop, { once: true });
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Waits, or ends at once with the abort. */
export function pause(milliseconds, signal) {
  let timer;
  const waited = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return abortable(waited, signal).finally(() => clearTimeout(timer));
}

/** A signal that follows `outer` and can be ended from here: for work started on the side. */
export function linked(outer) {
  const controller = platform.newController();
  const follow = () => controller.abort(outer.reason);
  if (outer?.aborted) follow();
  else outer?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => outer?.removeEventListener("abort", follow),
  };
}

/** An abort's own error in place of whatever a cancelled fetch or stream threw. */
export function asAbort(error, signal) {
  if (signal?.aborted && !(error instanceof SealpackError)) return aborted(signal);
  return error;
}
