// Writes the npm package as it is published, into a folder that it empties first:
//
//   node wasm/package.mjs [FOLDER=target/npm]
//
// These are the files that package.json lists; build.mjs makes those of dist/.
// The scripts go without their comments, a third of their size: the repository
// has them, and index.d.ts documents the package. Names and lines remain, so
// that a stack or a breakpoint is readable.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

/** A script without comments, except those that start with `!`. */
async function withoutComments(text) {
  const { minify } = createRequire(import.meta.url)("terser");
  const format = { beautify: true, indent_level: 1, comments: /^!/, ecma: 2020 };
  const { code } = await minify(text, { module: true, compress: false, mangle: false, format });
  return `${code}\n`;
}

/** Writes the package into the folder; build.mjs must have been run. */
export async function writePackage(folder) {
  rmSync(folder, { recursive: true, force: true });
  const listed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: here,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  for (const { path: file } of JSON.parse(listed)[0].files) {
    const from = path.join(here, file);
    const to = path.join(folder, file);
    mkdirSync(path.dirname(to), { recursive: true });
    if (file.startsWith("js/") && file.endsWith(".js")) {
      writeFileSync(to, await withoutComments(readFileSync(from, "utf8")));
    } else if (file === "package.json") {
      writeFileSync(to, published(readFileSync(from, "utf8")));
    } else {
      cpSync(from, to);
    }
  }
}

/** The manifest without what only this repository needs. */
function published(text) {
  const { private: _private, scripts: _scripts, devDependencies: _tools, ...manifest } = JSON.parse(text);
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = path.resolve(process.argv[2] ?? path.join(here, "..", "target", "npm"));
  await writePackage(folder);
  console.log(folder);
}
