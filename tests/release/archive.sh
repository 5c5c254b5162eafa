#!/usr/bin/env bash
# Builds the archive of the command for a target, and next to it its checksum and its
# bill of materials:
#
#     tests/release/archive.sh TARGET [FOLDER=target/archives]
#
# The archive contains the binary, and what packages of the command install with it:
# shell completions and manual pages. The binary itself generates them, so they always
# describe its own options. TARGET must run on this machine. Needs cargo-cyclonedx
# and Node, and musl-gcc for a musl target. PROFILE names another cargo profile than
# `release`.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$1
mkdir -p "${2:-target/archives}"
out=$(cd "${2:-target/archives}" && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=sealpack-$version-$target
exe=
case $target in *-windows-*) exe=.exe ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=$work/$name
mkdir -p "$folder/completions" "$folder/man"

# The archive is the same whenever and wherever this commit is built.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

profile=${PROFILE:-release}
cargo build --profile "$profile" --locked --package sealpack-tui --target "$target"
binary=${CARGO_TARGET_DIR:-target}/$target/$profile/sealpack$exe
cp "$binary" "$folder/"
for shell in bash zsh fish powershell; do
    case $shell in
    bash) file=sealpack.bash ;;
    zsh) file=_sealpack ;;
    fish) file=sealpack.fish ;;
    powershell) file=_sealpack.ps1 ;;
    esac
    "$binary" generate completions $shell >"$folder/completions/$file"
done
"$binary" generate man "$folder/man"
cp LICENSE-MIT LICENSE-APACHE CHANGELOG.md "$folder/"
cp tui/README.md "$folder/README.md"
node tests/release/sbom.mjs "$target" >"$folder/sealpack.cdx.json"
cp "$folder/sealpack.cdx.json" "$out/$name.cdx.json"

case $target in
*-windows-*)
    archive=$name.zip
    (cd "$work" && 7z a -bso0 "$out/$archive" "$name")
    ;;
*)
    archive=$name.tar.gz
    if tar --version | grep -q GNU; then
        same=(--sort=name --owner=0 --group=0 --numeric-owner "--mtime=@$SOURCE_DATE_EPOCH")
    else
        same=(--uid 0 --gid 0)
    fi
    tar -C "$work" "${same[@]}" -cf - "$name" | gzip -n9 >"$out/$archive"
    ;;
esac
if command -v sha256sum >/dev/null; then
    (cd "$out" && sha256sum "$archive" >"$archive.sha256")
else
    (cd "$out" && shasum -a 256 "$archive" >"$archive.sha256")
fi
echo "$out/$archive"
