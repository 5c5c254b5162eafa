//! The results of crashes and faults: the writer and the reader on disks that fail.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "tests"
)]

mod attempt;
mod callbacks;
mod crash;
mod crash_points;
mod explore;
mod faults;
mod kills;
mod large;
mod layer;
mod listed;
mod listed_faults;
mod model;
mod names_file;
mod publication_mutants;
mod reader_faults;
mod real;
mod threads;
