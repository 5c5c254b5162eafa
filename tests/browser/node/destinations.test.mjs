// A destination contains exactly the pack afterwards, whatever it contained before; its
// errors fail the pack. OPFS is in pages/environments.test.mjs.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, open as openFile, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import os from "node:os";
import path from "node:path";
import { PassThrough, Writable } from "node:stream";
import { after, before, test } from "node:test";
import { create, open } from "../../../wasm/js/index.node.js";

let folder;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "destinations-"));
});
after(() => rm(folder, { recursive: true }));

async function build(to, items) {
  const builder = create({ to, codec: "none" });
  for (let at = 0; at < items; at += 1) await builder.append(new Uint8Array(1000).fill(at));
  return builder.finish();
}

/** A file with something else in it, larger than the packs of these tests. */
async function oldFile(name) {
  const file = path.join(folder, name);
  await writeFile(file, Buffer.alloc(5_000_000, 7));
  return file;
}

async function assertIsThePack(bytes, items) {
  const pack = await open(bytes);
  assert.equal(pack.length, items);
  assert.equal(pack.info.fileSize, bytes.length);
  assert.ok((await pack.verify()).ok);
  pack.close();
}

/** An object like a FileSystemSyncAccessHandle, which writes at most `max` bytes at a time. */
function syncHandle(old, max = Infinity) {
  let bytes = old;
  return {
    log: [],
    write(part, { at }) {
      const count = Math.min(max, part.length);
      const larger = Buffer.alloc(Math.max(bytes.length, at + count));
      bytes.copy(larger);
      larger.set(part.subarray(0, count), at);
      bytes = larger;
      return count;
    },
    truncate(size) {
      this.log.push(`truncate ${size}`);
      bytes = Buffer.from(bytes.subarray(0, size));
    },
    getSize: () => bytes.length,
    flush() {
      this.log.push("flush");
    },
    close() {
      this.log.push("close");
    },
    bytes: () => bytes,
  };
}

test("a sync access handle of a larger file contains only the pack, also with short writes", async () => {
  for (const max of [Infinity, 300_000]) {
    const to = syncHandle(Buffer.alloc(5_000_000, 7), max);
    await build(to, 1500);
    assert.deepEqual(to.log, ["truncate 0", "flush", "close"]);
    await assertIsThePack(to.bytes(), 1500);
  }
});

test("a destination whose size is wrong afterwards fails the pack", async () => {
  const to = syncHandle(Buffer.alloc(0));
  to.getSize = () => 5;
  await assert.rejects(build(to, 100), (error) => error.code === "write-failed" && /5 bytes/.test(error.message));
});

test("an aborted pack leaves an empty sync access handle, closed", async () => {
  const to = syncHandle(Buffer.alloc(5_000_000, 7));
  const builder = create({ to, codec: "none", partSize: 1000 });
  for (let at = 0; at < 100; at += 1) await builder.append(new Uint8Array(1000));
  await builder.abort();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(to.bytes().length, 0);
  assert.equal(to.log.at(-1), "close");
});

test("a FileHandle of Node of a larger file contains only the pack", async () => {
  const name = await oldFile("handle.pack");
  const to = await openFile(name, "r+");
  await to.read(Buffer.alloc(10)); // its position is not the start
  await build(to, 1500);
  await to.close();
  await assertIsThePack(await readFile(name), 1500);
});

test("a stream of a browser file that kept its content contains only the pack", async () => {
  let bytes = Buffer.alloc(5_000_000, 7);
  let position = 0;
  const to = new WritableStream({
    write(chunk) {
      if (chunk.type === "truncate") {
        bytes = Buffer.from(bytes.subarray(0, chunk.size));
        position = Math.min(position, chunk.size);
        return;
      }
      bytes = Buffer.concat([bytes.subarray(0, position), chunk, bytes.subarray(position + chunk.length)]);
      position += chunk.length;
    },
  });
  to.truncate = to.seek = () => {};
  await build(to, 1500);
  await assertIsThePack(bytes, 1500);
});

for (const items of [500, 3000]) {
  test(`Writables of Node receive the whole pack, ${items} kB`, { timeout: 20_000 }, async () => {
    const pieces = [];
    const through = new PassThrough();
    through.on("data", (piece) => pieces.push(piece));
    await build(through, items);
    await assertIsThePack(Buffer.concat(pieces), items);

    const name = await oldFile(`stream-${items}.pack`);
    await build(createWriteStream(name), items);
    await assertIsThePack(await readFile(name), items);

    const server = createServer((request, response) => build(response, items)).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { signal: AbortSignal.timeout(10_000) });
      await assertIsThePack(Buffer.from(await response.arrayBuffer()), items);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

test("the error of a Writable is the cause of write-failed, also if it comes late", { timeout: 20_000 }, async () => {
  const disk = Object.assign(new Error("no space"), { code: "ENOSPC" });
  const failing = new Writable({ write: (chunk, encoding, done) => setTimeout(done, 1, disk) });
  await assert.rejects(build(failing, 3000), (error) => error.code === "write-failed" && error.cause === disk);

  const closing = new Writable({ write: (chunk, encoding, done) => done() });
  const builder = create({ to: closing, codec: "none" });
  await builder.append(new Uint8Array(3_000_000));
  closing.destroy();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await assert.rejects(builder.finish(), { code: "write-failed" });
});

test("a device that is full is write-failed, by handle and by stream", { timeout: 20_000 }, async (context) => {
  let file;
  try {
    file = await openFile("/dev/full", "w");
  } catch {
    return context.skip("this system has no /dev/full");
  }
  await assert.rejects(build(file, 3000), (error) => error.code === "write-failed" && error.cause.code === "ENOSPC");
  await file.close();
  const stream = createWriteStream("/dev/full");
  await once(stream, "open");
  await assert.rejects(build(stream, 3000), (error) => error.code === "write-failed" && error.cause.code === "ENOSPC");
});

test("an object of the caller may write a part in steps, and is truncated first if it supports that", async () => {
  const pieces = [];
  const log = [];
  const to = {
    truncate: (size) => log.push(size),
    write: (part, offset) => {
      const count = Math.min(part.length, 100_000);
      pieces.push([offset, part.slice(0, count)]);
      return count;
    },
  };
  const { fileSize } = await build(to, 1500);
  assert.deepEqual(log, [0]);
  const bytes = Buffer.alloc(fileSize);
  for (const [offset, piece] of pieces) bytes.set(piece, offset);
  await assertIsThePack(bytes, 1500);
  await assert.rejects(build({ truncate() {}, write: () => 0 }, 10), { code: "write-failed" });
});

test("without truncate(), the return value of write() does not count as a number of bytes", async () => {
  const parts = [];
  await build({ write: (part) => parts.push(part) }, 3000);
  await assertIsThePack(Buffer.concat(parts), 3000);
});

test("a path is refused with advice", async () => {
  await assert.rejects(build("out.pack", 1), (error) => error.code === "invalid-argument" && /fs\/promises/.test(error.message));
});
