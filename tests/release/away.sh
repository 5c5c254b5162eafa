#!/usr/bin/env bash
# Runs a command in a folder as on a machine without this repository: the command sees
# an empty folder in place of the repository, and has no network:
#
#     tests/release/away.sh FOLDER COMMAND…
#
# Needs user namespaces, or root.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --map-root-user --mount --net bash -euc '
    mount -t tmpfs none "$0"
    cd "$1"
    shift
    exec "$@"' "$repository" "$@"
