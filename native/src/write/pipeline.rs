//! Seals drafts on several threads and writes them in order on one.
//!
//! At most `2 * workers + 2` drafts are in flight; more small ones while they take
//! together less than 2 MiB per worker. If digests are computed in batches, that limit
//! is 6 MiB, and 4 MiB for an upload. So the memory is bounded by the options
//! ([`memory_bound`]), not by the pack.
//!
//! A wake-up per draft costs more than the draft. So a worker that computes
//! digests waits for as many drafts as keep its lanes busy, and the writer
//! thread waits for a batch of results. A single worker leaves the digests to
//! the writer thread, which is otherwise idle. The first error stops every
//! thread; the next append and `finish` return it.

use std::sync::Arc;

use sealpack_core::write::{Draft, DraftDigester, SealedDraft, Sealer};

use super::output::PackOutput;
use super::sink::{BYTES_PER_WORKER, PackSink};
use crate::error::{ErrorKind, IoOperation};
use crate::ordered::{Batch, Ordered, Window};
use crate::panics::catch_panic;
use crate::sync::{Builder, JoinHandle};

/// As [`BYTES_PER_WORKER`], for workers that take one draft at a time.
const BYTES_PER_WORKER_UNBATCHED: u64 = 2 << 20;

/// The writer thread waits for this many bytes of results.
const WRITE_BATCH_BYTES: u64 = 1 << 20;

/// Drafts that a worker takes in a batch for each lane of its digests, …
const DRAFTS_PER_LANE: usize = 4;

/// … or this many bytes of drafts.
const SEAL_BATCH_BYTES: u64 = 5 << 19;

/// Returns the most memory, in bytes, that a pipeline of `workers` workers takes for
/// records of `record` bytes, including the stages before and after it.
pub(crate) fn memory_bound(workers: usize, record: u64) -> u64 {
    /// The most memory that the builder keeps for reuse after its drafts were written.
    const REUSED: u64 = 8 << 20;
    /// The buffers of the output stream.
    const STREAM: u64 = 4 << 20;
    let workers = workers as u64;
    // A draft's buffer may have an eighth of spare capacity; small records share a
    // draft.
    let draft = record.saturating_add(record / 8).saturating_add(64 << 10);
    // The drafts in the window. On top come the buffer that each worker encodes into
    // and the draft that the builder fills.
    let drafts = draft.saturating_mul(2 * workers + 2).max(BYTES_PER_WORKER * workers.max(1));
    // A single worker's drafts may be kept until the writer thread has hashed them.
    let unhashed = if workers == 1 { drafts } else { 0 };
    let in_flight = drafts.saturating_add(unhashed).saturating_add(REUSED + STREAM);
    in_flight.saturating_add(draft.saturating_mul(2 * workers + 2))
}

type SealJobs = Ordered<Draft, DeliveredDraft, ErrorKind>;

/// A sealed draft, and the unsealed one if the writer thread computes its digests.
struct DeliveredDraft {
    sealed: SealedDraft,
    draft: Option<Draft>,
}

/// The path of drafts to the file, on any number of threads.
pub(crate) enum Pipeline<S: PackSink> {
    /// Everything on the caller's thread.
    Inline(Box<Inline<S>>),
    /// Workers seal; one thread writes.
    Threads(Threads<S>),
}

/// A pipeline of one thread, the caller's.
pub(crate) struct Inline<S> {
    sealer: Sealer,
    output: PackOutput<S>,
    failure: Option<ErrorKind>,
}

/// The threads of a pipeline. If it is dropped before it is finished, it stops them
/// and waits for them.
pub(crate) struct Threads<S: PackSink> {
    jobs: Arc<SealJobs>,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<Option<PackOutput<S>>>>,
}

impl<S: PackSink + 'static> Pipeline<S> {
    pub(crate) fn inline(sealer: Sealer, output: PackOutput<S>) -> Self {
        Self::Inline(Box::new(Inline { sealer, output, failure: None }))
    }

    /// Starts one worker for each sealer, and the writer thread.
    pub(crate) fn threads(
        mut sealers: Vec<Sealer>,
        output: PackOutput<S>,
    ) -> Result<Self, ErrorKind> {
        let digester = match &mut sealers[..] {
            [only] => only.split_digester(),
            _ => None,
        };
        let deliver_drafts = digester.is_some();
        let in_batches =
            sealers.iter().any(|sealer| sealer.preferred_batch() > 1) || deliver_drafts;
        let limit = if in_batches { BYTES_PER_WORKER } else { BYTES_PER_WORKER_UNBATCHED };
        let bytes = limit.min(S::BYTES_PER_WORKER).saturating_mul(sealers.len() as u64);
        let window = Window { jobs: 2 * sealers.len() + 2, bytes };
        let jobs = Arc::new(SealJobs::new(window));
        let mut threads = Threads { jobs: Arc::clone(&jobs), workers: Vec::new(), writer: None };
        let thread = |name: &str| Builder::new().name(name.into());
        let no_thread = |error| ErrorKind::io(IoOperation::Threading, error);
        for sealer in sealers {
            let jobs = Arc::clone(&jobs);
            let worker = thread("sealpack-seal").spawn(move || seal(&jobs, sealer, deliver_drafts));
            threads.workers.push(worker.map_err(no_thread)?);
        }
        let writer = thread("sealpack-write").spawn(move || write(&jobs, output, digester));
        threads.writer = Some(writer.map_err(no_thread)?);
        Ok(Self::Threads(threads))
    }

    /// Starts one thread that seals and writes, for packs whose sealing costs less
    /// than a hand-off between threads.
    pub(crate) fn on_one_thread(sealer: Sealer, output: PackOutput<S>) -> Result<Self, ErrorKind> {
        let jobs = Arc::new(SealJobs::new(Window { jobs: 4, bytes: 4 * WRITE_BATCH_BYTES }));
        let mut threads = Threads { jobs: Arc::clone(&jobs), workers: Vec::new(), writer: None };
        let writer = Builder::new().name("sealpack-write".into());
        let writer = writer.spawn(move || seal_and_write(&jobs, sealer, output));
        let no_thread = |error| ErrorKind::io(IoOperation::Threading, error);
        threads.writer = Some(writer.map_err(no_thread)?);
        Ok(Self::Threads(threads))
    }

    /// Submits a draft; waits while too many are in flight.
    pub(crate) fn submit(&mut self, draft: Draft) -> Result<(), ErrorKind> {
        match self {
            Self::Inline(inline) => inline.write(draft),
            Self::Threads(threads) => {
                let bytes = draft.weight();
                let submitted = threads.jobs.submit(draft, bytes);
                submitted.map_err(|_| threads.jobs.failure().unwrap_or(ErrorKind::Ended))
            }
        }
    }

    /// Returns whether [`submit`](Self::submit) would neither wait nor seal on this
    /// thread.
    #[allow(dead_code, reason = "used by the feature `async` alone")]
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Threads(threads) => threads.jobs.has_room(),
        }
    }

    /// Returns the first error, if there was one, without waiting.
    pub(crate) fn failure(&self) -> Option<ErrorKind> {
        match self {
            Self::Inline(inline) => inline.failure.clone(),
            Self::Threads(threads) => threads.jobs.failure(),
        }
    }

    /// Waits until all drafts are written and every encoder is closed.
    pub(crate) fn finish(self) -> Result<PackOutput<S>, ErrorKind> {
        match self {
            Self::Inline(inline) => inline.finish(),
            Self::Threads(mut threads) => threads.finish(),
        }
    }
}

impl<S: PackSink> Inline<S> {
    fn write(&mut self, draft: Draft) -> Result<(), ErrorKind> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let written = guard(|| self.output.write(self.sealer.seal(draft)?));
        written.inspect_err(|error| self.failure = Some(error.clone()))
    }

    fn finish(self) -> Result<PackOutput<S>, ErrorKind> {
        let closed = guard(|| Ok(self.sealer.finish()?));
        self.failure.map_or(closed, Err)?;
        Ok(self.output)
    }
}

impl<S: PackSink> Threads<S> {
    fn finish(&mut self) -> Result<PackOutput<S>, ErrorKind> {
        self.jobs.close();
        let output = self.join();
        match self.jobs.failure() {
            Some(failure) => Err(failure),
            None => output.ok_or(ErrorKind::Ended),
        }
    }

    /// Workers and writer catch their own panics, so joining cannot fail.
    fn join(&mut self) -> Option<PackOutput<S>> {
        self.workers.drain(..).for_each(|worker| drop(worker.join()));
        self.writer.take()?.join().ok()?
    }
}

impl<S: PackSink> Drop for Threads<S> {
    fn drop(&mut self) {
        self.jobs.stop();
        self.join();
    }
}

/// Runs a worker: seals drafts until there are no more, then closes the encoder, even
/// if other threads failed. With `deliver_drafts`, it also delivers the unsealed
/// drafts.
fn seal(jobs: &SealJobs, mut sealer: Sealer, deliver_drafts: bool) {
    let lanes = sealer.preferred_batch();
    let batch = match lanes {
        0 | 1 => Batch::ONE,
        lanes => Batch { jobs: DRAFTS_PER_LANE * lanes, bytes: SEAL_BATCH_BYTES, lanes },
    };
    loop {
        let (tickets, drafts): (Vec<_>, Vec<_>) = jobs.take_many(batch).into_iter().unzip();
        if drafts.is_empty() {
            break;
        }
        let mut tickets = tickets.into_iter();
        let mut delivered = if deliver_drafts { drafts.clone() } else { Vec::new() }.into_iter();
        let deliver = |sealed| {
            if let Some(ticket) = tickets.next() {
                jobs.deliver(ticket, DeliveredDraft { sealed, draft: delivered.next() });
            }
        };
        if let Err(error) = guard(|| Ok(sealer.seal_all(drafts, deliver)?)) {
            jobs.fail(error);
        }
    }
    if let Err(error) = guard(|| Ok(sealer.finish()?)) {
        jobs.fail(error);
    }
}

/// Runs the writer thread: writes sealed drafts to the sink in order. With a
/// `digester`, it computes their digests first.
fn write<S: PackSink>(
    jobs: &SealJobs,
    mut output: PackOutput<S>,
    mut digester: Option<DraftDigester>,
) -> Option<PackOutput<S>> {
    let (bytes, lanes) = match &digester {
        // At most half of the window, so that the worker can continue meanwhile.
        Some(digester) => {
            (SEAL_BATCH_BYTES.min(S::BYTES_PER_WORKER / 2), digester.preferred_batch())
        }
        None => (WRITE_BATCH_BYTES, 1),
    };
    loop {
        let results = jobs.next_all(bytes, lanes);
        if results.is_empty() {
            return Some(output);
        }
        let (tickets, done): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let written = guard(|| {
            let (mut sealed, drafts) = split_delivered(done);
            if let Some(digester) = &mut digester {
                digester.complete(&drafts, &mut sealed)?;
            }
            drop(drafts);
            sealed.into_iter().try_for_each(|sealed| output.write(sealed))
        });
        if let Err(error) = written {
            jobs.fail(error);
            return None;
        }
        jobs.release(&tickets);
    }
}

fn split_delivered(done: Vec<DeliveredDraft>) -> (Vec<SealedDraft>, Vec<Draft>) {
    let (sealed, drafts): (Vec<_>, Vec<_>) =
        done.into_iter().map(|done| (done.sealed, done.draft)).unzip();
    (sealed, drafts.into_iter().flatten().collect())
}

/// Seals and writes on one thread.
fn seal_and_write<S: PackSink>(
    jobs: &SealJobs,
    mut sealer: Sealer,
    mut output: PackOutput<S>,
) -> Option<PackOutput<S>> {
    let batch = Batch { jobs: usize::MAX, bytes: WRITE_BATCH_BYTES, lanes: 1 };
    loop {
        let (tickets, drafts): (Vec<_>, Vec<_>) = jobs.take_many(batch).into_iter().unzip();
        if drafts.is_empty() {
            break;
        }
        let mut drafts = drafts.into_iter();
        let done = drafts.try_for_each(|draft| guard(|| output.write(sealer.seal(draft)?)));
        if let Err(error) = done {
            jobs.fail(error);
        }
        jobs.release(&tickets);
    }
    if let Err(error) = guard(|| Ok(sealer.finish()?)) {
        jobs.fail(error);
    }
    Some(output)
}

/// Runs work that may call code of the caller: an extract, a sink, the destructor of
/// an owned item. A panic there becomes an error.
fn guard<T>(work: impl FnOnce() -> Result<T, ErrorKind>) -> Result<T, ErrorKind> {
    catch_panic(work).unwrap_or_else(|cause| Err(ErrorKind::Panicked(cause)))
}
