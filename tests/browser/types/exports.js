// The values that the declarations export. tsc checks that these lists are complete;
// node/types.test.mjs compares them with the exports of the modules.

/** @type {Record<keyof typeof import("../../../wasm/js/index.d.ts"), true>} */
export const INDEX = { Builder: true, Pack: true, SealpackError: true, create: true, init: true, open: true };

/** @type {Record<keyof typeof import("../../../wasm/js/lab.d.ts"), true>} */
export const LAB = {
  SealpackError: true,
  init: true,
  mutants: true,
  promises: true,
  prove: true,
  replay: true,
  report: true,
};
