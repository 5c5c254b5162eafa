#!/usr/bin/env bash
# Builds the archive of the static binary and uses it as its users do: runs the binary
# in a folder that contains nothing else and the line that installs it, tries the
# completions, and checks the names that cargo-binstall looks for.
#
#     tests/release/binary.sh WORK_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1
target=$(uname -m)-unknown-linux-musl
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=sealpack-$version-$target
archives=$work/archives

fail() {
    echo "tests/release/binary.sh: $*" >&2
    exit 1
}

# Builds the archive twice and compares; nothing is compiled the second time.
tests/release/archive.sh "$target" "$archives"
(cd "$archives" && sha256sum --check --quiet "$name.tar.gz.sha256")
first=$(cat "$archives/$name.tar.gz.sha256")
tests/release/archive.sh "$target" "$archives" >/dev/null
[ "$first" = "$(cat "$archives/$name.tar.gz.sha256")" ] || fail "two archives of one commit differ"

tar -xzf "$archives/$name.tar.gz" -C "$work"
folder=$work/$name
for file in sealpack README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE sealpack.cdx.json \
    completions/{sealpack.bash,_sealpack,sealpack.fish,_sealpack.ps1} \
    man/{sealpack,sealpack-pack,sealpack-verify}.1; do
    [ -s "$folder/$file" ] || fail "the archive has no $file"
done
cmp "$folder/sealpack.cdx.json" "$archives/$name.cdx.json"

# Runs the binary with a folder as its whole file system, in which there is nothing else.
! readelf --program-headers "$folder/sealpack" | grep -q INTERP || fail "the binary is not static"
mkdir "$work/root"
cp "$folder/sealpack" "$work/root/"
tests/release/main-job.sh "$work/root" \
    unshare --map-root-user --mount --net chroot "$work/root" /sealpack

# Runs the line of the release notes, with these archives in place of the release's.
mkdir -p "$work/home/.local/bin"
line=$(sed -n "/^curl /{s/VERSION/$version/g;s|https://[^ ]*/v$version|file://$archives|p}" .github/release-notes.md)
(cd "$work/home" && HOME=$work/home bash -euo pipefail -c "$line")
[ "$("$work/home/.local/bin/sealpack" --version)" = "sealpack $version" ] || fail "the line installs nothing"

# Checks the address where cargo-binstall looks, by the metadata of the command.
metadata() {
    sed -n "/^\[package.metadata.binstall\]/,/^\$/s/^$1 = \"\(.*\)\"/\1/p" tui/Cargo.toml |
        sed "s/{ version }/$version/g;s/{ target }/$target/g;s/{ archive-suffix }/.tar.gz/;s/{ bin }/sealpack/;s/{ binary-ext }//"
}
[ "$(basename "$(metadata pkg-url)")" = "$name.tar.gz" ] || fail "cargo-binstall looks for $(metadata pkg-url)"
[ -x "$work/$(metadata bin-dir)" ] || fail "cargo-binstall looks for $(metadata bin-dir)"

# Checks what bash completes after a few letters, and the syntax of the completions of
# other shells, if those shells are installed.
complete='source "$0"; COMP_WORDS=(sealpack "$@"); COMP_CWORD=$#; _sealpack sealpack "${!#}" ""; echo "${COMPREPLY[*]}"'
[ "$(bash -c "$complete" "$folder/completions/sealpack.bash" veri)" = verify ] || fail "bash does not complete"
[ "$(bash -c "$complete" "$folder/completions/sealpack.bash" pack --items)" = --items-per-record ] ||
    fail "bash does not complete options"
for shell in zsh fish; do
    ! command -v $shell >/dev/null || $shell -n "$folder"/completions/*sealpack*"${shell#zsh}" || fail "$shell"
done
echo "$name: installed and used"
