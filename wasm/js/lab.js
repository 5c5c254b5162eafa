// The stepper of the output stream: a module of its own, which nothing else
// of the package loads.
import * as labGlue from "../dist/lab.js";
import { WasmModule } from "./modules.js";
import { SealpackError, fromWasm } from "./errors.js";

const lab = new WasmModule(labGlue, () => import("../dist/lab.packed.js"));

export const init = (source) => lab.load(source).then(() => {});

const ask = async (call) => {
  await lab.load();
  try {
    return call();
  } catch (thrown) {
    // This module says its codes in words: it has room for them.
    if (typeof thrown?.code === "string") throw new SealpackError(thrown.code, thrown.message);
    throw fromWasm(thrown);
  }
};

export const mutants = () => ask(() => JSON.parse(labGlue.mutants()));
export const promises = () => ask(() => JSON.parse(labGlue.promises()));

export const replay = (text, { bufferSize = 5, mutant } = {}) =>
  ask(() => JSON.parse(labGlue.replay(text, bufferSize, mutant)));

export const report = (text, promise, { bufferSize = 5, mutant } = {}) =>
  ask(() => labGlue.report(text, bufferSize, mutant, promise));

export const prove = ({ bufferSize = 5, trim = true, mutant } = {}) =>
  ask(() => JSON.parse(labGlue.prove(bufferSize, trim, mutant)));

export { SealpackError };
