// Slices: long work on the page's thread yields to the event loop every few
// milliseconds, so that scrolling, input and `signal` keep working.
import { platform } from "./platform.js";

const SLICE_MS = 8;

/** Measures slices, and yields between them. */
export class Slices {
  #until = performance.now() + SLICE_MS;

  get over() {
    return performance.now() >= this.#until;
  }

  async next() {
    await platform.yieldToEventLoop();
    this.#until = performance.now() + SLICE_MS;
  }
}
