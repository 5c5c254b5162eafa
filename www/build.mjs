// Builds the page, to be served by any server of static files:
//
//   node www/build.mjs [FOLDER=target/www]
//
// The page consists of the files of this folder; its `sealpack/` is the npm
// package as users get it, and the stepper's module, which the package leaves out.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writePackage } from "../wasm/package.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const out = path.resolve(process.argv[2] ?? path.join(root, "target", "www"));
const npm = path.join(root, "wasm");

function page() {
  const html = readFileSync(path.join(here, "index.html"), "utf8");
  const map = /<script type="importmap">([^<]*)<\/script>/.exec(html)[1];
  // The policy allows the one inline script by its hash.
  const hash = createHash("sha256").update(map).digest("base64");
  return html.replace("sha256-IMPORTMAP", `sha256-${hash}`);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const name of ["js", "style.css", "icon.svg"])
  cpSync(path.join(here, name), path.join(out, name), { recursive: true });
writeFileSync(path.join(out, "index.html"), page());
cpSync(path.join(root, "tests", "fixtures", "zstd-ipr128.pack"), path.join(out, "sample.pack"));

await writePackage(path.join(out, "sealpack"));
for (const name of ["js/lab.js", "dist/lab.js", "dist/lab.packed.js"])
  cpSync(path.join(npm, name), path.join(out, "sealpack", name));
console.log(out);
