// TypeScript checks the code of the package and of the page, and that the package's declarations
// match its code.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { INDEX, LAB, OPTIONS } from "../types/exports.js";

const tests = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const js = path.join(tests, "..", "..", "wasm", "js");
const page = path.join(tests, "..", "..", "www", "js");
const tsc = path.join(tests, "node_modules", "typescript", "bin", "tsc");
const run = promisify(execFile);
const PACKAGE = ["tsconfig.json", "tsconfig.node.json", "tsconfig.workerd.json"];
const PAGE = ["tsconfig.page.json"];

for (const project of [...PACKAGE, ...PAGE]) {
  test(`the code has no type errors, and its types are the declared ones: ${project}`, async () => {
    await run(tsc, ["--project", path.join(tests, "types", project)]).catch(({ stdout, message }) =>
      assert.fail(stdout || message),
    );
  });
}

test("the entry points export what they declare", async () => {
  const index = await import("../../../wasm/js/index.js");
  const node = await import("../../../wasm/js/index.node.js");
  const lab = await import("../../../wasm/js/lab.js");
  assert.deepEqual(Object.keys(index).sort(), Object.keys(INDEX).sort());
  assert.deepEqual(Object.keys(node).sort(), Object.keys(INDEX).sort());
  assert.deepEqual(Object.keys(lab).sort(), Object.keys(LAB).sort());
});

test("the code reads every option that the declarations accept", async () => {
  const files = (await readdir(js, { recursive: true })).filter((name) => name.endsWith(".js"));
  const texts = await Promise.all(files.map((name) => readFile(path.join(js, name), "utf8")));
  const code = texts.join("\n").replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
  const unread = Object.keys(OPTIONS).filter((name) => !new RegExp(`[{,.]\\s*${name}\\b`).test(code));
  assert.deepEqual(unread, []);
});

for (const [what, folder, projects] of [
  ["package", js, PACKAGE],
  ["page", page, PAGE],
]) {
  test(`TypeScript checks every file of the ${what}`, async () => {
    const checked = new Set();
    for (const project of projects) {
      const { stdout } = await run(tsc, ["--project", path.join(tests, "types", project), "--listFilesOnly"]);
      for (const file of stdout.split("\n")) checked.add(path.relative(folder, file));
    }
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".js"));
    const unchecked = files.filter((name) => !checked.has(name));
    assert.deepEqual(unchecked, []);
    for (const name of files) {
      const text = await readFile(path.join(folder, name), "utf8");
      assert.doesNotMatch(text, /@ts-(ignore|nocheck|expect-error)/, name);
    }
  });
}

test("the modules import each other in one direction", async () => {
  const files = (await readdir(js, { recursive: true })).filter((name) => name.endsWith(".js"));
  const imports = new Map();
  for (const name of files) {
    const text = await readFile(path.join(js, name), "utf8");
    const found = text.matchAll(/^(?:import|export)[^;]*? from "(\.[^"]+)"/gm);
    const local = Array.from(found, ([, target]) => path.join(path.dirname(name), target));
    imports.set(name, local.filter((target) => !target.startsWith("..")));
  }
  const visit = (name, trail) => {
    assert.ok(!trail.includes(name), [...trail, name].join(" → "));
    for (const target of imports.get(name) ?? []) visit(target, [...trail, name]);
  };
  for (const name of files) visit(name, []);
});
