//! Work that several threads share and one takes back in order.
//!
//! ```text
//!  submit ──> waiting ──take──> a worker ──deliver──> done ──next──> in order
//!             '------------- no more than the window ------------'
//! ```
//!
//! The window counts jobs, and beyond a few of them their bytes: small jobs may
//! be many, so that a worker that is faster with several at once finds them;
//! large ones may not.
//!
//! One lock guards everything, so that "the first error wins" is a fact and
//! not a race: [`fail`](Ordered::fail) keeps the first error, throws away what
//! waits, and wakes everybody; from then on every call answers "stopped".
//! The writer's pipeline and the reader's scans stand on this alone.

use std::collections::VecDeque;
use std::sync::PoisonError;

use sealpack_core::write::Reorder;

use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};

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
    window: Window,
    /// `state.stopped`, to be looked at without the lock.
    stopped: AtomicBool,
}

/// How much may be under way: submitted, and its result not taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// So many jobs, whatever their size; at least one.
    pub(crate) jobs: usize,
    /// More jobs, while all of them together have fewer bytes than this.
    pub(crate) bytes: u64,
}

impl Window {
    /// A window that counts jobs alone.
    pub(crate) fn of_jobs(jobs: usize) -> Self {
        Self { jobs, bytes: 0 }
    }

    fn has_room(self, jobs: usize, bytes: u64) -> bool {
        jobs < self.jobs.max(1) || bytes < self.bytes
    }
}

/// The place of a job in the order, which its result is delivered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    number: u64,
    bytes: u64,
}

struct State<J, R, E> {
    submitted: u64,
    waiting: VecDeque<(Ticket, J)>,
    done: Reorder<(Ticket, R)>,
    /// Jobs under way, and their bytes.
    within: usize,
    bytes: u64,
    closed: bool,
    stopped: bool,
    failure: Option<E>,
}

/// What there is to do for somebody who takes results and works too.
pub(crate) enum Turn<J, R> {
    /// The next result is there.
    Result(R),
    /// It is not, but here is a job that nobody has taken.
    Job(Ticket, J),
    /// There will be no more.
    Over,
}

/// There is no point in going on: somebody failed, or nobody listens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

impl<J, R, E: Clone> Ordered<J, R, E> {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            state: Mutex::new(State {
                submitted: 0,
                waiting: VecDeque::new(),
                done: Reorder::new(),
                within: 0,
                bytes: 0,
                closed: false,
                stopped: false,
                failure: None,
            }),
            work: Condvar::new(),
            results: Condvar::new(),
            room: Condvar::new(),
            window,
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

    /// Hands in a job of so many bytes; waits for room in the window.
    pub(crate) fn submit(&self, job: J, bytes: u64) -> Result<(), Stopped> {
        let mut state = self.lock();
        while !self.window.has_room(state.within, state.bytes) && !state.stopped {
            state = Self::wait(&self.room, state);
        }
        if state.stopped {
            return Err(Stopped);
        }
        let ticket = Ticket { number: state.submitted, bytes };
        state.submitted += 1;
        state.within += 1;
        state.bytes = state.bytes.saturating_add(bytes);
        state.waiting.push_back((ticket, job));
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Whether [`submit`](Self::submit) would not have to wait.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.lock();
        self.window.has_room(state.within, state.bytes)
    }

    /// No more jobs will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.results.notify_all();
    }

    /// The next job, for a worker; `None` when there will be no more.
    pub(crate) fn take(&self) -> Option<(Ticket, J)> {
        self.take_many(1).pop()
    }

    /// The next job and those waiting behind it, `most` in all; none when
    /// there will be no more. It waits for one and not for more.
    pub(crate) fn take_many(&self, most: usize) -> Vec<(Ticket, J)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Vec::new();
            }
            if !state.waiting.is_empty() {
                let count = most.max(1).min(state.waiting.len());
                return state.waiting.drain(..count).collect();
            }
            if state.closed {
                return Vec::new();
            }
            state = Self::wait(&self.work, state);
        }
    }

    /// Hands in the result of a job.
    pub(crate) fn deliver(&self, ticket: Ticket, result: R) {
        let mut state = self.lock();
        if state.stopped {
            return;
        }
        state.done.insert(ticket.number, (ticket, result));
        drop(state);
        self.results.notify_one();
    }

    /// The next result in order; `None` when there will be no more.
    pub(crate) fn next(&self) -> Option<R> {
        match self.turn(|_| None) {
            Turn::Result(result) => Some(result),
            Turn::Job(..) | Turn::Over => None,
        }
    }

    /// As [`next`](Self::next), but hands out a job rather than wait while there
    /// is one.
    pub(crate) fn next_or_job(&self) -> Turn<J, R> {
        self.turn(VecDeque::pop_front)
    }

    fn turn(
        &self,
        job: impl Fn(&mut VecDeque<(Ticket, J)>) -> Option<(Ticket, J)>,
    ) -> Turn<J, R> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Turn::Over;
            }
            if let Some((ticket, result)) = state.done.next() {
                state.within -= 1;
                state.bytes = state.bytes.saturating_sub(ticket.bytes);
                drop(state);
                self.room.notify_one();
                return Turn::Result(result);
            }
            if let Some((ticket, job)) = job(&mut state.waiting) {
                return Turn::Job(ticket, job);
            }
            if state.closed && state.within == 0 {
                return Turn::Over;
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

    fn squares(jobs: usize) -> Squares {
        Squares::new(Window::of_jobs(jobs))
    }

    fn work(squares: &Squares, most: usize) {
        loop {
            let jobs = squares.take_many(most);
            if jobs.is_empty() {
                return;
            }
            jobs.into_iter().for_each(|(ticket, job)| squares.deliver(ticket, job * job));
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs_and_none_is_lost() {
        for workers in 1..=4 {
            for window in [1, 2, 7] {
                let squares = squares(window);
                thread::scope(|scope| {
                    for worker in 0..workers {
                        let squares = &squares;
                        scope.spawn(move || work(squares, 1 + 2 * worker));
                    }
                    scope.spawn(|| {
                        for job in 0..1000 {
                            squares.submit(job, 1).unwrap();
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
        let squares = squares(2);
        thread::scope(|scope| {
            scope.spawn(|| work(&squares, 1));
            let consumer = scope.spawn(|| std::iter::from_fn(|| squares.next()).count());
            squares.submit(1, 1).unwrap();
            squares.fail("first");
            squares.fail("second");
            assert!(consumer.join().unwrap() <= 1);
        });
        assert_eq!(squares.failure(), Some("first"));
        assert_eq!(squares.submit(2, 1), Err(Stopped));
        assert_eq!(squares.take(), None);
        assert_eq!(squares.next(), None);
    }

    #[test]
    fn no_more_than_the_window_is_under_way() {
        let squares = squares(3);
        (0..3).for_each(|job| squares.submit(job, 100).unwrap());
        assert!(!squares.has_room());
        let (ticket, job) = squares.take().unwrap();
        squares.deliver(ticket, job);
        assert!(!squares.has_room(), "a result that waits counts");
        assert_eq!(squares.next(), Some(0));
        assert!(squares.has_room());
    }

    #[test]
    fn small_jobs_may_be_more_and_large_ones_may_not() {
        let small = Squares::new(Window { jobs: 2, bytes: 1000 });
        (0..10).for_each(|job| small.submit(job, 100).unwrap());
        assert!(!small.has_room());
        let large = Squares::new(Window { jobs: 2, bytes: 1000 });
        (0..2).for_each(|job| large.submit(job, 5000).unwrap());
        assert!(!large.has_room());
    }

    #[test]
    fn whoever_takes_results_may_do_all_the_work() {
        let squares = squares(4);
        let mut results = Vec::new();
        let mut jobs = 0..100;
        loop {
            while squares.has_room() {
                match jobs.next() {
                    Some(job) => squares.submit(job, 1).unwrap(),
                    None => {
                        squares.close();
                        break;
                    }
                }
            }
            match squares.next_or_job() {
                Turn::Result(square) => results.push(square),
                Turn::Job(ticket, job) => squares.deliver(ticket, job * job),
                Turn::Over => break,
            }
        }
        assert_eq!(results, (0..100).map(|job| job * job).collect::<Vec<u64>>());
    }

    #[test]
    fn a_worker_takes_what_is_there_and_never_waits_for_more() {
        let squares = squares(10);
        (0..3).for_each(|job| squares.submit(job, 1).unwrap());
        assert_eq!(squares.take_many(2).len(), 2);
        assert_eq!(squares.take_many(16).len(), 1);
    }
}
