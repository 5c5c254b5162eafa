//! The names of `native/src/sync.rs`, from loom: at every lock, wait and wake-up
//! another thread may continue. A flaw can be added to them, to check that the
//! models detect it.

use std::cell::Cell;
use std::sync::LockResult;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use loom::thread::{Builder, JoinHandle};

/// The flaw of the condition variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flaw {
    Nothing,
    /// Waking one thread wakes no thread.
    OneIsNotWoken,
    /// Waking all threads wakes only one.
    AllAreOne,
}

thread_local! {
    // loom runs the threads of a model on the thread that runs the model.
    static FLAW: Cell<Flaw> = const { Cell::new(Flaw::Nothing) };
}

/// Runs `work` with flawed condition variables.
pub(crate) fn with_flaw(flaw: Flaw, work: impl FnOnce()) {
    FLAW.set(flaw);
    work();
    FLAW.set(Flaw::Nothing);
}

/// A condition variable that may have a flaw.
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn notify_one(&self) {
        if FLAW.get() != Flaw::OneIsNotWoken {
            self.0.notify_one();
        }
    }

    pub(crate) fn notify_all(&self) {
        if FLAW.get() == Flaw::AllAreOne {
            self.0.notify_one();
        } else {
            self.0.notify_all();
        }
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }
}
