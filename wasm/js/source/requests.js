// Sending requests for one file, with retries.
import { SealpackError, aborted, messageOf } from "../errors.js";
import { abortable, asAbort, pause, throwIfAborted } from "../abort.js";
import { TruncatedBody } from "./body.js";
import { isTransient, redacted, retryDelay } from "./http-rules.js";

/** @import { Signal } from "../abort.js" */
/** @import { SourceOptions } from "./from.js" */

const RETRIES = 3;

/** A response with an error status, and its Retry-After. */
class StatusError extends SealpackError {
  /** @type {string | null} */
  #retryAfter;

  /**
   * @param {string} url
   * @param {Response} response
   */
  constructor(url, { status, statusText, headers }) {
    const retryAfter = headers.get("retry-after");
    const later = isTransient(status) && retryAfter ? ` (Retry-After: ${retryAfter})` : "";
    super("http-status", `${url} responded with ${status} ${statusText}`.trimEnd() + later, { status, url });
    this.#retryAfter = retryAfter;
  }

  /** @param {number} turn */
  delay(turn) {
    return isTransient(this.status ?? 0) ? retryDelay(turn, this.#retryAfter) : undefined;
  }
}

export class Requests {
  #base;
  #fetch;
  #retries;
  /** The address as the caller gave it. */
  target;
  /** The address for messages and errors. */
  name;
  /** Whether the server has responded to any request. */
  reached = false;

  /**
   * @param {string | Request} target
   * @param {SourceOptions} options
   */
  constructor(target, { fetch = globalThis.fetch, retries = RETRIES }) {
    this.#base = typeof target === "string" ? undefined : target;
    this.#fetch = fetch;
    this.#retries = retries;
    this.target = typeof target === "string" ? target : target.url;
    this.name = redacted(this.target);
  }

  /** The address as a property of errors. */
  get url() {
    return this.name;
  }

  /**
   * @param {string} range
   * @param {Signal} signal
   */
  range(range, signal) {
    return this.send({ headers: { range } }, signal);
  }

  /**
   * @param {{ method?: string, headers?: Record<string, string> }} request
   * @param {Signal} signal
   */
  async send({ method = "GET", headers = {} }, signal) {
    const base = this.#base;
    const merged = new Headers(base?.headers);
    for (const [name, value] of Object.entries(headers)) merged.set(name, value);
    // The signal of the call would replace that of a Request: follow both.
    const own = base?.signal;
    const both = signal && own ? (AbortSignal.any?.([signal, own]) ?? signal) : (signal ?? own ?? null);
    /** @type {RequestInit} */
    const init = { method, headers: merged, signal: both };
    // Reads must see the current file. And in Chromium, ranges of one URL wait
    // for each other's lock on the HTTP cache.
    if (!base || base.cache === "default") init.cache = "no-store";
    let response;
    try {
      response = await abortable(this.#fetch.call(globalThis, base ?? this.target, init), signal);
    } catch (error) {
      throwIfAborted(signal);
      if (base?.signal?.aborted) throw aborted(base.signal);
      // The messages of some engines contain the address.
      const reason = messageOf(error).replaceAll(this.target, this.name);
      const message = `${this.name} could not be reached: ${reason}`;
      throw new SealpackError("network", message, { cause: error, url: this.url });
    }
    if (response.type === "opaque" || response.type === "opaqueredirect") {
      const message = `${this.name}: fetch returned an ${response.type} response, which cannot be read`;
      throw new SealpackError("network", message, { url: this.url });
    }
    this.reached = true;
    if (isTransient(response.status)) throw await this.drop(response, this.statusError(response));
    return response;
  }

  /**
   * Runs `step`, and retries it after a pause if its error may be temporary.
   *
   * @template T
   * @param {Signal} signal
   * @param {() => Promise<T>} step
   */
  async attempt(signal, step) {
    for (let turn = 0; ; turn += 1) {
      throwIfAborted(signal);
      try {
        return await step();
      } catch (thrown) {
        if (this.#base?.signal?.aborted) throw aborted(this.#base.signal);
        const error = asAbort(thrown, signal);
        const delay = turn < this.#retries ? this.#delay(error, turn) : undefined;
        if (delay === undefined) throw this.#final(error);
        await pause(delay, signal);
      }
    }
  }

  /**
   * The wait before the next attempt; undefined if a retry cannot help.
   *
   * @param {unknown} error
   * @param {number} turn
   */
  #delay(error, turn) {
    if (error instanceof StatusError) return error.delay(turn);
    const lost = error instanceof SealpackError && error.code === "network" && this.reached;
    return lost || error instanceof TruncatedBody ? retryDelay(turn, undefined) : undefined;
  }

  /** @param {unknown} error */
  #final(error) {
    if (!(error instanceof TruncatedBody)) return error;
    const { message, cause } = error;
    return new SealpackError("network", `${this.name}: ${message}`, { url: this.url, cause });
  }

  /** @param {Response} response */
  statusError(response) {
    return new StatusError(this.name, response);
  }

  /**
   * Cancels the body, and returns the error to throw.
   *
   * @param {Response} response
   * @param {unknown} error
   */
  async drop(response, error) {
    await response.body?.cancel().catch(() => {});
    return error;
  }
}
