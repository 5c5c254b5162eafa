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
  reportTrace: true,
  specified: true,
};

/**
 * @typedef {import("../../../wasm/js/index.d.ts").OpenOptions} OpenOptions
 * @typedef {import("../../../wasm/js/index.d.ts").ReadManyOptions} ReadManyOptions
 * @typedef {import("../../../wasm/js/index.d.ts").RangeOptions} RangeOptions
 * @typedef {import("../../../wasm/js/index.d.ts").VerifyOptions} VerifyOptions
 * @typedef {import("../../../wasm/js/index.d.ts").CreateOptions} CreateOptions
 * @typedef {import("../../../wasm/js/index.d.ts").AppendOptions} AppendOptions
 */

/**
 * The options that the declarations accept.
 *
 * @type {Record<keyof (OpenOptions & ReadManyOptions & RangeOptions & VerifyOptions & CreateOptions & AppendOptions), true>}
 */
export const OPTIONS = {
  signal: true,
  codec: true,
  decoder: true,
  dictionary: true,
  size: true,
  fetch: true,
  onProgress: true,
  recordLimit: true,
  wholeFileLimit: true,
  digestRoot: true,
  contentHash: true,
  digests: true,
  retries: true,
  validators: true,
  cacheSize: true,
  names: true,
  gap: true,
  requestSize: true,
  requests: true,
  workers: true,
  extract: true,
  itemsPerRecord: true,
  formatId: true,
  recordChecksum: true,
  appData: true,
  namesLimit: true,
  name: true,
  to: true,
  partSize: true,
};
