//! Reads many positions in no particular order: several threads read, and each calls the
//! caller's function.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::thread;

use sealpack_core::format::RecordContent;
use sealpack_core::read::{PlannedRead, PlannedRecord, plan};

use super::lent::Lender;
use super::reader::{Reader, ReaderInner};
use crate::error::{Error, ErrorKind};
use crate::runs::{Runs, StopOnPanic};
use crate::trace::span;

/// Up to this many reads are performed on the caller's thread alone: starting another
/// thread would cost more.
const MAX_READS_INLINE: usize = 4;

impl Reader {
    /// As [`get_many`](Self::get_many), but in no particular order: the reader's threads
    /// call `take` concurrently. Each item lies in memory that its thread reuses after
    /// the call. Nothing is passed between threads, so this is the fastest way to read
    /// many items; `take` has to combine the results itself.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
    /// # writer.finish()?;
    /// let reader = sealpack::Reader::open(&path)?;
    /// let bytes = AtomicUsize::new(0);
    /// reader.get_many_unordered(&[7, 900, 7], |_request, item| {
    ///     bytes.fetch_add(item.len(), Ordering::Relaxed);
    /// })?;
    /// assert_eq!(bytes.into_inner(), 6 + 8 + 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if a position does not exist, before anything is read;
    /// otherwise the error of a record that cannot be read, after any number of the
    /// items were passed to `take`.
    ///
    /// # Panics
    /// If `take` panics, with the same panic.
    pub fn get_many_unordered(
        &self,
        positions: &[u32],
        take: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<(), Error> {
        let _span = span!("get_many", positions = positions.len());
        let inner = &*self.inner;
        let planned = plan(self.directory(), positions, inner.opened.budget.merge);
        let reads = planned.map_err(|error| inner.error(error.into()))?;
        let done = match inner.threads_for(&reads) {
            1 => lend_reads(inner, &reads, &Runs::new(reads.len(), 1), &take),
            threads => in_parallel(inner, &reads, threads, &take),
        };
        done.map_err(|kind| inner.error(kind))
    }
}

impl ReaderInner {
    /// Returns how many threads perform these reads: as many as the options and the memory
    /// limit allow.
    fn threads_for(&self, reads: &[PlannedRead]) -> usize {
        if reads.len() <= MAX_READS_INLINE {
            return 1;
        }
        let heaviest = reads.iter().map(|read| self.opened.budget.weight(read)).max();
        let fit = self.opened.budget.in_flight() / heaviest.unwrap_or(1).max(1);
        let threads = self.opened.options.threads.min(reads.len());
        threads.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
    }
}

/// Performs the reads on several threads, this one included.
fn in_parallel(
    inner: &ReaderInner,
    reads: &[PlannedRead],
    threads: usize,
    take: &(impl Fn(usize, &[u8]) + Sync),
) -> Result<(), ErrorKind> {
    let runs = Runs::new(reads.len(), threads);
    let failure = Mutex::new(None);
    let work = || {
        let _stop = StopOnPanic(&runs);
        if let Err(kind) = lend_reads(inner, reads, &runs, take) {
            runs.stop();
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(kind);
        }
    };
    thread::scope(|scope| {
        let mut started = Vec::with_capacity(threads - 1);
        for _ in 1..threads {
            let worker = thread::Builder::new().name("sealpack-read".into());
            // If the system allows no more threads, fewer threads read; this one
            // always does.
            let Ok(worker) = worker.spawn_scoped(scope, work) else { break };
            started.push(worker);
        }
        work();
        for worker in started {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// Performs reads and lends their items, until there are no more.
fn lend_reads(
    inner: &ReaderInner,
    reads: &[PlannedRead],
    runs: &Runs,
    take: &impl Fn(usize, &[u8]),
) -> Result<(), ErrorKind> {
    let mut lender = Lender::default();
    while let Some(run) = runs.take() {
        for read in reads.get(run).unwrap_or_default() {
            if runs.is_stopped() {
                return Ok(());
            }
            let lend = |planned: &PlannedRecord, items: RecordContent<'_>| {
                let (mut items, mut next, mut item) = (items.items(), 0, &[][..]);
                for &(request, slot) in &planned.wanted {
                    if slot >= next {
                        item = items.nth((slot - next) as usize).unwrap_or_default();
                        next = slot + 1;
                    }
                    take(request, item);
                }
                ControlFlow::<Infallible>::Continue(())
            };
            let ControlFlow::Continue(()) = lender.read(inner, read, lend)?;
        }
    }
    lender.close(inner);
    Ok(())
}
