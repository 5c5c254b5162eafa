//! A cluster for real: a scheduler and three executors as processes on loopback, and 64
//! packs in an S3 server. `tests/run engine` installs the servers and runs these tests;
//! they are ignored otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

// The shared files below use the package of the repository's tests by this name.
extern crate self as sealpack_tests;

#[path = "../../../../../tests/src/child.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod child;
mod fixture;
mod killed;
mod proxy;
mod queries;
#[path = "../../../tests/engine/s3.rs"]
mod s3;
#[path = "../../../../../tests/servers/start.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod start;
mod wrong;
