//! The command as scripts use it: the binary, its output and its exit status.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "test code: a panic is a failed test"
)]

mod check;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../tests/src/child.rs"]
mod child;
mod dictionary;
mod diff;
mod endings;
mod files;
mod fixtures;
mod generate;
mod grep;
mod help;
mod hostile_packs;
mod http;
mod limits;
mod ls;
mod named;
mod names;
mod odd_web;
mod pack;
mod plan;
mod printing;
mod read;
mod remote;
mod repack;
mod round_trip;
mod run;
mod s3;
mod set_verbs;
mod sets;
mod state;
mod stores;
mod tar;
mod trust;
mod unpack;
mod verify;
mod web;
