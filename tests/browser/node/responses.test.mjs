// Unusual responses of HTTP servers: short ranges, validators that differ between nodes,
// compressed ranges, pages instead of files.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";

const items = Array.from({ length: 4000 }, (_, at) => Buffer.alloc(400, `item ${at} `));
let bytes;
let server;
let respond;
let requests;

before(async () => {
  const builder = create({ codec: "none", itemsPerRecord: 4 });
  for (const item of items) builder.append(item);
  bytes = Buffer.from(await (await builder.finish()).blob.arrayBuffer());
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.headers.range ?? "-"}`);
    respond(request, response, requests.length);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  respond = (request, response) => ranged(request, response);
});

const url = (rest = "") => `http://127.0.0.1:${server.address().port}/a.pack${rest}`;

/** Sends the requested range, or its first `max` bytes. */
function ranged(request, response, { max = Infinity, headers = {}, hideRange = false, body } = {}) {
  const [, from, to] = /bytes=(\d*)-(\d*)/.exec(request.headers.range ?? "bytes=0-");
  const start = from ? Number(from) : Math.max(0, bytes.length - Number(to));
  const requestedEnd = from && to ? Number(to) + 1 : bytes.length;
  const end = Math.min(requestedEnd, start + max);
  const part = body ?? bytes.subarray(start, end);
  const range = hideRange ? {} : { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` };
  response.writeHead(206, { ...range, "content-length": part.length, ...headers }).end(part);
}

async function readsAll(pack) {
  assert.deepEqual(Buffer.from(await pack.get(42)), items[42]);
  assert.ok((await pack.verify()).ok);
  pack.close();
}

test("a range that is shorter than requested is completed by further requests", { timeout: 20_000 }, async () => {
  for (const hideRange of [false, true]) {
    respond = (request, response) => ranged(request, response, { max: 100_000, hideRange, headers: { etag: '"a"' } });
    await readsAll(await open(url(), { size: hideRange ? bytes.length : undefined }));
    assert.equal(new Set(requests).size, requests.length, "no range was requested twice");
    requests = [];
  }
});

test("a server that sends one byte per request is refused in finite time", { timeout: 20_000 }, async () => {
  respond = (request, response) => ranged(request, response, { max: 1 });
  await assert.rejects(open(url()), { code: "range-not-supported" });
});

test("a HEAD that says 0 does not make a file empty", async () => {
  // Outside a page no HEAD is sent unless the server has no suffix ranges.
  respond = (request, response) => {
    if (request.method === "HEAD") return response.writeHead(200, { "content-length": 0 }).end();
    if (/bytes=-/.test(request.headers.range)) return response.writeHead(416).end();
    return ranged(request, response);
  };
  await readsAll(await open(url()));
});

const etags = (...sent) => {
  let turn = 0;
  respond = (request, response) => ranged(request, response, { headers: sent[Math.min(turn++, sent.length - 1)] });
};

test("weak and strong forms of one ETag, and another date with one strong ETag, are one version", async () => {
  etags({ etag: '"a"' }, { etag: 'W/"a"' });
  await readsAll(await open(url()));
  const dates = ["Mon, 02 Nov 2026 10:00:00 GMT", "Mon, 02 Nov 2026 10:00:05 GMT"];
  etags(...dates.map((date) => ({ etag: '"a"', "last-modified": date })));
  await readsAll(await open(url()));
  etags(...dates.map((date) => ({ "last-modified": date })));
  await assert.rejects((await open(url())).get(42), { code: "changed" });
  etags({ etag: '"a"' }, { etag: '"b"' });
  await assert.rejects((await open(url())).get(42), { code: "changed" });
});

test("validators that differ between nodes are ignored on request, and the trailer still shows a change", async () => {
  etags({ etag: '"node 1"' }, { etag: '"node 2"' });
  await readsAll(await open(url(), { validators: false }));
  const pack = await open(url(), { validators: false });
  const changed = Buffer.from(bytes);
  changed[changed.length - 10] ^= 1;
  respond = (request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range);
    ranged(request, response, { body: changed.subarray(Number(from), Number(to) + 1) });
  };
  await assert.rejects(pack.get(42), { code: "changed" });
});

test("compressed ranges are refused immediately, with the encoding", { timeout: 5000 }, async () => {
  respond = (request, response) => ranged(request, response, { headers: { "content-encoding": "gzip" } });
  const started = performance.now();
  await assert.rejects(open(url()), (error) => error.code === "range-not-supported" && /gzip/.test(error.message));
  assert.ok(performance.now() - started < 1000);
});

test("Retry-After is obeyed, in seconds and as a date, and a long one is left to the caller", { timeout: 20_000 }, async () => {
  for (const retryAfter of [() => "1", () => new Date(Date.now() + 2000).toUTCString()]) {
    respond = (request, response, count) =>
      count === 1 ? response.writeHead(503, { "retry-after": retryAfter() }).end() : ranged(request, response);
    requests = [];
    const started = performance.now();
    const pack = await open(url());
    assert.ok(performance.now() - started > 900, "it waited");
    pack.close();
  }
  respond = (request, response) => response.writeHead(429, { "retry-after": "3600" }).end();
  requests = [];
  await assert.rejects(
    open(url()),
    (error) => error.code === "http-status" && error.status === 429 && /3600/.test(error.message),
  );
  assert.equal(requests.length, 1);
});

test("an HTML page instead of a pack is reported as one", async () => {
  const page = Buffer.from(`<!doctype html><title>Log in</title>${" ".repeat(2000)}`);
  respond = (request, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  await assert.rejects(open(url()), (error) => error.code === "not-a-pack" && /HTML page/.test(error.message));
});

test('a Request with mode "no-cors" and an opaque response are refused with the reason', async () => {
  const request = new Request(url(), { mode: "no-cors" });
  await assert.rejects(open(request), (error) => error.code === "invalid-argument" && /no-cors/.test(error.message));
  const fetch = async () => Object.defineProperty(new Response(), "type", { value: "opaque" });
  await assert.rejects(open(url(), { fetch }), (error) => error.code === "network" && /opaque/.test(error.message));
});

test("the signal of a Request aborts its reads", async () => {
  for (const signal of [undefined, new AbortController().signal]) {
    const controller = new AbortController();
    const pack = await open(new Request(url(), { signal: controller.signal }), { signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(
      pack.get(42, { signal }),
      (error) => error.code === "aborted" && error.name === "AbortError" && error.cause === reason,
    );
  }
});

test("errors name the address without its query, and credentials in it are refused", async () => {
  respond = (request, response) => response.writeHead(403).end();
  const secret = "X-Amz-Signature=s3cr3t";
  const refused = await open(url(`?${secret}`)).catch((error) => error);
  assert.equal(refused.code, "http-status");
  const unreachable = await open(`http://127.0.0.1:1/a.pack?${secret}`, { retries: 0 }).catch((error) => error);
  assert.equal(unreachable.code, "network");
  const withPassword = await open(url().replace("//", "//user:s3cr3t@")).catch((error) => error);
  assert.equal(withPassword.code, "invalid-argument");
  assert.match(withPassword.message, /Authorization/);
  for (const error of [refused, unreachable, withPassword]) {
    assert.doesNotMatch(JSON.stringify([error, error.message, error.url, { ...error }]), /s3cr3t/);
  }
});
