import type { ModuleSource } from "./index.js";
export { SealpackError } from "./index.js";

/** A stream with one decision gone wrong. */
export interface Mutant {
  readonly name: string;
  /** The decision gone wrong, in words. */
  readonly wrong: string;
  /** The function of core's `Rules` that it overrides. */
  readonly rule: string;
}

/** One of the seven promises of the stream. */
export interface Promised {
  readonly number: number;
  readonly name: string;
  readonly promise: string;
  /** What goes wrong for somebody when it does not hold. */
  readonly story: string;
}

/** A run of bytes: its place in the stream, its length, whose they are. */
export interface Extent {
  readonly at: number;
  readonly len: number;
  readonly kind: "copied" | "zero_copy";
}

/** What the stream holds between two operations: C, E and Z, and what waits. */
export interface Picture {
  readonly state: { readonly capacity: number; readonly filled: number; readonly pending: number };
  readonly extents: readonly Extent[];
  readonly buffer_at: number;
}

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
  readonly implied: boolean;
  readonly before: Picture;
  readonly after: Picture;
  readonly outputs: readonly SinkCall[];
  readonly written: number;
  readonly taken: number;
  /** What the specification decides here, as a sentence. */
  readonly words: string;
  readonly departure: { readonly after: object; readonly puts: readonly number[] } | null;
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
  /** The names of the promises that were broken. */
  readonly broken: readonly string[];
  /** The first step at which the stream did something else than specified. */
  readonly departure: number | null;
  readonly frames: readonly Frame[];
}

export interface Proof {
  readonly holds: boolean;
  readonly states: number;
  readonly transitions: number;
  /** The smallest case that breaks a promise, and the promise's name. */
  readonly smallest: readonly [string, string] | null;
}

export interface LabOptions {
  /** S, in bytes; 5. */
  bufferSize?: number;
  /** A seeded bug by name, or `reference` for the flush of the reference. */
  mutant?: string;
}

/** Loads the module ahead of its first use, or from elsewhere. */
export function init(source?: ModuleSource): Promise<void>;
export function mutants(): Promise<readonly Mutant[]>;
export function promises(): Promise<readonly Promised[]>;
/** Runs a case, `trim=1 writes=b4,z1,f`: `bN` copies N bytes, `zN` hands N over, `f` flushes. */
export function replay(text: string, options?: LabOptions): Promise<Steps>;
/** A page in Markdown about a case that breaks a promise. */
export function report(text: string, promise: string, options?: LabOptions): Promise<string>;
/** Visits every state and every transition, for buffers of up to 16 bytes. */
export function prove(options?: LabOptions & { trim?: boolean }): Promise<Proof>;
