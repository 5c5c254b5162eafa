#!/usr/bin/env bash
# Runs the commands of the guide, each chapter in an empty folder, with the given binary
# and without this repository:
#
#     tests/release/guide.sh WORK_FOLDER SEALPACK
#
# A line that begins with `!` must fail, as the chapter says.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1
bin=$(cd "$(dirname "$2")" && pwd)
for chapter in www/site/guide/*.md; do
    name=$(basename "$chapter" .md)
    script=$work/$name.sh
    sed -n '/^```sh$/,/^```$/p' "$chapter" | grep -v '^```' |
        sed -E 's/^! ([^#]*)/if \1; then exit 99; fi /' >"$script" || true
    [ -s "$script" ] || continue
    mkdir "$work/$name"
    if ! tests/release/away.sh "$work/$name" env PATH="$bin:$PATH" bash -eux "$script" >"$work/$name.log" 2>&1; then
        echo "the chapter $name does not work:" >&2
        tail -n 5 "$work/$name.log" >&2
        exit 1
    fi
    echo "the commands of the chapter $name work"
done
