// Which codec reads a pack: said by the caller, found out, or the caller's own.
import { abortable } from "./abort.js";
import { describe } from "./bytes.js";
import { SealpackError, guarded, invalidArgument } from "./errors.js";

export function checkCodec(codec) {
  const named = ["auto", "none", "zstd"].includes(codec);
  const own = typeof codec === "function" || typeof codec?.decode === "function";
  if (!named && !own)
    throw invalidArgument(
      `codec is "auto", "none", "zstd", { decode } or a function of the format id, not ${describe(codec)}`,
    );
}

/** What the caller chose for this format id. */
function codecFor(codec, formatId) {
  let chosen = codec;
  if (typeof codec === "function") {
    try {
      chosen = codec(formatId) ?? "auto";
    } catch (cause) {
      const message = `codec() threw for format id ${formatId}: ${cause?.message ?? cause}`;
      throw new SealpackError("invalid-argument", message, { cause });
    }
  }
  checkCodec(chosen);
  return chosen;
}

/** The codec of one open pack. */
export class PackCodec {
  #name = null;
  #choosing = null;
  /** The module's handle; throws once the pack is closed. */
  #handle;
  /** What the caller's codec threw last: it cannot pass through the module. */
  #thrown = null;

  constructor(codec, formatId, handle) {
    this.#handle = handle;
    const chosen = codecFor(codec, formatId);
    if (typeof chosen.decode === "function") {
      handle().setCodec("custom", (bytes, size) => this.#decode(chosen, bytes, size));
      this.#name = "custom";
    } else if (chosen !== "auto") {
      guarded(() => handle().setCodec(chosen));
      this.#name = chosen;
    } else {
      this.#detectHere();
    }
  }

  /** "none", "zstd", "custom", or "auto" until the first read finds out. */
  get name() {
    return this.#name ?? "auto";
  }

  /** Finds out where nobody said. `read(start, end)` answers bytes of the file. */
  async choose(read, signal) {
    if (this.#name) return;
    // For all who wait for it: the abort of one is not the others'.
    this.#choosing ??= this.#detect(read).finally(() => (this.#choosing = null));
    await abortable(this.#choosing, signal);
  }

  /** Where the first record came with the tail, it costs nothing to look. */
  #detectHere() {
    const handle = this.#handle();
    let step = handle.detect();
    while (Array.isArray(step)) {
      const bytes = handle.tailBytes(step[0], step[1]);
      if (!bytes) return;
      step = handle.detect(bytes);
    }
    this.#name = step;
  }

  async #detect(read) {
    let step = this.#handle().detect();
    while (Array.isArray(step)) {
      const bytes = await read(step[0], step[1]);
      step = this.#handle().detect(bytes);
    }
    this.#name = step;
  }

  /** The caller's codec, held to answering at once and with bytes. */
  #decode(codec, bytes, size) {
    try {
      const decoded = codec.decode(bytes, size);
      if (decoded instanceof Uint8Array) return decoded;
      if (decoded instanceof Promise) decoded.catch(() => {});
      throw invalidArgument(`decode() must answer at once with a Uint8Array, not with ${describe(decoded)}`);
    } catch (thrown) {
      this.#thrown = thrown ?? new Error("nothing was said");
      throw thrown;
    }
  }

  /** A failure to decode, with what the caller's codec threw as its cause. */
  explain(error) {
    const thrown = this.#thrown;
    this.#thrown = null;
    if (!thrown || error.fault !== "decode") return error;
    const { code, section, fault, record } = error;
    const message = `${error.message}: ${thrown.message ?? thrown}`;
    return new SealpackError(code, message, { section, fault, record, cause: thrown });
  }
}
