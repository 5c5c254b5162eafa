// The worker's side of a verification: opens the pack from the bytes it
// receives, then answers each run of records with its findings.
//
// A worker starts when its last script is there, so it imports few of them.
import { newGlue as readGlue } from "../dist/read.js";
import { newGlue as fastGlue } from "../dist/fast.js";
import { newGlue as buildGlue } from "../dist/build.js";
import { giveDictionary } from "./dictionary.js";
import { instantiate } from "./instance.js";
import { LaneExaminer, reopen } from "./examine.js";
import { fromWasm } from "./errors.js";

/** @import { Run } from "./examine.js" */

const GLUE = { read: readGlue, fast: fastGlue, build: buildGlue };

/**
 * @param {(message: unknown, transfer?: ArrayBuffer[]) => void} post sends a message to the page
 * @returns {(message: any) => void} the handler of messages from the page
 */
export function serve(post) {
  /** @type {LaneExaminer} */
  let examiner;
  /** @param {import("./examine.js").WorkerStart} message */
  const start = async ({ name, module, size, tail, codec, recordLimit, digests, dictionary }) => {
    const { glue, memory } = await instantiate(GLUE[name](), module);
    const pack = reopen(glue, { size, tail, recordLimit });
    giveDictionary(pack, dictionary);
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
