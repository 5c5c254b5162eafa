//! Reads many positions: one read fetches neighbouring records together, each
//! record is read once, and threads work on several reads in parallel.

use std::convert::Infallible;
use std::mem;
use std::ops::ControlFlow;
use std::thread;

use bytes::Bytes;
use sealpack_core::read::{PlannedRead, PlannedRecord, Record, RecordPlace, plan};

use super::reader::{Reader, ReaderInner};
use super::views::{records_of_read, requested_items};
use super::workspace::Workspace;
use crate::error::{Error, ErrorKind};
use crate::ordered::{Ordered, Turn, Window};
use crate::panics::catch_panic;
use crate::trace::span;

/// Up to this many reads are performed on the caller's thread alone: starting another
/// thread would cost more.
const MAX_READS_INLINE: usize = 2;

impl Reader {
    /// Reads the items at `positions`, which may be in any order and may repeat. Calls
    /// `take` on this thread once for each of them, with its index in `positions` and
    /// the item. The calls are made in file order.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if a position does not exist, before anything is read;
    /// otherwise the error of the first record in file order that cannot be read,
    /// after the items before it were passed to `take`.
    pub fn get_many(
        &self,
        positions: &[u32],
        mut take: impl FnMut(usize, Bytes),
    ) -> Result<(), Error> {
        let proceed = |request, item| {
            take(request, item);
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(()) = self.get_many_with(positions, proceed)?;
        Ok(())
    }

    /// As [`get_many`](Self::get_many); `take` may stop the reading, for example on
    /// an error of its own. The call then returns the value of its `Break`.
    ///
    /// ```
    /// use std::io::{self, Write as _};
    /// use std::ops::ControlFlow;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
    /// # writer.finish()?;
    /// let reader = sealpack::Reader::open(&path)?;
    /// let mut out = io::sink();
    /// let stopped = reader.get_many_with(&[7, 900, 7], |_, item| match out.write_all(&item) {
    ///     Ok(()) => ControlFlow::Continue(()),
    ///     Err(error) => ControlFlow::Break(error),
    /// })?;
    /// if let ControlFlow::Break(error) = stopped {
    ///     return Err(error.into());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get_many`](Self::get_many).
    pub fn get_many_with<B>(
        &self,
        positions: &[u32],
        mut take: impl FnMut(usize, Bytes) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        let _span = span!("get_many", positions = positions.len());
        let inner = &self.inner;
        let planned = plan(self.directory(), positions, inner.opened.budget.merge);
        let reads = planned.map_err(|error| inner.error(error.into()))?;
        let mut pass_items = |read: FetchedRecords, workspace: &mut Workspace| {
            for mut fetched in read {
                let wanted = mem::take(&mut fetched.wanted);
                let record = fetched.unseal(inner, workspace)?;
                for (request, item) in requested_items(record, wanted) {
                    if let ControlFlow::Break(reason) = take(request, item) {
                        return Err(EarlyEnd::Stopped(reason));
                    }
                }
            }
            Ok(())
        };
        let threads = inner.opened.options.threads.min(reads.len());
        let done = if threads <= 1 || reads.len() <= MAX_READS_INLINE {
            let mut workspace = Workspace::new(&inner.opened.budget, false);
            let mut reads = reads.into_iter();
            let done = reads.try_for_each(|read| {
                let records = inner.read(read, &mut workspace)?;
                pass_items(records, &mut workspace)
            });
            workspace.close(&inner.opened.decoders);
            done
        } else {
            in_parallel(inner, reads, threads, pass_items)
        };
        match done {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(EarlyEnd::Stopped(reason)) => Ok(ControlFlow::Break(reason)),
            Err(EarlyEnd::Failed(kind)) => Err(inner.error(kind)),
        }
    }
}

/// The reason why the reading ended early.
enum EarlyEnd<B> {
    Failed(ErrorKind),
    Stopped(B),
}

impl<B> From<ErrorKind> for EarlyEnd<B> {
    fn from(kind: ErrorKind) -> Self {
        Self::Failed(kind)
    }
}

/// The records of one read.
pub(super) type FetchedRecords = Vec<Fetched>;

/// A record that was read, and the requested items of it.
pub(super) struct Fetched {
    state: RecordState,
    wanted: Vec<(usize, u32)>,
}

/// A read decodes its records ahead, up to the number of bytes that the budget allows;
/// the others stay encoded until they are taken. So even if records expand a
/// thousandfold, the read takes at most that allowance and one more record.
enum RecordState {
    Unsealed(Record),
    Stored(RecordPlace, Bytes),
}

impl Fetched {
    /// Returns the record, decoding it if that was not done yet.
    pub(super) fn unseal(
        self,
        inner: &ReaderInner,
        workspace: &mut Workspace,
    ) -> Result<Record, ErrorKind> {
        match self.state {
            RecordState::Unsealed(record) => Ok(record),
            RecordState::Stored(place, stored) => inner.unseal(&place, stored, workspace),
        }
    }
}

impl ReaderInner {
    /// Performs a read with one fetch; each record is a view of its bytes.
    pub(super) fn read(
        &self,
        read: PlannedRead,
        workspace: &mut Workspace,
    ) -> Result<FetchedRecords, ErrorKind> {
        let bytes = self.fetch_in(workspace, &read.range)?;
        let mut decoded = 0;
        records_of_read(read, &bytes)
            .map(|(PlannedRecord { place, wanted }, stored)| {
                let state = if decoded < workspace.decode_ahead {
                    let record = self.unseal(&place, stored, workspace)?;
                    decoded += record.payload().len() as u64;
                    RecordState::Unsealed(record)
                } else {
                    RecordState::Stored(place, stored)
                };
                Ok(Fetched { state, wanted })
            })
            .collect()
    }
}

/// Performs the reads on several threads, this one included; this thread takes the
/// records in file order.
fn in_parallel<B>(
    inner: &ReaderInner,
    reads: Vec<PlannedRead>,
    threads: usize,
    mut pass_items: impl FnMut(FetchedRecords, &mut Workspace) -> Result<(), EarlyEnd<B>>,
) -> Result<(), EarlyEnd<B>> {
    let window = Window::of_jobs(2 * threads);
    let jobs = Ordered::<PlannedRead, Result<FetchedRecords, ErrorKind>, ErrorKind>::new(window);
    let mut workspace = Workspace::new(&inner.opened.budget, true);
    let perform =
        |read, workspace: &mut Workspace| panics_as_errors(|| inner.read(read, workspace));
    let done = thread::scope(|scope| {
        // Stops the workers on every exit, an error and a panic in the caller's
        // closure included: the scope waits for them.
        let _stop = StopOnDrop(&jobs);
        for _ in 1..threads {
            let mut workspace = workspace.for_another_thread();
            let jobs = &jobs;
            let work = move || {
                while let Some((ticket, read)) = jobs.take() {
                    jobs.deliver(ticket, perform(read, &mut workspace));
                }
                workspace.close(&inner.opened.decoders);
            };
            let worker = thread::Builder::new().name("sealpack-read".into());
            // If the system allows no more threads, fewer threads read; this one
            // always does.
            if worker.spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        let mut reads = reads.into_iter();
        let mut allowance = inner.opened.budget.allowance();
        loop {
            while jobs.has_room() && allowance.has_room() {
                let Some(read) = reads.next() else {
                    jobs.close();
                    break;
                };
                allowance.begin(&read);
                let bytes = read.range.end - read.range.start;
                if jobs.submit(read, bytes).is_err() {
                    break;
                }
            }
            match jobs.next_or_job() {
                Turn::Result(records) => {
                    pass_items(records?, &mut workspace)?;
                    allowance.end();
                }
                Turn::Job(ticket, read) => jobs.deliver(ticket, perform(read, &mut workspace)),
                Turn::Done => return Ok(()),
            }
        }
    });
    workspace.close(&inner.opened.decoders);
    done
}

/// Runs a worker's job. A panic, for example in the caller's source, becomes an error:
/// otherwise the thread that takes the results would wait forever.
pub(super) fn panics_as_errors<T>(
    work: impl FnOnce() -> Result<T, ErrorKind>,
) -> Result<T, ErrorKind> {
    catch_panic(work).unwrap_or_else(|cause| Err(ErrorKind::Panicked(cause)))
}

struct StopOnDrop<'a, J, R, E: Clone>(&'a Ordered<J, R, E>);

impl<J, R, E: Clone> Drop for StopOnDrop<'_, J, R, E> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
