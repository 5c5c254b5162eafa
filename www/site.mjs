// Builds the documentation site, to be served by any server of static files, or read
// from a folder:
//
//   node www/site.mjs [FOLDER=target/site]
//
// Its chapters are the project's documents and www/site/guide; www/site/SUMMARY.md is
// the table of contents. A line `{{section README.md#install}}` in a chapter includes that
// part of a document (www/site/parts.mjs lists the kinds), so that no text is kept twice.
// The page of the folder www is the playground. Needs mdBook, which it installs below target/tools
// if it is missing, and the npm package's modules, which it builds if they are missing.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { anchorOf, documentOf, part } from "./site/parts.mjs";

const MDBOOK = "0.5.4";
const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const out = path.resolve(process.argv[2] ?? path.join(root, "target", "site"));
const work = path.join(root, "target", "site-source");
const read = (file) => readFileSync(path.join(root, file), "utf8");
const manifest = read("Cargo.toml");
const repository = /^repository = "(.*)"/m.exec(manifest)[1];

/** Returns the chapters of the table of contents, as paths below www/site. */
function chapters() {
  return Array.from(read("www/site/SUMMARY.md").matchAll(/\(([^)]+\.md)\)/g), ([, file]) => file);
}

/** Returns the `documentation` of a crate: the address of its API. */
function api(crate) {
  const folder = { "sealpack-core": "core", sealpack: "native" }[crate];
  return /^documentation = "(.*)"/m.exec(read(`${folder}/Cargo.toml`))[1];
}

const LINE = /^\{\{(\S+) (\S+)\}\}$/gm;

/** Maps each document, and each heading of a document, to its chapter: `README.md#install` → chapter. */
function places() {
  const found = new Map();
  for (const chapter of chapters()) {
    for (const [, kind, from] of read(`www/site/${chapter}`).matchAll(LINE)) {
      const file = from.split("#")[0];
      if (kind === "whole" || kind === "rest") found.set(file, chapter);
      if (kind === "whole") continue;
      const inside = documentOf(part(kind, read(file), from));
      if (from.includes("#")) found.set(from, chapter);
      for (const { title } of inside.headings) found.set(`${file}#${anchorOf(title)}`, chapter);
    }
  }
  if (!found.has("README.md")) found.set("README.md", "index.md");
  return found;
}

/** Converts a link of a document to a link of a chapter. */
function link(target, { file, chapter, map }) {
  if (/^[a-z]+:/.test(target)) return target;
  const [to, anchor] = target.split("#");
  const named = to === "" ? file : path.posix.join(path.posix.dirname(file), to);
  const relative = (page) => path.posix.relative(path.posix.dirname(chapter), page);
  if (named === "www") return relative("playground/index.html");
  if (/\.svg$/.test(named)) return relative(picture(named));
  const place = map.get(anchor ? `${named}#${anchor}` : named) ?? map.get(named);
  if (!place) return `${repository}/blob/main/${named}`;
  const page = place === chapter && anchor ? "" : relative(place);
  // If only the body of a section was included, its heading means the whole chapter.
  const isThere = anchor && documentOf(text(place, map, true)).headings.some(({ title }) => anchorOf(title) === anchor);
  return isThere ? `${page}#${anchor}` : page || path.posix.basename(place);
}

/** Copies a picture into the book. */
function picture(file) {
  const name = `pictures/${file.replaceAll("/", "-")}`;
  mkdirSync(path.join(work, "src", "pictures"), { recursive: true });
  cpSync(path.join(root, file), path.join(work, "src", name));
  return name;
}

/** Returns the text of a chapter; with `raw`, the links are left as the documents have them. */
function text(chapter, map, raw = false) {
  const relinked = (from, taken) => {
    const file = from.split("#")[0];
    // Links within code are left as they are.
    const pieces = taken.split(/(^```[\s\S]*?^```$|`[^`\n]*`)/m);
    return pieces
      .map((piece, index) =>
        index % 2 ? piece : piece.replace(/\]\(([^)\s]+)\)/g, (_, target) => `](${link(target, { file, chapter, map })})`),
      )
      .join("");
  };
  return read(`www/site/${chapter}`)
    .replace(/\{\{api (\S+?)\}\}/g, (_, crate) => api(crate))
    .replace(LINE, (_, kind, from) => {
      const taken = part(kind, read(from.split("#")[0]), from);
      return raw ? taken : relinked(from, taken);
    });
}

function mdbook() {
  const tools = path.join(root, "target", "tools");
  const command = path.join(tools, "bin", "mdbook");
  const version = (file) => {
    try {
      return execFileSync(file, ["--version"], { encoding: "utf8" });
    } catch {
      return "";
    }
  };
  const found = [command, "mdbook"].find((file) => version(file).includes(`v${MDBOOK}`));
  if (found) return found;
  console.log(`installing mdBook ${MDBOOK} into target/tools`);
  const quick = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "1", CARGO_PROFILE_RELEASE_LTO: "off", CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16" };
  const args = ["install", "mdbook", "--version", MDBOOK, "--locked", "--quiet", "--root", tools];
  execFileSync("cargo", args, { cwd: root, stdio: "inherit", env: { ...process.env, ...quick } });
  return command;
}

rmSync(work, { recursive: true, force: true });
rmSync(out, { recursive: true, force: true });
mkdirSync(path.join(work, "src"), { recursive: true });
for (const name of ["book.toml", "site.css"]) cpSync(path.join(here, "site", name), path.join(work, name));
cpSync(path.join(here, "site", "SUMMARY.md"), path.join(work, "src", "SUMMARY.md"));
const map = places();
for (const chapter of chapters()) {
  const file = path.join(work, "src", chapter);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text(chapter, map));
}
execFileSync(mdbook(), ["build", "--dest-dir", out, work], { stdio: ["ignore", "inherit", "inherit"] });

const playground = path.join(out, "playground");
if (!existsSync(path.join(root, "wasm", "dist", "read.wasm.gz")))
  execFileSync("node", ["wasm/build.mjs"], { cwd: root, stdio: "inherit" });
execFileSync("node", ["www/build.mjs", playground], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
console.log(out);
