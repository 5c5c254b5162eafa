// Takes out of a module what only a panic would use.
//
// No input makes the package panic (the tests see to that), and in wasm a panic
// is a trap whatever it would have said. The message is still half of the
// module: formatting of numbers, of strings with escapes, of every error type.
// So the functions that begin a panic become `unreachable`, the `Debug` forms
// that nothing but messages ask for as well, and the optimiser drops the rest.
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

const PANICS = [
  /\bpanicking::/,
  /\b(option|result)::(unwrap|expect)_failed/,
  /\bslice_error_fail/,
  /\bslice::.*_fail$/,
  /\bcell::panic_/,
  /\bbytes::panic_/,
  /\braw_vec::(capacity_overflow|handle_error)/,
  /\bhandle_alloc_error/,
  /\bassert_failed/,
  /\brust_(panic|oom|start_panic|alloc_error_handler)/,
  /\bfmt::Debug>::fmt/,
  /\bfmt::builders::/,
  /::debug_(struct|tuple|list|set|map)/,
];

const { BulkMemory, BulkMemoryOpt, NontrappingFPToInt, SignExt, MutableGlobals, ReferenceTypes, Multivalue } =
  binaryen.Features;
const FEATURES =
  BulkMemory | BulkMemoryOpt | NontrappingFPToInt | SignExt | MutableGlobals | ReferenceTypes | Multivalue;

/** Rewrites the module in place; it must still have its names. Answers how many functions were taken. */
export function slim(file) {
  binaryen.setDebugInfo(true); // keeps the names
  const module = binaryen.readBinary(readFileSync(file));
  module.setFeatures(FEATURES);
  const functions = Array.from({ length: module.getNumFunctions() }, (_, index) =>
    binaryen.getFunctionInfo(module.getFunctionByIndex(index)),
  );
  const taken = functions.filter(
    ({ name, module: from }) => !from && PANICS.some((pattern) => pattern.test(name)),
  );
  for (const { name, params, results } of taken) {
    module.removeFunction(name);
    module.addFunction(name, params, results, [], module.unreachable());
  }
  if (!module.validate()) throw new Error(`${file} is no valid module any more`);
  writeFileSync(file, module.emitBinary());
  module.dispose();
  return taken.length;
}
