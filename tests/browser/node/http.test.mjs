// A pack behind servers as they are: what is asked for, how often, and what is
// said when they misbehave. Node has no CORS, so the suffix range is in play
// here; the cross-origin half of these promises is in pages/http.test.mjs.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";
import { folder, itemsOf, sound } from "../fixtures.mjs";
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

const at = (habit, file = "large.pack") => `${server.url}/${file}${habit ? `?habit=${habit}` : ""}`;

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

test("a sound server is asked once to open, and once for an item", async () => {
  const { opened, got } = await reads42(at(""), { codec: "none" });
  assert.deepEqual(opened, ["GET bytes=-262144"]);
  assert.equal(got.length, 1);
  assert.match(got[0], /^GET bytes=\d+-\d+$/);
});

test("a file that fits the first read is asked for once, whatever is read of it", async () => {
  const [fixture] = (await sound()).filter(({ name }) => name === "zstd-ipr128");
  const pack = await open(at("", fixture.pack_file));
  for await (const item of pack.range()) void item;
  assert.equal(Buffer.compare(await pack.get(42), itemsOf(fixture.items)[42]), 0);
  assert.deepEqual(server.requests(), ["GET bytes=-262144"]);
  pack.close();
});

test("a size that the caller knows is believed, and proven by the tail", async () => {
  const { opened } = await reads42(at("no-suffix"), { size: large.length });
  assert.deepEqual(opened, [`GET bytes=${large.length - 262144}-`]);
  await assert.rejects(open(at(""), { size: large.length - 5 }), code("changed"));
  await assert.rejects(open(at(""), { size: large.length + 5 }), code("changed"));
});

test("a Request brings its headers along, and only GET is taken", async () => {
  const seen = [];
  const fetchSeen = (input, init) => (seen.push(new Headers(init.headers).get("x-key")), fetch(input, init));
  const { opened } = await reads42(new Request(at(""), { headers: { "x-key": "7" } }), { fetch: fetchSeen });
  assert.equal(opened.length, 1);
  assert.ok(seen.length > 1 && seen.every((key) => key === "7"));
  await assert.rejects(open(new Request(at(""), { method: "POST" })), code("invalid-argument"));
});

test("no suffix ranges, or misread ones: two requests to open", async () => {
  for (const habit of ["no-suffix", "suffix-misread"]) {
    const { opened, got } = await reads42(at(habit), { codec: "none" });
    assert.equal(opened.length, 2, `${habit}: ${opened}`);
    assert.equal(got.length, 1);
    server.forget();
  }
});

test("Range ignored: the file is taken whole while it is small, and refused above", async () => {
  const { opened, got } = await reads42(at("range-ignored"));
  assert.equal(opened.length, 1);
  assert.equal(got.length, 0);
  await assert.rejects(open(at("range-ignored"), { wholeFileLimit: 1000 }), code("range-not-supported"));
});

for (const habit of [
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
  test(`${habit}: read all the same`, async () => {
    await reads42(at(habit));
  });
}

test("5xx: tried again a few times, then told with the status", async () => {
  const { opened } = await reads42(at("flaky"));
  assert.equal(opened.length, 3); // two refused, one answered
  await assert.rejects(open(at("broken")), (error) => code("http-status")(error) && error.status === 503);
  assert.equal(server.requests().length, 4);
});

test("a missing file is told with its status, at once", async () => {
  await assert.rejects(
    open(at("", "none.pack")),
    (error) => code("http-status")(error) && error.status === 404,
  );
  assert.equal(server.requests().length, 1);
});

test("other bytes than asked for are never taken for them", async () => {
  await assert.rejects(
    open(at("wrong-range")).then((pack) => pack.get(42)),
    code("range-not-supported"),
  );
  await assert.rejects(open(at("too-long")), code("range-not-supported"));
});

test("a file that changes in the middle is noticed, and never mixed", async () => {
  for (const habit of ["changes", "changes-silently"]) {
    server.forget();
    const pack = await open(at(`${habit}&after=2`), { codec: "none" });
    await assert.rejects(pack.get(42), code("changed"), habit);
    pack.close();
    server.forget();
    const scanned = await open(at(`${habit}&after=3`), { codec: "none" });
    await assert.rejects(scanned.verify(), code("changed"), habit);
  }
});

test("an empty file and a file that is no pack are refused as such", async () => {
  await assert.rejects(open(at("", "empty.pack")), code("not-a-pack"));
  await assert.rejects(open(at("", "zstd-ipr128.items")), code("not-a-pack"));
});

/** A `fetch` whose bodies come in pieces of these sizes, in turn, with `more` bytes than asked for. */
const inPieces = (sizes, type, more) => async (url, { headers }) => {
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers.get("range"));
  const end = to ? Number(to) + 1 : large.length;
  let at = Number(from);
  let turn = 0;
  const pull = (sink) => {
    if (at >= end + more) {
      sink.close();
      return sink.byobRequest?.respond(0);
    }
    const size = Math.min(sizes[turn++ % sizes.length], end + more - at);
    sink.enqueue(Uint8Array.from({ length: size }, (_, step) => large[at + step] ?? 0));
    at += size;
  };
  const range = `bytes ${from}-${end - 1}/${large.length}`;
  return new Response(new ReadableStream({ type, pull }), { status: 206, headers: { "content-range": range } });
};

for (const type of ["bytes", undefined]) {
  test(`bodies are read whatever their pieces, ${type ? "in place" : "from streams of pieces"}`, async () => {
    for (const sizes of [[1, 100_000], [4096], [7, 65_536, 1], [10_000_000]]) {
      const options = { codec: "none", size: large.length, fetch: inPieces(sizes, type, 0) };
      const pack = await open(at(""), options);
      assert.deepEqual(Buffer.from(await pack.get(42)), items[42], String(sizes));
      assert.ok((await pack.verify()).ok, String(sizes));
      pack.close();
    }
  });

  test(`a body of one byte more or less is not taken, ${type ? "in place" : "from streams of pieces"}`, async () => {
    const pieces = [100_000];
    let more = 0;
    const fetch = (...call) => inPieces(pieces, type, more)(...call);
    const pack = await open(at(""), { codec: "none", size: large.length, fetch, retries: 0 });
    more = 1;
    await assert.rejects(pack.get(42), code("range-not-supported"));
    more = -1;
    await assert.rejects(pack.get(42), code("network"));
    more = 0;
    assert.deepEqual(Buffer.from(await pack.get(42)), items[42]);
    pack.close();
  });
}

test("a slow server: aborting works at once, before and while reading", async () => {
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

test("a custom fetch that ignores the signal does not hold an abort up", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const never = () => new Promise(() => {});
  await assert.rejects(open(at(""), { fetch: never, signal: controller.signal }), code("aborted"));
});

test("many items: neighbours share a request, and no more than asked for run at once", async () => {
  let running = 0;
  let most = 0;
  const counted = async (...call) => {
    most = Math.max(most, (running += 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    return fetch(...call).finally(() => (running -= 1));
  };
  const pack = await open(at(""), { codec: "none", fetch: counted });
  server.forget();
  await pack.getMany([3, 0, 1, 2, 9, 3], { gap: 4096 });
  assert.equal(server.requests().length, 1);
  const spread = Array.from({ length: 30 }, (_, step) => step * 100);
  most = 0;
  const got = await pack.getMany(spread, { gap: 0, requests: 3 });
  got.forEach((item, place) => assert.equal(Buffer.compare(item, items[spread[place]]), 0));
  // the last ones lie in the tail, which is here already
  assert.ok(server.requests().length >= 25);
  assert.equal(most, 3);
  pack.close();
});

test("a stream is read as it is asked for, and cancelling stops the requests", async () => {
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
