/// <reference lib="esnext.disposable" />

/** Values that count as bytes. */
export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView | SharedArrayBuffer;

/** Any object that can return its size and read a range. */
export interface Source {
  /** The size in bytes. */
  size(signal?: AbortSignal): number | Promise<number>;
  /** Exactly `length` bytes, starting at `offset`. Offsets are exact up to 2^53. */
  read(offset: number, length: number, signal?: AbortSignal): Bytes | Promise<Bytes>;
  /** Called when the pack is closed, or if it could not be opened. */
  close?(): void | Promise<void>;
}

/** A file handle of the File System API, or of Node's `fs/promises`. */
export type FileHandle =
  | { getFile(): Promise<Blob> }
  | {
      readonly fd: number;
      read(
        buffer: Uint8Array<ArrayBuffer>,
        offset: number,
        length: number,
        position: number,
      ): Promise<{ bytesRead: number }>;
      stat(): Promise<{ size: number }>;
    };

/** Your own codec. It is synchronous: load what it needs first. */
export interface Codec {
  /**
   * Decodes the payload of a record.
   * @param bytes the payload as stored; never empty
   * @param size the size of the decoded payload in bytes; undefined for a
   *   record of a single item, whose size the file does not store
   */
  decode(bytes: Uint8Array<ArrayBuffer>, size: number | undefined): Uint8Array;
}

/**
 * `auto`: by the format id if it is known, otherwise by the first record's
 * magic. Records of an unknown format id that are not zstd frames are refused
 * with `unsupported`, since they may be in an encoding that only their program
 * knows; `auto-or-none` reads them as they are stored.
 */
export type NamedCodecChoice = "auto" | "auto-or-none" | "none" | "zstd";
export type CodecChoice = NamedCodecChoice | Codec | ((formatId: number) => NamedCodecChoice | Codec | undefined);

/**
 * The zstd decoder: the small one, which is part of the reader; the fast one, C zstd in a module of its
 * own; `auto`: in Node the fast one, elsewhere the small one until a pack needs the fast one (it stores
 * a dictionary), or until enough was read to repay it. Both check the same and return the same bytes.
 */
export type DecoderChoice = "auto" | "small" | "fast";

export interface OpenOptions {
  /** Aborts the opening at once. */
  signal?: AbortSignal | null | undefined;
  /** The codec of the records. Default: `auto`. */
  codec?: CodecChoice | undefined;
  /** The zstd decoder. Default: `auto`. */
  decoder?: DecoderChoice | undefined;
  /** The zstd dictionary that the pack shares with others. A pack that stores one is read with its own. Default: none. */
  dictionary?: Bytes | undefined;
  /** The size of the file at a URL, if you know it: saves a request on some servers. */
  size?: number | undefined;
  /** Replaces the global `fetch`: for credentials, a cache, a test. */
  fetch?: typeof fetch | undefined;
  /** Called as bytes arrive. */
  onProgress?: ((progress: { loaded: number }) => void) | undefined;
  /** Limit on the decoded size of a record, in bytes. Default: 256 MiB. */
  recordLimit?: number | undefined;
  /** If a server ignores ranges, a file of at most this many bytes is downloaded whole. Default: 32 MiB. */
  wholeFileLimit?: number | undefined;
  /**
   * Trust: the root of the pack's digest list, as printed by `sealpack digests`
   * (64 hexadecimal digits, or 32 bytes). Every record is authenticated against
   * it before an item is returned, so neither the pack nor the list needs to
   * come from a trusted server. Reading an item fetches a few kilobytes of the
   * list. Requires `digests`.
   */
  digestRoot?: string | Bytes | undefined;
  /**
   * Trust as with `digestRoot`, if you know only the content hash of the pack:
   * the list is then fetched whole once, and the app data is not authenticated.
   */
  contentHash?: string | Bytes | undefined;
  /** The pack's digest list: `NAME.digests`. */
  digests?: string | URL | Request | Blob | Bytes | FileHandle | Source | undefined;
  /**
   * The file next to the pack that contains its names, `NAME.names`: large ones
   * are not in the pack. Default: for a URL, that URL with `.names` after its path.
   * It is read when names are requested, and checked against its hash in the pack.
   */
  names?: string | URL | Request | Blob | Bytes | FileHandle | Source | undefined;
  /** How often a request is retried after a 5xx, a 429 or a lost connection. Default: 3. */
  retries?: number | undefined;
  /**
   * Whether ETag and Last-Modified identify the version of the file. Default:
   * true. Pass false for a CDN whose nodes send different ones for one file:
   * the trailer is then compared after reading.
   */
  validators?: boolean | undefined;
  /**
   * Bytes of decoded records that the pack keeps for later reads of their
   * items. Default: 8 MiB; 0 turns the cache off.
   */
  cacheSize?: number | undefined;
}

export interface PackInfo {
  /** The version of the format: 1. */
  readonly version: number;
  /** `app-data-crc`, or `no-app-data-crc` for files whose app data has no checksum. */
  readonly dialect: "app-data-crc" | "no-app-data-crc";
  /** The number that the writer chose for the format of the items, and its name if it is known. */
  readonly formatId: number;
  readonly formatName: string | null;
  readonly recordCount: number;
  readonly totalItems: number;
  readonly itemsPerRecord: number;
  /** Whether a checksum covers each record as it is stored. */
  readonly recordChecksum: boolean;
  /** SHA-256 over all items, in hexadecimal; null if none is stored. */
  readonly contentHash: string | null;
  /** Sizes in bytes. */
  readonly fileSize: number;
  readonly recordsSize: number;
  readonly indexSize: number;
  readonly appDataSize: number;
  readonly trailerSize: number;
}

export interface RecordPlace {
  readonly number: number;
  /** Offset and size of the record in the file, in bytes. */
  readonly offset: number;
  readonly size: number;
  readonly firstItem: number;
  readonly itemCount: number;
}

export interface ReadOptions {
  signal?: AbortSignal | null | undefined;
}

export interface ReadManyOptions extends ReadOptions {
  /** Records at most this many bytes apart are fetched in one request. Default: 64 KiB. */
  gap?: number | undefined;
  /** The largest request in bytes, unless a single record is larger. Default: 4 MiB. */
  requestSize?: number | undefined;
  /** Requests in flight at most. Default: 6. */
  requests?: number | undefined;
}

export interface RangeOptions extends ReadOptions {
  /** Bytes per request. Default: 1 MiB. */
  requestSize?: number | undefined;
}

export type LayerName =
  | "structure"
  | "index"
  | "app_data"
  | "record_checksum"
  | "decoding"
  | "frame_checksum"
  | "lengths"
  | "content_hash";

/**
 * `not_present`: the file does not have this layer, so nothing was checked.
 * `not_checked`: what was checked is sound, but a limit left records unchecked.
 */
export type Verdict = "passed" | "failed" | "not_present" | "not_checked";

export interface VerifyOptions {
  signal?: AbortSignal | null | undefined;
  /**
   * The number of workers. Default: 0, which verifies on the caller's thread in
   * slices, as happens while workers start. A custom codec and `extract` always
   * run on the caller's thread.
   */
  workers?: number | undefined;
  onProgress?:
    | ((progress: { bytes: number; totalBytes: number; records: number; totalRecords: number }) => void)
    | undefined;
  /** Replaces each item before it is hashed, as the writer did. */
  extract?: ((item: Uint8Array<ArrayBuffer>) => Uint8Array) | undefined;
}

/** Plain data: it can be posted to another thread and written as JSON. */
export interface Report {
  /** Whether every record was checked and no layer failed. */
  readonly ok: boolean;
  readonly layers: Readonly<Record<LayerName, Verdict>>;
  /** The first error of each layer that failed or was not checked. */
  readonly failures: ReadonlyArray<ErrorDetails & { readonly layer: LayerName }>;
  /** The first thousand damaged records; `damagedCount` counts all. */
  readonly damaged: ReadonlyArray<ErrorDetails & { readonly record: number }>;
  readonly damagedCount: number;
  /** The first thousand records above `recordLimit`, which may be sound; `uncheckedCount` counts all. */
  readonly unchecked: ReadonlyArray<ErrorDetails & { readonly record: number }>;
  readonly uncheckedCount: number;
  readonly recordCount: number;
  /** The number of zstd frames without a checksum of their own. */
  readonly framesWithoutChecksum: number;
  /** Decoded bytes of the sound records. */
  readonly payloadSize: number;
  /** Whether verifying detects any flipped bit of an item. */
  readonly itemsAreProtected: boolean;
  /** The number of workers that examined records; 0 if the caller's thread examined all of them. */
  readonly workers: number;
}

/**
 * The name of an item: a string if it is UTF-8, otherwise its bytes. It may
 * contain any character except NUL, and need not be a safe path.
 */
export type ItemName = string | Uint8Array<ArrayBuffer>;

/**
 * The names of a pack's items. Several items may have the same name, and an item
 * may have none. Calls decode what they need, and fail with `corrupt` if that is
 * damaged; items can still be read by position.
 */
export interface Names extends Iterable<[position: number, name: ItemName | null]> {
  /** The number of items. */
  readonly length: number;
  /** Whether the names ascend with the positions, compared byte by byte. */
  readonly isSorted: boolean;
  /** The name of an item; null if it has none. */
  get(position: number): ItemName | null;
  /** The positions of all items with exactly this name, ascending. */
  find(name: string | Bytes): number[];
  /** Positions and names from `start` (default: 0) up to `end` (default: all). */
  range(start?: number, end?: number): Generator<[position: number, name: ItemName | null], void, undefined>;
  [Symbol.iterator](): Generator<[position: number, name: ItemName | null], void, undefined>;
}

/** An open pack. */
export class Pack {
  private constructor();
  readonly info: PackInfo;
  /** The number of items. */
  readonly length: number;
  /** The codec of the records; `auto` until the first read detects it, and while it is unknown. */
  readonly codec: "auto" | "none" | "zstd" | "custom";
  readonly decoder: "small" | "fast";
  /** The hash that every record is authenticated against; null without trust. `content-hash` does not cover the app data. */
  readonly trustedBy: "digest-root" | "content-hash" | null;
  /** The verdicts of opening the pack; the other layers need `verify`. */
  readonly layers: Readonly<Partial<Record<LayerName, Verdict>>>;

  /** One item, checked. */
  get(position: number, options?: ReadManyOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Items in the requested order; a record that several of them share is fetched once. */
  getMany(positions: Iterable<number>, options?: ReadManyOptions): Promise<Uint8Array<ArrayBuffer>[]>;
  /** The items from `start` (default: 0) up to `end` (default: all), read one request ahead. */
  range(
    start?: number,
    end?: number,
    options?: RangeOptions,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
  /**
   * The same items in arrays, one array per record: the fastest way to read many small items. The
   * items of an array share their memory; to keep a few of them, keep copies (`item.slice()`).
   */
  batches(
    start?: number,
    end?: number,
    options?: RangeOptions,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>[], void, undefined>;
  /** The same as a stream; each chunk is an item. */
  stream(start?: number, end?: number, options?: RangeOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Reads and checks everything. The report lists damage; damage is not thrown. */
  verify(options?: VerifyOptions): Promise<Report>;
  /** The application's own bytes; empty if there are none. Rejects with `untrusted` if a content hash is trusted, which does not cover them. */
  appData(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The names of the items; null if the pack has none. Decodes nothing, but reads the
   * names file if the names are in one. Rejects with `untrusted` if the pack was opened
   * with `contentHash`: that hash does not cover the names.
   */
  names(options?: ReadOptions): Promise<Names | null>;
  /** The positions of all items with exactly this name, ascending; none if the pack has no names. */
  find(name: string | Bytes, options?: ReadOptions): Promise<number[]>;
  /** The place of a record in the file; reads nothing. */
  record(number: number): RecordPlace;
  /** The place of the record that contains an item. */
  recordOf(position: number): RecordPlace;

  close(): void | Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a pack. A URL takes one range request, or a HEAD and a range across
 * origins; neither needs a CORS preflight.
 */
export function open(
  input: string | URL | Request | Blob | Bytes | FileHandle | Source,
  options?: OpenOptions,
): Promise<Pack>;

/**
 * Where to write a pack: a `WritableStream`, a file handle of the browser, a
 * `FileHandle` or a `Writable` of Node, or your own object. A file is emptied
 * first.
 */
export type Destination =
  | WritableStream<Uint8Array<ArrayBuffer>>
  | { createWritable(): Promise<WritableStream> }
  | NodeFileHandle
  | NodeWritable
  | {
      /** Parts arrive in order; all but the last have `partSize` bytes. */
      write(part: Uint8Array<ArrayBuffer>, offset: number): unknown;
      /**
       * Called with 0 before the first part. An object with it is a file: if
       * its `write` returns a number, that many bytes were written, and it is
       * called again with the rest.
       */
      truncate?(size: number): unknown;
      close?(): unknown;
      abort?(reason: unknown): unknown;
    }
  | SyncAccessHandle;

// These three have a `write` of their own, which is left out here so that the
// parameters of your own `write(part, offset)` are inferred.

/** A `FileHandle` of Node's `fs/promises`. */
export interface NodeFileHandle {
  readonly fd: number;
  truncate(size?: number): Promise<void>;
  stat(): Promise<{ size: number; isFile(): boolean }>;
}

/** A `Writable` of Node. */
export interface NodeWritable {
  end(done: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** A `FileSystemSyncAccessHandle`. */
export interface SyncAccessHandle {
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

export interface CreateOptions {
  /** Items per record, except the last one. Default: 128. */
  itemsPerRecord?: number | undefined;
  /** `zstd` at its fastest level, or `none`. Default: `zstd`. */
  codec?: "zstd" | "none" | undefined;
  /** Your number for the format of the items. Default: 1 for zstd, 0 for none. */
  formatId?: number | undefined;
  /** Whether to store a hash over all items. Default: true. */
  contentHash?: boolean | undefined;
  /** Whether a checksum covers each record as it is stored. Default: false. */
  recordChecksum?: boolean | undefined;
  /** Your own bytes, stored after the index. */
  appData?: Bytes | undefined;
  /** Limit on the size of all names, compressed, in bytes: every reader fetches them on opening. Default: 16 MiB. */
  namesLimit?: number | undefined;
  /** Where to write. Default: a Blob. */
  to?: Destination | undefined;
  /** The size of the parts in bytes; the last may be shorter. Default: 1 MiB. */
  partSize?: number | undefined;
  signal?: AbortSignal | null | undefined;
}

export interface Sealed {
  /** The pack, if it was written to a Blob. */
  readonly blob?: Blob;
  readonly fileSize: number;
  readonly totalItems: number;
  readonly recordCount: number;
  readonly formatId: number;
  /** Bytes of all items before encoding. */
  readonly itemBytes: number;
  readonly contentHash: string | null;
}

export interface AppendOptions {
  /** The item's name: at most 65,535 bytes (a string as UTF-8), no NUL. Several items may have the same. Default: none. */
  name?: string | Bytes | null | undefined;
}

/** A pack being built. */
export class Builder {
  private constructor();
  /** The number of items added. */
  readonly length: number;
  /**
   * Adds a copy of an item. Await the result to keep memory flat with a slow
   * destination and the page responsive. Without awaiting it works too; a later
   * call throws the error, if there is one.
   */
  append(item: Bytes, options?: AppendOptions): Promise<void> | undefined;
  /** Seals the pack. */
  finish(options?: { appData?: Bytes | undefined }): Promise<Sealed>;
  /** Stops building; a destination that supports it discards what was written. */
  abort(reason?: unknown): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a pack. */
export function create(options?: CreateOptions): Builder;

/** A `WebAssembly.Module`, in environments whose types have one. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } }
  ? M
  : never;

/** A wasm module, or where to load it from. */
export type ModuleSource = string | URL | Request | Response | Bytes | CompiledModule | Promise<Response>;

/**
 * Loads the wasm modules before their first use, or from another place than the
 * package. Optional.
 */
export function init(
  source?: ModuleSource | Partial<Record<"read" | "fast" | "build" | "trust" | "names", ModuleSource | undefined>>,
): Promise<void>;

export type ErrorCode =
  /** Damage: the bytes contradict the format or a checksum. */
  | "corrupt"
  | "checksum"
  /** Pack or digest list do not have the trusted hash; they may be sound. */
  | "untrusted"
  /** Another kind of file; a pack that this version cannot read; records of an unknown codec. */
  | "not-a-pack"
  | "unsupported"
  /** A size above a limit: see `recordLimit`. */
  | "limit"
  /** A position or a record that the pack does not have. */
  | "out-of-range"
  | "invalid-argument"
  | "aborted"
  | "closed"
  /** The server or the connection. */
  | "network"
  | "http-status"
  | "range-not-supported"
  | "size-unknown"
  | "changed"
  /** The caller's source, or a file, failed. */
  | "read-failed"
  /** Building failed. */
  | "encode"
  | "write-failed"
  /** The caller's `extract` failed. */
  | "extract"
  | "wasm-unavailable"
  | "internal";

/** The fields of an error. */
export interface ErrorDetails {
  /** Stable: check this in programs. */
  readonly code: ErrorCode;
  readonly message: string;
  /** The damaged part of the file, and what is wrong with it. */
  readonly section?:
    "trailer" | "index" | "app-data" | "record" | "content-hash" | "digest-list" | "names" | undefined;
  readonly fault?: string | undefined;
  /** The damaged record. */
  readonly record?: number | undefined;
  /** The response of a server. */
  readonly status?: number | undefined;
  /** Without its query, which may be a signature. */
  readonly url?: string | undefined;
}

/** An error as plain data, for `postMessage` and JSON. */
export interface ErrorData extends ErrorDetails {
  readonly name: string;
}

/** Every error of this package. */
export class SealpackError extends Error implements ErrorDetails {
  private constructor();
  readonly code: ErrorCode;
  readonly section?: ErrorDetails["section"];
  readonly fault?: string | undefined;
  readonly record?: number | undefined;
  readonly status?: number | undefined;
  readonly url?: string | undefined;
  /** The error as plain data, without its cause. */
  toJSON(): ErrorData;
  /** An error from plain data: the reverse of `toJSON`. */
  static from(data: ErrorDetails): SealpackError;
}
