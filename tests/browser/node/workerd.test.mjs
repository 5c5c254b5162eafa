// The package in workerd (Cloudflare Workers), run by miniflare: wasm modules are compiled
// at deployment, and there are no worker threads.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";

const tests = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const wasm = path.join(tests, "..", "..", "wasm");
let flare;

const SCRIPT = `
import { create, open } from "./js/index.workerd.js";
export default {
  async fetch(request) {
    const pack = await open(await request.arrayBuffer());
    const item = await pack.get(42);
    const report = await pack.verify({ workers: 2 });
    const builder = create();
    builder.append(item, { name: "a" });
    const { blob, totalItems } = await builder.finish();
    const found = await (await open(blob)).find("a");
    return Response.json({ items: pack.length, bytes: item.length, ok: report.ok, workers: report.workers, totalItems, found });
  },
};
`;

before(() => {
  flare = new Miniflare({
    compatibilityDate: "2025-01-01",
    modules: true,
    modulesRoot: wasm,
    modulesRules: [
      { type: "ESModule", include: ["**/*.js"] },
      { type: "CompiledWasm", include: ["**/*.wasm"] },
    ],
    scriptPath: path.join(wasm, "worker-of-a-test.js"),
    script: SCRIPT,
  });
});
after(() => flare?.dispose());

test("a Worker of Cloudflare reads, verifies and builds", { timeout: 60_000 }, async () => {
  const body = await readFile(path.join(tests, "..", "fixtures", "zstd-ipr128.pack"));
  const response = await flare.dispatchFetch("http://localhost/", { method: "POST", body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { bytes, ...found } = JSON.parse(text);
  assert.deepEqual(found, { items: 400, ok: true, workers: 0, totalItems: 1, found: [0] });
  assert.ok(bytes > 0);
});
