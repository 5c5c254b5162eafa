//! Reads many positions in no particular order: several threads read, and each calls the
//! caller's function.

use std::convert::Infallible;
use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon_core::ScopeFifo;
use sealpack_core::format::RecordContent;

use super::lent::Lender;
use super::reader::{Reader, ReaderInner};
use super::requests::{Requests, RunPlan, RunRead, WantedRecord};
use crate::error::{Error, ErrorKind};
use crate::runs::{Runs, StopOnPanic};
use crate::trace::span;

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
        let requests = Requests::new(self.directory(), positions);
        let requests = requests.map_err(|error| inner.error(error.into()))?;
        let done = match inner.threads_within_limit(&requests) {
            Ok(1) => {
                let mut lender = Lender::default();
                let done = inner.lend_run(&requests, 0..requests.len(), &mut lender, &take);
                lender.close(inner);
                done
            }
            Ok(threads) => in_parallel(inner, &requests, threads, &take),
            Err(kind) => Err(kind),
        };
        done.map_err(|kind| inner.error(kind))
    }
}

impl ReaderInner {
    /// Returns how many threads work on these requests: as many as the options and the
    /// memory limit allow.
    fn threads_within_limit(&self, requests: &Requests) -> Result<usize, ErrorKind> {
        let threads = self.threads_for(requests);
        let budget = &self.opened.budget;
        if threads == 1 || !budget.is_limited() {
            return Ok(threads);
        }
        let directory = &self.opened.pack.directory;
        let largest =
            requests.largest_read(directory, self.merge_of_many(), &(0..requests.len()))?;
        Ok(threads.min(budget.reads_in_flight(largest)))
    }

    /// Reads the records of a run, and lends the requested items.
    fn lend_run(
        &self,
        requests: &Requests,
        run: Range<usize>,
        lender: &mut Lender,
        take: &impl Fn(usize, &[u8]),
    ) -> Result<(), ErrorKind> {
        let directory = &self.opened.pack.directory;
        let mut ahead = self.reads_ahead(requests, run.start);
        let mut plan = RunPlan::new(requests, directory, self.merge_of_many(), run);
        let mut read = RunRead::default();
        let lend = |record: &WantedRecord, items: RecordContent<'_>| {
            let requested = requests.items_of(record, items.items(), |item| item);
            requested.for_each(|(request, item)| take(request, item));
            ControlFlow::<Infallible>::Continue(())
        };
        while plan.next(&mut read, |record| self.is_read_in_parts(record))? {
            ahead.announce(|place| self.announce(place));
            ahead.read(read.records.len());
            if let [record] = read.records.as_slice()
                && self.is_read_in_parts(record)
            {
                for (request, slot) in requests.slots(record) {
                    if let Some(lookup) = self.lookup_part(&record.place, slot) {
                        take(request, lender.part(self, &lookup)?);
                    }
                }
                continue;
            }
            let ControlFlow::Continue(()) =
                lender.read(self, &read.range, &read.records, |record| &record.place, lend)?;
        }
        Ok(())
    }
}

/// The work of one call, and what its threads share.
struct UnorderedWork<'a, F> {
    inner: &'a ReaderInner,
    requests: &'a Requests,
    take: &'a F,
    runs: Runs,
    /// The memory of threads that do not work now.
    idle: Mutex<Vec<Lender>>,
    failure: Mutex<Option<ErrorKind>>,
}

impl<F: Fn(usize, &[u8]) + Sync> UnorderedWork<'_, F> {
    /// Works on the next run. Returns whether there was one.
    fn perform_one(&self) -> bool {
        let Some(run) = self.runs.take() else { return false };
        let _stop = StopOnPanic(&self.runs);
        let mut lender = lock(&self.idle).pop().unwrap_or_default();
        let directory = &self.inner.opened.pack.directory;
        let merge = self.inner.merge_of_many();
        let align = |at| self.requests.align(directory, merge, at);
        let run = align(run.start)..align(run.end);
        let lent = self.inner.lend_run(self.requests, run, &mut lender, self.take);
        lock(&self.idle).push(lender);
        if let Err(kind) = lent {
            self.runs.stop();
            lock(&self.failure).get_or_insert(kind);
        }
        true
    }

    /// Works on one run as a task, and leaves the next one to another task: so the tasks
    /// of other calls get their turn.
    fn perform_as_task<'scope>(&'scope self, scope: &ScopeFifo<'scope>) {
        if self.perform_one() {
            scope.spawn_fifo(|scope| self.perform_as_task(scope));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works on the runs on several threads, this one included.
fn in_parallel(
    inner: &ReaderInner,
    requests: &Requests,
    threads: usize,
    take: &(impl Fn(usize, &[u8]) + Sync),
) -> Result<(), ErrorKind> {
    let length = requests.run_length(&inner.opened.pack.directory, threads);
    let work = UnorderedWork {
        inner,
        requests,
        take,
        runs: Runs::of_length(requests.len(), length),
        idle: Mutex::default(),
        failure: Mutex::default(),
    };
    inner.threads.scope(threads - 1, |scope| {
        if let Some(scope) = scope {
            (1..threads).for_each(|_| scope.spawn_fifo(|scope| work.perform_as_task(scope)));
        }
        while work.perform_one() {}
    });
    lock(&work.idle).drain(..).for_each(|lender| lender.close(inner));
    let failure = lock(&work.failure).take();
    failure.map_or(Ok(()), Err)
}
