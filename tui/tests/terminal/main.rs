//! The program itself on a real pseudo-terminal. The effects of a panic are tested next to
//! the loop, in `src/terminal/tests.rs`: nothing in the program panics on request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests panic"
)]
#![cfg(unix)]

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../tests/src/child.rs"]
mod child;
mod input;
mod items;
mod jobs;
mod lifecycle;
mod prompts;
#[path = "../pty/mod.rs"]
#[allow(dead_code, reason = "the tests of the pictures use the rest of it")]
mod pty;

use std::path::{Path, PathBuf};

use pty::Session;
use sealpack::{Plain, Writer};

const SEALPACK: &str = env!("CARGO_BIN_EXE_sealpack");

fn fixture(name: &str) -> String {
    format!("{}/../tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn inspector(columns: u16, rows: u16) -> Session {
    let session =
        Session::start(SEALPACK, &["inspect", &fixture("hash-ipr128.pack")], columns, rows);
    session.wait_for("? help");
    session
}

/// A pack of 2,000 records of one item, `line 0` to `line 1999`.
fn lines(folder: &Path) -> PathBuf {
    let path = folder.join("lines.pack");
    let mut writer = Writer::options().codec(Plain).items_per_record(1).create(&path).unwrap();
    for number in 0..2000 {
        writer.append(format!("line {number}").as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    path
}
