// The page in Chromium, used by mouse and by keyboard, in light and dark, on a desktop
// and on a phone; axe checks its accessibility.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open } from "../../../wasm/js/index.node.js";
import * as lab from "../../../wasm/js/lab.js";
import { launch, newPage } from "../browser.mjs";
import { folder as fixtures, itemsOf } from "../fixtures.mjs";
import { serve } from "../server.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const VERIFIED = "#judgement";
let browser;
let server;

before(async () => {
  const pack = await readFile(path.join(fixtures, "zstd-ipr128.pack"));
  const broken = Buffer.from(pack);
  broken[2000] ^= 1;
  const aliases = { "/broken.pack": broken, "/big.pack": await bigPack() };
  server = await serve({ "/fixtures/": fixtures, "/": path.join(root, "target", "www") }, { aliases });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function bigPack() {
  const { create } = await import("../../../wasm/js/index.node.js");
  const builder = create({ codec: "none", itemsPerRecord: 8 });
  for (let step = 0; step < 1500; step += 1) builder.append(new Uint8Array(40_000).fill(step));
  return Buffer.from(await (await builder.finish()).blob.arrayBuffer());
}

async function visit(options = {}, hash = "") {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  const page = await newPage(context);
  await page.goto(`${server.url}/${hash}`);
  await page.waitForSelector("nav a[aria-current]");
  return page;
}

async function assertAccessible(page, what) {
  // axe is a script of the test: it bypasses the page's policy.
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`);
  assert.deepEqual(found, [], `axe, ${what}`);
}

async function drop(page, selector, name, bytes) {
  const data = await page.evaluateHandle(
    ([text, called]) => {
      const transfer = new DataTransfer();
      const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([raw], called));
      return transfer;
    },
    [bytes.toString("base64"), name],
  );
  for (const kind of ["dragover", "drop"]) await page.dispatchEvent(selector, kind, { dataTransfer: data });
}

const fixture = (name) => readFile(path.join(fixtures, name));
const assertNoErrors = (page) => assert.deepEqual(page.loggedErrors, []);

test("a dropped pack is verified and browsed, and an item is saved", async () => {
  const page = await visit();
  await drop(page, "#verify-drop", "zstd-ipr128.pack", await fixture("zstd-ipr128.pack"));
  await page.waitForSelector(VERIFIED);
  assert.match(await page.textContent(VERIFIED), /This pack is intact/);
  assert.equal(await page.locator("#layers li.passed").count(), 6);
  await page.locator('.list button[value="42"]').click();
  await page.waitForSelector("#item-title");
  const expected = itemsOf(await fixture("zstd-ipr128.items"))[42];
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download" }).click(),
  ]);
  assert.equal(Buffer.compare(await readFile(await download.path()), expected), 0);
  await page.fill("#goto", "300");
  await page.getByRole("button", { name: "Go", exact: true }).click();
  await page.getByRole("heading", { name: "Item 300" }).waitFor();
  await page.getByRole("button", { name: "Hex" }).click();
  assert.match(await page.textContent("pre.dump"), /^00000000 /);
  await page.getByRole("button", { name: "Text" }).click();
  assertNoErrors(page);
});

test("a pack at a web address opens with a few requests and no preflight", async () => {
  const page = await visit();
  await page.fill("#url", `${server.otherUrl}/big.pack`);
  server.forget();
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.waitForSelector("#pack-name");
  await page.waitForSelector("#item-title, .list button");
  const requests = server.requests("/big.pack");
  assert.ok(
    requests.every((request) => !request.startsWith("OPTIONS")),
    `a preflight: ${requests}`,
  );
  assert.equal(requests[0], "HEAD -");
  assertNoErrors(page);
});

test("a broken pack shows its damaged records, and its sound items are read", async () => {
  const page = await visit();
  await page.fill("#url", `${server.url}/broken.pack`);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("button", { name: "Verify", exact: true }).click();
  await page.waitForSelector(VERIFIED);
  assert.match(await page.textContent(VERIFIED), /damaged/);
  assert.ok((await page.locator("#layers li.failed").count()) >= 1);
  await page.getByText("damaged", { exact: true }).first().waitFor(); // an item of the list
  await page.fill("#goto", "390");
  await page.getByRole("button", { name: "Go", exact: true }).click();
  await page.getByRole("heading", { name: "Item 390" }).waitFor();
  await assertAccessible(page, "a broken pack");
  assertNoErrors(page);
});

test("a file of another kind and an unreachable address are explained", async () => {
  const page = await visit();
  await drop(
    page,
    "#verify-drop",
    "notes.txt",
    Buffer.from(
      "no pack at all, but long enough to have a trailer of seventy-six bytes, were it one of them",
    ),
  );
  await page.getByRole("alert").getByText("not-a-pack").waitFor();
  await page.fill("#url", `${server.url}/absent.pack`);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("alert").getByText("http-status").waitFor();
  assert.equal(await page.locator("#pack").isHidden(), true);
  assertNoErrors(page);
});

test("verifying can be cancelled", async () => {
  const page = await visit();
  await page.fill("#url", `${server.url}/big.pack`);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  // a slow network, so that there is something to cancel
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 5,
    downloadThroughput: 4_000_000,
    uploadThroughput: 1_000_000,
  });
  await page.getByRole("button", { name: "Verify", exact: true }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("the rest of the file was not checked").waitFor();
  assert.equal(await page.locator(VERIFIED).count(), 0);
  assertNoErrors(page);
});

test("files become a pack that is saved and that the package reads", async () => {
  const page = await visit({}, "#build");
  await page.setInputFiles("#build-files", [
    { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("first\nsecond\r\n\xff\xfe, no UTF-8", "latin1") },
    { name: "b.json", mimeType: "application/json", buffer: Buffer.from('{"seal": "pack"}') },
  ]);
  await page.getByLabel("Each line of a file is an item").check();
  await page.click("#build-start");
  await page.waitForSelector("#built");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#build-save")]);
  const pack = await open(new Uint8Array(await readFile(await download.path())));
  const items = (await pack.getMany([0, 1, 2, 3])).map((item) => Buffer.from(item).toString("latin1"));
  assert.deepEqual(items, ["first", "second\r", "\xff\xfe, no UTF-8", '{"seal": "pack"}']);
  assert.ok((await pack.verify()).ok);
  await assertAccessible(page, "built");
  await page.click("#build-look");
  await page.waitForSelector(VERIFIED);
  assert.match(await page.textContent(VERIFIED), /intact/);
  assertNoErrors(page);
});

test("the stream is stepped by keyboard, a seeded bug is shown, and the proof runs", async () => {
  const page = await visit({}, "#step");
  await page.waitForSelector(".writes button");
  await page.focus("#stage");
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator(".writes button[aria-current]").textContent(), "b1");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.locator(".writes button[aria-current]").textContent(), "z8");
  // The focus stays in the list of steps, which is one tab stop, and on a button at its end.
  await page.locator(".writes button[aria-current]").focus();
  for (const [key, step] of [["ArrowRight", "b1"], ["Home", "z7"], ["End", "c"]]) {
    await page.keyboard.press(key);
    assert.equal(await page.locator(":focus").textContent(), step);
    assert.equal(await page.locator(".writes button[tabindex='0']").textContent(), step);
  }
  const forward = page.getByRole("button", { name: "Step →" });
  await page.getByRole("button", { name: "b4" }).click();
  await forward.focus();
  for (let times = 0; times < 4; times += 1) await page.keyboard.press("Enter");
  assert.equal(await forward.getAttribute("aria-disabled"), "true");
  assert.equal(await page.locator(":focus").textContent(), "Step →");
  assert.equal(await page.getByRole("button", { name: "close (at the end of every case)" }).getAttribute("aria-current"), "step");
  assert.match(await page.getByRole("textbox", { name: "Case" }).evaluate((input) => input.ariaDescribedByElements?.[0]?.textContent ?? ""), /^bN copies/);
  await page.getByLabel("Seeded bug").selectOption("split-trusts-remnant");
  await page.getByText("Invariant 6 (rest) is broken").waitFor();
  await assertAccessible(page, "a broken invariant");
  // A bug whose steps are not compared with the specification: its first wrong step is shown.
  await page.getByLabel("Seeded bug").selectOption("exhausted-remnant-counts");
  await page.locator(".notice.bad").getByText("is broken").first().waitFor();
  assert.equal(await page.locator(".writes button[aria-current]").getAttribute("aria-label"), "z1, wrong");
  await page.getByLabel("Seeded bug").selectOption("");
  await page.click("#prove");
  await page.getByText("105 states").first().waitFor();
  assert.equal(await page.locator("#proof").getByText("every invariant holds").count(), 2);
  await page.getByRole("textbox", { name: "Case" }).fill("trim=1 writes=q9");
  await page.getByRole("alert").getByText("event 1").waitFor();
  assertNoErrors(page);
});

test("a trace is shown next to the specified steps; an invalid file is refused with the line", async () => {
  const page = await visit({}, "#step");
  await page.waitForSelector(".writes button");
  const state = (capacity, filled, pending) => ({ capacity, filled, pending, has_buffer: capacity > 0 });
  const frame = (event, after, outputs, departure = null) => ({
    event,
    implied: false,
    words: "the decision",
    after: { known: true, state: after, extents: [], buffer_at: 0 },
    outputs,
    written: 6,
    taken: 0,
    departure,
    verdict: [{ invariant: "order", holds: true }],
    findings: [],
  });
  const put = { kind: "put", extents: [{ at: 0, len: 4, kind: "copied" }], len: 4, failed: null };
  const lines = [
    { trace: 1, stream: "uploads of the night", buffer_size: 4, trim: false },
    frame("b3", state(4, 3, 0), []),
    frame("b3", state(4, 2, 0), [{ ...put, len: 3 }], { after: state(4, 2, 0), puts: [4] }),
  ];
  const load = (text) =>
    page.setInputFiles("#step-trace", { name: "night.jsonl", mimeType: "application/json", buffer: Buffer.from(text) });
  await load(lines.map((line) => JSON.stringify(line)).join("\n"));
  await page.getByText("Trace of uploads of the night, S = 4").waitFor();
  assert.equal(await page.locator(".writes button[aria-current]").textContent(), "b3 ✗");
  await page.getByText("Specified: puts 4, then C = 4").waitFor();
  await page.getByRole("heading", { name: "As specified" }).waitFor();
  await page.getByText("Puts 4.").waitFor();
  await assertAccessible(page, "a trace");
  await load(JSON.stringify({ trace: [{ ...lines[0], buffer_size: 1 << 20, start: { capacity: 1 << 20 } }, frame("b9", state(1 << 20, 1 << 19, 0), [])] }));
  await page.getByText("524288 bytes").first().waitFor();
  await page.getByRole("heading", { name: "As specified" }).waitFor();
  await load(`${JSON.stringify(lines[0])}\n{"event":1}`);
  await page.getByRole("alert").getByText("Line 2 of the trace is not a step").waitFor();
  assertNoErrors(page);
});

test("a report about a trace is saved, and a trace that is not compared says why", async () => {
  const page = await visit({}, "#step");
  await page.waitForSelector(".writes button");
  const { frames } = await lab.replay("trim=1 writes=b4,z1,b7", { mutant: "split-trusts-remnant" });
  const head = { trace: 1, stream: "uploads of the night", buffer_size: 5, trim: true };
  const load = (lines) => {
    const buffer = Buffer.from(lines.map((line) => JSON.stringify(line)).join("\n"));
    return page.setInputFiles("#step-trace", { name: "night.jsonl", mimeType: "application/json", buffer });
  };
  const save = async () => {
    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save a report about this trace" }).click();
    return readFile(await (await waiting).path(), "utf8");
  };
  await load([head, ...frames]);
  const report = await save();
  assert.match(report, /^# Output stream: invariant 6 \(rest\) is/);
  assert.match(report, /uploads of the night/);
  const [first, ...others] = frames;
  await load([{ ...head, buffer_size: 1 }, { ...first, event: "z1000000000" }, ...others]);
  await page.getByText("Not compared with the specification: the specification may put more than 262,144 times").waitFor();
  await load([head, { ...first, written: 2 ** 33 }]);
  await page.getByText("sealpack step --trace compares it").waitFor();
  assertNoErrors(page);
});

test("a pack is opened, verified and browsed by keyboard alone", async () => {
  const page = await visit();
  await page.focus("#verify-sample");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#pack-name");
  await page.getByRole("button", { name: "Verify", exact: true }).press("Enter");
  await page.waitForSelector(VERIFIED);
  await page.focus("#goto");
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("7");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Item 7", exact: true }).waitFor();
  assert.match(await page.textContent("#status"), /^Item 7 is shown after the list: \d+ bytes$/);
  // The last page keeps the focus on the button that led there.
  const next = page.getByRole("button", { name: "Next" });
  await next.focus();
  for (let times = 0; times < 8; times += 1) await page.keyboard.press("Enter");
  await page.locator(".where").getByText("384 to 399 of 400").waitFor();
  assert.equal(await page.textContent("#status"), "Items 384 to 399 of 400");
  assert.equal(await next.getAttribute("aria-disabled"), "true");
  assert.equal(await page.locator(":focus").textContent(), "Next");
  assertNoErrors(page);
});

for (const [name, options] of [
  ["a desktop in light", { viewport: { width: 1180, height: 900 }, colorScheme: "light" }],
  ["a phone in dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }],
]) {
  test(`axe has no findings and nothing is cut off on ${name}`, async () => {
    for (const view of ["#verify", "#build", "#step"]) {
      const page = await visit(options, view);
      if (view === "#verify") {
        await page.click("#verify-sample");
        await page.getByRole("button", { name: "Verify", exact: true }).click();
        await page.waitForSelector(VERIFIED);
        await page.locator('.list button[value="1"]').click();
        await page.waitForSelector("#item-title");
      }
      if (view === "#step") await page.waitForSelector(".writes button");
      await assertAccessible(page, `${name}, ${view}`);
      const [contentWidth, visibleWidth] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(contentWidth <= visibleWidth, `${view} is ${contentWidth} wide on ${visibleWidth}`);
      if (process.env.SCREENSHOTS) {
        const file = `${name.replaceAll(" ", "-")}${view.replace("#", "-")}.png`;
        await writeFile(path.join(process.env.SCREENSHOTS, file), await page.screenshot({ fullPage: true }));
      }
      assertNoErrors(page);
      await page.context().close();
    }
  });
}

test("the policy of the page blocks inline scripts", async () => {
  const page = await visit();
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.smuggled = true";
    document.head.append(script);
    return Boolean(globalThis.smuggled);
  });
  assert.equal(ran, false);
});
