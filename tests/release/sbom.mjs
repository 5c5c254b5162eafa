// Prints the bill of materials of the command for a target, as CycloneDX JSON:
//
//   node tests/release/sbom.mjs TARGET
//
// cargo-cyclonedx lists some optional crates that are not compiled, writes a file next to
// every manifest of the workspace, and records the folder of the sources. So it runs in a
// copy of the manifests, and the crates that cargo does not compile are removed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const [target] = process.argv.slice(2);
const run = (command, args, options = {}) =>
  execFileSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 << 20, ...options });

/** Returns the crates of the command for the target, as `name@version`. */
function compiled() {
  const tree = ["tree", "--package", "sealpack-tui", "--edges", "normal", "--target", target];
  const lines = run("cargo", [...tree, "--locked", "--prefix", "none", "--format", "{p}"]).split("\n");
  return new Set(lines.map((line) => line.split(" ")).map(([name, version]) => `${name}@${version?.slice(1)}`));
}

/** Returns the output of cargo-cyclonedx, with paths relative to the repository. */
function described() {
  const copy = mkdtempSync(path.join(os.tmpdir(), "sealpack-sbom-"));
  try {
    const sources = run("git", ["ls-files", "-z", "--", "Cargo.lock", "*.toml", "*.rs"]);
    const archive = execFileSync("tar", ["-cf", "-", "--null", "-T", "-"], { cwd: root, input: sources, maxBuffer: 256 << 20 });
    execFileSync("tar", ["-xf", "-"], { cwd: copy, input: archive });
    const options = ["--format", "json", "--spec-version", "1.5", "--describe", "binaries", "--no-build-deps", "--quiet"];
    run("cargo", ["cyclonedx", "--manifest-path", "tui/Cargo.toml", "--target", target, ...options], { cwd: copy });
    const text = readFileSync(path.join(copy, "tui", "sealpack_bin.cdx.json"), "utf8");
    return JSON.parse(text.replaceAll(`file://${copy}/`, "file:///"));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

const sbom = described();
const crates = compiled();
sbom.components = sbom.components.filter(({ name, version }) => crates.has(`${name}@${version}`));
const kept = new Set([sbom.metadata.component, ...sbom.components].map((component) => component["bom-ref"]));
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => (dependsOn ? { ref, dependsOn: dependsOn.filter((other) => kept.has(other)) } : { ref }));
const missing = crates.size - 2 - sbom.components.length; // an empty line, the command itself
if (missing !== 0) throw new Error(`${missing} crates are compiled but not described`);
console.log(JSON.stringify(sbom, null, 2));
