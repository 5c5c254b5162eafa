// Sealing, closing, aborting or a failing read while other operations are in flight, and
// errors of the caller's source, destination or callback.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SealpackError, create, open } from "../../../wasm/js/index.node.js";
import { platform } from "../../../wasm/js/platform.js";

const never = new Promise(() => {});
const ITEM = 4096;
const ITEMS = 1000;

async function packBytes(mark = 0) {
  const builder = create({ codec: "none", itemsPerRecord: 1 });
  for (let at = 0; at < ITEMS; at += 1) builder.append(new Uint8Array(ITEM).fill(at + mark));
  return new Uint8Array(await (await builder.finish()).blob.arrayBuffer());
}

/** A source over bytes that counts its closes; `read` may be replaced. */
function sourceOf(bytes, read = (offset, length) => bytes.slice(offset, offset + length)) {
  const close = () => void (source.closed += 1);
  const source = { closed: 0, size: () => bytes.length, read, close };
  return source;
}

/** A destination that logs close and abort. */
function destination(write = () => sleep(1)) {
  const to = { log: [], write, close: () => to.log.push("closed"), abort: () => to.log.push("aborted") };
  return to;
}

const code = (expected) => (error) => {
  assert.ok(error instanceof SealpackError, String(error));
  assert.equal(error.code, expected, error.message);
  return true;
};

test("while a pack is being sealed, append() and finish() are refused, and the pack is whole", async () => {
  const to = destination();
  const builder = create({ codec: "none", partSize: 10, to });
  builder.append(new Uint8Array(200));
  const sealed = builder.finish();
  await assert.rejects(builder.finish(), code("closed"));
  assert.throws(() => builder.append(new Uint8Array(1)), code("closed"));
  assert.equal((await sealed).totalItems, 1);
  assert.deepEqual(to.log, ["closed"]);
});

test("abort() ends sealing even if a write of the destination never settles", async () => {
  const to = destination(() => never);
  const builder = create({ codec: "none", partSize: 10, to });
  builder.append(new Uint8Array(200));
  const sealed = builder.finish();
  await sleep(10);
  await builder.abort();
  await assert.rejects(sealed, code("aborted"));
  assert.deepEqual(to.log, ["aborted"]);
});

test("a destination is aborted immediately: before the first item, and between calls", async () => {
  const early = new TransformStream();
  await create({ to: early.writable }).abort();
  await assert.rejects(early.readable.getReader().read(), code("aborted"));
  const controller = new AbortController();
  const to = destination();
  const builder = create({ to, signal: controller.signal });
  await builder.append(new Uint8Array(10));
  controller.abort();
  await sleep(0);
  assert.deepEqual(to.log, ["aborted"]);
  await assert.rejects(builder.finish(), code("aborted"));
});

test("every error of a destination is write-failed, even if its abort throws too", async () => {
  const thrown = [
    new Error("disk full"),
    new DOMException("quota", "QuotaExceededError"),
    Object.assign(new Error("no space"), { code: "ENOSPC" }),
  ];
  for (const error of thrown) {
    const throwing = () => {
      throw error;
    };
    const builder = create({ codec: "none", partSize: 10, to: { write: throwing, abort: throwing } });
    builder.append(new Uint8Array(200));
    await assert.rejects(builder.finish(), (failure) => code("write-failed")(failure) && failure.cause === error);
  }
});

test("the return value of a destination's close() is ignored", async () => {
  const builder = create({ to: { write() {}, close: async () => ({ etag: "abc" }) } });
  assert.equal("blob" in (await builder.finish()), false);
});

test("verify rejects immediately if one read fails and the others never settle", async () => {
  const bytes = await packBytes();
  let reads = 0;
  const pack = await open(
    sourceOf(bytes, (offset, length) => {
      if (offset + length === bytes.length) return bytes.slice(offset);
      reads += 1;
      if (reads === 2) throw Object.assign(new Error("bad handle"), { code: "EBADF" });
      return reads === 1 ? bytes.slice(offset, offset + length) : never;
    }),
    { codec: "none" },
  );
  await assert.rejects(pack.verify(), (error) => code("read-failed")(error) && error.cause.code === "EBADF");
});

test("aborting one read does not end another", async () => {
  const bytes = await packBytes();
  const slow = async (offset, length) => {
    await sleep(10);
    return bytes.slice(offset, offset + length);
  };
  const pack = await open(sourceOf(bytes, slow)); // the first read detects the codec
  const controller = new AbortController();
  const one = pack.get(0, { signal: controller.signal });
  const two = pack.get(1);
  controller.abort();
  await assert.rejects(one, code("aborted"));
  assert.equal((await two)[0], 1);
});

test("closing a pack ends its reads with `closed`, and closes its source once", async () => {
  const bytes = await packBytes();
  for (const work of [(pack) => pack.verify(), (pack) => pack.getMany([1, 500]), (pack) => pack.range().next()]) {
    const source = sourceOf(bytes, async (offset, length) => {
      await sleep(5);
      if (source.closed) throw new Error("bad handle");
      return bytes.slice(offset, offset + length);
    });
    const pack = await open(source, { codec: "none" });
    const working = work(pack);
    pack.close();
    pack.close();
    await assert.rejects(working, code("closed"));
    assert.equal(source.closed, 1);
  }
});

test("a source is closed if opening fails, and the first error is thrown", async () => {
  const bytes = await packBytes();
  const attempts = [
    [{ signal: AbortSignal.abort() }, "aborted"],
    [{ codec: "x" }, "invalid-argument"],
    [{ digests: bytes }, "invalid-argument"],
  ];
  for (const [options, expected] of attempts) {
    const source = sourceOf(bytes);
    await assert.rejects(open(source, options), code(expected));
    assert.equal(source.closed, 1, expected);
  }
  const broken = sourceOf(bytes);
  broken.size = broken.close = () => {
    throw new Error("gone");
  };
  await assert.rejects(open(broken), (error) => code("read-failed")(error) && /size/.test(error.message));
});

test("leaving a range early cancels the read ahead", async () => {
  const bytes = await packBytes();
  const ended = [];
  const source = sourceOf(bytes, (offset, length, signal) => {
    signal?.addEventListener("abort", () => ended.push(offset));
    return bytes.slice(offset, offset + length);
  });
  const pack = await open(source, { codec: "none" });
  for await (const item of pack.range(0, ITEMS, { requestSize: 100_000 })) {
    assert.equal(item.length, ITEM);
    break;
  }
  assert.ok(ended.length > 0);
  pack.close();
});

test("a request may be larger than the limit on a record", async () => {
  const pack = await open(await packBytes(), { codec: "none", recordLimit: ITEM });
  let items = 0;
  for await (const item of pack.range(0, ITEMS, { requestSize: 2 ** 24 })) items += item.length / ITEM;
  assert.equal(items, ITEMS);
  await assert.rejects(pack.getMany([1], { requests: Number.NaN }), code("invalid-argument"));
  await assert.rejects(pack.getMany(5), code("invalid-argument"));
});

test("a file replaced by one of equal size is detected, even if the server then sends all of it", async () => {
  const [before, after] = [await packBytes(), await packBytes(7)];
  let replaced = false;
  const fetch = async (url, { headers }) => {
    if (replaced) return new Response(after);
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers.get("range"));
    const part = before.slice(Number(from), to ? Number(to) + 1 : undefined);
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${before.length}`;
    return new Response(part, { status: 206, headers: { "content-range": range } });
  };
  const options = { codec: "none", size: before.length, fetch };
  const pack = await open("http://example.org/a.pack", options);
  assert.equal((await pack.get(3))[0], 3);
  replaced = true;
  await assert.rejects(pack.get(4), code("changed"));
  await assert.rejects(pack.verify(), code("changed"));
});

test("workers that stop after their first run end the verification immediately", async (context) => {
  const { startWorker } = platform;
  context.after(() => (platform.startWorker = startWorker));
  let resolveReady;
  const ready = new Promise((resolve) => (resolveReady = resolve));
  platform.startWorker = () => {
    const worker = startWorker();
    const stoppingWorker = { postMessage: worker.postMessage, terminate: worker.terminate };
    worker.onerror = (error) => stoppingWorker.onerror(error);
    worker.onmessage = (message) => {
      stoppingWorker.onmessage(message);
      if (message.data.ready) resolveReady();
      else worker.terminate();
    };
    return stoppingWorker;
  };
  const bytes = await packBytes();
  let reads = 0;
  const slow = async (offset, length) => {
    reads += 1;
    if (reads > 4) await ready;
    await sleep(5);
    return bytes.slice(offset, offset + length);
  };
  const pack = await open(sourceOf(bytes, slow), { codec: "none" });
  await assert.rejects(pack.verify({ workers: 2 }), (error) => code("internal")(error) && /worker/.test(error.message));
});

test("an error of a progress listener is reported as uncaught and does not affect the operation", async (context) => {
  const thrown = [];
  const caught = (error) => thrown.push(error.message);
  process.prependListener("uncaughtException", caught);
  const others = process.listeners("uncaughtException").filter((listener) => listener !== caught);
  others.forEach((listener) => process.off("uncaughtException", listener));
  context.after(() => {
    process.off("uncaughtException", caught);
    others.forEach((listener) => process.on("uncaughtException", listener));
  });
  const onProgress = () => {
    throw new Error("a typo in the page");
  };
  const pack = await open(await packBytes(), { codec: "none", onProgress });
  assert.ok((await pack.verify({ onProgress })).ok);
  await sleep(5);
  assert.deepEqual([...new Set(thrown)], ["a typo in the page"]);
});
