//! Work that several threads share and one takes back in order.
//!
//! ```text
//!  submit ──> waiting ──take──> a worker ──deliver──> done ──next──> in order
//!             '------------- at most `window` jobs ------------'
//! ```
//!
//! One lock guards everything, so that "the first error wins" is a fact and
//! not a race: [`fail`](Ordered::fail) keeps the first error, throws away what
//! waits, and wakes everybody; from then on every call answers "stopped".
//! The writer's pipeline and the reader's scans stand on this alone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use sealpack_core::write::Reorder;

/// Numbered jobs `J`, their results `R` in the order of the numbers, and the
/// first error `E`.
pub(crate) struct Ordered<J, R, E> {
    state: Mutex<State<J, R, E>>,
    /// Something was submitted, or there will be nothing more.
    work: Condvar,
    /// The next result is there, or there will be none.
    results: Condvar,
    /// The window has room.
    room: Condvar,
    window: usize,
    /// `state.stopped`, to be looked at without the lock.
    stopped: AtomicBool,
}

struct State<J, R, E> {
    submitted: u64,
    waiting: VecDeque<(u64, J)>,
    done: Reorder<R>,
    /// Jobs submitted whose results were not taken.
    within: usize,
    closed: bool,
    stopped: bool,
    failure: Option<E>,
}

/// There is no point in going on: somebody failed, or nobody listens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

impl<J, R, E: Clone> Ordered<J, R, E> {
    /// At most `window` jobs, at least one, are under way at any time.
    pub(crate) fn new(window: usize) -> Self {
        Self {
            state: Mutex::new(State {
                submitted: 0,
                waiting: VecDeque::new(),
                done: Reorder::new(),
                within: 0,
                closed: false,
                stopped: false,
                failure: None,
            }),
            work: Condvar::new(),
            results: Condvar::new(),
            room: Condvar::new(),
            window: window.max(1),
            stopped: AtomicBool::new(false),
        }
    }

    /// A thread that panics while it holds the lock leaves a state that is
    /// whole: nothing in this file runs foreign code under the lock.
    fn lock(&self) -> MutexGuard<'_, State<J, R, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        condition: &Condvar,
        state: MutexGuard<'a, State<J, R, E>>,
    ) -> MutexGuard<'a, State<J, R, E>> {
        condition.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in a job; waits for room in the window.
    pub(crate) fn submit(&self, job: J) -> Result<(), Stopped> {
        let mut state = self.lock();
        while state.within >= self.window && !state.stopped {
            state = Self::wait(&self.room, state);
        }
        self.accept(state, job)
    }

    /// Whether [`submit`](Self::submit) would not have to wait.
    pub(crate) fn has_room(&self) -> bool {
        self.lock().within < self.window
    }

    fn accept(&self, mut state: MutexGuard<'_, State<J, R, E>>, job: J) -> Result<(), Stopped> {
        if state.stopped {
            return Err(Stopped);
        }
        let number = state.submitted;
        state.submitted += 1;
        state.within += 1;
        state.waiting.push_back((number, job));
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// No more jobs will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.results.notify_all();
    }

    /// The next job, for a worker; `None` when there will be no more.
    pub(crate) fn take(&self) -> Option<(u64, J)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = Self::wait(&self.work, state);
        }
    }

    /// Hands in the result of a job.
    pub(crate) fn deliver(&self, number: u64, result: R) {
        let mut state = self.lock();
        if state.stopped {
            return;
        }
        state.done.insert(number, result);
        drop(state);
        self.results.notify_one();
    }

    /// The next result in order; `None` when there will be no more.
    pub(crate) fn next(&self) -> Option<R> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(result) = state.done.next() {
                state.within -= 1;
                drop(state);
                self.room.notify_one();
                return Some(result);
            }
            if state.closed && state.within == 0 {
                return None;
            }
            state = Self::wait(&self.results, state);
        }
    }

    /// Stops everything with an error; the first one is kept.
    pub(crate) fn fail(&self, error: E) {
        self.lock().failure.get_or_insert(error);
        self.stop();
    }

    /// Stops everything, without an error: nobody listens any more.
    pub(crate) fn stop(&self) {
        let dropped = {
            let mut state = self.lock();
            state.stopped = true;
            self.stopped.store(true, Ordering::Release);
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.done))
        };
        // Jobs and results are foreign values: dropped outside the lock.
        drop(dropped);
        self.work.notify_all();
        self.results.notify_all();
        self.room.notify_all();
    }

    /// The first error, if there was one. Costs no lock where there was none.
    pub(crate) fn failure(&self) -> Option<E> {
        if !self.stopped.load(Ordering::Acquire) {
            return None;
        }
        self.lock().failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    type Squares = Ordered<u64, u64, &'static str>;

    fn work(squares: &Squares) {
        while let Some((number, job)) = squares.take() {
            squares.deliver(number, job * job);
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs_and_none_is_lost() {
        for workers in 1..=4 {
            for window in [1, 2, 7] {
                let squares = Squares::new(window);
                thread::scope(|scope| {
                    for _ in 0..workers {
                        scope.spawn(|| work(&squares));
                    }
                    scope.spawn(|| {
                        for job in 0..1000 {
                            squares.submit(job).unwrap();
                        }
                        squares.close();
                    });
                    for expected in 0..1000u64 {
                        assert_eq!(squares.next(), Some(expected * expected));
                    }
                    assert_eq!(squares.next(), None);
                });
            }
        }
    }

    #[test]
    fn the_first_error_is_kept_and_everybody_stops() {
        let squares = Squares::new(2);
        thread::scope(|scope| {
            scope.spawn(|| work(&squares));
            let consumer = scope.spawn(|| std::iter::from_fn(|| squares.next()).count());
            squares.submit(1).unwrap();
            squares.fail("first");
            squares.fail("second");
            assert!(consumer.join().unwrap() <= 1);
        });
        assert_eq!(squares.failure(), Some("first"));
        assert_eq!(squares.submit(2), Err(Stopped));
        assert_eq!(squares.take(), None);
        assert_eq!(squares.next(), None);
    }

    #[test]
    fn no_more_than_the_window_is_under_way() {
        let squares = Squares::new(3);
        (0..3).for_each(|job| squares.submit(job).unwrap());
        assert!(!squares.has_room());
        let (number, job) = squares.take().unwrap();
        squares.deliver(number, job);
        assert!(!squares.has_room(), "a result that waits counts");
        assert_eq!(squares.next(), Some(0));
        assert!(squares.has_room());
    }
}
