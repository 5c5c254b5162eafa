// In Node and Deno workers are threads.
import { setMaxListeners } from "node:events";
import { Worker as Thread } from "node:worker_threads";
import { platform } from "./platform.js";

/** A thread with a browser worker's manners. */
platform.startWorker = () => {
  const thread = new Thread(new URL("./worker.node.js", import.meta.url));
  const worker = {
    postMessage: (message, transfer) => thread.postMessage(message, transfer),
    terminate: () => thread.terminate(),
  };
  thread.on("message", (data) => worker.onmessage?.({ data }));
  thread.on("error", (error) => worker.onerror?.(error));
  thread.on("exit", (code) => worker.onerror?.({ message: `it ended with ${code}` }));
  return worker;
};

/** Node warns of more than ten that listen; a read is one. */
platform.newController = () => {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
};

export * from "./index.js";
