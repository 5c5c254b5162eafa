// Inputs are recognised by their methods, so values of other realms work; their failures
// have the right code. Other windows are in pages/environments.test.mjs.
import assert from "node:assert/strict";
import { mkdtemp, open as openFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import vm from "node:vm";
import { JSDOM } from "jsdom";
import { SealpackError, create, open } from "../../../wasm/js/index.node.js";

const ITEM = new TextEncoder().encode("an item ".repeat(50));
let folder;
let bytes;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "inputs-"));
  const builder = create({ itemsPerRecord: 4 });
  for (let at = 0; at < 4000; at += 1) builder.append(crypto.getRandomValues(new Uint8Array(100)));
  builder.append(ITEM);
  bytes = new Uint8Array(await (await builder.finish()).blob.arrayBuffer());
});
after(() => rm(folder, { recursive: true }));

async function reads(input) {
  const pack = await open(input);
  assert.deepEqual(await pack.get(4000), ITEM);
  assert.ok((await pack.verify()).ok);
  await pack.close();
}

test("bytes of another realm are read, packed, and taken from a codec", async () => {
  const other = vm.createContext({});
  const foreign = (kind) => vm.runInContext(`(bytes) => new ${kind}`, other)([...bytes]);
  await reads(foreign("Uint8Array(bytes)"));
  await reads(foreign("Uint8Array(bytes).buffer"));
  const builder = create({ appData: foreign("Uint8Array(bytes.slice(0, 9)).buffer"), codec: "none" });
  builder.append(foreign("Uint8Array(bytes.slice(0, 5))"));
  const { blob } = await builder.finish();
  const decode = vm.runInContext("(bytes) => new Uint8Array([...bytes])", other);
  const pack = await open(blob, { codec: { decode } });
  assert.deepEqual(await pack.get(0), bytes.slice(0, 5));
  const extract = vm.runInContext("(item) => new Uint8Array([...item])", other);
  assert.ok((await pack.verify({ extract })).ok);
});

test("a FileHandle of Node is read, and is not closed", async () => {
  const name = path.join(folder, "a.pack");
  await writeFile(name, bytes);
  const file = await openFile(name);
  await reads(file);
  assert.equal((await file.stat()).size, bytes.length, "it is still open");
  const pack = await open(file);
  await file.truncate?.(0).catch(() => {});
  await file.close();
  await assert.rejects(pack.get(0), { code: "read-failed" });
});

/** A Blob without stream(), like that of jsdom. */
class OldBlob extends Blob {
  slice(...range) {
    const part = super.slice(...range);
    return Object.defineProperty(part, "stream", { value: undefined });
  }
}

/** A Blob whose reads fail. */
class FailingBlob extends Blob {
  constructor(parts, error) {
    super(parts);
    this.error = error;
  }
  slice(...range) {
    const fail = () => Promise.reject(this.error);
    return Object.assign(super.slice(...range), { arrayBuffer: fail, stream: fail });
  }
}

test("a Blob without stream() is read and verified", () => reads(new OldBlob([bytes])));

test("a File of jsdom is read and verified", () => {
  const { window } = new JSDOM("", { url: "http://localhost/" });
  return reads(new window.File([bytes], "a.pack"));
});

test("a failing Blob is `changed` only if the browser says so, and the cause is kept", async () => {
  for (const [error, code] of [
    [new DOMException("gone", "NotReadableError"), "changed"],
    [new DOMException("gone", "NotFoundError"), "changed"],
    [new DOMException("no", "SecurityError"), "read-failed"],
    [new TypeError("a bug"), "read-failed"],
  ]) {
    await assert.rejects(open(new FailingBlob([bytes], error)), (thrown) => {
      assert.equal(thrown.code, code);
      assert.equal(thrown.cause, error);
      return true;
    });
  }
});

test("bytes that were transferred away are read-failed", async () => {
  const own = bytes.slice();
  const pack = await open(own);
  structuredClone(own, { transfer: [own.buffer] });
  const range = async () => {
    for await (const item of pack.range()) return item;
  };
  for (const read of [() => pack.get(3), () => pack.verify(), range]) {
    await assert.rejects(read, (error) => error instanceof SealpackError && error.code === "read-failed");
  }
});

test("paths and folders are refused with advice", async () => {
  for (const input of ["events.pack", "/tmp/events.pack", "file:///tmp/events.pack", "C:\\events.pack", new URL("file:///a.pack")]) {
    await assert.rejects(open(input), (error) => error.code === "invalid-argument" && /openAsBlob/.test(error.message));
  }
  const directory = { kind: "directory", [Symbol.toStringTag]: "FileSystemDirectoryHandle" };
  await assert.rejects(open(directory), (error) => error.code === "invalid-argument" && /a folder/.test(error.message));
});

test("messages show the value that was passed", async () => {
  const pack = await open(bytes);
  await assert.rejects(pack.get("1"), /not the text "1"/);
  await assert.rejects(pack.get(1.5), /not the number 1.5/);
  await assert.rejects(pack.getMany(null), /not null/);
  await assert.rejects(open(bytes, { cacheSize: -1 }), { code: "invalid-argument" });
});

test("errors and reports survive postMessage and JSON", async () => {
  const damaged = bytes.slice();
  damaged[40] ^= 1;
  const pack = await open(damaged);
  const report = await pack.verify();
  assert.equal(report.ok, false);
  assert.deepEqual(structuredClone(report), report);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  assert.equal(report.damaged[0].record, 0);
  assert.match(report.failures[0].message, /record 0/);
  const error = await pack.get(0).catch((thrown) => thrown);
  for (const data of [structuredClone(error.toJSON()), JSON.parse(JSON.stringify(error))]) {
    const restored = SealpackError.from(data);
    assert.ok(restored instanceof SealpackError);
    assert.deepEqual(restored.toJSON(), error.toJSON());
    assert.equal(restored.code, error.code);
    assert.equal(restored.record, 0);
  }
});
