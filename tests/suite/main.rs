//! Tests across packages, one module for each kind of promise.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod broken;
mod caching;
mod copying;
mod dictionaries;
mod dictionary_fixtures;
mod dictionary_sweeps;
mod edges;
mod extensions;
mod faults;
mod hostile;
mod hygiene;
mod lending;
mod many;
mod mutants;
mod named_fixtures;
mod names;
mod names_file;
mod promises;
mod publication;
mod reading;
mod reference;
mod remote;
mod round_trip;
mod sets;
mod streams;
mod sweeps;
mod tidy;
mod trusted;
#[cfg(unix)]
mod unpack;
mod wasm_packs;
mod weaknesses;
mod writing;
