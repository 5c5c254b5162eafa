//! Distributes the chunks of several packs among workers, and passes on the results in
//! order.
//!
//! ```text
//! packs ──> workers: open, then chunk by chunk: decode, match, format ── in order ──> output
//! ```
//!
//! While one worker opens a pack, the others search the packs before and after it. A
//! worker may take any remaining chunk. The number of results that wait for their turn is
//! bounded.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{mem, thread};

use grep_regex::RegexMatcher;
use sealpack::PackSet;

use super::search::{Chunk, Chunks, OpenPack, PackSearch, SearchedChunk};
use crate::outcome::Failure;

/// The maximum number of results per worker that wait for their turn.
const AHEAD: usize = 2;

/// Receives the results, in order.
pub trait SearchOutput {
    /// Announces that the next results are those of this pack.
    fn begin(&mut self, pack: &OpenPack);
    /// Takes the results of a chunk, and returns whether more are wanted.
    ///
    /// # Errors
    /// An error ends the search of all packs.
    fn chunk(&mut self, chunk: SearchedChunk) -> Result<Wanted, Failure>;
    /// Announces that the search of the pack at `path` has ended, with this failure if it
    /// could not be searched completely.
    ///
    /// # Errors
    /// An error ends the search of all packs.
    fn end(&mut self, path: &Path, failure: Option<Failure>) -> Result<Wanted, Failure>;
}

/// What the output wants after a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The next result.
    More,
    /// The next pack.
    NextPack,
    /// Nothing.
    Nothing,
}

/// A pack to search.
#[derive(Clone, Debug)]
pub enum SearchedPack {
    /// A pack that an argument names.
    Argument(PathBuf),
    /// A member of a set.
    Member {
        /// The set.
        set: PackSet,
        /// Its number in the set.
        number: usize,
        /// The path of the manifest, followed by the name of the member.
        path: PathBuf,
    },
}

impl SearchedPack {
    /// Returns its name in the output.
    pub fn path(&self) -> &Path {
        match self {
            Self::Argument(path) | Self::Member { path, .. } => path,
        }
    }
}

/// The search of several packs.
pub struct SearchQueue<'a> {
    packs: &'a [SearchedPack],
    search: PackSearch<'a>,
    workers: usize,
    state: Mutex<SearchQueueState>,
    changed: Condvar,
}

struct SearchQueueState {
    /// The packs that no worker has started to open.
    unopened: Range<usize>,
    /// The packs that are being searched. The output takes the results of the first.
    lanes: VecDeque<PackLane>,
    /// The number of the first of them.
    first: usize,
    /// The number of chunks that workers are searching, and of results not yet taken.
    in_flight: usize,
    /// Whether `next_chunk` found that a pack has no more chunks.
    has_handed_out: bool,
    is_over: bool,
}

struct PackLane {
    state: LaneState,
    /// The number of chunks that were handed out.
    handed_out: u64,
    /// The number of the chunk whose result is taken next.
    next: u64,
    results: BTreeMap<u64, SearchedChunk>,
}

enum LaneState {
    Opening,
    Searching(Arc<OpenPack>, Box<Chunks>),
    /// Every chunk was handed out.
    HandedOut(Arc<OpenPack>),
    /// The pack cannot be opened.
    Failed(Option<Failure>),
}

enum Job {
    Open(usize),
    Search { pack: Arc<OpenPack>, lane: usize, number: u64, chunk: Chunk },
}

/// What the output has to do next.
enum OutputTurn {
    Begin(Arc<OpenPack>),
    Chunk(SearchedChunk),
    End(Option<Failure>),
    Over,
}

impl<'a> SearchQueue<'a> {
    /// Prepares a search of these packs by at least one worker.
    pub fn new(packs: &'a [SearchedPack], search: PackSearch<'a>, workers: usize) -> Self {
        let state = SearchQueueState {
            unopened: 0..packs.len(),
            lanes: VecDeque::new(),
            first: 0,
            in_flight: 0,
            has_handed_out: false,
            is_over: false,
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        Self { packs, search, workers: workers.max(1), state, changed }
    }

    /// Runs the search: opens the packs with `open`, on the workers, and passes the
    /// results to `output`, on this thread.
    ///
    /// # Errors
    /// Those of `output`; [`Failure::Threads`].
    pub fn run(
        &self,
        open: impl Fn(&SearchedPack) -> Result<OpenPack, Failure> + Sync,
        output: &mut impl SearchOutput,
    ) -> Result<(), Failure> {
        thread::scope(|scope| {
            let _over = OverOnDrop(self);
            for worker in 0..self.workers {
                let work = || self.work(&open);
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Err(error) if worker == 0 => return Err(Failure::Threads(error)),
                    // The workers that have started do all the work.
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
            self.take_results(output)
        })
    }

    fn lock(&self) -> MutexGuard<'_, SearchQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'b>(
        &self,
        state: MutexGuard<'b, SearchQueueState>,
    ) -> MutexGuard<'b, SearchQueueState> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, open: &(impl Fn(&SearchedPack) -> Result<OpenPack, Failure> + Sync)) {
        let _over = OverOnPanic(self);
        // Each worker has its own matcher: a shared one takes a lock for its memory.
        let matcher: RegexMatcher = self.search.matcher.clone();
        while let Some(job) = self.take_job() {
            match job {
                Job::Open(number) => {
                    let opened = self.packs.get(number).map(open);
                    self.opened(number, opened);
                }
                Job::Search { pack, lane, number, chunk } => {
                    let result = self.search.chunk(&pack, &matcher, &chunk);
                    self.searched(lane, number, result);
                }
            }
        }
    }

    /// Waits for a job; `None` if there will be none.
    fn take_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.is_over {
                return None;
            }
            let job = state.next_chunk(self.workers * AHEAD);
            if mem::take(&mut state.has_handed_out) {
                self.changed.notify_all();
            }
            if job.is_some() {
                return job;
            }
            if state.lanes.len() <= self.workers
                && let Some(number) = state.unopened.next()
            {
                state.lanes.push_back(PackLane {
                    state: LaneState::Opening,
                    handed_out: 0,
                    next: 0,
                    results: BTreeMap::new(),
                });
                return Some(Job::Open(number));
            }
            let is_at_work = |lane: &PackLane| {
                matches!(lane.state, LaneState::Opening | LaneState::Searching(..))
            };
            if state.unopened.is_empty() && !state.lanes.iter().any(is_at_work) {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn opened(&self, number: usize, opened: Option<Result<OpenPack, Failure>>) {
        let mut state = self.lock();
        let new = match opened {
            Some(Ok(pack)) => {
                let chunks = Box::new(Chunks::new(&pack, self.search.context));
                LaneState::Searching(Arc::new(pack), chunks)
            }
            Some(Err(failure)) => LaneState::Failed(Some(failure)),
            None => LaneState::Failed(None),
        };
        if let Some(lane) = state.lane(number) {
            lane.state = new;
        }
        self.changed.notify_all();
    }

    fn searched(&self, lane: usize, number: u64, result: SearchedChunk) {
        let mut state = self.lock();
        match state.lane(lane) {
            Some(lane) => drop(lane.results.insert(number, result)),
            // The output wants no more results of this pack.
            None => state.in_flight -= 1,
        }
        self.changed.notify_all();
    }

    fn take_results(&self, output: &mut impl SearchOutput) -> Result<(), Failure> {
        let mut has_begun = false;
        loop {
            let ended = match self.next_turn(has_begun) {
                OutputTurn::Begin(pack) => {
                    has_begun = true;
                    output.begin(&pack);
                    continue;
                }
                OutputTurn::Chunk(mut chunk) => {
                    let failure = chunk.failure.take();
                    match (output.chunk(chunk)?, failure) {
                        (Wanted::Nothing, _) => return Ok(()),
                        (Wanted::More, None) => continue,
                        (Wanted::More, failure) => self.end(output, failure)?,
                        (Wanted::NextPack, _) => self.end(output, None)?,
                    }
                }
                OutputTurn::End(failure) => self.end(output, failure)?,
                OutputTurn::Over => return Ok(()),
            };
            if ended == Wanted::Nothing {
                return Ok(());
            }
            has_begun = false;
            self.remove_lane();
        }
    }

    fn end(
        &self,
        output: &mut impl SearchOutput,
        failure: Option<Failure>,
    ) -> Result<Wanted, Failure> {
        let number = self.lock().first;
        self.packs.get(number).map_or(Ok(Wanted::More), |pack| output.end(pack.path(), failure))
    }

    /// Waits for the next result.
    fn next_turn(&self, has_begun: bool) -> OutputTurn {
        let mut state = self.lock();
        loop {
            if state.is_over || (state.lanes.is_empty() && state.unopened.is_empty()) {
                return OutputTurn::Over;
            }
            if let Some(lane) = state.lanes.front_mut()
                && let Some(turn) = lane.turn(has_begun)
            {
                if matches!(turn, OutputTurn::Chunk(_)) {
                    state.in_flight -= 1;
                    self.changed.notify_all();
                }
                return turn;
            }
            state = self.wait(state);
        }
    }

    /// Continues with the next pack.
    fn remove_lane(&self) {
        let mut state = self.lock();
        if let Some(lane) = state.lanes.pop_front() {
            state.in_flight -= lane.results.len();
            state.first += 1;
        }
        self.changed.notify_all();
    }

    fn set_over(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }
}

impl SearchQueueState {
    fn lane(&mut self, number: usize) -> Option<&mut PackLane> {
        self.lanes.get_mut(number.checked_sub(self.first)?)
    }

    /// Returns the first remaining chunk, if fewer than `max_in_flight` are in flight. The
    /// chunk whose result is taken next is always returned.
    fn next_chunk(&mut self, max_in_flight: usize) -> Option<Job> {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let LaneState::Searching(pack, chunks) = &mut lane.state else { continue };
            let is_next = index == 0 && lane.handed_out == lane.next;
            if self.in_flight >= max_in_flight && !is_next {
                return None;
            }
            let Some(chunk) = chunks.next() else {
                lane.state = LaneState::HandedOut(Arc::clone(pack));
                self.has_handed_out = true;
                continue;
            };
            let (pack, number) = (Arc::clone(pack), lane.handed_out);
            lane.handed_out += 1;
            self.in_flight += 1;
            return Some(Job::Search { pack, lane: self.first + index, number, chunk });
        }
        None
    }
}

impl PackLane {
    /// Returns what the output does next; `None` if that is not known yet.
    fn turn(&mut self, has_begun: bool) -> Option<OutputTurn> {
        match &mut self.state {
            LaneState::Opening => None,
            LaneState::Failed(failure) => Some(OutputTurn::End(failure.take())),
            LaneState::Searching(pack, _) | LaneState::HandedOut(pack) if !has_begun => {
                Some(OutputTurn::Begin(Arc::clone(pack)))
            }
            state => match self.results.remove(&self.next) {
                Some(chunk) => {
                    self.next += 1;
                    Some(OutputTurn::Chunk(chunk))
                }
                None if self.next < self.handed_out => None,
                None => matches!(state, LaneState::HandedOut(_)).then_some(OutputTurn::End(None)),
            },
        }
    }
}

/// Ends the workers when the output ends, for whatever reason.
struct OverOnDrop<'a, 'b>(&'a SearchQueue<'b>);

impl Drop for OverOnDrop<'_, '_> {
    fn drop(&mut self) {
        self.0.set_over();
    }
}

/// Ends the search if a worker panics, so that the others do not wait for its result.
struct OverOnPanic<'a, 'b>(&'a SearchQueue<'b>);

impl Drop for OverOnPanic<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.set_over();
        }
    }
}
