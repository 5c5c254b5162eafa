// The package's front door; see index.d.ts for what each does.
export { init } from "./modules.js";
export { open, Pack } from "./pack.js";
export { create, Builder } from "./builder.js";
export { SealpackError } from "./errors.js";
