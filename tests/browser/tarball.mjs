// The tarball of the npm package, as it would be published.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The folder of the npm package. */
export const npm = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "wasm");

export const run = promisify(execFile);

/** Writes the tarball into an empty folder, and returns its path. */
export async function makeTarball(folder) {
  await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: npm });
  const name = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  return path.join(folder, name);
}
