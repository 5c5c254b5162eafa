// The tarball of the npm package, as it would be published.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writePackage } from "../../wasm/package.mjs";

/** The folder of the npm package. */
export const npm = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "wasm");

export const run = promisify(execFile);

/** Writes the tarball into an empty folder, and returns its path. */
export async function makeTarball(folder) {
  const staged = path.join(folder, "published");
  await writePackage(staged);
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: staged });
  const name = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  return path.join(folder, name);
}
