// A file behind HTTP, read by ranges, from servers as they are.
//
// What it never does: send a header that makes a browser ask for permission
// first (a preflight), read one version of a file into another, or wait for a
// body that nobody wants.
//
//   the size      told by the caller, else by the answer to the first range
//   one range     bytes=a-b, or bytes=a- for the tail: it also proves the size
//   suffix range  bytes=-n needs no size, but a preflight: only where no CORS is in play
//   version       ETag, Last-Modified and the total, of every answer that shows them
import { SealpackError, invalidArgument } from "../errors.js";
import { abortable, asAbort, pause, throwIfAborted } from "../abort.js";
import { readBody, readUpTo } from "./body.js";
import { totalOf, rangeOf, isTransient, retryDelay, sameOrigin, isPresigned } from "./http-rules.js";

/** A server that ignores ranges sends the whole file: taken up to this size. */
export const WHOLE_FILE_LIMIT = 32 * 1024 * 1024;
const RETRIES = 3;

export class HttpSource {
  #target;
  #fetch;
  #size;
  #version = null;
  #whole = null;
  /** Whether the pack was opened from the whole file: then nothing of it can change. */
  #openedWhole = false;
  #wholeFileLimit;
  #retries;
  #reached = false;

  /**
   * @param {string | Request} target
   * @param {{ size?: number, fetch?: typeof fetch, wholeFileLimit?: number, retries?: number }} options
   */
  constructor(
    target,
    { size, fetch = globalThis.fetch, wholeFileLimit = WHOLE_FILE_LIMIT, retries = RETRIES } = {},
  ) {
    if (typeof target !== "string" && target.method !== "GET") {
      throw invalidArgument(`a pack is read with GET, the Request says ${target.method}`);
    }
    if (size !== undefined && (!Number.isSafeInteger(size) || size < 0)) {
      throw invalidArgument(`size is ${size}, which is no number of bytes`);
    }
    if (typeof target === "string" && !URL.canParse(target, globalThis.location?.href)) {
      throw invalidArgument(
        `${target} is no URL${globalThis.location ? "" : " (outside a page it must be absolute)"}`,
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

  /** Whether reads are views of the whole file, which stays here. */
  get lends() {
    return this.#whole !== null;
  }

  /** Whether a change of the file would show in every answer. */
  get pinned() {
    return this.#openedWhole || Boolean(this.#version?.etag ?? this.#version?.modified);
  }

  async size(signal) {
    this.#size ??= await this.#findSize(signal);
    return this.#size;
  }

  /** The last `want` bytes and the size of the file, in one request where that can be. */
  async tail(want, signal, onBytes) {
    if (this.#size === undefined && sameOrigin(this.url)) {
      const found = await this.#suffix(want, signal, onBytes);
      if (found) return found;
    }
    // A size that a HEAD told may be that of the gzipped file: the tail proves
    // it, and where it is wrong says the right one. So two turns at the most.
    const told = this.#size !== undefined;
    await this.size(signal);
    return (
      (await this.#provenTail(want, signal, onBytes, told)) ??
      (await this.#provenTail(want, signal, onBytes, true))
    );
  }

  async read(offset, length, { signal, buffers } = {}) {
    if (length === 0) return new Uint8Array(0);
    if (this.#whole) return this.#whole.subarray(offset, offset + length);
    return this.#attempt(signal, async () => {
      const response = await this.#ask(`bytes=${offset}-${offset + length - 1}`, signal);
      if (response.status === 200) {
        await this.#takeWhole(response, signal);
        return this.#whole.subarray(offset, offset + length);
      }
      if (response.status === 416)
        throw await this.#drop(response, this.#changed("it is shorter than it was"));
      await this.#expectPartial(response);
      const range = rangeOf(response);
      if (range && range.start !== offset)
        throw await this.#drop(response, this.#notRanged("another range was sent"));
      await this.#compare(response);
      return readBody(response, length, { signal, buffers });
    });
  }

  // ---- opening

  async #suffix(want, signal, onBytes) {
    const passing = (error) => {
      // A redirect to another origin turns the suffix into a preflight, which may be refused.
      if (error.code === "network" && !this.#reached) return null;
      throw error;
    };
    return this.#attempt(signal, async () => {
      const response = await this.#ask(`bytes=-${want}`, signal);
      if (response.status === 200) {
        await this.#takeWhole(response, signal, onBytes);
        return this.#lastOfWhole(want);
      }
      const range = rangeOf(response);
      this.#size = range?.total;
      const fits =
        response.status === 206 &&
        range &&
        range.start === Math.max(0, range.total - want) &&
        range.end === range.total;
      if (!fits) {
        // 416 of an empty file, or a server that knows no suffix ranges: its total helps all the same.
        await response.body?.cancel();
        if ([401, 403, 404, 410].includes(response.status)) throw this.#status(response);
        return null;
      }
      await this.#compare(response);
      const bytes = await readBody(response, range.end - range.start, { signal, onBytes });
      return { size: range.total, bytes };
    }).catch(passing);
  }

  /** The last bytes by an open range; null where the size was wrong (and `#size` is right now). */
  async #provenTail(want, signal, onBytes, trusted) {
    const size = this.#size;
    if (size === 0) return { size, bytes: new Uint8Array(0) };
    const start = Math.max(0, size - want);
    return this.#attempt(signal, async () => {
      const response = await this.#ask(`bytes=${start}-`, signal);
      if (response.status === 200) {
        await this.#takeWhole(response, signal, onBytes);
        return this.#lastOfWhole(want);
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
        throw await this.#drop(response, this.#notRanged("another range was sent"));
      await this.#compare(response);
      return { size, bytes: await readBody(response, size - start, { signal, onBytes }) };
    });
  }

  #lastOfWhole(want) {
    this.#openedWhole = true;
    const size = this.#whole.length;
    return { size, bytes: this.#whole.subarray(Math.max(0, size - want)) };
  }

  async #findSize(signal) {
    // A signed URL is signed for GET alone: a HEAD would be refused.
    const bySigning = isPresigned(this.url) ? undefined : await this.#headSize(signal);
    return bySigning ?? this.#openSize(signal);
  }

  async #headSize(signal) {
    let response;
    try {
      response = await this.#send({ method: "HEAD" }, signal);
    } catch (error) {
      if (error.code === "aborted") throw error;
      return undefined; // refused, by CORS or by a proxy; the GET that follows is tried again
    }
    // A compressed length is of no use, and where CORS hides the header the tail finds out.
    if (!response.ok || response.headers.get("content-encoding")) return undefined;
    return totalOf(response, 0);
  }

  /** The size from an answer to `bytes=0-`, whose body is left alone. */
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
      if (response.status === 200) {
        await this.#takeWhole(response, signal);
        return this.#whole.length;
      }
      throw await this.#drop(
        response,
        new SealpackError("size-unknown", `${this.url} does not say how long it is: pass { size }`, {
          url: this.url,
        }),
      );
    });
  }

  // ---- asking

  #ask(range, signal) {
    return this.#send({ headers: { range } }, signal);
  }

  async #send({ method = "GET", headers = {} }, signal) {
    const base = typeof this.#target === "string" ? undefined : this.#target;
    const merged = new Headers(base?.headers);
    for (const [name, value] of Object.entries(headers)) merged.set(name, value);
    const init = { method, headers: merged, signal };
    // A read is of the file as it is now; and in Chromium ranges of one URL
    // wait for each other behind the lock of the HTTP cache.
    if (!base || base.cache === "default") init.cache = "no-store";
    let response;
    try {
      response = await abortable(this.#fetch.call(globalThis, base ?? this.#target, init), signal);
    } catch (error) {
      throwIfAborted(signal);
      throw new SealpackError("network", `${this.url} could not be reached: ${error?.message ?? error}`, {
        cause: error,
        url: this.url,
      });
    }
    this.#reached = true;
    if (isTransient(response.status)) throw await this.#drop(response, this.#status(response));
    return response;
  }

  /** Runs `step`, again after a pause where what failed may pass. */
  async #attempt(signal, step) {
    for (let turn = 0; ; turn += 1) {
      throwIfAborted(signal);
      try {
        return await step();
      } catch (thrown) {
        const error = asAbort(thrown, signal);
        const passing =
          isTransient(error.status) ||
          error.code === "truncated-body" ||
          (error.code === "network" && this.#reached);
        if (!passing) throw error;
        if (turn >= this.#retries) {
          throw error.code === "truncated-body"
            ? new SealpackError("network", error.message, { url: this.url })
            : error;
        }
        await pause(retryDelay(turn, error.retryAfter), signal);
      }
    }
  }

  async #takeWhole(response, signal, onBytes) {
    const told = totalOf(response, 0);
    if (told !== undefined && told > this.#wholeFileLimit) {
      throw await this.#drop(
        response,
        this.#notRanged(`it sent all ${told} bytes, more than wholeFileLimit`),
      );
    }
    const options = { signal, onBytes };
    const bytes =
      told === undefined
        ? await readUpTo(response, this.#wholeFileLimit, options)
        : await readBody(response, told, options);
    if (!bytes) throw this.#notRanged("it sent the whole file, more than wholeFileLimit");
    if (this.#version && this.#size !== undefined && this.#size !== bytes.length) {
      throw this.#changed(`it has ${bytes.length} bytes, not ${this.#size}`);
    }
    await this.#compare(response);
    this.#whole = bytes;
    this.#size = bytes.length;
  }

  /** The answer must be of the version that the first one was of. */
  async #compare(response) {
    const seen = {
      etag: response.headers.get("etag"),
      modified: response.headers.get("last-modified"),
      total: rangeOf(response)?.total ?? null,
    };
    this.#version ??= seen;
    for (const key of ["etag", "modified", "total"]) {
      const [first, now] = [this.#version[key], seen[key]];
      if (first !== null && now !== null && first !== now) {
        throw await this.#drop(response, this.#changed(`${key} was ${first} and is ${now}`));
      }
    }
  }

  async #expectPartial(response) {
    if (response.status !== 206) throw await this.#drop(response, this.#status(response));
  }

  // ---- errors

  async #drop(response, error) {
    await response.body?.cancel().catch(() => {});
    return error;
  }

  #status(response) {
    const { status, statusText } = response;
    const retryAfter = response.headers.get("retry-after") ?? undefined;
    const message = `${this.url} answered ${status} ${statusText}`.trimEnd();
    return new SealpackError("http-status", message, { status, retryAfter, url: this.url });
  }

  #changed(how) {
    return new SealpackError("changed", `${this.url} changed while it was read: ${how}. Open it again`, {
      url: this.url,
    });
  }

  #notRanged(how) {
    return new SealpackError("range-not-supported", `${this.url} is not served by ranges: ${how}`, {
      url: this.url,
    });
  }
}
