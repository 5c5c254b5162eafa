// The stepper of the output stream, with a wasm module of its own that nothing
// else in the package loads.
import * as labGlue from "../dist/lab.js";
import { WasmModule } from "./modules.js";
import { SealpackError, fromWasm } from "./errors.js";

/** @import * as Lab from "./lab.d.ts" */

const lab = new WasmModule(labGlue, () => import("../dist/lab.packed.js"));

/** @type {typeof Lab.init} */
export const init = (source) => lab.load(source).then(() => {});

/**
 * @template T
 * @param {() => T} call
 */
const ask = async (call) => {
  await lab.load();
  try {
    return call();
  } catch (thrown) {
    // This module throws codes and messages instead of numbers.
    const { code, message } = /** @type {any} */ (thrown);
    if (typeof code === "string") {
      throw new SealpackError(/** @type {SealpackError["code"]} */ (code), message);
    }
    throw fromWasm(thrown);
  }
};

/** @type {typeof Lab.mutants} */
export const mutants = () => ask(() => JSON.parse(labGlue.mutants()));
/** @type {typeof Lab.promises} */
export const promises = () => ask(() => JSON.parse(labGlue.promises()));

/** @type {typeof Lab.replay} */
export const replay = (text, { bufferSize = 5, mutant } = {}) =>
  ask(() => JSON.parse(labGlue.replay(text, bufferSize, mutant)));

/** @type {typeof Lab.report} */
export const report = (text, invariant, { bufferSize = 5, mutant } = {}) =>
  ask(() => labGlue.report(text, bufferSize, mutant, invariant));

/** @type {typeof Lab.prove} */
export const prove = ({ bufferSize = 5, trim = true, mutant } = {}) =>
  ask(() => JSON.parse(labGlue.prove(bufferSize, trim, mutant)));

export { SealpackError };
