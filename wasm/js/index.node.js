// The entry point in Node and Deno, where workers are threads.
import { setMaxListeners } from "node:events";
import { Worker as Thread } from "node:worker_threads";
import { platform } from "./platform.js";

/** A thread with the methods of a browser's Worker. */
platform.startWorker = () => {
  const thread = new Thread(new URL("./worker.node.js", import.meta.url));
  /** @type {import("./platform.js").WorkerLike} */
  const worker = {
    postMessage: (message, transfer) => thread.postMessage(message, transfer),
    terminate: () => thread.terminate(),
  };
  thread.on("message", (data) => worker.onmessage?.({ data }));
  thread.on("error", (error) => worker.onerror?.(/** @type {Error} */ (error)));
  thread.on("exit", (code) => worker.onerror?.({ message: `it ended with ${code}` }));
  return worker;
};

/** After timers and messages, like a message, which takes 0.7 ms in Node. */
platform.yieldToEventLoop = () => new Promise((resolve) => void setImmediate(resolve));

/** Both are on the disk. */
platform.startsFast = true;

/** Every read in progress listens to its signal; Node would warn from the eleventh on. */
platform.newController = () => {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
};

export * from "./index.js";
