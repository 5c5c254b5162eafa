/*! sealpack | MIT OR Apache-2.0 | https://github.com/sealpack/sealpack */
// The entry point; index.d.ts documents it.
export { init } from "./modules.js";
export { open } from "./open.js";
export { Pack } from "./pack.js";
export { create, Builder } from "./builder.js";
export { SealpackError } from "./errors.js";
