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

export const platform = {
  /** Whether packs are opened with the fast decoder, because loading it takes no longer than the small one. */
  startsFast: false,
  /** Bytes of zstd frames, as stored, from which on loading the fast decoder repays it (PERFORMANCE.md). */
  fastFrom: 64 * 1024 * 1024,
  /** @returns {WorkerLike} */
  startWorker: () =>
    /** @type {any} */ (new Worker(new URL("./worker.js", import.meta.url), { type: "module" })),
  newController: () => new AbortController(),
};
