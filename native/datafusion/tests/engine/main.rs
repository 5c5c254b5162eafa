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

mod counting;
mod encoded;
mod many;
mod packs;
mod results;
mod scripts;
mod trusted;
