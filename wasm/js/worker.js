// The entry point of a worker in a browser.
import { serve } from "./worker-serve.js";

const handle = serve((message, transfer) => self.postMessage(message, { transfer: transfer ?? [] }));
self.onmessage = ({ data }) => handle(data);
