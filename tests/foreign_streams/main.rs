//! Runs streams of other projects in the checker: the invariants that each promises,
//! and those that it breaks.
//!
//! Each file is an example of an adapter for a stream, and of a failure to step through.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests panic")]

mod buffered;
mod buffered_async;
mod multipart;
#[path = "../../core/tests/std_buffer/mod.rs"]
mod std_buffer;

use sealpack_core::check::{Invariant, OpenSubject, Walk};
use sealpack_core::stream::{BufferSize, Shape};

/// The invariants that a walk finds broken, each with its smallest case.
fn broken(shape: Shape, open: OpenSubject<'_>, faults: bool) -> Vec<(Invariant, String)> {
    let mut found = Vec::new();
    for invariant in Invariant::ALL {
        let walk = Walk::new(shape, open).cases(300).checking(&[invariant]);
        let walk = if faults { walk } else { walk.without_faults() };
        found.extend(walk.run().violation.map(|(broken, case)| (broken, case.to_string())));
    }
    found
}

fn size(bytes: usize) -> BufferSize {
    BufferSize::new(bytes).unwrap()
}
