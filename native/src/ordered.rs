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
//! A thread that is woken costs more than a small job, so nobody is woken for
//! one: a worker may ask for a [`Batch`], and whoever takes all results at once
//! is woken when there is a good many. Neither waits for more than can come:
//! nothing more is waited for once the window is full, the last job was handed
//! in, or nothing is left to be done.
//!
//! One lock guards everything, so that "the first error wins" is a fact and
//! not a race: [`fail`](Ordered::fail) keeps the first error, throws away what
//! waits, and wakes everybody; from then on every call answers "stopped".
//! The writer's pipeline and the reader's scans stand on this alone.

use std::collections::VecDeque;
use std::sync::PoisonError;

use sealpack_core::write::ReorderBuffer;

use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};

/// Numbered jobs `J`, their results `R` in the order of the numbers, and the
/// first error `E`.
pub(crate) struct Ordered<J, R, E> {
    state: Mutex<State<J, R, E>>,
    /// Jobs wait that make a batch, or there will be nothing more.
    work: Condvar,
    /// Results are there, or there will be none.
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

    fn has_room(self, amount: Amount) -> bool {
        amount.jobs < self.jobs.max(1) || amount.bytes < self.bytes
    }
}

/// What a worker takes at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// So many jobs …
    pub(crate) jobs: usize,
    /// … or fewer, of so many bytes.
    pub(crate) bytes: u64,
    /// A multiple of this, where there are more.
    pub(crate) lanes: usize,
}

impl Batch {
    /// One job.
    pub(crate) const ONE: Self = Self { jobs: 1, bytes: 0, lanes: 1 };

    fn is_full(self, amount: Amount) -> bool {
        amount.jobs >= self.jobs || (amount.jobs > 0 && amount.bytes >= self.bytes)
    }
}

/// So many jobs of so many bytes.
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

/// The place of a job in the order, which its result is delivered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    number: u64,
    bytes: u64,
}

struct State<J, R, E> {
    submitted: u64,
    /// Jobs that no worker has taken.
    waiting: VecDeque<(Ticket, J)>,
    waiting_amount: Amount,
    /// Results that were not taken.
    done: ReorderBuffer<(Ticket, R)>,
    done_amount: Amount,
    /// All that is under way.
    within: Amount,
    /// Workers that wait, and for what.
    idle: usize,
    batch: Batch,
    /// Somebody waits for results, of so many bytes.
    listening: Option<u64>,
    /// Somebody waits for room.
    blocked: bool,
    closed: bool,
    stopped: bool,
    failure: Option<E>,
}

impl<J, R, E> State<J, R, E> {
    /// Whether a worker would be kept waiting for more than is to come soon.
    fn has_batch(&self, batch: Batch, window: Window) -> bool {
        batch.is_full(self.waiting_amount)
            || self.closed
            || self.blocked
            || !window.has_room(self.within)
    }

    /// Whether there are results of so many bytes, or all there are.
    fn has_results(&self, bytes: u64) -> bool {
        self.done_amount.jobs > 0
            && (self.done_amount.bytes >= bytes || self.done_amount.jobs == self.within.jobs)
    }
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

/// A multiple of `lanes`, where there are more.
fn whole_lanes(jobs: usize, lanes: usize) -> usize {
    let lanes = lanes.max(1);
    if jobs > lanes { jobs - jobs % lanes } else { jobs }
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
                waiting_amount: Amount::default(),
                done: ReorderBuffer::new(),
                done_amount: Amount::default(),
                within: Amount::default(),
                idle: 0,
                batch: Batch::ONE,
                listening: None,
                blocked: false,
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
        while !self.window.has_room(state.within) && !state.stopped {
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
        state.within.add(ticket);
        state.waiting_amount.add(ticket);
        state.waiting.push_back((ticket, job));
        let ready = state.idle > 0 && state.has_batch(state.batch, self.window);
        drop(state);
        if ready {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Whether [`submit`](Self::submit) would not have to wait.
    pub(crate) fn has_room(&self) -> bool {
        self.window.has_room(self.lock().within)
    }

    /// No more jobs will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.results.notify_all();
    }

    /// The next job, for a worker; `None` when there will be no more.
    pub(crate) fn take(&self) -> Option<(Ticket, J)> {
        self.take_many(Batch::ONE).pop()
    }

    /// The next jobs, for a worker: a batch, or fewer where it would wait in
    /// vain for more; none when there will be no more.
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
            // The last ones are for several workers.
            jobs if state.closed => jobs.min(batch.lanes.max(1)),
            jobs => whole_lanes(jobs, batch.lanes),
        };
        let jobs: Vec<_> = state.waiting.drain(..count).collect();
        jobs.iter().for_each(|(ticket, _)| state.waiting_amount.remove(*ticket));
        // What is left may be a batch for another.
        let more =
            state.idle > 0 && !state.waiting.is_empty() && state.has_batch(batch, self.window);
        drop(state);
        if more {
            self.work.notify_one();
        }
        jobs
    }

    /// Hands in the result of a job.
    pub(crate) fn deliver(&self, ticket: Ticket, result: R) {
        let mut state = self.lock();
        if state.stopped {
            return;
        }
        state.done.insert(ticket.number, (ticket, result));
        state.done_amount.add(ticket);
        let heard = state.listening.is_some_and(|bytes| state.has_results(bytes));
        drop(state);
        if heard {
            self.results.notify_one();
        }
    }

    /// The next result in order; `None` when there will be no more.
    #[cfg(test)]
    pub(crate) fn next(&self) -> Option<R> {
        match self.turn(|_| None) {
            Turn::Result(result) => Some(result),
            Turn::Job(..) | Turn::Over => None,
        }
    }

    /// The next result in order; or where it is not there a job, while there is
    /// one that nobody has taken.
    pub(crate) fn next_or_job(&self) -> Turn<J, R> {
        self.turn(|state| {
            let (ticket, job) = state.waiting.pop_front()?;
            state.waiting_amount.remove(ticket);
            Some((ticket, job))
        })
    }

    fn turn(&self, job: impl Fn(&mut State<J, R, E>) -> Option<(Ticket, J)>) -> Turn<J, R> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Turn::Over;
            }
            if let Some((ticket, result)) = state.done.next() {
                state.done_amount.remove(ticket);
                self.leave(state, &[ticket]);
                return Turn::Result(result);
            }
            if let Some((ticket, job)) = job(&mut state) {
                return Turn::Job(ticket, job);
            }
            if state.closed && state.within.jobs == 0 {
                return Turn::Over;
            }
            state = self.listen(state, 0);
        }
    }

    /// The results whose turn it is, with their tickets: waits for `bytes` of
    /// them, or for all that are under way; a multiple of `lanes`, where there
    /// are more. None when there will be no more. They count as under way until
    /// [`release`](Self::release).
    pub(crate) fn next_all(&self, bytes: u64, lanes: usize) -> Vec<(Ticket, R)> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Vec::new();
            }
            if state.has_results(bytes) {
                let mut results = Vec::new();
                let most = whole_lanes(state.done.waiting(), lanes);
                while results.len() < most
                    && let Some((ticket, result)) = state.done.next()
                {
                    state.done_amount.remove(ticket);
                    results.push((ticket, result));
                }
                if !results.is_empty() {
                    return results;
                }
            }
            if state.closed && state.within.jobs == 0 {
                return Vec::new();
            }
            state = self.listen(state, bytes);
        }
    }

    /// What became of these jobs is dealt with: there is room for others.
    pub(crate) fn release(&self, tickets: &[Ticket]) {
        self.leave(self.lock(), tickets);
    }

    fn leave(&self, mut state: MutexGuard<'_, State<J, R, E>>, tickets: &[Ticket]) {
        tickets.iter().for_each(|ticket| state.within.remove(*ticket));
        let blocked = state.blocked;
        drop(state);
        if blocked {
            self.room.notify_one();
        }
    }

    fn listen<'a>(
        &self,
        mut state: MutexGuard<'a, State<J, R, E>>,
        bytes: u64,
    ) -> MutexGuard<'a, State<J, R, E>> {
        state.listening = Some(bytes);
        let mut state = Self::wait(&self.results, state);
        state.listening = None;
        state
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
#[path = "ordered_tests.rs"]
mod tests;
