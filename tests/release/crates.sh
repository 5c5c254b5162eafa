#!/usr/bin/env bash
# Packages the crates, builds each from its package, and uses them as their users do:
# in empty projects that have nothing but the packages and what they depend on.
#
#     tests/release/crates.sh WORK_FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1
away=$PWD/tests/release/away.sh
crates=(sealpack-core sealpack sealpack-tui)

# One build folder outside the repository for all projects here, and little optimisation:
# each dependency is compiled once.
export CARGO_TARGET_DIR=$work/target
export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0

# Packages the crates and builds them from the packages, against each other.
package() {
    cargo fetch --locked --quiet
    cargo package "${crates[@]/#/--package=}" --all-features --locked --offline --allow-dirty --quiet
    local crate names
    for crate in "$CARGO_TARGET_DIR"/package/*.crate; do
        names=$(tar -tzf "$crate")
        for name in README.md LICENSE-MIT LICENSE-APACHE Cargo.lock; do
            grep -q "^[^/]*/$name$" <<<"$names" || { echo "$crate has no $name" >&2; exit 1; }
        done
        if grep -E '/(tests|fixtures|snapshots)/' <<<"$names"; then
            echo "$crate has files of tests" >&2
            exit 1
        fi
    done
}

# Makes a registry of the packages and everything that they depend on, and a
# configuration of cargo that uses only this registry.
registry() {
    local crate name sum
    cargo vendor --locked --offline --versioned-dirs --quiet "$work/registry" >/dev/null
    for crate in "$CARGO_TARGET_DIR"/package/*.crate; do
        name=$(basename "$crate" .crate)
        sum=$(sha256sum "$crate")
        tar -xzf "$crate" -C "$work/registry"
        printf '{"files":{},"package":"%s"}' "${sum%% *}" >"$work/registry/$name/.cargo-checksum.json"
    done
    mkdir -p "$work/cargo"
    cat >"$work/cargo/config.toml" <<CONFIG
[source.crates-io]
replace-with = "packages"
[source.packages]
directory = "$work/registry"
CONFIG
}

# Prints the first example of a README as a program: `program README ERROR_TYPE`.
program() {
    printf 'fn main() -> Result<(), %s> {\n' "$2"
    sed -n '/^```rust/,/^```$/p' "$1" | sed '1d; /^```$/,$d; /^# Ok::/d; s/^# //'
    printf 'Ok(())\n}\n'
}

# Runs the example of a crate's front page in an empty project.
front_page() {
    local crate=$1 error=$2 project=$work/use-$1
    CARGO_HOME=$work/cargo cargo new --quiet --vcs none --name "use-$crate" "$project"
    "$away" "$project" env CARGO_HOME="$work/cargo" cargo add --quiet --offline "$crate"
    program "$work/registry/$crate"-[0-9]*/README.md "$error" >"$project/src/main.rs"
    "$away" "$project" env CARGO_HOME="$work/cargo" cargo run --quiet --offline
}

# Installs the command and packs, reads and verifies with it.
command_line() {
    "$away" "$work" env CARGO_HOME="$work/cargo" \
        cargo install --quiet --offline --locked --debug --root "$work/installed" sealpack-tui
    # The script itself lies in the repository, which cannot be reached there.
    cp tests/release/main-job.sh "$work/"
    mkdir "$work/job"
    "$away" "$work" "$work/main-job.sh" "$work/job" "$work/installed/bin/sealpack"
}

package
registry
front_page sealpack-core sealpack_core::stream::StreamRefusal
front_page sealpack sealpack::Error
ls "$work/use-sealpack/out.pack" >/dev/null
command_line
