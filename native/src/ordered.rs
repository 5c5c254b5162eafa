//! Jobs that several threads share, with results that one thread takes in order.
//!
//! ```text
//!  submit ──> waiting ──take──> a worker ──deliver──> done ──next──> in order
//!             '------------- no more than the window ------------'
//! ```
//!
//! The window holds a fixed number of jobs of any size, and more while their bytes
//! stay below a limit. So many small jobs fit, for workers that are faster with
//! several at once, but only a few large ones.
//!
//! A wake-up costs more than a small job, so no thread is woken for a single one: a
//! worker may ask for a [`Batch`], and the thread that takes all results is woken
//! when a batch of them is ready. Neither waits once no further input can arrive:
//! that is, once the window is full, the last job was submitted, or every job in
//! flight is done.
//!
//! One lock guards everything, so that "the first error wins" holds without a race:
//! [`fail`](Ordered::fail) keeps the first error, drops the waiting jobs, and wakes
//! all threads; from then on every call returns "stopped". The writer's pipeline
//! and the reader's scans are built on this module alone.

use std::collections::VecDeque;
use std::sync::PoisonError;

use sealpack_core::write::ReorderBuffer;

use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};

/// Numbered jobs `J`, their results `R` in the order of the numbers, and the
/// first error `E`.
pub(crate) struct Ordered<J, R, E> {
    state: Mutex<QueueState<J, R, E>>,
    /// Signalled when the waiting jobs make a batch, or no more will come.
    work: Condvar,
    /// Signalled when results are ready, or no more will come.
    results: Condvar,
    /// Signalled when the window has room.
    room: Condvar,
    window: Window,
    /// A copy of `state.stopped` that is read without the lock.
    stopped: AtomicBool,
}

/// How much may be in flight: submitted, and its result not yet taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// This many jobs, whatever their size; at least one.
    pub(crate) jobs: usize,
    /// More jobs, while all of them together have fewer bytes than this.
    pub(crate) bytes: u64,
}

impl Window {
    /// A window that counts jobs alone.
    pub(crate) fn of_jobs(jobs: usize) -> Self {
        Self { jobs, bytes: 0 }
    }

    fn has_room(self, amount: Amount) -> bool {
        amount.jobs < self.jobs.max(1) || amount.bytes < self.bytes
    }
}

/// What a worker takes in one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// This many jobs …
    pub(crate) jobs: usize,
    /// … or fewer, once they have this many bytes together.
    pub(crate) bytes: u64,
    /// If there are more jobs than this, their number is a multiple of it.
    pub(crate) lanes: usize,
}

impl Batch {
    /// One job.
    pub(crate) const ONE: Self = Self { jobs: 1, bytes: 0, lanes: 1 };

    fn is_full(self, amount: Amount) -> bool {
        amount.jobs >= self.jobs || (amount.jobs > 0 && amount.bytes >= self.bytes)
    }
}

/// A number of jobs, and the sum of their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    jobs: usize,
    bytes: u64,
}

impl Amount {
    fn add(&mut self, ticket: Ticket) {
        self.jobs += 1;
        self.bytes = self.bytes.saturating_add(ticket.bytes);
    }

    fn remove(&mut self, ticket: Ticket) {
        self.jobs = self.jobs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(ticket.bytes);
    }
}

/// A job's place in the order; its result is delivered with the same ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    number: u64,
    bytes: u64,
}

struct QueueState<J, R, E> {
    submitted: u64,
    /// Jobs that no worker has taken.
    waiting: VecDeque<(Ticket, J)>,
    waiting_amount: Amount,
    /// Results that were not taken yet.
    done: ReorderBuffer<(Ticket, R)>,
    done_amount: Amount,
    /// Jobs in flight: submitted, and their results not yet released.
    in_flight: Amount,
    /// The number of workers that wait; `batch` is the batch they wait for.
    idle: usize,
    batch: Batch,
    /// The results, in bytes, that the waiting taker needs; `None` if no thread waits.
    awaited_bytes: Option<u64>,
    /// A thread waits for room in the window.
    blocked: bool,
    /// Jobs that were taken by [`Ordered::take_waiting`] and are not delivered yet.
    performing: usize,
    closed: bool,
    stopped: bool,
    failure: Option<E>,
}

impl<J, R, E> QueueState<J, R, E> {
    /// Returns whether a worker should take its jobs now: they make a batch, or no more
    /// can arrive until some are taken.
    fn has_batch(&self, batch: Batch, window: Window) -> bool {
        batch.is_full(self.waiting_amount)
            || self.closed
            || self.blocked
            || !window.has_room(self.in_flight)
    }

    /// Returns whether there are results of this many bytes, or of every job in flight.
    fn has_results(&self, bytes: u64) -> bool {
        self.done_amount.jobs > 0
            && (self.done_amount.bytes >= bytes || self.done_amount.jobs == self.in_flight.jobs)
    }
}

/// The next step of a thread that takes results and also works.
pub(crate) enum Turn<J, R> {
    /// The next result.
    Result(R),
    /// The next result is not ready, but no worker has taken this job.
    Job(Ticket, J),
    /// There will be no more results.
    Done,
}

/// Returns the largest multiple of `lanes` up to `jobs`, or `jobs` if it is not
/// above `lanes`.
fn whole_lanes(jobs: usize, lanes: usize) -> usize {
    let lanes = lanes.max(1);
    if jobs > lanes { jobs - jobs % lanes } else { jobs }
}

/// The work was stopped: a thread failed, or the results are no longer wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

impl<J, R, E: Clone> Ordered<J, R, E> {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            state: Mutex::new(QueueState {
                submitted: 0,
                waiting: VecDeque::new(),
                waiting_amount: Amount::default(),
                done: ReorderBuffer::new(),
                done_amount: Amount::default(),
                in_flight: Amount::default(),
                idle: 0,
                batch: Batch::ONE,
                awaited_bytes: None,
                blocked: false,
                performing: 0,
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

    /// Takes the lock. A poisoned lock still guards a consistent state: no code of the
    /// caller runs under it.
    fn lock(&self) -> MutexGuard<'_, QueueState<J, R, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        condition: &Condvar,
        state: MutexGuard<'a, QueueState<J, R, E>>,
    ) -> MutexGuard<'a, QueueState<J, R, E>> {
        condition.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits a job of this many bytes; waits for room in the window.
    pub(crate) fn submit(&self, job: J, bytes: u64) -> Result<(), Stopped> {
        let mut state = self.lock();
        while !self.window.has_room(state.in_flight) && !state.stopped {
            state.blocked = true;
            if state.idle > 0 && !state.waiting.is_empty() {
                self.work.notify_one();
            }
            state = Self::wait(&self.room, state);
        }
        state.blocked = false;
        if state.stopped {
            return Err(Stopped);
        }
        let ticket = Ticket { number: state.submitted, bytes };
        state.submitted += 1;
        state.in_flight.add(ticket);
        state.waiting_amount.add(ticket);
        state.waiting.push_back((ticket, job));
        let ready = state.idle > 0 && state.has_batch(state.batch, self.window);
        drop(state);
        if ready {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Returns whether [`submit`](Self::submit) would not have to wait.
    pub(crate) fn has_room(&self) -> bool {
        self.window.has_room(self.lock().in_flight)
    }

    /// Declares that no more jobs will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.results.notify_all();
    }

    /// Returns the next job, for a worker; `None` when there will be no more.
    #[cfg(test)]
    pub(crate) fn take(&self) -> Option<(Ticket, J)> {
        self.take_many(Batch::ONE).pop()
    }

    /// Returns the next jobs, for a worker: a batch, or fewer if no more can arrive until
    /// some are taken; none when there will be no more.
    pub(crate) fn take_many(&self, batch: Batch) -> Vec<(Ticket, J)> {
        let mut state = self.lock();
        loop {
            if state.stopped || (state.closed && state.waiting.is_empty()) {
                return Vec::new();
            }
            if !state.waiting.is_empty() && state.has_batch(batch, self.window) {
                break;
            }
            state.batch = batch;
            state.idle += 1;
            state = Self::wait(&self.work, state);
            state.idle -= 1;
        }
        let mut taken = Amount::default();
        for (ticket, _) in &state.waiting {
            taken.add(*ticket);
            if batch.is_full(taken) {
                break;
            }
        }
        let count = match taken.jobs {
            // The last jobs are shared out among several workers.
            jobs if state.closed => jobs.min(batch.lanes.max(1)),
            jobs => whole_lanes(jobs, batch.lanes),
        };
        let jobs: Vec<_> = state.waiting.drain(..count).collect();
        jobs.iter().for_each(|(ticket, _)| state.waiting_amount.remove(*ticket));
        // The remaining jobs may be a batch for another worker.
        let has_more =
            state.idle > 0 && !state.waiting.is_empty() && state.has_batch(batch, self.window);
        drop(state);
        if has_more {
            self.work.notify_one();
        }
        jobs
    }

    /// Returns the next job that no other thread has taken; never waits. The thread
    /// delivers its result with [`finish`](Self::finish).
    pub(crate) fn take_waiting(&self) -> Option<(Ticket, J)> {
        let mut state = self.lock();
        let (ticket, job) = state.waiting.pop_front()?;
        state.waiting_amount.remove(ticket);
        state.performing += 1;
        Some((ticket, job))
    }

    /// Delivers the result of a job of [`take_waiting`](Self::take_waiting).
    pub(crate) fn finish(&self, ticket: Ticket, result: R) {
        self.deliver(ticket, result);
        let is_last = {
            let mut state = self.lock();
            state.performing = state.performing.saturating_sub(1);
            state.stopped && state.performing == 0
        };
        if is_last {
            self.results.notify_all();
        }
    }

    /// Stops the work, and waits for the threads that perform a job of
    /// [`take_waiting`](Self::take_waiting).
    pub(crate) fn stop_and_wait(&self) {
        self.stop();
        let mut state = self.lock();
        while state.performing > 0 {
            state = Self::wait(&self.results, state);
        }
    }

    /// Delivers the result of a job.
    pub(crate) fn deliver(&self, ticket: Ticket, result: R) {
        let mut state = self.lock();
        if state.stopped {
            return;
        }
        state.done.insert(ticket.number, (ticket, result));
        state.done_amount.add(ticket);
        let wakes_taker = state.awaited_bytes.is_some_and(|bytes| state.has_results(bytes));
        drop(state);
        if wakes_taker {
            self.results.notify_one();
        }
    }

    /// Returns the next result in order; `None` when there will be no more.
    #[cfg(test)]
    pub(crate) fn next(&self) -> Option<R> {
        match self.turn(|_| None) {
            Turn::Result(result) => Some(result),
            Turn::Job(..) | Turn::Done => None,
        }
    }

    /// Returns the next result in order; or, if that is not ready, a job that no
    /// worker has taken, if there is one.
    pub(crate) fn next_or_job(&self) -> Turn<J, R> {
        self.turn(|state| {
            let (ticket, job) = state.waiting.pop_front()?;
            state.waiting_amount.remove(ticket);
            Some((ticket, job))
        })
    }

    fn turn(&self, job: impl Fn(&mut QueueState<J, R, E>) -> Option<(Ticket, J)>) -> Turn<J, R> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Turn::Done;
            }
            if let Some((ticket, result)) = state.done.next() {
                state.done_amount.remove(ticket);
                self.free_room(state, &[ticket]);
                return Turn::Result(result);
            }
            if let Some((ticket, job)) = job(&mut state) {
                return Turn::Job(ticket, job);
            }
            if state.closed && state.in_flight.jobs == 0 {
                return Turn::Done;
            }
            state = self.wait_for_results(state, 0);
        }
    }

    /// Returns the results that are next in order, with their tickets: waits for
    /// `bytes` of them, or for all that are in flight; takes a multiple of `lanes`
    /// if there are more. Returns none when there will be no more. The results
    /// count as in flight until [`release`](Self::release).
    pub(crate) fn next_all(&self, bytes: u64, lanes: usize) -> Vec<(Ticket, R)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Vec::new();
            }
            if state.has_results(bytes) {
                let mut results = Vec::new();
                let limit = whole_lanes(state.done.waiting(), lanes);
                while results.len() < limit
                    && let Some((ticket, result)) = state.done.next()
                {
                    state.done_amount.remove(ticket);
                    results.push((ticket, result));
                }
                if !results.is_empty() {
                    return results;
                }
            }
            if state.closed && state.in_flight.jobs == 0 {
                return Vec::new();
            }
            state = self.wait_for_results(state, bytes);
        }
    }

    /// Frees the room of these jobs in the window: their results were processed.
    pub(crate) fn release(&self, tickets: &[Ticket]) {
        self.free_room(self.lock(), tickets);
    }

    fn free_room(&self, mut state: MutexGuard<'_, QueueState<J, R, E>>, tickets: &[Ticket]) {
        tickets.iter().for_each(|ticket| state.in_flight.remove(*ticket));
        let blocked = state.blocked;
        drop(state);
        if blocked {
            self.room.notify_one();
        }
    }

    fn wait_for_results<'a>(
        &self,
        mut state: MutexGuard<'a, QueueState<J, R, E>>,
        bytes: u64,
    ) -> MutexGuard<'a, QueueState<J, R, E>> {
        state.awaited_bytes = Some(bytes);
        let mut state = Self::wait(&self.results, state);
        state.awaited_bytes = None;
        state
    }

    /// Stops everything with an error; the first error is kept.
    pub(crate) fn fail(&self, error: E) {
        self.lock().failure.get_or_insert(error);
        self.stop();
    }

    /// Stops everything without an error: the results are no longer wanted.
    pub(crate) fn stop(&self) {
        let dropped = {
            let mut state = self.lock();
            state.stopped = true;
            self.stopped.store(true, Ordering::Release);
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.done))
        };
        // Jobs and results are values of the caller: their destructors run outside the
        // lock.
        drop(dropped);
        self.work.notify_all();
        self.results.notify_all();
        self.room.notify_all();
    }

    /// Returns the first error, if there was one. Takes no lock while nothing has
    /// stopped.
    pub(crate) fn failure(&self) -> Option<E> {
        if !self.stopped.load(Ordering::Acquire) {
            return None;
        }
        self.lock().failure.clone()
    }
}

#[cfg(test)]
#[path = "ordered_tests.rs"]
mod tests;
