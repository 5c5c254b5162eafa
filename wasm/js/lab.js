// The stepper of the output stream, with a wasm module of its own that nothing
// else in the package loads.
import { newGlue } from "../dist/lab.js";
import { WasmModule } from "./modules.js";
import { SealpackError, fromWasm } from "./errors.js";

/** @import * as Lab from "./lab.d.ts" */

const lab = new WasmModule("lab", newGlue, { script: () => import("../dist/lab.packed.js") });

/** @type {typeof Lab.init} */
export const init = (source) => lab.load(source).then(() => {});

/**
 * @template T
 * @param {(glue: ReturnType<typeof newGlue>) => T} call
 */
const ask = async (call) => {
  await lab.load();
  try {
    return call(lab.instance.glue);
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
export const mutants = () => ask((glue) => JSON.parse(glue.mutants()));
/** @type {typeof Lab.promises} */
export const promises = () => ask((glue) => JSON.parse(glue.promises()));

/** @type {typeof Lab.replay} */
export const replay = (text, { bufferSize = 5, mutant } = {}) =>
  ask((glue) => JSON.parse(glue.replay(text, bufferSize, mutant)));

/** @type {typeof Lab.report} */
export const report = (text, invariant, { bufferSize = 5, mutant } = {}) =>
  ask((glue) => glue.report(text, bufferSize, mutant, invariant));

/** @type {typeof Lab.specified} */
export const specified = (events, { bufferSize = 5, trim = true, reference = false, start = [] } = {}) =>
  ask((glue) => JSON.parse(glue.specified([...events], bufferSize, trim, reference, Uint32Array.from(start))));

/** @type {typeof Lab.reportTrace} */
export const reportTrace = (lines) => ask((glue) => glue.reportTrace(lines));

/** @type {typeof Lab.prove} */
export const prove = ({ bufferSize = 5, trim = true, mutant } = {}) =>
  ask((glue) => JSON.parse(glue.prove(bufferSize, trim, mutant)));

export { SealpackError };
