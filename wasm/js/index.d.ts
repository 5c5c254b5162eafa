/** Whatever holds bytes. */
export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView | SharedArrayBuffer;

/** Anything that can say how long it is and read a range. */
export interface Source {
  /** Its size in bytes. */
  size(signal?: AbortSignal): number | Promise<number>;
  /** Exactly `length` bytes from `offset` on. Offsets are exact up to 2^53. */
  read(offset: number, length: number, signal?: AbortSignal): Bytes | Promise<Bytes>;
  /** Called when the pack is closed, or could not be opened. */
  close?(): void | Promise<void>;
}

/** A chosen file of the File System API. */
export interface FileHandle {
  getFile(): Promise<Blob>;
}

/** Your own codec. It answers at once: load what it needs before. */
export interface Codec {
  /**
   * Decodes the payload of a record.
   * @param bytes the payload as stored; never empty
   * @param size the bytes it must decode to; undefined where a record is a
   *   single item, since the file does not say then
   */
  decode(bytes: Uint8Array, size: number | undefined): Uint8Array;
}

/** `auto`: by the format id where it is known, else by the first record's magic. */
export type CodecChoice =
  "auto" | "none" | "zstd" | Codec | ((formatId: number) => "auto" | "none" | "zstd" | Codec | undefined);

export interface OpenOptions {
  /** Ends the opening, at once. */
  signal?: AbortSignal;
  /** How records are encoded; `auto` where it is not said. */
  codec?: CodecChoice;
  /** The size of the file behind a URL, where it is known: saves a request on some servers. */
  size?: number;
  /** In place of the global `fetch`: for credentials, a cache, a test. */
  fetch?: typeof fetch;
  /** Called as bytes arrive. */
  onProgress?: (progress: { loaded: number }) => void;
  /** The most bytes that one record may decode to; 256 MiB. */
  recordLimit?: number;
  /** Where a server ignores ranges, the file is taken whole up to this size; 32 MiB. */
  wholeFileLimit?: number;
  /**
   * Trust: the root of the pack's digest list, which `sealpack digests` tells
   * (64 hexadecimal digits, or 32 bytes). Every record that is read is checked
   * against it before an item is given out, so that neither the pack nor the
   * list need come from somebody trusted. Fetches a few kilobytes of the list
   * for an item. Goes with `digests`.
   */
  digestRoot?: string | Bytes;
  /**
   * Trust, as `digestRoot`, where all that is known is the pack's content
   * hash: the list is then fetched whole once, and the app data is not
   * vouched for.
   */
  contentHash?: string | Bytes;
  /** The pack's digest list: `NAME.digests`. */
  digests?: string | URL | Request | Blob | Bytes | FileHandle | Source;
  /** How often a request is tried again after a 5xx, a 429 or a lost connection; 3. */
  retries?: number;
}

export interface PackInfo {
  /** The version of the format: 1. */
  readonly version: number;
  /** `app-data-crc`, or `no-app-data-crc` for files whose app data is not protected. */
  readonly dialect: "app-data-crc" | "no-app-data-crc";
  /** The number that the writer gave it, and what that is known as. */
  readonly formatId: number;
  readonly formatName: string | null;
  readonly recordCount: number;
  readonly totalItems: number;
  readonly itemsPerRecord: number;
  /** Whether a checksum covers each record as it is stored. */
  readonly recordChecksum: boolean;
  /** SHA-256 over all items, in hexadecimal; null where none is stored. */
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
  /** Where in the file it starts, and how many bytes it takes. */
  readonly offset: number;
  readonly size: number;
  readonly firstItem: number;
  readonly itemCount: number;
}

export interface ReadOptions {
  signal?: AbortSignal;
}

export interface ReadManyOptions extends ReadOptions {
  /** Records with no more bytes than this between them are fetched in one request; 64 KiB. */
  gap?: number;
  /** The most bytes of one request, unless a single record has more; 4 MiB. */
  requestSize?: number;
  /** The most requests at once; 6. */
  requests?: number;
}

export interface RangeOptions extends ReadOptions {
  /** Bytes fetched at a time; 1 MiB. */
  requestSize?: number;
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

/** `not_present`: the file does not have it, so nothing was checked. */
export type Verdict = "passed" | "failed" | "not_present";

export interface VerifyOptions {
  signal?: AbortSignal;
  /**
   * How many workers share the work; 0, the caller's thread in slices, which also begins while workers start. A
   * custom codec and `extract` stay on the caller's thread.
   */
  workers?: number;
  onProgress?: (progress: {
    bytes: number;
    totalBytes: number;
    records: number;
    totalRecords: number;
  }) => void;
  /** Replaces each item before it is hashed, as the writer did. */
  extract?: (item: Uint8Array) => Uint8Array;
}

export interface Report {
  /** Whether nothing failed. */
  readonly ok: boolean;
  readonly layers: Readonly<Record<LayerName, Verdict>>;
  /** For each layer that failed, the first thing that is wrong. */
  readonly failures: ReadonlyArray<SealpackError & { layer: LayerName }>;
  /** Damaged records, the first thousand; `damagedCount` counts all. */
  readonly damaged: ReadonlyArray<SealpackError & { record: number }>;
  readonly damagedCount: number;
  readonly recordCount: number;
  /** zstd frames without a checksum of their own. */
  readonly framesWithoutChecksum: number;
  /** Decoded bytes of the sound records. */
  readonly payloadSize: number;
  /** Whether a flipped bit within an item would have been noticed. */
  readonly itemsAreProtected: boolean;
}

/** An open pack. */
export class Pack {
  private constructor();
  readonly info: PackInfo;
  /** How many items there are. */
  readonly length: number;
  /** What records are encoded with; `auto` until the first read finds out. */
  readonly codec: "auto" | "none" | "zstd" | "custom";
  /** What every record is held to; null where nothing is trusted. Under `content-hash` the app data is not covered. */
  readonly trustedBy: "digest-root" | "content-hash" | null;
  /** The verdicts that opening it gave; the other layers need `verify`. */
  readonly layers: Readonly<Partial<Record<LayerName, Verdict>>>;

  /** One item, checked. */
  get(position: number, options?: ReadManyOptions): Promise<Uint8Array>;
  /** Items in the order asked for; a record that several share is fetched once. */
  getMany(positions: Iterable<number>, options?: ReadManyOptions): Promise<Uint8Array[]>;
  /** The items from `start` (0) up to `end` (all), read ahead by one request. */
  range(start?: number, end?: number, options?: RangeOptions): AsyncGenerator<Uint8Array, void, undefined>;
  /** The same as a stream, an item a chunk. */
  stream(start?: number, end?: number, options?: RangeOptions): ReadableStream<Uint8Array>;
  /** Reads and checks everything. Damage is reported, not thrown. */
  verify(options?: VerifyOptions): Promise<Report>;
  /** The application's own bytes; empty where there are none. Rejected with `untrusted` where a content hash is trusted, which does not cover them. */
  appData(): Promise<Uint8Array>;
  /** Where a record lies; nothing is read. */
  record(number: number): RecordPlace;
  /** The record that holds an item. */
  recordOf(position: number): RecordPlace;

  close(): void | Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a pack. Behind a URL that takes one range request, or a HEAD and a
 * range across origins; none makes a browser ask for permission first.
 */
export function open(
  input: string | URL | Request | Blob | Bytes | FileHandle | Source,
  options?: OpenOptions,
): Promise<Pack>;

/** Where a pack is written to: `WritableStream`, a file handle of the browser or of Node, or your own. */
export type Destination =
  | WritableStream<Uint8Array>
  | { createWritable(): Promise<WritableStream> }
  | {
      readonly fd: number;
      write(buffer: Uint8Array, offset?: number, length?: number): Promise<{ bytesWritten: number }>;
    }
  | {
      /** Parts come in order; all but the last have `partSize` bytes. */
      write(part: Uint8Array, offset: number): unknown;
      close?(): unknown;
      abort?(reason: unknown): unknown;
    };

export interface CreateOptions {
  /** Items in every record but the last; 128. */
  itemsPerRecord?: number;
  /** `zstd`, at its fastest level, or `none`. */
  codec?: "zstd" | "none";
  /** Your number for what the items are; 1 for zstd and 0 for none where it is not given. */
  formatId?: number;
  /** Whether a hash over all items is stored; true. */
  contentHash?: boolean;
  /** Whether a checksum covers each record as it is stored; false. */
  recordChecksum?: boolean;
  /** Your own bytes, kept beside the index. */
  appData?: Bytes;
  /** Where to write; a Blob where it is not given. */
  to?: Destination;
  /** The size of the parts that are written, 1 MiB; all but the last have it exactly. */
  partSize?: number;
  signal?: AbortSignal;
}

export interface Sealed {
  /** The pack, where it was not written elsewhere. */
  readonly blob?: Blob;
  readonly fileSize: number;
  readonly totalItems: number;
  readonly recordCount: number;
  readonly formatId: number;
  /** Bytes of all items, before they were encoded. */
  readonly itemBytes: number;
  readonly contentHash: string | null;
}

/** A pack being built. */
export class Builder {
  private constructor();
  /** Items taken so far. */
  readonly length: number;
  /**
   * Adds an item; its bytes are copied. Awaiting what it answers keeps memory
   * flat where the destination is slow, and the page's thread free; without, it
   * works too, and an error is thrown by a later call.
   */
  append(item: Bytes): Promise<void> | undefined;
  /** Seals the pack. */
  finish(options?: { appData?: Bytes }): Promise<Sealed>;
  /** Gives up; a destination that can discards what was written. */
  abort(reason?: unknown): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a pack. */
export function create(options?: CreateOptions): Builder;

/** Where a wasm module may come from. */
export type ModuleSource = string | URL | Request | Response | Bytes | WebAssembly.Module | Promise<Response>;

/**
 * Loads the wasm modules ahead of their first use, or from elsewhere than
 * beside the package. Not needed otherwise.
 */
export function init(source?: ModuleSource | { read?: ModuleSource; build?: ModuleSource; trust?: ModuleSource }): Promise<void>;

export type ErrorCode =
  /** Damage: the bytes contradict the format, or a checksum. */
  | "corrupt"
  | "checksum"
  /** Pack or digest list are not what is trusted; sound perhaps. */
  | "untrusted"
  /** The file is none of ours; or is one that this version cannot read. */
  | "not-a-pack"
  | "unsupported"
  /** A size above what is taken on: see `recordLimit`. */
  | "limit"
  /** A position or a record that the pack does not have. */
  | "out-of-range"
  | "invalid-argument"
  | "aborted"
  | "closed"
  /** The server: its answer, its ways, its file. */
  | "network"
  | "http-status"
  | "range-not-supported"
  | "size-unknown"
  | "changed"
  /** The caller's source, or file handle. */
  | "read-failed"
  /** Building. */
  | "encode"
  | "write-failed"
  /** The caller's `extract`. */
  | "extract"
  | "wasm-unavailable"
  | "internal";

/** Every error of this package. */
export class SealpackError extends Error {
  private constructor();
  /** Stable: programs look at this. */
  readonly code: ErrorCode;
  /** The part of the file that is damaged, and what is wrong with it. */
  readonly section?: "trailer" | "index" | "app-data" | "record" | "content-hash" | "digest-list";
  readonly fault?: string;
  /** The damaged record. */
  readonly record?: number;
  /** The answer of a server. */
  readonly status?: number;
  readonly url?: string;
}
