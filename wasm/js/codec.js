// The codec of a pack: named by the caller, detected, or the caller's own.
import { abortable } from "./abort.js";
import { describe, kindOf, toBytes } from "./bytes.js";
import { SealpackError, guarded, invalidArgument, messageOf } from "./errors.js";

/** @import { Signal } from "./abort.js" */
/** @import { Codec, CodecChoice, Pack } from "./index.js" */
/** @import { PackHandle } from "../dist/read.js" */
/** @typedef {(start: number, end: number) => Promise<Uint8Array>} ReadBytes */

/**
 * @param {unknown} codec
 * @returns {asserts codec is CodecChoice}
 */
export function checkCodec(codec) {
  const named = ["auto", "auto-or-none", "none", "zstd"].includes(/** @type {string} */ (codec));
  const isOwn = typeof codec === "function" || isCodec(codec);
  if (!named && !isOwn)
    throw invalidArgument(
      `codec must be "auto", "auto-or-none", "none", "zstd", { decode } or a function of the format id, not ${describe(codec)}`,
    );
}

/**
 * @param {unknown} codec
 * @returns {codec is Codec}
 */
const isCodec = (codec) => typeof (/** @type {Partial<Codec> | undefined} */ (codec)?.decode) === "function";

/**
 * The caller's choice for this format id.
 *
 * @param {CodecChoice} codec
 * @param {number} formatId
 * @returns {"auto" | "auto-or-none" | "none" | "zstd" | Codec}
 */
function codecFor(codec, formatId) {
  if (typeof codec !== "function") return codec;
  let chosen;
  try {
    chosen = codec(formatId) ?? "auto";
  } catch (cause) {
    const message = `codec() threw for format id ${formatId}: ${messageOf(cause)}`;
    throw new SealpackError("invalid-argument", message, { cause });
  }
  checkCodec(chosen);
  return chosen;
}

/** The name that the module gives to a codec which the caller has to choose. */
const UNKNOWN = "unknown";

/** The codec of one open pack. */
export class PackCodec {
  /** @type {Pack["codec"]} */
  #name = "auto";
  /** @type {Promise<void> | null} */
  #detecting = null;
  /** Whether detection found no codec that the package knows. */
  #isUnknown = false;
  /** Whether a pack of an unknown codec is read as uncompressed. */
  #orNone = false;
  #formatId;
  /** The module's handle; throws once the pack is closed. */
  #handle;
  /** @type {Codec["decode"] | undefined} */
  #ownDecode;
  /** The last error of the caller's codec: it cannot pass through the module. */
  #thrown = /** @type {unknown} */ (null);

  /**
   * @param {CodecChoice} codec
   * @param {number} formatId
   * @param {() => PackHandle} handle
   */
  constructor(codec, formatId, handle) {
    this.#handle = handle;
    this.#formatId = formatId;
    const chosen = codecFor(codec, formatId);
    if (typeof chosen !== "string") {
      this.#ownDecode = (bytes, size) => this.#decode(chosen, bytes, size);
      guarded(() => handle().setCodec("custom", this.#ownDecode));
      this.#name = "custom";
    } else if (chosen === "none" || chosen === "zstd") {
      guarded(() => handle().setCodec(chosen));
      this.#name = chosen;
    } else {
      this.#orNone = chosen === "auto-or-none";
      this.#detectInTail();
    }
  }

  /** "none", "zstd", "custom", or "auto" until the first read detects it. */
  get name() {
    return this.#name;
  }

  /**
   * Remembers the codec that the module found by the format id and the first record read.
   *
   * @param {Pack["codec"] | typeof UNKNOWN | undefined} name
   */
  adopt(name) {
    if (this.#name === "auto" && name && name !== UNKNOWN) this.#name = name;
  }

  /**
   * Sets the codec of another handle of the same pack.
   *
   * @param {PackHandle} handle
   */
  applyTo(handle) {
    if (this.#name !== "auto") handle.setCodec(this.#name, this.#ownDecode);
  }

  /**
   * Detects the codec if it is not known yet.
   *
   * @param {ReadBytes} read returns bytes of the file
   * @param {Signal} signal
   */
  async choose(read, signal) {
    if (this.#name !== "auto") return;
    if (!this.#isUnknown) {
      // Shared by all callers: aborting one of them does not affect the others.
      this.#detecting ??= this.#detect(read).finally(() => (this.#detecting = null));
      await abortable(this.#detecting, signal);
    }
    if (this.#isUnknown) {
      throw new SealpackError(
        "unsupported",
        `no codec is known for format id ${this.#formatId}, and the records are not zstd frames: open the pack with its own codec, { decode }, or with "none" if its records are stored as they are`,
      );
    }
  }

  /** @param {Pack["codec"] | typeof UNKNOWN} name as the module detected it */
  #found(name) {
    if (name !== UNKNOWN) this.#name = name;
    else if (this.#orNone) guarded(() => this.#handle().setCodec((this.#name = "none")));
    else this.#isUnknown = true;
  }

  /** If opening the pack read the first record, detecting needs no request. */
  #detectInTail() {
    const handle = this.#handle();
    let step = handle.detect();
    while (Array.isArray(step)) {
      const bytes = handle.tailBytes(step[0], step[1]);
      if (!bytes) return;
      step = handle.detect(bytes);
    }
    this.#found(step);
  }

  /** @param {ReadBytes} read */
  async #detect(read) {
    let step = this.#handle().detect();
    while (Array.isArray(step)) {
      const bytes = await read(step[0], step[1]);
      step = this.#handle().detect(bytes);
    }
    this.#found(step);
  }

  /**
   * Calls the caller's codec, which must return bytes and no promise.
   *
   * @param {Codec} codec
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @param {number | undefined} size
   */
  #decode(codec, bytes, size) {
    try {
      const decoded = /** @type {unknown} */ (codec.decode(bytes, size));
      if (kindOf(decoded) === "Uint8Array") return toBytes(decoded);
      if (kindOf(decoded) === "Promise") /** @type {Promise<unknown>} */ (decoded).catch(() => {});
      throw invalidArgument(`decode() must return a Uint8Array, not ${describe(decoded)}`);
    } catch (thrown) {
      this.#thrown = thrown ?? new Error("decode() threw nothing");
      throw thrown;
    }
  }

  /**
   * Adds the error of the caller's codec to a decoding error, as its cause.
   *
   * @param {SealpackError} error
   */
  explain(error) {
    const thrown = this.#thrown;
    this.#thrown = null;
    if (!thrown || error.fault !== "decode") return error;
    const { code, section, fault, record } = error;
    const message = `${error.message}: ${messageOf(thrown)}`;
    return new SealpackError(code, message, { section, fault, record, cause: thrown });
  }
}
