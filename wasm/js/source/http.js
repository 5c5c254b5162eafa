// A file on an HTTP server, read by ranges, despite the quirks of servers.
//
// It never sends a header that needs a preflight, never mixes two versions of a
// file, and never waits for a body that it does not need.
//
//   the size      from the caller, otherwise from the first response
//   one range     bytes=a-b, or bytes=a- for the tail, which also proves the size
//   suffix range  bytes=-n needs no size but a preflight: only if CORS does not apply
//   version       ETag, Last-Modified and the total, from every response that has them
import { SealpackError, invalidArgument } from "../errors.js";
import { Requests } from "./requests.js";
import { readBody, readUpTo } from "./body.js";
import { checkedUrl, compressionOf, differenceOf, isPresigned, lengthOf, rangeOf, sameOrigin } from "./http-rules.js";
import { describe } from "../bytes.js";

/** @import { Signal } from "../abort.js" */
/** @import { OnBytes, PackSource, SourceReadOptions, SourceOptions } from "./from.js" */
/** @import { Version } from "./http-rules.js" */
/** @typedef {{ size: number, bytes: Uint8Array<ArrayBuffer> }} Tail */

/** A server that ignores ranges sends the whole file, which is accepted up to this size. */
const WHOLE_FILE_LIMIT = 32 * 1024 * 1024;
/** The maximum number of requests for one range, if the server sends less than requested. */
const MAX_PARTS = 1000;

/** @implements {PackSource} */
export class HttpSource {
  #requests;
  #size;
  #version = /** @type {Version | null} */ (null);
  #whole = /** @type {Uint8Array<ArrayBuffer> | null} */ (null);
  /** Whether the pack was opened from the whole file: it cannot change any more. */
  #openedWhole = false;
  #wholeFileLimit;
  #validators;
  /** Whether the last response was an HTML page. */
  #isHtml = false;

  /**
   * @param {string | Request} target
   * @param {SourceOptions} options
   */
  constructor(target, options = {}) {
    const { size, wholeFileLimit = WHOLE_FILE_LIMIT, validators = true } = options;
    if (typeof target !== "string" && target.method !== "GET") {
      throw invalidArgument(`a pack is read with GET, but the Request has ${target.method}`);
    }
    if (typeof target !== "string" && target.mode === "no-cors") {
      throw invalidArgument('the Request has mode "no-cors", whose responses cannot be read: use mode "cors"');
    }
    if (size !== undefined && (!Number.isSafeInteger(size) || size < 0)) {
      throw invalidArgument(`size must be a number of bytes, not ${describe(size)}`);
    }
    checkedUrl(typeof target === "string" ? target : target.url);
    this.#requests = new Requests(target, options);
    this.#size = size;
    this.#wholeFileLimit = wholeFileLimit;
    this.#validators = validators;
  }

  /** Whether reads are views of the whole file, which this source keeps. */
  get lends() {
    return this.#whole !== null;
  }

  /** Whether every response would show a change of the file. */
  get pinned() {
    const known = this.#version?.etag ?? this.#version?.modified;
    return this.#openedWhole || (this.#validators && Boolean(known));
  }

  /**
   * An error of opening, with what the server sent in place of a pack.
   *
   * @param {SealpackError} error
   */
  explain(error) {
    if (error.code !== "not-a-pack" || !this.#isHtml) return error;
    const { name, url } = this.#requests;
    const message = `${name} is an HTML page, not a pack: the server sends it for missing files or to log in`;
    return new SealpackError("not-a-pack", message, { cause: error, url });
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
    if (this.#size === undefined && sameOrigin(this.#requests.target)) {
      const found = await this.#suffix(want, signal, onBytes);
      if (found) return found;
    }
    // The size from a HEAD may be that of the gzipped file. The tail proves it
    // or corrects it, so two requests are enough.
    const isGiven = this.#size !== undefined;
    await this.size(signal);
    const tail =
      (await this.#provenTail(want, signal, onBytes, isGiven)) ??
      (await this.#provenTail(want, signal, onBytes, true));
    return /** @type {Tail} */ (tail); // with `true` a wrong size is thrown
  }

  /**
   * @param {number} offset
   * @param {number} length
   * @param {SourceReadOptions} [options]
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async read(offset, length, { signal, buffers } = {}) {
    if (length === 0) return new Uint8Array(0);
    if (this.#whole) return this.#whole.subarray(offset, offset + length);
    const options = { signal, buffers };
    const first = await this.#readPart(offset, length, options);
    return first.length === length ? first : this.#withRest(first, offset, length, options);
  }

  /**
   * The bytes of one response, which may be fewer than requested (RFC 9110, 15.3.7).
   *
   * @param {number} offset
   * @param {number} length
   * @param {SourceReadOptions & { onBytes?: OnBytes | undefined }} options
   */
  #readPart(offset, length, options) {
    const { signal } = options;
    return this.#requests.attempt(signal, async () => {
      const response = await this.#requests.range(`bytes=${offset}-${offset + length - 1}`, signal);
      if (response.status === 200) {
        const whole = await this.#takeWhole(response, signal);
        return whole.subarray(offset, offset + length);
      }
      if (response.status === 416) {
        throw await this.#requests.drop(response, this.#changed("it is shorter than before"));
      }
      return this.#takePart(response, offset, length, options);
    });
  }

  /**
   * @param {Response} response
   * @param {number} offset
   * @param {number} length
   * @param {SourceReadOptions & { onBytes?: OnBytes | undefined }} options
   */
  async #takePart(response, offset, length, options) {
    await this.#expectPartial(response);
    const range = rangeOf(response);
    if (range && range.start !== offset) {
      throw await this.#requests.drop(response, this.#rangeError("it sent another range"));
    }
    await this.#compare(response);
    const sent = range ? range.end - range.start : (lengthOf(response) ?? length);
    return readBody(response, sent > 0 && sent < length ? sent : length, options);
  }

  /**
   * Requests the rest of a range of which the server sent a part.
   *
   * @param {Uint8Array<ArrayBuffer>} first
   * @param {number} offset
   * @param {number} length
   * @param {SourceReadOptions & { onBytes?: OnBytes | undefined }} options
   */
  async #withRest(first, offset, length, { signal, onBytes }) {
    const bytes = new Uint8Array(length);
    bytes.set(first);
    let at = first.length;
    for (let parts = 1; at < length; parts += 1) {
      if (parts === MAX_PARTS) throw this.#rangeError(`it sends ranges in more than ${MAX_PARTS} parts`);
      const part = await this.#readPart(offset + at, length - at, { signal, onBytes });
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
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
      if (error.code === "network" && !this.#requests.reached) return null;
      throw error;
    };
    const fetched = this.#requests.attempt(signal, async () => {
      const response = await this.#requests.range(`bytes=-${want}`, signal);
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
        if ([401, 403, 404, 410].includes(response.status)) throw this.#requests.statusError(response);
        return null;
      }
      await this.#expectPartial(response);
      await this.#compare(response);
      const bytes = await readBody(response, range.end - range.start, { signal, onBytes });
      return { size: range.total, bytes };
    });
    return fetched.catch(unsupported);
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
    const options = { signal, onBytes };
    const tail = await this.#requests.attempt(signal, async () => {
      const response = await this.#requests.range(`bytes=${start}-`, signal);
      if (response.status === 200) {
        return this.#tailOfWhole(await this.#takeWhole(response, signal, onBytes), want);
      }
      const range = rangeOf(response);
      if (response.status === 416 || (range && range.total !== size)) {
        await response.body?.cancel();
        const actual = range?.total;
        if (trusted) throw this.#changed(`it has ${actual ?? "fewer"} bytes, not ${size}`);
        this.#size = actual ?? (await this.#openSize(signal));
        return null;
      }
      const length = lengthOf(response);
      if (!range && !trusted && response.status === 206 && length !== undefined && length !== size - start) {
        // Content-Range is hidden by CORS: the size from a HEAD was wrong.
        await response.body?.cancel();
        this.#size = start + length;
        return null;
      }
      return { size, bytes: await this.#takePart(response, start, size - start, options) };
    });
    if (!tail || tail.bytes.length === Math.min(want, tail.size)) return tail;
    return { size, bytes: await this.#withRest(tail.bytes, start, size - start, options) };
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
    const fromHead = isPresigned(this.#requests.target) ? undefined : await this.#headSize(signal);
    return fromHead ?? this.#openSize(signal);
  }

  /** @param {Signal} signal */
  async #headSize(signal) {
    let response;
    try {
      response = await this.#requests.send({ method: "HEAD" }, signal);
    } catch (error) {
      if (/** @type {SealpackError} */ (error).code === "aborted") throw error;
      return undefined; // refused, by CORS or by a proxy; the GET that follows is retried
    }
    // A compressed length is useless, and some frameworks send 0 for every
    // HEAD. If CORS hides the header, the tail corrects the size.
    return (response.ok && lengthOf(response)) || undefined;
  }

  /**
   * The size from a response to `bytes=0-`, whose body is not read.
   *
   * @param {Signal} signal
   * @returns {Promise<number>}
   */
  async #openSize(signal) {
    return this.#requests.attempt(signal, async () => {
      const response = await this.#requests.range("bytes=0-", signal);
      if (response.status === 416) return rangeOf(response)?.total ?? 0;
      if (response.status !== 200) await this.#expectPartial(response);
      const total = rangeOf(response)?.total ?? lengthOf(response);
      if (total !== undefined) {
        await response.body?.cancel();
        return total;
      }
      if (response.status === 200) return (await this.#takeWhole(response, signal)).length;
      const { name, url } = this.#requests;
      const message = `${name} does not send the size of the file: pass { size }`;
      throw await this.#requests.drop(response, new SealpackError("size-unknown", message, { url }));
    });
  }

  // ---- responses

  /**
   * Reads the whole file, from a server that ignores ranges.
   *
   * @param {Response} response
   * @param {Signal} signal
   * @param {OnBytes} [onBytes]
   */
  async #takeWhole(response, signal, onBytes) {
    this.#noteType(response);
    const total = lengthOf(response);
    if (total !== undefined && total > this.#wholeFileLimit) {
      throw await this.#requests.drop(
        response,
        this.#rangeError(`it sent all ${total} bytes, more than wholeFileLimit`),
      );
    }
    const options = { signal, onBytes };
    const bytes =
      total === undefined
        ? await readUpTo(response, this.#wholeFileLimit, options)
        : await readBody(response, total, options);
    if (!bytes) throw this.#rangeError("it sent the whole file, more than wholeFileLimit");
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
      etag: this.#validators ? response.headers.get("etag") : null,
      modified: this.#validators ? response.headers.get("last-modified") : null,
      total: rangeOf(response)?.total ?? null,
    };
    this.#version ??= current;
    const difference = differenceOf(this.#version, current);
    if (difference) throw await this.#requests.drop(response, this.#changed(difference));
  }

  /** @param {Response} response */
  async #expectPartial(response) {
    if (response.status !== 206) {
      throw await this.#requests.drop(response, this.#requests.statusError(response));
    }
    this.#noteType(response);
    const encoding = compressionOf(response);
    if (encoding) {
      const how = `it compresses ranges (Content-Encoding: ${encoding})`;
      throw await this.#requests.drop(response, this.#rangeError(how));
    }
  }

  /** @param {Response} response */
  #noteType(response) {
    this.#isHtml = /^text\/html\b/i.test(response.headers.get("content-type") ?? "");
  }

  /** @param {string} how */
  #changed(how) {
    const { name, url } = this.#requests;
    return new SealpackError("changed", `${name} changed while it was read: ${how}. Open it again`, { url });
  }

  /** @param {string} how */
  #rangeError(how) {
    const { name, url } = this.#requests;
    return new SealpackError("range-not-supported", `${name} is not served by ranges: ${how}`, { url });
  }
}
