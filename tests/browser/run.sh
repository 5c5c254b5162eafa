#!/bin/sh
# Builds and tests the npm package and the page:
#
#   tests/browser/run.sh            everything (about 6 minutes on 2 cores, the first time)
#   tests/browser/run.sh --quick    without the packaging tests
#   PACKS=10000 DAMAGE_ROUNDS=60000 tests/browser/run.sh    number of packs and corruptions (default: 1000, 60000)
#
# Needs cargo with the wasm32-unknown-unknown target, clang, llvm-ar, Node 20 or later, and
# Chromium with its driver (CHROMIUM, CHROMEDRIVER; default: the paths of Debian).
set -eu
cd "$(dirname "$0")/../.."
: "${CHROMIUM:=/usr/bin/chromium}" "${CHROMEDRIVER:=/usr/bin/chromedriver}"
export CHROMIUM CHROMEDRIVER

title() { printf '\n== %s\n' "$*"; }

title "tools"
rustup target add wasm32-unknown-unknown 2>/dev/null || true
node wasm/build.mjs --tools
# Not `npm ci`: it requires Deno of every platform in the lock file, but npm
# writes only that of the platform it runs on. The lock file pins the versions.
[ -d tests/browser/node_modules ] ||
    npm install --prefix tests/browser --no-save --no-fund --no-audit --loglevel=error

title "the package and the page"
node wasm/build.mjs
node www/build.mjs

title "wasm-bindgen-test, in Node and in Chromium"
runner="$PWD/target/tools/bin/wasm-bindgen-test-runner"
for where in node browser; do
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$runner" \
        cargo test --package sealpack-wasm --all-features --target wasm32-unknown-unknown --test "$where"
done

title "the package in Node; the package and the page in Chromium"
node --test tests/browser/node/ tests/browser/pages/

title "packs built in wasm, read by the native reader"
packs=$(mktemp -d)
trap 'rm -rf "$packs"' EXIT
node tests/browser/dump.mjs "$packs" "${PACKS:-1000}"
# All features, as the part rust of tests/run has compiled it.
SEALPACK_WASM_PACKS="$packs" cargo test --workspace --all-features --locked --test suite wasm_packs -- \
    --ignored --nocapture

if [ "${1:-}" != --quick ]; then
    title "the tarball in fresh projects"
    node --test tests/browser/packaging/
fi
