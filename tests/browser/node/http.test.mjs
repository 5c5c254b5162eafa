// Packs on HTTP servers with quirks: the requests, their number, and the errors. Without
// CORS, as in Node, suffix ranges are used; pages/http.test.mjs tests the same across
// origins.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { folder, itemsOf, soundPacks } from "../fixtures.mjs";
import { serve } from "../server.mjs";

let server;
let large;
const items = Array.from({ length: 4000 }, (_, at) => Buffer.alloc(400, `item ${at} `));

async function packOf(list, options) {
  const builder = create({ itemsPerRecord: 4, codec: "none", ...options });
  for (const item of list) builder.append(item);
  return Buffer.from(await (await builder.finish()).blob.arrayBuffer());
}

before(async () => {
  large = await packOf(items); // 1.6 MB, more than the tail that is read first
  const other = await packOf(items.map((item, at) => (at === 42 ? Buffer.alloc(400, "other ") : item)));
  const aliases = { "/large.pack": large, "/large.pack.next": other, "/empty.pack": Buffer.alloc(0) };
  server = await serve({ "/": folder }, { aliases });
});
after(() => server.close());
beforeEach(() => server.forget());

const at = (quirk, file = "large.pack") => `${server.url}/${file}${quirk ? `?quirk=${quirk}` : ""}`;

async function reads42(target, options) {
  const pack = await open(target, options);
  const opened = server.requests();
  const item = await pack.get(42);
  const got = server.requests();
  pack.close();
  assert.equal(Buffer.compare(item, items[42]), 0);
  return { opened, got };
}

const code = (expected) => (error) => {
  assert.equal(error.code, expected, error.message);
  return true;
};

test("one request opens a pack, and one reads an item", async () => {
  const { opened, got } = await reads42(at(""), { codec: "none" });
  assert.deepEqual(opened, ["GET bytes=-262144"]);
  assert.equal(got.length, 1);
  assert.match(got[0], /^GET bytes=\d+-\d+$/);
});

test("a file that fits the first read takes one request in total", async () => {
  const [fixture] = (await soundPacks()).filter(({ name }) => name === "zstd-ipr128");
  const pack = await open(at("", fixture.pack_file));
  for await (const item of pack.range()) void item;
  assert.equal(Buffer.compare(await pack.get(42), itemsOf(fixture.items)[42]), 0);
  assert.deepEqual(server.requests(), ["GET bytes=-262144"]);
  pack.close();
});

test("the size from the caller is used, and proven by the tail", async () => {
  const { opened } = await reads42(at("no-suffix"), { size: large.length });
  assert.deepEqual(opened, [`GET bytes=${large.length - 262144}-`]);
  await assert.rejects(open(at(""), { size: large.length - 5 }), code("changed"));
  await assert.rejects(open(at(""), { size: large.length + 5 }), code("changed"));
});

test("a Request keeps its headers, and only GET is accepted", async () => {
  const seen = [];
  const fetchSeen = (input, init) => (seen.push(new Headers(init.headers).get("x-key")), fetch(input, init));
  const { opened } = await reads42(new Request(at(""), { headers: { "x-key": "7" } }), { fetch: fetchSeen });
  assert.equal(opened.length, 1);
  assert.ok(seen.length > 1 && seen.every((key) => key === "7"));
  await assert.rejects(open(new Request(at(""), { method: "POST" })), code("invalid-argument"));
});

test("two requests open a pack on a server without suffix ranges", async () => {
  for (const quirk of ["no-suffix", "suffix-misread"]) {
    const { opened, got } = await reads42(at(quirk), { codec: "none" });
    assert.equal(opened.length, 2, `${quirk}: ${opened}`);
    assert.equal(got.length, 1);
    server.forget();
  }
});

test("a small file is downloaded whole if the server ignores ranges, a large one is refused", async () => {
  const { opened, got } = await reads42(at("range-ignored"));
  assert.equal(opened.length, 1);
  assert.equal(got.length, 0);
  await assert.rejects(open(at("range-ignored"), { wholeFileLimit: 1000 }), code("range-not-supported"));
});

for (const quirk of [
  "head-refused",
  "head-gzip",
  "head-gzip-silent",
  "redirect",
  "redirect-away",
  "no-validators",
  "no-length",
  "hidden",
  "cut",
]) {
  test(`${quirk}: items are read`, async () => {
    await reads42(at(quirk));
  });
}

test("5xx is retried a few times, then thrown with its status", async () => {
  const { opened } = await reads42(at("flaky"));
  assert.equal(opened.length, 3); // two refused, one answered
  await assert.rejects(open(at("broken")), (error) => code("http-status")(error) && error.status === 503);
  assert.equal(server.requests().length, 4);
});

test("a missing file is refused immediately, with its status", async () => {
  await assert.rejects(
    open(at("", "none.pack")),
    (error) => code("http-status")(error) && error.status === 404,
  );
  assert.equal(server.requests().length, 1);
});

test("bytes of another range than requested are refused", async () => {
  await assert.rejects(
    open(at("wrong-range")).then((pack) => pack.get(42)),
    code("range-not-supported"),
  );
  await assert.rejects(open(at("too-long")), code("range-not-supported"));
});

test("a file that changes between requests is detected, and versions are never mixed", async () => {
  for (const quirk of ["changes", "changes-silently"]) {
    server.forget();
    const pack = await open(at(`${quirk}&after=2`), { codec: "none" });
    await assert.rejects(pack.get(42), code("changed"), quirk);
    pack.close();
    server.forget();
    const scanned = await open(at(`${quirk}&after=3`), { codec: "none" });
    await assert.rejects(scanned.verify(), code("changed"), quirk);
  }
});

test("an empty file and a file of another kind are not-a-pack", async () => {
  await assert.rejects(open(at("", "empty.pack")), code("not-a-pack"));
  await assert.rejects(open(at("", "zstd-ipr128.items")), code("not-a-pack"));
});

/** A `fetch` whose bodies arrive in chunks of these sizes, repeated, with `extra` bytes more than requested. */
const inPieces = (sizes, type, extra) => async (url, { headers }) => {
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers.get("range"));
  const end = to ? Number(to) + 1 : large.length;
  let at = Number(from);
  let turn = 0;
  const pull = (sink) => {
    if (at >= end + extra) {
      sink.close();
      return sink.byobRequest?.respond(0);
    }
    const size = Math.min(sizes[turn++ % sizes.length], end + extra - at);
    sink.enqueue(Uint8Array.from({ length: size }, (_, step) => large[at + step] ?? 0));
    at += size;
  };
  const range = `bytes ${from}-${end - 1}/${large.length}`;
  return new Response(new ReadableStream({ type, pull }), { status: 206, headers: { "content-range": range } });
};

for (const type of ["bytes", undefined]) {
  test(`bodies are read in chunks of any size, ${type ? "in place" : "from ordinary streams"}`, async () => {
    for (const sizes of [[1, 100_000], [4096], [7, 65_536, 1], [10_000_000]]) {
      const options = { codec: "none", size: large.length, fetch: inPieces(sizes, type, 0) };
      const pack = await open(at(""), options);
      assert.deepEqual(Buffer.from(await pack.get(42)), items[42], String(sizes));
      assert.ok((await pack.verify()).ok, String(sizes));
      pack.close();
    }
  });

  test(`a body of one byte more or less is refused, ${type ? "in place" : "from ordinary streams"}`, async () => {
    const pieces = [100_000];
    let extra = 0;
    const fetch = (...call) => inPieces(pieces, type, extra)(...call);
    const pack = await open(at(""), { codec: "none", size: large.length, fetch, retries: 0 });
    extra = 1;
    await assert.rejects(pack.get(42), code("range-not-supported"));
    extra = -1;
    await assert.rejects(pack.get(42), code("network"));
    extra = 0;
    assert.deepEqual(Buffer.from(await pack.get(42)), items[42]);
    pack.close();
  });
}

test("aborting takes effect immediately with a slow server, before and while reading", async () => {
  const controller = new AbortController();
  const pack = await open(at("slow"), { codec: "none" });
  const started = performance.now();
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(pack.get(42, { signal: controller.signal }), code("aborted"));
  assert.ok(performance.now() - started < 2000);
  await assert.rejects(open(at(""), { signal: controller.signal }), (error) => error.name === "AbortError");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(server.openConnections(), 0, "the request itself was cancelled");
});

test("a custom fetch that ignores the signal does not delay an abort", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const never = () => new Promise(() => {});
  await assert.rejects(open(at(""), { fetch: never, signal: controller.signal }), code("aborted"));
});

test("neighbouring items share a request, and `requests` limits those in flight", async () => {
  let running = 0;
  let max = 0;
  const counted = async (...call) => {
    max = Math.max(max, (running += 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    return fetch(...call).finally(() => (running -= 1));
  };
  const pack = await open(at(""), { codec: "none", fetch: counted });
  server.forget();
  await pack.getMany([3, 0, 1, 2, 9, 3], { gap: 4096 });
  assert.equal(server.requests().length, 1);
  const spread = Array.from({ length: 30 }, (_, step) => step * 100);
  max = 0;
  const got = await pack.getMany(spread, { gap: 0, requests: 3 });
  got.forEach((item, place) => assert.equal(Buffer.compare(item, items[spread[place]]), 0));
  // the last ones are in the tail, which was read already
  assert.ok(server.requests().length >= 25);
  assert.equal(max, 3);
  pack.close();
});

test("a stream is read on demand, and cancelling stops the requests", async () => {
  const pack = await open(at(""), { codec: "none" });
  server.forget();
  const reader = pack.stream(0, 3000, { requestSize: 20_000 }).getReader();
  for (let step = 0; step < 5; step += 1) {
    assert.equal(Buffer.compare((await reader.read()).value, items[step]), 0);
  }
  await reader.cancel();
  assert.ok(server.requests().length <= 3);
  pack.close();
});
