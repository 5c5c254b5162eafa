# One word a chore. `just` is a convenience: each line is a command that works
# without it.

# everything that must hold
test *parts:
    tests/run {{parts}}

# the tests of one package, fast
quick package='sealpack-core':
    cargo test -p {{package}}

# format and lint
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# packing and reading beside their limits (add `--quick` for a look)
bench *arguments:
    cargo bench -p sealpack-tests --bench packing -- {{arguments}}

# the output stream beside std's BufWriter
bench-stream:
    cargo bench -p sealpack-core --bench stream

# fuzz a target: tail, record, whole, round_trip, stream, options, repaired
fuzz target seconds='900':
    tests/fuzz/run {{target}} {{seconds}}

# deliberately broken variants, each seen to fail (slow)
mutants:
    tests/run mutants

# the npm package
npm:
    node wasm/build.mjs

# the documentation, in a browser
doc:
    cargo doc --workspace --all-features --no-deps --open

# accept changed screen snapshots after looking at them
snapshots:
    INSTA_UPDATE=always cargo test -p sealpack-tui
