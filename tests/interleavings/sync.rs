//! The types of `native/src/sync.rs`, from loom: at every lock, wait and wake-up
//! another thread may continue. A bug can be seeded in them, to check that the models
//! detect it.

use std::cell::Cell;
use std::sync::LockResult;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use loom::thread::{Builder, JoinHandle};

/// The seeded bug of the condition variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CondvarMutant {
    None,
    /// `notify_one` wakes no thread.
    NotifyOneWakesNone,
    /// `notify_all` wakes only one thread.
    NotifyAllWakesOne,
}

thread_local! {
    // loom runs the threads of a model on the thread that runs the model.
    static MUTANT: Cell<CondvarMutant> = const { Cell::new(CondvarMutant::None) };
}

/// Runs `work` with a bug in the condition variables.
pub(crate) fn with_mutant(mutant: CondvarMutant, work: impl FnOnce()) {
    MUTANT.set(mutant);
    work();
    MUTANT.set(CondvarMutant::None);
}

/// A condition variable that may have a seeded bug.
pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
    }

    pub(crate) fn notify_one(&self) {
        if MUTANT.get() != CondvarMutant::NotifyOneWakesNone {
            self.0.notify_one();
        }
    }

    pub(crate) fn notify_all(&self) {
        if MUTANT.get() == CondvarMutant::NotifyAllWakesOne {
            self.0.notify_one();
        } else {
            self.0.notify_all();
        }
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }
}
