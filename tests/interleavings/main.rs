//! Every interleaving of the threads that pack: the shipped `ordered.rs` and
//! `write/pipeline.rs`, compiled against loom, which runs a small model once for each
//! order of the threads' steps.
//!
//! This test includes the files by path instead of setting a `cfg`, which would affect
//! every dependency; so an ordinary `cargo test` runs it. It does not use libtest,
//! which would include their unit tests, and those need real threads.

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

#[path = "../../native/src/panics.rs"]
#[allow(dead_code, reason = "the part for readers is not used here")]
mod panics;

#[path = "../../native/src/error.rs"]
#[allow(dead_code, unused_imports, reason = "only its kinds are used here")]
mod error;

mod models;
mod sync;
#[allow(dead_code, reason = "the pipeline without threads is not used here")]
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use sealpack_core::error::Cause;

/// How the code that the model provides fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum InjectedFailure {
    Fails,
    Panics,
}

impl InjectedFailure {
    fn trigger(self, what: &str) -> Result<(), Cause> {
        match self {
            Self::Fails => Err(Cause::text(format!("{what} failed"))),
            Self::Panics => panic!("{what} panicked"),
        }
    }
}

/// Set while panics are expected, which are then not printed.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Runs a model once for each interleaving with at most `preemptions` preemptions
/// (a switch away from a thread that could have continued), and returns the number
/// of interleavings. `SEALPACK_PREEMPTIONS` allows more of them.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    let additional =
        std::env::var("SEALPACK_PREEMPTIONS").map_or(0, |additional| additional.parse().unwrap());
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions + additional);
    builder.max_branches = 10_000;
    let counted = std::sync::Arc::clone(&runs);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    runs.load(Ordering::Relaxed)
}

/// Whether some interleaving of a model deadlocks or panics.
pub(crate) fn is_detected(preemptions: usize, model: impl Fn() + Send + Sync + 'static) -> bool {
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
        let is_injected = message.is_some_and(|message| message.ends_with(" panicked"));
        if !is_injected && !QUIET.load(Ordering::Relaxed) {
            previous(panic);
        }
    }));
    let mut failed = 0;
    for (name, test) in models::TESTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            let start = Instant::now();
            let result = catch_unwind(test);
            let seconds = start.elapsed().as_secs_f32();
            match result {
                Ok(summary) => println!("test {name} ... ok, {summary} ({seconds:.1} s)"),
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
