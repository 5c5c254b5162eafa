// The entry point in workerd (Cloudflare Workers), which compiles wasm modules
// at deployment only: they are imported as modules. That of the builder reads too.
import build from "../dist/build.wasm";
import trust from "../dist/trust.wasm";
import names from "../dist/names.wasm";
import { building, naming, trusting } from "./modules.js";

building.preset(build);
trusting.preset(trust);
naming.preset(names);

export * from "./index.js";
