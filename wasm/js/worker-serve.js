// A worker's side of a verification: opens the pack from the bytes it is
// handed, then answers runs of records with what it found.
import { building, reading } from "./modules.js";
import { RunInspector } from "./inspect.js";
import { fromWasm } from "./errors.js";

/** @param post answers a message @returns what to call with each message */
export function serve(post) {
  let inspector;
  const start = async ({ module, isLarger, size, tail, codec, recordLimit, digests }) => {
    const loaded = isLarger ? building : reading;
    await loaded.load(module);
    const { glue } = loaded;
    const opening = new glue.Opening(size, recordLimit);
    let pack;
    while (!pack) {
      const [start, end] = opening.wanted();
      const before = size - tail.length;
      pack = opening.supply(tail.subarray(start - before, end - before));
    }
    pack.setCodec(codec);
    inspector = new RunInspector(glue, loaded.memory, pack, undefined, digests);
    post({ ready: true });
  };
  const inspect = async (run) => {
    const { done } = await inspector.begin(run);
    const found = await done;
    // The bytes go back: where something in them is damaged the report looks again,
    // and their memory is read into once more.
    post({ id: run.id, found, bytes: run.bytes }, [run.bytes.buffer]);
  };
  return (message) => {
    const work = message.start ? start(message.start) : inspect(message.run);
    work.catch((thrown) => {
      // The fields say which error and where; the message is not among those that spread.
      const error = fromWasm(thrown);
      const { name: _, cause: __, ...where } = error;
      post({ failed: { ...where, message: error.message } });
    });
  };
}
