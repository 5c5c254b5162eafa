#!/usr/bin/env bash
# The main job of the command, with nothing but the command:
#
#     tests/release/main-job.sh FOLDER COMMAND…
#
# packs files below FOLDER, reads them back, verifies, and notices damage. COMMAND runs
# `sealpack` with FOLDER as the current one.
set -euo pipefail
cd "$1"
shift
trap 'echo "main-job.sh: line $LINENO: $BASH_COMMAND" >&2' ERR
mkdir -p files/deep
seq 50000 >files/numbers
printf 'a few words' >files/deep/words

"$@" pack files -o files.pack >/dev/null
[ "$("$@" ls files.pack --names-only | sort | tr '\n' ' ')" = "deep/words numbers " ]
[ "$("$@" get files.pack deep/words)" = "a few words" ]
"$@" cat files.pack numbers | cmp - files/numbers
[ "$("$@" grep 777 files.pack --name numbers | wc -l)" = "$(grep -c 777 files/numbers)" ]
"$@" unpack files.pack -C copy >/dev/null
diff -r files copy
"$@" verify files.pack >/dev/null

printf damage | dd of=files.pack bs=1 seek=100 conv=notrunc status=none
status=0
"$@" verify files.pack >/dev/null 2>&1 || status=$?
[ "$status" = 1 ]
rm -r files copy files.pack
echo "packed, read, searched, unpacked and verified; damage was noticed"
