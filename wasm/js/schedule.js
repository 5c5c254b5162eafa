// Slices: long work on the page's thread yields to the event loop every few
// milliseconds, so that scrolling, input and `signal` keep working.

const SLICE_MS = 8;

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

/** Measures slices, and yields between them. */
export class Slices {
  #until = performance.now() + SLICE_MS;

  get over() {
    return performance.now() >= this.#until;
  }

  async next() {
    await yieldToEventLoop();
    this.#until = performance.now() + SLICE_MS;
  }
}
