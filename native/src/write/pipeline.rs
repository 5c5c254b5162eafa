//! Sealing on several threads, writing in order on one.
//!
//! Under way are at most `2 * workers + 2` drafts, or more small ones up to
//! 8 MiB a worker, so memory is bounded by the options and not by the pack:
//! a worker that takes digests takes sixteen drafts at a time where they are
//! there. The first error, wherever it comes from, stops all of it and is told
//! by the next call and by the last.

use std::sync::Arc;

use sealpack_core::Error as PackError;
use sealpack_core::write::{Draft, Sealed, Sealer};

use super::output::Output;
use crate::caught::caught;
use crate::error::{Doing, ErrorKind};
use crate::ordered::{Ordered, Window};
use crate::sync::{Builder, JoinHandle};

/// Bytes of small drafts that may be under way for each worker.
const BYTES_A_WORKER: u64 = 8 << 20;

type Jobs = Ordered<Draft, Sealed, ErrorKind>;

/// Where drafts go: to the file, on whatever threads.
pub(crate) enum Pipeline {
    /// Everything on the caller's thread.
    Inline(Box<Inline>),
    /// Workers seal; one thread writes.
    Threads(Threads),
}

/// A pipeline of one thread, the caller's.
pub(crate) struct Inline {
    sealer: Sealer,
    output: Output,
    failure: Option<ErrorKind>,
}

/// The threads of a pipeline. Dropped before it is finished it stops them and
/// waits for them.
pub(crate) struct Threads {
    jobs: Arc<Jobs>,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<Option<Output>>>,
}

impl Pipeline {
    pub(crate) fn inline(sealer: Sealer, output: Output) -> Self {
        Self::Inline(Box::new(Inline { sealer, output, failure: None }))
    }

    /// Starts a worker for each sealer, and the thread that writes.
    pub(crate) fn threads(sealers: Vec<Sealer>, output: Output) -> Result<Self, ErrorKind> {
        let bytes = BYTES_A_WORKER.saturating_mul(sealers.len() as u64);
        let window = Window { jobs: 2 * sealers.len() + 2, bytes };
        let jobs = Arc::new(Jobs::new(window));
        let mut threads = Threads { jobs: Arc::clone(&jobs), workers: Vec::new(), writer: None };
        let named = |name: &str| Builder::new().name(name.into());
        let refused = |error| ErrorKind::io(Doing::Threading, error);
        for sealer in sealers {
            let jobs = Arc::clone(&jobs);
            let worker = named("sealpack-seal").spawn(move || seal(&jobs, sealer));
            threads.workers.push(worker.map_err(refused)?);
        }
        let writer = named("sealpack-write").spawn(move || write(&jobs, output));
        threads.writer = Some(writer.map_err(refused)?);
        Ok(Self::Threads(threads))
    }

    /// Hands on a draft; waits where too many are under way.
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

    /// The first error, if there was one: costs no waiting.
    pub(crate) fn failure(&self) -> Option<ErrorKind> {
        match self {
            Self::Inline(inline) => inline.failure.clone(),
            Self::Threads(threads) => threads.jobs.failure(),
        }
    }

    /// Waits until all drafts are written and every encoder is closed.
    pub(crate) fn finish(self) -> Result<Output, ErrorKind> {
        match self {
            Self::Inline(inline) => inline.finish(),
            Self::Threads(mut threads) => threads.finish(),
        }
    }
}

impl Inline {
    fn write(&mut self, draft: Draft) -> Result<(), ErrorKind> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let sealed = guard(|| Ok(self.sealer.seal(draft)?));
        let written = sealed.and_then(|sealed| self.output.write(sealed));
        written.inspect_err(|error| self.failure = Some(error.clone()))
    }

    fn finish(self) -> Result<Output, ErrorKind> {
        let closed = guard(|| Ok(self.sealer.finish()?));
        self.failure.map_or(closed, Err)?;
        Ok(self.output)
    }
}

impl Threads {
    fn finish(&mut self) -> Result<Output, ErrorKind> {
        self.jobs.close();
        let output = self.join();
        match self.jobs.failure() {
            Some(failure) => Err(failure),
            None => output.ok_or(ErrorKind::Ended),
        }
    }

    /// Workers and writer catch their own panics, so joining cannot fail.
    fn join(&mut self) -> Option<Output> {
        self.workers.drain(..).for_each(|worker| drop(worker.join()));
        self.writer.take()?.join().ok()?
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.jobs.stop();
        self.join();
    }
}

/// A worker: seals drafts until there are no more, then closes its encoder,
/// whatever happened to others.
fn seal(jobs: &Jobs, mut sealer: Sealer) {
    loop {
        let (tickets, drafts): (Vec<_>, Vec<_>) =
            jobs.take_many(sealer.at_once()).into_iter().unzip();
        if drafts.is_empty() {
            break;
        }
        let mut tickets = tickets.into_iter();
        let deliver = |sealed| {
            if let Some(ticket) = tickets.next() {
                jobs.deliver(ticket, sealed);
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

/// The writer: takes sealed drafts in order to the file.
fn write(jobs: &Jobs, mut output: Output) -> Option<Output> {
    while let Some(sealed) = jobs.next() {
        // What an owned item does on being dropped is the caller's code too.
        let written = caught(|| output.write(sealed));
        if let Err(error) = written.unwrap_or_else(|cause| Err(ErrorKind::Panicked(cause))) {
            jobs.fail(error);
            return None;
        }
    }
    Some(output)
}

/// Runs what may call the caller's code; a panic there is an error here.
fn guard<T>(work: impl FnOnce() -> Result<T, ErrorKind>) -> Result<T, ErrorKind> {
    caught(work).unwrap_or_else(|cause| Err(PackError::Encode { record: None, cause }.into()))
}
