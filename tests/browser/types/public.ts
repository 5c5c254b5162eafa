// Compares the declarations of the package with its code: tsc fails on any difference
// between index.d.ts and the types of the modules.
import type * as declared from "../../../wasm/js/index.js";
import * as builder from "../../../wasm/js/builder.js";
import * as errors from "../../../wasm/js/errors.js";
import * as modules from "../../../wasm/js/modules.js";
import * as opening from "../../../wasm/js/open.js";
import * as pack from "../../../wasm/js/pack.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

/** An instance without the members that only the package's own modules use. */
type Public<T, Internal extends keyof T = never> = { [K in Exclude<keyof T, Internal>]: T[K] };

same<typeof opening.open, typeof declared.open>(true);
same<typeof builder.create, typeof declared.create>(true);
same<typeof modules.init, typeof declared.init>(true);

type PackInternals =
  | "acquire"
  | "attempt"
  | "chooseCodec"
  | "decode"
  | "decodeInMemory"
  | "decodeRead"
  | "fetch"
  | "forWorkers"
  | "handle"
  | "instance"
  | "isPinned"
  | "lends"
  | "plan"
  | "prepare"
  | "readBytes"
  | "sameVersion"
  | "trustedHash"
  | "work";
same<Public<pack.Pack, PackInternals>, Public<declared.Pack>>(true);
same<Public<builder.Builder>, Public<declared.Builder>>(true);
same<Public<errors.SealpackError>, Public<declared.SealpackError>>(true);
