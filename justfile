# Short names for common commands. `just` is optional: every command works without
# it.

# run all tests, or some parts of them
test *parts:
    tests/run {{parts}}

# run the tests of one package
quick package='sealpack-core':
    cargo test -p {{package}}

# format and lint the code
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# compare packing and reading with the machine's limits (`--quick` for a first look)
bench *arguments:
    cargo bench -p sealpack-tests --bench packing -- {{arguments}}

# compare the output stream with std's BufWriter
bench-stream:
    cargo bench -p sealpack-core --bench stream

# fuzz a target, one of tail, record, whole, round_trip, stream, options, repaired, extensions
fuzz target seconds='900':
    tests/fuzz/run {{target}} {{seconds}}

# check that the tests detect each seeded bug (slow)
mutants:
    tests/run mutants

# run the proof on every small change to the output stream (slow)
stream-mutants:
    tests/run stream-mutants

# build the npm package
npm:
    node wasm/build.mjs

# open the documentation in a browser
doc:
    cargo doc --workspace --all-features --no-deps --open

# build the documentation site in target/site
site:
    node www/site.mjs

# accept changed snapshots of screens; look at the changes
snapshots:
    INSTA_UPDATE=always cargo test -p sealpack-tui
