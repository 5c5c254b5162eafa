//! The command as scripts see it: the real binary, its output and its exit
//! status.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code: a panic is a failed test"
)]

mod check;
mod diff;
mod endings;
mod fixtures;
mod http;
mod limits;
mod odd_web;
mod pack;
mod printing;
mod read;
mod remote;
mod run;
mod s3;
mod state;
mod stores;
mod trust;
mod verify;
mod web;
