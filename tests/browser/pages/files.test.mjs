// Files on the page: folders and files become packs with names, and large names are read
// from the file next to their pack.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open } from "../../../wasm/js/index.node.js";
import { launch, newPage } from "../browser.mjs";
import { folder as fixtures } from "../fixtures.mjs";
import { APPEARANCES, looksRight } from "../looks.mjs";
import { serve } from "../server.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const companion = ["companion.pack", "companion.pack.names"].map((name) => path.join(fixtures, "names", name));
/** The files of a folder, in the order of the bytes of their paths. */
const TREE = ["Makefile", "a-b/one.txt", "a/deep/er/two.txt", "a/z.txt", "zoë\u202e.txt", "\uff5e.txt", "😀.txt"];
let browser;
let server;
let work;
let tree;

before(async () => {
  server = await serve({ "/": path.join(root, "target", "www") });
  browser = await launch();
  work = await mkdtemp(path.join(os.tmpdir(), "files-"));
  tree = path.join(work, "tree");
  for (const name of TREE) {
    await mkdir(path.dirname(path.join(tree, name)), { recursive: true });
    await writeFile(path.join(tree, name), `content of ${name}`);
  }
  await mkdir(path.join(tree, "empty"));
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(work, { recursive: true });
});

async function visit(hash, options = {}) {
  const page = await newPage(await browser.newContext(options));
  await page.goto(`${server.url}/${hash}`);
  await page.waitForSelector("nav a[aria-current]");
  return page;
}

const closeAndCheck = async (page) => {
  assert.deepEqual(page.loggedErrors, []);
  await page.context().close();
};

/** Drops files and folders of the disk, as a user does. */
async function drop(page, selector, files) {
  await page.locator(selector).scrollIntoViewIfNeeded();
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x: x + width / 2, y: y + height / 2, data });
  }
}

/** Builds, and returns the saved pack, its file name and its names. */
async function built(page) {
  await page.click("#build-start");
  await page.waitForSelector("#built");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#build-save")]);
  const pack = await open(new Uint8Array(await readFile(await download.path())));
  const names = await pack.names();
  return { pack, file: download.suggestedFilename(), names: names && Array.from(names, ([, name]) => name) };
}

const chosen = (page, text) => page.locator("#build").getByRole("heading", { name: text }).waitFor();

test("a dropped folder becomes a pack with the relative paths of its files, in order", async () => {
  const page = await visit("#build");
  await drop(page, "#build-drop", [tree]);
  await chosen(page, `${TREE.length} files`);
  const { pack, file, names } = await built(page);
  assert.deepEqual(names, TREE);
  assert.equal(file, "tree.pack");
  assert.equal(Buffer.from(await pack.get(2)).toString(), `content of ${TREE[2]}`);
  assert.equal((await pack.names()).isSorted, true);
  assert.match(await page.textContent("#build-result"), /Names7/);
  await page.click("#build-look");
  await page.locator('.list button[value="3"] .name').getByText("a/z.txt").waitFor();
  await page.getByLabel("Filter by name").fill("two");
  await page.locator(".where").getByText("1 to 1 of 1 match").waitFor();
  await closeAndCheck(page);
});

test("a chosen folder becomes the same pack", async () => {
  const page = await visit("#build");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Choose a folder" }).click()]);
  await chooser.setFiles(tree);
  await chosen(page, `${TREE.length} files`);
  const { file, names } = await built(page);
  assert.deepEqual([file, names], ["tree.pack", TREE]);
  await closeAndCheck(page);
});

test("files next to folders keep the name of the folder in theirs", async () => {
  const page = await visit("#build");
  const single = path.join(work, "single.txt");
  await writeFile(single, "one more");
  await drop(page, "#build-drop", [tree, single]);
  await chosen(page, `${TREE.length + 1} files`);
  const { file, names } = await built(page);
  assert.deepEqual([file, names], ["items.pack", ["single.txt", ...TREE.map((name) => `tree/${name}`)]]);
  await page.getByRole("button", { name: "Clear" }).click();
  await drop(page, "#build-drop", [single]);
  await chosen(page, "1 file");
  const only = await built(page);
  assert.deepEqual([only.file, only.names], ["single.txt.pack", ["single.txt"]]);
  await closeAndCheck(page);
});

test("a folder without files is reported, and names are left out on request", async () => {
  const page = await visit("#build");
  await drop(page, "#build-drop", [path.join(tree, "empty")]);
  await page.getByRole("alert").getByText("empty has no files").waitFor();
  await drop(page, "#build-drop", [tree]);
  await chosen(page, `${TREE.length} files`);
  await page.getByLabel("Store the names of files").uncheck();
  assert.equal((await built(page)).names, null);
  assert.match(await page.textContent("#build-result"), /Namesnone/);
  await page.getByLabel("Store the names of files").check();
  await page.getByLabel("Each line of a file is an item").check();
  assert.equal(await page.getByLabel("Store the names of files").isDisabled(), true);
  assert.equal((await built(page)).names, null);
  await closeAndCheck(page);
});

test("a file that is gone ends the build with its name", async () => {
  const page = await visit("#build");
  const gone = path.join(work, "gone.txt");
  await writeFile(gone, "soon gone");
  await drop(page, "#build-drop", [gone]);
  await chosen(page, "1 file");
  await rm(gone);
  await page.click("#build-start");
  await page.getByRole("alert").getByText("gone.txt cannot be read").waitFor();
  await closeAndCheck(page);
});

test("names in a file next to the pack are read if both are dropped together", async () => {
  const page = await visit("#verify");
  await drop(page, "#verify-drop", companion);
  await page.locator('.list button[value="3"] .name').getByText("src/module-000/file-00003.rs").waitFor();
  await page.getByLabel("Filter by name").fill("file-04999");
  await page.locator(".where").getByText("1 to 1 of 1 match").waitFor();
  await closeAndCheck(page);
});

test("a pack without its names file lists items, and says what to open", async () => {
  const [pack, names] = companion;
  const page = await visit("#verify");
  await drop(page, "#verify-drop", [pack]);
  await page.getByRole("alert").getByText("open companion.pack together with companion.pack.names").waitFor();
  await page.locator('.list button[value="7"]').click();
  await page.getByRole("heading", { name: "Item 7", exact: true }).waitFor();
  await drop(page, "#verify-drop", [names]);
  await page.getByRole("alert").getByText("companion.pack.names has the names of a pack: choose it together").waitFor();
  await drop(page, "#verify-drop", [pack, names, names]);
  await page.getByRole("alert").getByText("one pack at a time").waitFor();
  const other = path.join(work, "other.pack.names");
  const changed = await readFile(names);
  changed[0] ^= 1;
  await writeFile(other, changed);
  await drop(page, "#verify-drop", [pack, other]);
  await page.getByRole("alert").getByText("does not have the hash that the pack states").waitFor();
  await closeAndCheck(page);
});

for (const [name, options] of Object.entries(APPEARANCES)) {
  test(`axe has no findings with files of any name, and nothing is cut off: ${name}`, async () => {
    const page = await visit("#build", options);
    const long = path.join(work, `${"no-space".repeat(25)}.bin`);
    await writeFile(long, "x");
    await drop(page, "#build-drop", [tree, long]);
    await chosen(page, `${TREE.length + 1} files`);
    await page.click("#build-start");
    await page.waitForSelector("#built");
    await looksRight(page, `files ${name}`);
    await closeAndCheck(page);
  });
}
