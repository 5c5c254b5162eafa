#!/usr/bin/env bash
# Installs the npm package's tarball into an empty project and builds, reads and
# verifies a pack there, without this repository and without a network.
#
#     tests/release/npm.sh WORK_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
project=$1/npm
mkdir "$project"
[ -f wasm/dist/read.wasm.gz ] || node wasm/build.mjs
node wasm/package.mjs "$1/published" >/dev/null
npm pack --silent --pack-destination "$project" "$1/published" >/dev/null
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
cat >"$project/main.js" <<'PROGRAM'
import assert from "node:assert/strict";
import { create, open } from "sealpack";

const builder = create();
for (let number = 0; number < 5000; number++) await builder.append(new TextEncoder().encode(`item ${number}`));
const { blob } = await builder.finish();

const pack = await open(blob);
assert.equal(new TextDecoder().decode(await pack.get(4321)), "item 4321");
assert.equal((await pack.verify({ workers: 1 })).ok, true);

const damaged = new Uint8Array(await blob.arrayBuffer());
damaged[10] ^= 1;
assert.equal((await (await open(damaged)).verify()).ok, false);
console.log(`built, read and verified ${pack.length} items; damage was noticed`);
PROGRAM
echo '{ "private": true, "type": "module" }' >"$project/package.json"
away=$PWD/tests/release/away.sh
"$away" "$project" npm install --silent --offline --no-audit --no-fund "./sealpack-$version.tgz"
"$away" "$project" node main.js
