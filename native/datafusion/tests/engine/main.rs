//! Packs as tables: results, requests, plans as bytes, damage, memory, cancellation.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "tests"
)]

// The shared files below use the package of the repository's tests by this name.
extern crate self as sealpack_tests;

#[path = "../../../../tests/src/child.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod child;
mod counting;
mod encoded;
mod many;
mod packs;
mod results;
mod s3;
mod scripts;
#[path = "../../../../tests/servers/start.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod start;
mod trusted;
mod writing;
