// The entry point of a worker thread in Node.
import { parentPort } from "node:worker_threads";
import { serve } from "./worker-serve.js";

const port = /** @type {import("node:worker_threads").MessagePort} */ (/** @type {unknown} */ (parentPort));
const handle = serve((message, transfer) => port.postMessage(message, transfer ?? []));
port.on("message", handle);
