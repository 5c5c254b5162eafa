// The file that a Node worker thread starts with.
import { parentPort } from "node:worker_threads";
import { serve } from "./worker-serve.js";

const answer = serve((message, transfer) => parentPort.postMessage(message, transfer));
parentPort.on("message", answer);
