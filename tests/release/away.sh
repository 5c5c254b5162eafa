#!/usr/bin/env bash
# Runs a command in a folder as on a machine that never saw this repository: there the
# repository is an empty folder, and there is no network:
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
