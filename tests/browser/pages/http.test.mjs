// HTTP across origins in Chromium: no preflight, few requests, and servers with quirks.
// Also the reference files, in a page and in workers, under a strict
// Content-Security-Policy.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create } from "../../../wasm/js/index.node.js";
import { folder as fixtures } from "../fixtures.mjs";
import { IMPORT, openPackagePage } from "../package-page.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src *";
const text = (at) => `item ${at} `.repeat(60);
let opened;
let server;
let page;

async function packOf(odd) {
  const builder = create({ itemsPerRecord: 4, codec: "none" });
  for (let at = 0; at < 4000; at += 1)
    builder.append(new TextEncoder().encode(at === odd ? "other ".repeat(60) : text(at)));
  return Buffer.from(await (await builder.finish()).blob.arrayBuffer());
}

before(async () => {
  const html = Buffer.from(
    `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}"><script type="module" src="/page.js"></script>`,
  );
  const large = await packOf();
  const aliases = {
    "/page.html": html,
    "/page.js": Buffer.from(IMPORT),
    "/large.pack": large,
    "/large.pack.next": await packOf(42),
  };
  const folders = { "/package/": path.join(root, "target", "www", "sealpack"), "/fixtures/": fixtures };
  opened = await openPackagePage(folders, aliases);
  ({ server, page } = opened);
});
after(() => opened?.close());
beforeEach(() => server.forget());

/** Opens a pack in the page and reads item 42. */
const read42 = (url, options = {}) =>
  page.evaluate(
    async ([target, opening]) => {
      try {
        const pack = await sealpack.open(target, opening);
        const item = new TextDecoder().decode(await pack.get(42));
        pack.close();
        return { item };
      } catch (error) {
        return { code: error.code, message: error.message };
      }
    },
    [url, options],
  );

const crossOrigin = (quirk) => `${server.otherUrl}/large.pack${quirk ? `?quirk=${quirk}` : ""}`;

test("across origins, a HEAD and a range open a pack, one range reads an item, without preflight", async () => {
  assert.equal((await read42(crossOrigin(""), { codec: "none" })).item, text(42));
  const requests = server.requests("/large.pack");
  assert.equal(requests.length, 3, requests.join(", "));
  assert.match(requests.join(", "), /^HEAD -, GET bytes=\d+-, GET bytes=\d+-\d+$/);
});

test("across origins, one range opens a pack of known size", async () => {
  const size = server.aliases["/large.pack"].length;
  assert.equal((await read42(crossOrigin(""), { codec: "none", size })).item, text(42));
  assert.equal(server.requests().length, 2);
});

test("on the page's own origin, one request opens a pack", async () => {
  assert.equal((await read42(`${server.url}/large.pack`, { codec: "none" })).item, text(42));
  assert.equal(server.requests().length, 2);
});

for (const quirk of [
  "head-refused",
  "head-gzip",
  "head-gzip-silent",
  "hidden",
  "no-validators",
  "redirect",
  "range-ignored",
  "flaky",
  "cut",
  "no-suffix",
]) {
  test(`across origins, ${quirk}: items are read without preflight`, async () => {
    const { item, code, message } = await read42(crossOrigin(quirk), { codec: "none" });
    assert.equal(item, text(42), `${code}: ${message}`);
    const requests = server.requests();
    assert.ok(!requests.some((request) => request.startsWith("OPTIONS")), requests.join(", "));
  });
}

test("a signed URL is opened in two requests without a HEAD", async () => {
  assert.equal((await read42(`${crossOrigin("head-refused")}&X-Amz-Signature=0`, { codec: "none" })).item, text(42));
  assert.deepEqual(server.requests().slice(0, 1), ["GET bytes=0-"]);
});

for (const [quirk, code] of [
  ["changes&after=2", "changed"],
  ["changes-silently&after=2", "changed"],
  ["broken", "http-status"],
  ["wrong-range", "range-not-supported"],
]) {
  test(`across origins, ${quirk}: the error is ${code}`, async () => {
    assert.equal((await read42(crossOrigin(quirk), { codec: "none" })).code, code);
  });
}

test("aborting in the page works at once with a slow server", async () => {
  const waited = await page.evaluate(async (url) => {
    const controller = new AbortController();
    const pack = await sealpack.open(url, { codec: "none", size: undefined });
    const started = performance.now();
    setTimeout(() => controller.abort(), 50);
    const code = await pack.get(42, { signal: controller.signal }).then(
      () => "read",
      (error) => error.code,
    );
    return { code, took: performance.now() - started };
  }, crossOrigin("slow"));
  assert.equal(waited.code, "aborted");
  assert.ok(waited.took < 2000);
});

test("every reference file is read in a page, and verified by workers under a strict policy", async () => {
  const { packs, items } = await page.evaluate(async () => {
    const { packs: all } = await (await fetch("/fixtures/manifest.json")).json();
    let items = 0;
    for (const { name, pack_file: file, items_file: list, codec } of all) {
      const expected = new Uint8Array(await (await fetch(`/fixtures/${list}`)).arrayBuffer());
      const pack = await sealpack.open(await (await fetch(`/fixtures/${file}`)).blob(), {
        codec: codec.startsWith("zstd") ? "zstd" : "none",
      });
      let at = 0;
      for await (const item of pack.range()) {
        const length = new DataView(expected.buffer).getUint32(at, true);
        const wanted = expected.subarray(at + 4, at + 4 + length);
        if (item.length !== length || item.some((byte, place) => byte !== wanted[place]))
          throw new Error(`${name}: other bytes`);
        at += 4 + length;
        items += 1;
      }
      if (at !== expected.length) throw new Error(`${name}: items are missing`);
      const report = await pack.verify({ workers: 2 });
      if (!report.ok) throw new Error(`${name}: ${report.failures[0].message}`);
      pack.close();
    }
    return { packs: all.length, items };
  });
  console.log(`# ${packs} sound files, ${items} items compared in Chromium`);
  assert.equal(packs, 40);
});

test("every broken file is refused or reported in a page, and the instance stays usable", async () => {
  const { cases, codes } = await page.evaluate(async () => {
    const { cases: all } = await (await fetch("/fixtures/corrupt/manifest-corrupt.json")).json();
    const codes = {};
    for (const { file, codec } of all) {
      const bytes = await (await fetch(`/fixtures/corrupt/${file}`)).arrayBuffer();
      let outcome = "fine";
      try {
        const pack = await sealpack.open(bytes, { codec });
        const report = await pack.verify();
        outcome = report.ok ? "fine" : report.failures[0].code;
        if (report.ok) for await (const item of pack.range()) void item;
        pack.close();
      } catch (error) {
        outcome = error.code ?? String(error);
      }
      codes[outcome] = (codes[outcome] ?? 0) + 1;
    }
    return { cases: all.length, codes };
  });
  console.log(`# ${cases} broken files in Chromium: ${JSON.stringify(codes)}`);
  for (const code of Object.keys(codes)) {
    assert.ok(["fine", "not-a-pack", "unsupported", "corrupt", "checksum", "limit"].includes(code), code);
  }
  assert.equal((await read42(crossOrigin(""))).item, text(42));
});

test("the page logged no error during these tests", () => {
  assert.deepEqual(page.loggedErrors, []);
});
