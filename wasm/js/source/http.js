// A file on an HTTP server, read by ranges, in spite of the habits of servers.
//
// It never sends a header that needs a preflight, never mixes two versions of a
// file, and never waits for a body that it does not need.
//
//   the size      from the caller, otherwise from the first response
//   one range     bytes=a-b, or bytes=a- for the tail, which also proves the size
//   suffix range  bytes=-n needs no size but a preflight: only if CORS does not apply
//   version       ETag, Last-Modified and the total, from every response that has them
import { SealpackError, invalidArgument, messageOf } from "../errors.js";
import { abortable, asAbort, pause, throwIfAborted } from "../abort.js";
import { TruncatedBody, readBody, readUpTo } from "./body.js";
import { totalOf, rangeOf, isTransient, retryDelay, sameOrigin, isPresigned } from "./http-rules.js";

/** @import { Signal } from "../abort.js" */
/** @import { OnBytes, PackSource, ReadOptions, SourceOptions } from "./from.js" */
/** @typedef {{ size: number, bytes: Uint8Array<ArrayBuffer> }} Tail */
/** @typedef {{ etag: string | null, modified: string | null, total: number | null }} Version */

/** A server that ignores ranges sends the whole file, which is accepted up to this size. */
export const WHOLE_FILE_LIMIT = 32 * 1024 * 1024;
const RETRIES = 3;

/** An http-status error, with the Retry-After of the response. */
class StatusError extends SealpackError {
  /**
   * @param {string} url
   * @param {Response} response
   */
  constructor(url, { status, statusText, headers }) {
    super("http-status", `${url} answered ${status} ${statusText}`.trimEnd(), { status, url });
    Object.defineProperty(this, "retryAfter", { value: headers.get("retry-after") });
  }
}

/** @implements {PackSource} */
export class HttpSource {
  #target;
  #fetch;
  #size;
  #version = /** @type {Version | null} */ (null);
  #whole = /** @type {Uint8Array<ArrayBuffer> | null} */ (null);
  /** Whether the pack was opened from the whole file: it cannot change any more. */
  #openedWhole = false;
  #wholeFileLimit;
  #retries;
  #reached = false;

  /**
   * @param {string | Request} target
   * @param {SourceOptions} options
   */
  constructor(
    target,
    { size, fetch = globalThis.fetch, wholeFileLimit = WHOLE_FILE_LIMIT, retries = RETRIES } = {},
  ) {
    if (typeof target !== "string" && target.method !== "GET") {
      throw invalidArgument(`a pack is read with GET, but the Request has ${target.method}`);
    }
    if (size !== undefined && (!Number.isSafeInteger(size) || size < 0)) {
      throw invalidArgument(`size is ${size}, which is not a number of bytes`);
    }
    if (typeof target === "string" && !URL.canParse(target, globalThis.location?.href)) {
      throw invalidArgument(
        `${target} is not a URL${globalThis.location ? "" : " (outside a page it must be absolute)"}`,
      );
    }
    this.#target = target;
    this.#fetch = fetch;
    this.#size = size;
    this.#wholeFileLimit = wholeFileLimit;
    this.#retries = retries;
  }

  get url() {
    return typeof this.#target === "string" ? this.#target : this.#target.url;
  }

  /** Whether reads are views of the whole file, which this source keeps. */
  get lends() {
    return this.#whole !== null;
  }

  /** Whether every response would show a change of the file. */
  get pinned() {
    return this.#openedWhole || Boolean(this.#version?.etag ?? this.#version?.modified);
  }

  /** @param {Signal} signal */
  async size(signal) {
    this.#size ??= await this.#findSize(signal);
    return this.#size;
  }

  /**
   * The last `want` bytes and the size of the file, in one request if possible.
   *
   * @param {number} want
   * @param {Signal} signal
   * @param {OnBytes} [onBytes]
   * @returns {Promise<Tail>}
   */
  async tail(want, signal, onBytes) {
    if (this.#size === undefined && sameOrigin(this.url)) {
      const found = await this.#suffix(want, signal, onBytes);
      if (found) return found;
    }
    // The size from a HEAD may be that of the gzipped file. The tail proves it
    // or corrects it, so two requests are enough.
    const given = this.#size !== undefined;
    await this.size(signal);
    const tail =
      (await this.#provenTail(want, signal, onBytes, given)) ??
      (await this.#provenTail(want, signal, onBytes, true));
    return /** @type {Tail} */ (tail); // with `true` a wrong size is thrown
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {ReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async read(offset, length, { signal, buffers } = {}) {
    if (length === 0) return new Uint8Array(0);
    if (this.#whole) return this.#whole.subarray(offset, offset + length);
    return this.#attempt(signal, async () => {
      const response = await this.#ask(`bytes=${offset}-${offset + length - 1}`, signal);
      if (response.status === 200) {
        const whole = await this.#takeWhole(response, signal);
        return whole.subarray(offset, offset + length);
      }
      if (response.status === 416)
        throw await this.#drop(response, this.#changed("it is shorter than before"));
      await this.#expectPartial(response);
      const range = rangeOf(response);
      if (range && range.start !== offset)
        throw await this.#drop(response, this.#notRanged("it sent another range"));
      await this.#compare(response);
      return readBody(response, length, { signal, buffers });
    });
  }

  // ---- opening

  /**
   * The last bytes by a suffix range; null if the server does not support it.
   *
   * @param {number} want
   * @param {Signal} signal
   * @param {OnBytes} [onBytes]
   * @returns {Promise<Tail | null>}
   */
  async #suffix(want, signal, onBytes) {
    /** @param {any} error */
    const unsupported = (error) => {
      // After a redirect to another origin a suffix needs a preflight, which may be refused.
      if (error.code === "network" && !this.#reached) return null;
      throw error;
    };
    return this.#attempt(signal, async () => {
      const response = await this.#ask(`bytes=-${want}`, signal);
      if (response.status === 200) {
        return this.#tailOfWhole(await this.#takeWhole(response, signal, onBytes), want);
      }
      const range = rangeOf(response);
      this.#size = range?.total;
      const fits =
        response.status === 206 &&
        range &&
        range.start === Math.max(0, range.total - want) &&
        range.end === range.total;
      if (!fits) {
        // 416 of an empty file, or a server without suffix ranges: its total is useful even so.
        await response.body?.cancel();
        if ([401, 403, 404, 410].includes(response.status)) throw new StatusError(this.url, response);
        return null;
      }
      await this.#compare(response);
      const bytes = await readBody(response, range.end - range.start, { signal, onBytes });
      return { size: range.total, bytes };
    }).catch(unsupported);
  }

  /**
   * The last bytes by an open range. If the size turns out wrong: `changed` if
   * it was `trusted`, otherwise null, with `#size` corrected.
   *
   * @param {number} want
   * @param {Signal} signal
   * @param {OnBytes | undefined} onBytes
   * @param {boolean} trusted
   * @returns {Promise<Tail | null>}
   */
  async #provenTail(want, signal, onBytes, trusted) {
    const size = await this.size(signal);
    if (size === 0) return { size, bytes: new Uint8Array(0) };
    const start = Math.max(0, size - want);
    return this.#attempt(signal, async () => {
      const response = await this.#ask(`bytes=${start}-`, signal);
      if (response.status === 200) {
        return this.#tailOfWhole(await this.#takeWhole(response, signal, onBytes), want);
      }
      if (response.status !== 416) await this.#expectPartial(response);
      const range = rangeOf(response);
      const actual = range?.total ?? totalOf(response, start);
      if (response.status === 416 || (actual !== undefined && actual !== size)) {
        await response.body?.cancel();
        if (trusted) throw this.#changed(`it has ${actual ?? "fewer"} bytes, not ${size}`);
        this.#size = actual ?? (await this.#openSize(signal));
        return null;
      }
      if (range && range.start !== start)
        throw await this.#drop(response, this.#notRanged("it sent another range"));
      await this.#compare(response);
      return { size, bytes: await readBody(response, size - start, { signal, onBytes }) };
    });
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} whole
   * @param {number} want
   */
  #tailOfWhole(whole, want) {
    this.#openedWhole = true;
    const size = whole.length;
    return { size, bytes: whole.subarray(Math.max(0, size - want)) };
  }

  /** @param {Signal} signal */
  async #findSize(signal) {
    // A signature covers GET only: a HEAD would be refused.
    const fromHead = isPresigned(this.url) ? undefined : await this.#headSize(signal);
    return fromHead ?? this.#openSize(signal);
  }

  /** @param {Signal} signal */
  async #headSize(signal) {
    let response;
    try {
      response = await this.#send({ method: "HEAD" }, signal);
    } catch (error) {
      if (/** @type {SealpackError} */ (error).code === "aborted") throw error;
      return undefined; // refused, by CORS or by a proxy; the GET that follows is retried
    }
    // A compressed length is useless. If CORS hides the header, the tail corrects the size.
    if (!response.ok || response.headers.get("content-encoding")) return undefined;
    return totalOf(response, 0);
  }

  /**
   * The size from a response to `bytes=0-`, whose body is not read.
   *
   * @param {Signal} signal
   * @returns {Promise<number>}
   */
  async #openSize(signal) {
    return this.#attempt(signal, async () => {
      const response = await this.#ask("bytes=0-", signal);
      if (response.status === 416) return rangeOf(response)?.total ?? 0;
      if (response.status !== 200) await this.#expectPartial(response);
      const total = rangeOf(response)?.total ?? totalOf(response, 0);
      if (total !== undefined) {
        await response.body?.cancel();
        return total;
      }
      if (response.status === 200) return (await this.#takeWhole(response, signal)).length;
      throw await this.#drop(
        response,
        new SealpackError("size-unknown", `${this.url} does not send the size of the file: pass { size }`, {
          url: this.url,
        }),
      );
    });
  }

  // ---- requests

  /**
   * @param {string} range
   * @param {Signal} signal
   */
  #ask(range, signal) {
    return this.#send({ headers: { range } }, signal);
  }

  /**
   * @param {{ method?: string, headers?: Record<string, string> }} request
   * @param {Signal} signal
   */
  async #send({ method = "GET", headers = {} }, signal) {
    const base = typeof this.#target === "string" ? undefined : this.#target;
    const merged = new Headers(base?.headers);
    for (const [name, value] of Object.entries(headers)) merged.set(name, value);
    /** @type {RequestInit} */
    const init = { method, headers: merged, signal: signal ?? null };
    // Reads must see the current file. And in Chromium, ranges of one URL wait
    // for each other's lock on the HTTP cache.
    if (!base || base.cache === "default") init.cache = "no-store";
    let response;
    try {
      response = await abortable(this.#fetch.call(globalThis, base ?? this.#target, init), signal);
    } catch (error) {
      throwIfAborted(signal);
      throw new SealpackError("network", `${this.url} could not be reached: ${messageOf(error)}`, {
        cause: error,
        url: this.url,
      });
    }
    this.#reached = true;
    if (isTransient(response.status)) throw await this.#drop(response, new StatusError(this.url, response));
    return response;
  }

  /**
   * Runs `step`, and retries it after a pause if its error may be temporary.
   *
   * @template T
   * @param {Signal} signal
   * @param {() => Promise<T>} step
   */
  async #attempt(signal, step) {
    for (let turn = 0; ; turn += 1) {
      throwIfAborted(signal);
      try {
        return await step();
      } catch (thrown) {
        const error = /** @type {any} */ (asAbort(thrown, signal));
        const truncated = error instanceof TruncatedBody;
        const temporary =
          truncated || isTransient(error.status) || (error.code === "network" && this.#reached);
        if (!temporary) throw error;
        if (turn >= this.#retries) {
          const { message, cause } = error;
          throw truncated ? new SealpackError("network", message, { url: this.url, cause }) : error;
        }
        await pause(retryDelay(turn, error.retryAfter), signal);
      }
    }
  }

  /**
   * @param {Response} response
   * @param {Signal} signal
   * @param {OnBytes} [onBytes]
   */
  async #takeWhole(response, signal, onBytes) {
    const total = totalOf(response, 0);
    if (total !== undefined && total > this.#wholeFileLimit) {
      throw await this.#drop(
        response,
        this.#notRanged(`it sent all ${total} bytes, more than wholeFileLimit`),
      );
    }
    const options = { signal, onBytes };
    const bytes =
      total === undefined
        ? await readUpTo(response, this.#wholeFileLimit, options)
        : await readBody(response, total, options);
    if (!bytes) throw this.#notRanged("it sent the whole file, more than wholeFileLimit");
    if (this.#version && this.#size !== undefined && this.#size !== bytes.length) {
      throw this.#changed(`it has ${bytes.length} bytes, not ${this.#size}`);
    }
    await this.#compare(response);
    this.#whole = bytes;
    this.#size = bytes.length;
    return bytes;
  }

  /**
   * Throws `changed` unless the response has the version of the first one.
   *
   * @param {Response} response
   */
  async #compare(response) {
    /** @type {Version} */
    const current = {
      etag: response.headers.get("etag"),
      modified: response.headers.get("last-modified"),
      total: rangeOf(response)?.total ?? null,
    };
    this.#version ??= current;
    for (const key of /** @type {const} */ (["etag", "modified", "total"])) {
      const [first, now] = [this.#version[key], current[key]];
      if (first !== null && now !== null && first !== now) {
        throw await this.#drop(response, this.#changed(`${key} was ${first} and is ${now}`));
      }
    }
  }

  /** @param {Response} response */
  async #expectPartial(response) {
    if (response.status !== 206) throw await this.#drop(response, new StatusError(this.url, response));
  }

  // ---- errors

  /**
   * Cancels the body, and returns the error to throw.
   *
   * @param {Response} response
   * @param {unknown} error
   */
  async #drop(response, error) {
    await response.body?.cancel().catch(() => {});
    return error;
  }

  /** @param {string} how */
  #changed(how) {
    return new SealpackError("changed", `${this.url} changed while it was read: ${how}. Open it again`, {
      url: this.url,
    });
  }

  /** @param {string} how */
  #notRanged(how) {
    return new SealpackError("range-not-supported", `${this.url} is not served by ranges: ${how}`, {
      url: this.url,
    });
  }
}
