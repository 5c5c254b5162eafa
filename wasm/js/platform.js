// The differences between a browser and Node; index.node.js replaces them.

/**
 * A Worker, or a thread of Node with the same methods.
 *
 * @typedef {object} WorkerLike
 * @property {(message: unknown, transfer?: ArrayBuffer[]) => void} postMessage
 * @property {() => unknown} terminate
 * @property {((event: { data: any }) => void) | null | undefined} [onmessage]
 * @property {((event: { message?: string }) => void) | null | undefined} [onerror]
 */

// Engines of before 2024 lack these two.
/** @type {typeof Symbol.dispose} */
export const DISPOSE = Symbol.dispose ?? Symbol.for("Symbol.dispose");
/** @type {typeof Symbol.asyncDispose} */
export const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/**
 * Yields once to the event loop. A message queues after timers and other
 * messages. The continuation of `scheduler.yield` would run before them, so
 * that timers of the page and answers of workers waited until the work ends.
 *
 * @returns {Promise<void>}
 */
function yieldToEventLoop() {
  // Nested timers are delayed by 4 ms; a message is not.
  if (typeof MessageChannel !== "function") return new Promise((resolve) => setTimeout(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

export const platform = {
  yieldToEventLoop,
  /** Whether packs are opened with the fast decoder, because loading it takes no longer than the small one. */
  startsFast: false,
  /** Bytes of zstd frames, as stored, from which on loading the fast decoder repays it (PERFORMANCE.md). */
  fastFrom: 64 * 1024 * 1024,
  /** @returns {WorkerLike} */
  startWorker: () =>
    /** @type {any} */ (new Worker(new URL("./worker.js", import.meta.url), { type: "module" })),
  newController: () => new AbortController(),
};
