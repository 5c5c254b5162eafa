// The file that a browser's worker starts with.
import { serve } from "./worker-serve.js";

const answer = serve((message, transfer) => self.postMessage(message, transfer));
self.onmessage = ({ data }) => answer(data);
