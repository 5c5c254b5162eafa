//! Packs on two independent S3 servers: `s3s-fs`, which checks signatures, and
//! moto, which checks preconditions. `tests/run remote` installs both and runs
//! these tests; they are ignored otherwise.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod command;
mod flaky;
mod large;
mod library;
mod start;

use sealpack::{Plain, Writer, WriterOptions};
use sealpack_tests::incompressible::{item, pack};

fn plain() -> WriterOptions {
    Writer::options().codec(Plain).items_per_record(16)
}
