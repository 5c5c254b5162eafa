// Packs with names on the page: items are listed, filtered, shown and downloaded by
// name, whatever the name contains.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create } from "../../../wasm/js/index.node.js";
import { launch, newPage } from "../browser.mjs";
import { APPEARANCES, looksRight } from "../looks.mjs";
import { envelope, withAppData, withNames } from "../names.mjs";
import { serve } from "../server.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const ODD = [
  "safe\u202egnp.exe",
  "two\nlines\tand\u200bmore",
  Buffer.from([0x66, 0xff, 0x6f]),
  "",
  `${"deep/".repeat(13_000)}end.txt`,
  `${"no-space".repeat(40)}.bin`,
  " leading and trailing ",
  "../../etc/passwd",
  "folder/..",
  '<img src=x onerror="alert(1)">',
];
const NAMES = [...ODD, ...Array.from({ length: 190 }, (_, at) => `src/module-${at + 10}/Lib.rs`)];
let browser;
let server;

before(async () => {
  const builder = create({ codec: "none", itemsPerRecord: 4 });
  for (const at of NAMES.keys()) await builder.append(Buffer.from(`item ${at}`));
  const pack = Buffer.from(await (await builder.finish()).blob.arrayBuffer());
  const aliases = {
    "/named.pack": withNames(pack, NAMES, { block: 50 }),
    "/damaged.pack": withAppData(pack, envelope([3, Buffer.from("these are no names")])),
    "/later.pack": withNames(pack, NAMES, { block: 50, frame: () => Buffer.from("no frame") }),
  };
  server = await serve({ "/": path.join(root, "target", "www") }, { aliases });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function opened(name, { item, ...options } = {}) {
  const page = await newPage(await browser.newContext(options));
  const where = `#verify&url=${encodeURIComponent(`${server.url}/${name}`)}`;
  await page.goto(`${server.url}/${where}${item === undefined ? "" : `&item=${item}`}`);
  await page.waitForSelector(item === undefined ? ".list button" : "#item-title");
  return page;
}

const closeAndCheck = async (page) => {
  assert.deepEqual(page.loggedErrors, []);
  await page.context().close();
};

const rows = (page) => page.locator(".list button").evaluateAll((all) => all.map(({ value }) => Number(value)));
const listedName = (page, position) => page.locator(`.list button[value="${position}"] .name`).textContent();

/** Fills in the filter, and waits for what the list then says. */
async function filtered(page, text, expected) {
  await page.getByLabel("Filter by name").fill(text);
  await page.locator(".where").getByText(expected).waitFor();
}

test("names are listed and shown with every character visible", async () => {
  const page = await opened("named.pack", { item: 0 });
  assert.equal(await listedName(page, 0), "safe⟨U+202E⟩gnp.exe");
  assert.equal(await listedName(page, 1), "two␊lines␉and⟨U+200B⟩more");
  assert.equal(await listedName(page, 2), "f\\xffo");
  assert.equal(await page.locator('.list button[value="3"] .name').count(), 0);
  assert.match(await listedName(page, 4), /^(deep\/)+…(deep|eep|ep|p)?\/(deep\/)*end\.txt$/);
  assert.equal(await listedName(page, 9), '<img src=x onerror="alert(1)">');
  assert.equal(await page.textContent("#item-name"), "safe⟨U+202E⟩gnp.exe");
  await page.locator('.list button[value="4"]').click();
  await page.getByRole("heading", { name: "Item 4", exact: true }).waitFor();
  assert.equal((await page.textContent("#item-name")).length, NAMES[4].length);
  const [scrolls, shown] = await page.locator("#item-name").evaluate((it) => [it.scrollHeight, it.clientHeight]);
  assert.ok(shown < 300 && scrolls > shown, `${shown} of ${scrolls}`);
  await page.locator('.list button[value="3"]').click();
  await page.getByRole("heading", { name: "Item 3", exact: true }).waitFor();
  assert.equal(await page.locator("#item-name").count(), 0);
  await closeAndCheck(page);
});

test("the list is filtered by name, by keyboard alone", async () => {
  const page = await opened("named.pack");
  await page.focus("#filter");
  await page.keyboard.type("MODULE-17");
  await page.waitForFunction(() => /11 matches/.test(document.querySelector(".where").textContent));
  assert.deepEqual(await rows(page), [17, ...Array.from({ length: 10 }, (_, at) => 170 + at)]);
  assert.match(await page.textContent("#status"), /11 names found/);
  await page.waitForFunction(() => document.querySelector('.list button[value="179"] small').textContent);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Item 170", exact: true }).waitFor();
  assert.equal(await page.textContent("#item-name"), "src/module-170/Lib.rs");
  assert.equal((await rows(page)).length, 11);
  await page.keyboard.press("End");
  assert.equal(await page.evaluate(() => document.activeElement.value), "179");
  await page.fill("#goto", "3");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Item 3", exact: true }).waitFor();
  assert.equal((await rows(page)).length, 11, "an item that the filter leaves out is shown without leaving the filter");
  await filtered(page, "nothing like this", "No name contains this");
  assert.deepEqual(await rows(page), []);
  await filtered(page, "gnp", "of 1 match");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Item 0", exact: true }).waitFor();
  await filtered(page, "", "of 200");
  assert.equal((await rows(page)).length, 64);
  await closeAndCheck(page);
});

test("matches are listed in pages, across which the keyboard moves", async () => {
  const page = await opened("named.pack");
  await filtered(page, "module-1", "1 to 64 of 110 matches");
  await page.getByRole("button", { name: "Next" }).click();
  await page.locator(".where").getByText("65 to 110 of 110 matches").waitFor();
  const [first] = await rows(page);
  await page.focus(`.list button[value="${first}"]`);
  await page.keyboard.press("ArrowUp");
  await page.waitForFunction(() => /^1 to 64/.test(document.querySelector(".where").textContent));
  assert.equal(await page.evaluate(() => document.activeElement.value), String((await rows(page)).at(-1)));
  await closeAndCheck(page);
});

test("items are downloaded by name, as a file name that is safe", async () => {
  const page = await opened("named.pack", { item: 5 });
  const expected = new Map([
    [15, "Lib.rs"],
    [0, "safe_gnp.exe"],
    [1, "two_lines_and_more"],
    [2, "f_xffo"],
    [4, "end.txt"],
    [6, "leading and trailing"],
    [7, "passwd"],
    [9, "_img src=x onerror=_alert(1)__"],
    // The browser adds what it finds the content to be.
    [3, "named-3.txt"],
    [8, "named-8.txt"],
  ]);
  for (const [position, name] of expected) {
    await page.fill("#goto", String(position));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: `Item ${position}`, exact: true }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), name);
  }
  await closeAndCheck(page);
});

for (const name of ["damaged.pack", "later.pack"]) {
  test(`damaged names are reported, and items stay readable by position: ${name}`, async () => {
    const page = await opened(name);
    await page.getByRole("alert").getByText("The names cannot be read").waitFor();
    assert.equal(await page.getByLabel("Filter by name").isVisible(), false);
    await page.locator('.list button[value="7"]').click();
    await page.getByRole("heading", { name: "Item 7", exact: true }).waitFor();
    assert.equal((await rows(page)).length, 64);
    await closeAndCheck(page);
  });
}

for (const [name, options] of Object.entries(APPEARANCES)) {
  test(`axe has no findings with names of any length, and nothing is cut off: ${name}`, async () => {
    const page = await opened("named.pack", { item: 4, ...options });
    await looksRight(page, `names ${name}`);
    await filtered(page, "rs", "of 190 matches");
    await page.locator(".list button").first().click();
    await page.getByRole("heading", { name: "Item 10", exact: true }).waitFor();
    await looksRight(page, `names filtered ${name}`);
    await closeAndCheck(page);
  });
}
