// Slices: work on the page's own thread gives the event loop a turn every few
// milliseconds, so that scrolling, input and `signal` stay alive.

const SLICE_MS = 8;

/**
 * A turn of the event loop. By a message, which waits its turn among timers and
 * other messages: what `scheduler.yield` continues comes before them all, so
 * that a page's timers, and the answers of workers, would wait to the end.
 */
function turn() {
  // A message is delivered without the 4 ms that nested timers are held back.
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

/** Says when a slice is over, and gives the event loop its turn. */
export class Slices {
  #until = performance.now() + SLICE_MS;

  get over() {
    return performance.now() >= this.#until;
  }

  async next() {
    await turn();
    this.#until = performance.now() + SLICE_MS;
  }
}
