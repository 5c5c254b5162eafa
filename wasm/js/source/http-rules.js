// The small rules of HTTP that the source goes by; each is pure.

const wholeNumber = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : undefined);

/** `Content-Range: bytes 5-9/200` as { start, end (one past), total }; null where absent or hidden by CORS. */
export function rangeOf(response) {
  const header = response.headers.get("content-range") ?? "";
  const part = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(header.trim());
  if (part) return { start: Number(part[1]), end: Number(part[2]) + 1, total: Number(part[3]) };
  const none = /^bytes \*\/(\d+)$/i.exec(header.trim());
  return none ? { start: 0, end: 0, total: Number(none[1]) } : null;
}

/** The file's size where the answer is everything from `start` on; Content-Length is readable across origins. */
export function totalOf(response, start) {
  if (response.headers.get("content-encoding")) return undefined;
  const length = wholeNumber(response.headers.get("content-length"));
  return length === undefined ? undefined : start + length;
}

/** Statuses that often pass on their own. */
export function isTransient(status) {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** 0.2, 0.6, 1.8 … seconds, spread a little; what the server asks for where that is not long. */
export function retryDelay(turn, retryAfter) {
  const asked = wholeNumber(retryAfter);
  if (asked !== undefined && asked <= 10) return asked * 1000;
  return 200 * 3 ** turn * (0.75 + Math.random() / 2);
}

/** Whether no CORS check applies: outside a browser, or on the page's own origin. */
export function sameOrigin(url) {
  const here = globalThis.location;
  return !here || new URL(url, here.href).origin === here.origin;
}

/** A URL whose signature covers the method (S3, Google Cloud Storage, CloudFront, Azure). */
export function isPresigned(url) {
  return /[?&](x-amz-signature|x-goog-signature|signature|sig)=/i.test(url);
}
