import type { ModuleSource } from "./index.js";
export { SealpackError } from "./index.js";

/** A seeded bug: the stream with one wrong decision. */
export interface Mutant {
  readonly name: string;
  /** The wrong decision, as a sentence. */
  readonly wrong: string;
  /** The function of core's `Rules` that it overrides. */
  readonly rule: string;
}

/** One of the seven invariants of the stream. */
export interface StreamInvariant {
  readonly number: number;
  readonly name: string;
  readonly promise: string;
  /** The consequence for a user if it does not hold. */
  readonly story: string;
}

/** A run of bytes: its offset in the stream, its length, and whether the stream copied it. */
export interface Extent {
  readonly at: number;
  readonly len: number;
  readonly kind: "copied" | "zero_copy";
}

/** C, E and Z. */
export interface AbstractState {
  readonly capacity: number;
  readonly filled: number;
  readonly pending: number;
}

/** The state of the stream between two operations, and the pending extents. */
export interface Picture {
  /** Whether the stream shows its contents; if not, only `pending` is meaningful. */
  readonly known: boolean;
  readonly state: AbstractState & { readonly has_buffer: boolean };
  readonly extents: readonly Extent[];
  readonly buffer_at: number;
}

/** A call of the stream to its sink. */
export type SinkCall =
  | {
      readonly kind: "put";
      readonly extents: readonly Extent[];
      readonly len: number;
      readonly failed: number | null;
    }
  | { readonly kind: "flush" }
  | { readonly kind: "close" };

/** One step of a case. */
export interface Frame {
  readonly index: number;
  /** The event in text, such as `b4`. */
  readonly event: string;
  readonly implied: boolean;
  readonly before: Picture;
  readonly after: Picture;
  readonly outputs: readonly SinkCall[];
  readonly written: number;
  readonly taken: number;
  /** The decision of the specification at this step, as a sentence. */
  readonly words: string;
  /** What the specification does instead, if the stream departs from it. */
  readonly departure: {
    readonly after: AbstractState;
    readonly puts: readonly number[];
    /** What differs, if the numbers and the puts are the same. */
    readonly words?: string;
  } | null;
  readonly verdict: readonly { readonly invariant: string; readonly holds: boolean }[];
  readonly findings: readonly { readonly invariant: string; readonly words: string }[];
}

export interface Steps {
  readonly case: string;
  /** The case with its puts, on one line. */
  readonly line: string;
  readonly puts: string;
  readonly bufferSize: number;
  readonly trim: boolean;
  /** The names of the broken invariants. */
  readonly broken: readonly string[];
  /** The first step at which the stream departed from its specification. */
  readonly departure: number | null;
  readonly frames: readonly Frame[];
}

export interface Proof {
  readonly holds: boolean;
  readonly states: number;
  readonly transitions: number;
  /** The smallest case that breaks an invariant, and the invariant's name. */
  readonly smallest: readonly [string, string] | null;
}

export interface LabOptions {
  /** S, in bytes. Default: 5. */
  bufferSize?: number | undefined;
  /** The name of a seeded bug, or `reference` for the flush of the reference implementation. */
  mutant?: string | undefined;
}

/** Loads the module before its first use, or from another place than the package. */
export function init(source?: ModuleSource): Promise<void>;
export function mutants(): Promise<readonly Mutant[]>;
export function promises(): Promise<readonly StreamInvariant[]>;
/** Runs a case such as `trim=1 writes=b4,z1,f`: `bN` copies N bytes, `zN` hands N over, `f` flushes. */
export function replay(text: string, options?: LabOptions): Promise<Steps>;
/** A page in Markdown about a case that breaks an invariant. */
export function report(text: string, invariant: string, options?: LabOptions): Promise<string>;
/**
 * The steps of the specification for the events of a trace, such as `["b4", "z2+3"]`. `null` if it may write
 * to its sink more than 262,144 times.
 */
export function specified(
  events: readonly string[],
  options?: {
    bufferSize?: number | undefined;
    trim?: boolean | undefined;
    /** Whether a flush writes as the reference implementation's does. */
    reference?: boolean | undefined;
    /** C, E and Z at the start. */
    start?: readonly number[] | undefined;
  },
): Promise<readonly Frame[] | null>;
/** A page in Markdown about a trace, in JSON Lines. */
export function reportTrace(lines: string): Promise<string>;
/** Visits every state and every transition, for buffers of up to 16 bytes. */
export function prove(options?: LabOptions & { trim?: boolean | undefined }): Promise<Proof>;
