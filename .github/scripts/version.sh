#!/usr/bin/env bash
# Checks that every file that names the version names the same one, and that a tag
# (refs/tags/vVERSION), if one is given, has that version, with a date in CHANGELOG.md:
#
#     .github/scripts/version.sh [REF]
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

wrong() {
    echo "$*, but Cargo.toml has $version" >&2
    exit 1
}

for crate in sealpack-core sealpack; do
    grep -q "^$crate = { path = \".*\", version = \"$version\" }" Cargo.toml ||
        wrong "[workspace.dependencies] has another version of $crate"
done
grep -q "^  \"version\": \"$version\",\$" wasm/package.json || wrong "wasm/package.json has another version"
grep -q "^## $version\\b" CHANGELOG.md || wrong "CHANGELOG.md has no section of it"
grep -q "/npm/sealpack@$version/" wasm/README.md || wrong "wasm/README.md imports another version"
case ${1:-} in
refs/tags/*)
    [ "$1" = "refs/tags/v$version" ] || wrong "the tag is $1"
    grep -q "^## $version, 20[0-9-]*\$" CHANGELOG.md || wrong "CHANGELOG.md has no date for it"
    ;;
esac
echo "$version"
