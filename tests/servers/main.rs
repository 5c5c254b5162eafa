//! Packs on two independent S3 servers: `s3s-fs`, which checks signatures, and
//! moto, which checks preconditions. `tests/run remote` installs both and runs
//! this; without them the tests cannot pass, so they are ignored.

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

/// Bytes that do not compress, so that packs are as large as they look.
#[allow(clippy::cast_possible_truncation, reason = "pseudo-random bytes")]
fn item(number: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn plain() -> WriterOptions {
    Writer::options().codec(Plain).items_per_record(16)
}

/// The pack that a file would have.
fn pack(options: WriterOptions, count: u32, length: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pack");
    let mut writer = options.create(&path).unwrap();
    (0..count).for_each(|number| writer.append(&item(number, length)).unwrap());
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}
