//! The locks and threads that the pipeline uses, in one place: the tests compile
//! `ordered.rs` and `write/pipeline.rs` against a scheduler that tries every
//! interleaving (`tests/interleavings`).

pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::{Builder, JoinHandle};
