//! Contiguous runs of jobs, for threads whose results need no order.
//!
//! A thread takes a run with one atomic addition: no lock, and no wake-up.

use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// The numbers of jobs, in runs.
pub(crate) struct Runs {
    next: AtomicUsize,
    stopped: AtomicBool,
    jobs: usize,
    run: usize,
}

impl Runs {
    /// Divides jobs into runs of `length`.
    pub(crate) fn of_length(jobs: usize, length: usize) -> Self {
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { next, stopped, jobs, run: length.max(1) }
    }

    /// Returns the next run; `None` when there are no more jobs, or the work was
    /// stopped.
    pub(crate) fn take(&self) -> Option<std::ops::Range<usize>> {
        if self.is_stopped() {
            return None;
        }
        // This cannot overflow: a thread stops at its first number beyond the last job.
        let start = self.next.fetch_add(self.run, Ordering::Relaxed);
        (start < self.jobs).then(|| start..self.jobs.min(start.saturating_add(self.run)))
    }

    /// Stops the work: no thread begins another job.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Returns whether the work was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

/// Stops the work when a thread ends by a panic.
pub(crate) struct StopOnPanic<'a>(pub(crate) &'a Runs);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}
