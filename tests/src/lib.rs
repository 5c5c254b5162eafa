//! Code that the tests of several packages share: the reference files, the promises
//! for arbitrary bytes, packs whose content is derived from a number, items that do
//! not compress, and processes.
//!
//! `fixtures/` holds packs that the Go library wrote, with the items, the app data
//! and the options of each (`manifest.json`), and packs that were broken on
//! purpose, with the results of the library's own reader for them
//! (`corrupt/manifest-corrupt.json`).

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot read its data fails"
)]

pub mod child;
pub mod fixtures;
pub mod hostile;
pub mod incompressible;
pub mod numbered;

/// Checks that the examples of the repository's front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct RepositoryReadme;
