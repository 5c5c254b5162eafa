// The worker's side of a verification: opens the pack from the bytes it
// receives, then answers each run of records with its findings.
import { MODULES } from "./modules.js";
import { LaneExaminer, reopen } from "./examine.js";
import { fromWasm } from "./errors.js";

/** @import { Run } from "./examine.js" */

/**
 * @param {(message: unknown, transfer?: ArrayBuffer[]) => void} post sends a message to the page
 * @returns {(message: any) => void} the handler of messages from the page
 */
export function serve(post) {
  /** @type {LaneExaminer} */
  let examiner;
  /** @param {import("./examine.js").WorkerStart} message */
  const start = async ({ name, module, size, tail, codec, recordLimit, digests }) => {
    await MODULES[name].load(module);
    const { glue, memory } = MODULES[name].instance;
    const pack = reopen(glue, { size, tail, recordLimit });
    pack.setCodec(codec);
    examiner = new LaneExaminer(glue, memory, pack, undefined, digests);
    post({ ready: true });
  };
  /** @param {Run & { id: number }} run */
  const examine = async (run) => {
    const { done } = await examiner.begin(run);
    const found = await done;
    // The bytes go back: the page examines damaged records again for the
    // report, and reuses the memory.
    post({ id: run.id, found, bytes: run.bytes }, [run.bytes.buffer]);
  };
  return (message) => {
    const work = message.start ? start(message.start) : examine(message.run);
    work.catch((thrown) => post({ failed: fromWasm(thrown).toJSON() }));
  };
}
