//! Every interleaving of the threads that pack: the shipped `ordered.rs` and
//! `write/pipeline.rs`, compiled against loom, which runs a small model once for
//! each order in which its threads can meet.
//!
//! This test compiles them by path and not by a `cfg` that would affect every
//! dependency, so an ordinary `cargo test` runs it. It does not use libtest, which
//! would include their unit tests, and those need real threads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unused_qualifications,
    reason = "tests"
)]

#[allow(dead_code, unused_imports, reason = "its unit tests are not used here")]
#[path = "../../native/src/ordered.rs"]
mod ordered;

#[path = "../../native/src/runs.rs"]
#[allow(dead_code, reason = "the panics of a thread are not used here")]
mod runs;

#[path = "../../native/src/caught.rs"]
#[allow(dead_code, reason = "the readers' half of it is not used here")]
mod caught;

#[path = "../../native/src/error.rs"]
#[allow(dead_code, reason = "only its kinds are used here")]
mod error;

mod models;
mod sync;
#[allow(dead_code, reason = "threads are used here, and not the pipeline without")]
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use sealpack_core::error::Cause;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trouble {
    Fails,
    Panics,
}

impl Trouble {
    fn strike(self, what: &str) -> Result<(), Cause> {
        match self {
            Self::Fails => Err(Cause::text(format!("{what} failed"))),
            Self::Panics => panic!("{what} panicked"),
        }
    }
}

/// Set while panics are expected: they are part of the test, and are not printed.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Runs a model once for each interleaving with at most `preemptions` preemptions
/// (a switch away from a thread that could have continued), and returns the number
/// of interleavings. `SEALPACK_PREEMPTIONS` allows more of them.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    let more = std::env::var("SEALPACK_PREEMPTIONS").map_or(0, |more| more.parse().unwrap());
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 10_000;
    let counted = std::sync::Arc::clone(&runs);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    runs.load(Ordering::Relaxed)
}

/// Whether some interleaving of a model deadlocks or panics.
pub(crate) fn is_found_out(preemptions: usize, model: impl Fn() + Send + Sync + 'static) -> bool {
    QUIET.store(true, Ordering::Relaxed);
    let found = catch_unwind(AssertUnwindSafe(|| explore(preemptions, model))).is_err();
    QUIET.store(false, Ordering::Relaxed);
    found
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload().downcast_ref::<String>();
        let struck = message.is_some_and(|message| message.ends_with(" panicked"));
        if !struck && !QUIET.load(Ordering::Relaxed) {
            previous(panic);
        }
    }));
    let mut failed = 0;
    for (name, test) in models::TESTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            let start = Instant::now();
            let ended = catch_unwind(test);
            let seconds = start.elapsed().as_secs_f32();
            match ended {
                Ok(said) => println!("test {name} ... ok, {said} ({seconds:.1} s)"),
                Err(_) => {
                    failed += 1;
                    println!("test {name} ... FAILED ({seconds:.1} s)");
                }
            }
        }
    }
    if failed > 0 {
        println!("{failed} failed");
        std::process::exit(1);
    }
}
