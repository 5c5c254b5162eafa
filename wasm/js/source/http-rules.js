// Small rules of HTTP and URLs, without requests.
import { invalidArgument } from "../errors.js";

/** @param {string | null | undefined} text */
const wholeNumber = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : undefined);

/**
 * `Content-Range: bytes 5-9/200` as { start, end (exclusive), total }; null if it is absent or hidden by CORS.
 *
 * @param {Response} response
 */
export function rangeOf(response) {
  const header = response.headers.get("content-range") ?? "";
  const part = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(header.trim());
  if (part) return { start: Number(part[1]), end: Number(part[2]) + 1, total: Number(part[3]) };
  const none = /^bytes \*\/(\d+)$/i.exec(header.trim());
  return none ? { start: 0, end: 0, total: Number(none[1]) } : null;
}

/**
 * Content-Length, which is readable across origins; undefined if it is absent
 * or that of compressed bytes.
 *
 * @param {Response} response
 */
export function lengthOf(response) {
  if (compressionOf(response)) return undefined;
  return wholeNumber(response.headers.get("content-length"));
}

/**
 * The compression of the body, if there is one and CORS does not hide it.
 *
 * @param {Response} response
 */
export function compressionOf(response) {
  const encoding = response.headers.get("content-encoding")?.trim().toLowerCase();
  return encoding && encoding !== "identity" ? encoding : undefined;
}

/**
 * Whether the status is often temporary.
 *
 * @param {number} status
 */
export function isTransient(status) {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Longer waits than this are left to the caller. */
const MAX_WAIT_MS = 60_000;

/**
 * The wait before the next attempt in milliseconds: the server's Retry-After (seconds or a
 * date), otherwise 0.2, 0.6, 1.8 … seconds with some jitter. Undefined if the server
 * requests more than a minute.
 *
 * @param {number} turn
 * @param {string | null | undefined} retryAfter
 */
export function retryDelay(turn, retryAfter) {
  const seconds = wholeNumber(retryAfter);
  const date = retryAfter ? Date.parse(retryAfter) : Number.NaN;
  const requested = seconds !== undefined ? seconds * 1000 : Math.max(0, date - Date.now());
  if (Number.isNaN(requested)) return 200 * 3 ** turn * (0.75 + Math.random() / 2);
  return requested <= MAX_WAIT_MS ? requested : undefined;
}

/** @typedef {{ etag: string | null, modified: string | null, total: number | null }} Version */

/**
 * The difference between two versions of a file; null if they may be the same.
 * A weak and a strong ETag with one value are equal. If both are strong and equal, the
 * date is ignored: nodes of a CDN may send different dates.
 *
 * @param {Version} first
 * @param {Version} current
 */
export function differenceOf(first, current) {
  const tags = [first.etag, current.etag].map((tag) => tag?.replace(/^W\//, ""));
  const bothStrong = [first.etag, current.etag].every((tag) => tag && !tag.startsWith("W/"));
  const changed = (/** @type {unknown} */ a, /** @type {unknown} */ b) => a != null && b != null && a !== b;
  if (changed(tags[0], tags[1])) return `ETag was ${first.etag} and is ${current.etag}`;
  if (changed(first.total, current.total)) return `its size was ${first.total} and is ${current.total}`;
  const same = bothStrong && tags[0] === tags[1];
  if (same || !changed(first.modified, current.modified)) return null;
  return `Last-Modified was ${first.modified} and is ${current.modified}`;
}

/** The base of relative URLs; undefined outside a page. */
export const baseUrl = () => globalThis.document?.baseURI ?? globalThis.location?.href;

/**
 * Whether CORS does not apply: outside a browser, or on the page's own origin.
 * A sandboxed frame has the origin "null", whatever its address.
 *
 * @param {string} url
 */
export function sameOrigin(url) {
  return !globalThis.location || new URL(url, baseUrl()).origin === globalThis.origin;
}

/**
 * Whether the URL has a signature that covers the method (S3, Google Cloud Storage, CloudFront, Azure).
 *
 * @param {string} url
 */
export function isPresigned(url) {
  return /[?&](x-amz-signature|x-goog-signature|signature|sig)=/i.test(url);
}

/**
 * The URL for messages, without the parts that may be secret.
 *
 * @param {string} url
 */
export function redacted(url) {
  if (/^data:/i.test(url)) return "the data: URL";
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1").replace(/\?[^#]*/, "?***").replace(/#.*/, "");
}

/**
 * Checks that the address can be fetched, and returns it.
 *
 * @param {string} url
 */
export function checkedUrl(url) {
  const inNode = !globalThis.location;
  if (!URL.canParse(url, baseUrl())) {
    const hint = inNode ? ": outside a page it must be absolute; a file on disk is opened with openAsBlob() of node:fs" : "";
    throw invalidArgument(`${redacted(url)} is not a URL${hint}`);
  }
  const { username, password, protocol } = new URL(url, baseUrl());
  if (username || password) {
    throw invalidArgument(
      `${redacted(url)}: a user name or password in a URL is refused. Pass a Request with an Authorization header`,
    );
  }
  if (inNode && (protocol === "file:" || /^[a-z]:$/.test(protocol))) {
    throw invalidArgument(`${redacted(url)} is a file on disk: open it with openAsBlob() of node:fs`);
  }
  return url;
}
