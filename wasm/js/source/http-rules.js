// Small rules of HTTP, each a pure function.

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
 * The size of the file, from a response that contains everything from `start`
 * on. Content-Length is readable across origins.
 *
 * @param {Response} response
 * @param {number} start
 */
export function totalOf(response, start) {
  if (response.headers.get("content-encoding")) return undefined;
  const length = wholeNumber(response.headers.get("content-length"));
  return length === undefined ? undefined : start + length;
}

/**
 * Whether the status is often temporary.
 *
 * @param {number} status
 */
export function isTransient(status) {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/**
 * 0.2, 0.6, 1.8 … seconds with some jitter; the server's Retry-After if it is short.
 *
 * @param {number} turn
 * @param {string | null | undefined} retryAfter
 */
export function retryDelay(turn, retryAfter) {
  const asked = wholeNumber(retryAfter);
  if (asked !== undefined && asked <= 10) return asked * 1000;
  return 200 * 3 ** turn * (0.75 + Math.random() / 2);
}

/**
 * Whether CORS does not apply: outside a browser, or on the page's own origin.
 *
 * @param {string} url
 */
export function sameOrigin(url) {
  const here = globalThis.location;
  return !here || new URL(url, here.href).origin === here.origin;
}

/**
 * Whether the URL has a signature that covers the method (S3, Google Cloud Storage, CloudFront, Azure).
 *
 * @param {string} url
 */
export function isPresigned(url) {
  return /[?&](x-amz-signature|x-goog-signature|signature|sig)=/i.test(url);
}
