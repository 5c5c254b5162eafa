// The page shows untrusted items and names safely, reads only what it needs, keeps its
// state over a reload, and works by keyboard, on a phone and with forced colours.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create } from "../../../wasm/js/index.node.js";
import { launch, newPage } from "../browser.mjs";
import { digestList, digestsOf } from "../digests.mjs";
import { folder as fixtures } from "../fixtures.mjs";
import { APPEARANCES, looksRight } from "../looks.mjs";
import { serve } from "../server.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const JSON_ITEM = '{"id":12345678901234567890,"big":1.00000000000000000001,"id":2,"list":[1,{"x":[]}],"t":"a\\u0041: [,]"}';
const items = [
  JSON_ITEM,
  `${"é".repeat(200)}`,
  "safe\u202egnp.exe \u0007bell \u200bzero",
  ...Array.from({ length: 197 }, (_, at) => `item ${at + 3}`),
].map((text) => Buffer.from(text));
const LONG_NAME = `${"a-very-long-name-without-any-space".repeat(6)}.pack`;
let browser;
let server;
let published;

async function packOf(list, options) {
  const builder = create({ codec: "none", itemsPerRecord: 4, ...options });
  for (const item of list) await builder.append(item);
  return Buffer.from(await (await builder.finish()).blob.arrayBuffer());
}

before(async () => {
  const pack = await packOf(items);
  published = digestList(digestsOf(items, 4), { formatId: 0, totalItems: items.length, itemsPerRecord: 4 });
  const large = Array.from({ length: 40 }, (_, at) => new Uint8Array(4_000_000).fill(at));
  const tampered = items.with(7, Buffer.from("item X"));
  const aliases = {
    "/a.pack": pack,
    "/a.pack.digests": published.list,
    "/tampered.pack": await packOf(tampered, { contentHash: false }),
    "/tampered.pack.digests": published.list,
    "/large.pack": await packOf(large, { itemsPerRecord: 1, contentHash: false }),
    "/Zürich log.pack": pack,
    [`/${LONG_NAME}`]: pack,
  };
  server = await serve({ "/fixtures/": fixtures, "/": path.join(root, "target", "www") }, { aliases });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(() => server.forget());

async function visit(hash = "", options = {}) {
  const page = await newPage(await browser.newContext(options));
  await page.goto(`${server.url}/${hash}`);
  await page.waitForSelector("nav a[aria-current]");
  return page;
}

const at = (name) => `#verify&url=${encodeURIComponent(`${server.url}/${name}`)}`;

async function opened(name, { item, ...options } = {}) {
  const page = await visit(at(name) + (item === undefined ? "" : `&item=${item}`), options);
  await page.waitForSelector("#pack-name");
  if (item !== undefined) await page.waitForSelector("#item-title");
  return page;
}

const closeAndCheck = async (page) => {
  assert.deepEqual(page.loggedErrors, []);
  await page.context().close();
};

test("JSON is shown with every digit and every key", async () => {
  const page = await opened("a.pack", { item: 0 });
  const visibleWidth = await page.textContent("pre.dump");
  assert.equal(
    visibleWidth,
    [
      "{",
      '  "id": 12345678901234567890,',
      '  "big": 1.00000000000000000001,',
      '  "id": 2,',
      '  "list": [',
      "    1,",
      "    {",
      '      "x": []',
      "    }",
      "  ],",
      '  "t": "a\\u0041: [,]"',
      "}",
    ].join("\n"),
  );
  await closeAndCheck(page);
});

test("previews end between characters, and control and bidi characters are visible", async () => {
  const page = await opened("a.pack", { item: 2 });
  await page.waitForFunction(() => document.querySelector('.list button[value="2"] small').textContent);
  const rows = await page.locator(".list small").allTextContents();
  assert.match(rows[1], /^é{60}… · /);
  assert.match(rows[2], /^safe⟨U\+202E⟩gnp\.exe|^73 61 66/);
  await page.getByRole("button", { name: "Text", exact: true }).click();
  assert.equal(await page.textContent("pre.dump"), "safe⟨U+202E⟩gnp.exe ␇bell ⟨U+200B⟩zero");
  await closeAndCheck(page);
});

test("large records are not downloaded for previews", async () => {
  const page = await opened("large.pack");
  await page.waitForTimeout(300);
  const requests = server.requests("/large.pack");
  assert.ok(requests.length <= 2, requests.join(", "));
  await page.locator('.list button[value="3"]').click();
  await page.getByRole("heading", { name: "Item 3", exact: true }).waitFor();
  assert.equal(server.requests("/large.pack").length, 1);
  assert.match(await page.textContent('.list button[value="3"] small'), /03 03 03/);
  await closeAndCheck(page);
});

test("names are decoded, and long ones wrap", async () => {
  const page = await opened("Z%C3%BCrich%20log.pack");
  assert.equal(await page.textContent("#pack-name"), "Zürich log.pack");
  await closeAndCheck(page);
  for (const width of [375, 1280]) {
    const long = await opened(LONG_NAME, { viewport: { width, height: 700 } });
    const [contentWidth, visibleWidth] = await long.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(contentWidth <= visibleWidth, `${contentWidth} on ${visibleWidth}`);
    await closeAndCheck(long);
  }
});

test("a reload keeps the address, the item and the view", async () => {
  const page = await visit();
  await page.fill("#url", `${server.url}/a.pack`);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.locator('.list button[value="42"]').click();
  await page.getByRole("heading", { name: "Item 42", exact: true }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Item 42", exact: true }).waitFor();
  assert.equal(await page.inputValue("#url"), `${server.url}/a.pack`);
  await page.getByRole("link", { name: "Step" }).click();
  await page.getByRole("link", { name: "Verify" }).click();
  assert.match(page.url(), /url=.*&item=42$/);
  await page.getByRole("link", { name: "Build" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Build a pack" }).waitFor();
  await closeAndCheck(page);
});

test("the list is one tab stop, and the arrow keys move through it and its pages", async () => {
  const page = await opened("a.pack");
  await page.waitForSelector(".list button");
  assert.equal(await page.locator('.list button[tabindex="0"]').count(), 1);
  await page.focus('.list button[tabindex="0"]');
  const focused = () => page.evaluate(() => document.activeElement.value);
  for (const [key, value] of [
    ["ArrowDown", "1"],
    ["PageDown", "11"],
    ["ArrowUp", "10"],
    ["End", "63"],
    ["ArrowDown", "64"],
    ["ArrowUp", "63"],
    ["Home", "0"],
    ["ArrowDown", "1"],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), value, key);
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Item 1", exact: true }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".list")), null);
  await closeAndCheck(page);
});

test("the map is operated by keyboard", async () => {
  const page = await opened("a.pack");
  const map = page.getByRole("slider");
  await map.focus();
  for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "PageUp"]) await page.keyboard.press(key);
  assert.match(await map.getAttribute("aria-valuetext"), /^Record 6 of 50, .*, from item 24$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Item 24", exact: true }).waitFor();
  await page.keyboard.press("End");
  assert.equal(await map.getAttribute("aria-valuenow"), "49");
  await closeAndCheck(page);
});

test("on a phone the tapped item comes into view", async () => {
  const page = await opened("a.pack", { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true });
  await page.locator('.list button[value="5"]').tap();
  await page.getByRole("heading", { name: "Item 5", exact: true }).waitFor();
  const top = await page.locator("#item-title").evaluate((title) => title.getBoundingClientRect().top);
  assert.ok(top >= 0 && top < 667, `${top}`);
  await closeAndCheck(page);
});

test("forced colours keep the sections of the map and the current item apart", async () => {
  const page = await opened("a.pack", { item: 1, forcedColors: "active" });
  const colours = await page.evaluate(() => {
    const canvas = document.querySelector("canvas.map");
    const { data } = canvas.getContext("2d").getImageData(0, canvas.height >> 1, canvas.width, 1);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) seen.add(data.subarray(at, at + 3).join());
    return seen.size;
  });
  assert.ok(colours >= 3, `${colours} colours`);
  const outline = await page
    .locator(".list button[aria-current]")
    .evaluate((button) => getComputedStyle(button).outlineStyle);
  assert.equal(outline, "solid");
  await closeAndCheck(page);
});

test("items are checked against a trusted root, with the list next to the pack", async () => {
  const page = await visit(`${at("a.pack")}&root=${published.root}`);
  await page.getByText("the trusted root").waitFor();
  await page.locator('.list button[value="7"]').click();
  await page.getByRole("heading", { name: "Item 7", exact: true }).waitFor();
  await closeAndCheck(page);
  const tamperedPage = await visit(`${at("tampered.pack")}&root=${published.root}&item=7`);
  await tamperedPage.getByRole("alert").getByText("untrusted").or(tamperedPage.getByText("is trusted")).first().waitFor();
  assert.equal(await tamperedPage.locator("#item-title").count(), 0);
  await tamperedPage.getByText("Do not use its items").first().waitFor();
  await closeAndCheck(tamperedPage);
});

test("a pack file and its list are opened together, other files are refused with the reason", async (context) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "browse-"));
  context.after(() => rm(folder, { recursive: true }));
  const files = ["a.pack", "a.pack.digests", "b.pack"].map((name) => path.join(folder, name));
  await writeFile(files[0], await packOf(items));
  await writeFile(files[1], published.list);
  await writeFile(files[2], await packOf(items));
  const page = await visit();
  await page.setInputFiles("#verify-file", [files[0], files[2]]);
  await page.getByRole("alert").getByText("one pack at a time").waitFor();
  await page.setInputFiles("#verify-file", files.slice(0, 2));
  await page.getByRole("alert").getByText("needs the trusted root").waitFor();
  await page.fill("#root", published.root);
  await page.setInputFiles("#verify-file", files.slice(0, 2));
  await page.getByText("the trusted root").waitFor();
  await closeAndCheck(page);
});

test("a drop next to the marked area, and a dropped folder, are explained", async (context) => {
  const page = await visit();
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], "x.pack"));
    return transfer;
  });
  await page.dispatchEvent("footer", "drop", { dataTransfer: data });
  await page.getByText("nothing was opened").first().waitFor();
  await page.evaluate(() => {
    const drop = new Event("drop", { bubbles: true, cancelable: true });
    const entry = { isDirectory: true, name: "photos" };
    drop.dataTransfer = { files: [new File([], "photos")], items: [{ webkitGetAsEntry: () => entry }] };
    document.getElementById("verify-drop").dispatchEvent(drop);
  });
  await page.getByRole("alert").getByText("photos is a folder").waitFor();
  await closeAndCheck(page);
});

test("a pack that is larger than its items is explained", async () => {
  const page = await visit("#build");
  await page.getByLabel("Or write items").fill("one\ntwo");
  await page.click("#build-start");
  await page.waitForSelector("#built");
  assert.match(await page.textContent("#build-result"), /bytes more.*larger than its items/);
  await closeAndCheck(page);
});

for (const [name, options] of Object.entries(APPEARANCES)) {
  test(`axe has no findings and nothing is cut off: ${name}`, async () => {
    const page = await opened("a.pack", { item: 0, ...options });
    await page.getByRole("button", { name: "Verify", exact: true }).click();
    await page.waitForSelector("#judgement");
    await page.locator("#trust summary").click();
    await looksRight(page, name);
    await closeAndCheck(page);
  });
}
