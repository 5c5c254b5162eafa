//! Many positions at once: records close together are read in one go, each
//! record once, several at a time.

use std::ops::Range;
use std::thread;

use bytes::Bytes;
use sealpack_core::read::{PlannedRead, Record, plan};

use super::reader::{Inner, Reader};
use crate::error::{Error, ErrorKind};
use crate::ordered::{Ordered, Window};

/// Reads this small are decoded by the caller: starting a thread costs more.
const ALONE: usize = 2;

impl Reader {
    /// The items at `positions`, in any order, repeated or not. `take` is
    /// called on this thread, once for each of them, with its place in
    /// `positions` and the item; calls come in the order of the file.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] where a position is not there, before anything is
    /// read; otherwise the first record in file order that cannot be read,
    /// after the items before it were handed over.
    pub fn get_many(
        &self,
        positions: &[u32],
        mut take: impl FnMut(usize, Bytes),
    ) -> Result<(), Error> {
        let inner = &self.inner;
        let planned = plan(self.directory(), positions, inner.options.merge);
        let reads = planned.map_err(|error| inner.error(error.into()))?;
        let mut hand_over = |read: Unsealed| {
            for (record, wanted) in read {
                for (request, slot) in wanted {
                    take(request, record.item(slot).unwrap_or_default());
                }
            }
        };
        let threads = inner.options.threads.min(reads.len());
        let done = if threads <= 1 || reads.len() <= ALONE {
            reads.into_iter().try_for_each(|read| inner.read(read).map(&mut hand_over))
        } else {
            in_parallel(inner, reads, threads, hand_over)
        };
        done.map_err(|kind| inner.error(kind))
    }
}

/// Records, each with what is wanted of it.
pub(super) type Unsealed = Vec<(Record, Vec<(usize, u32)>)>;

impl Inner {
    /// Carries out a read: one fetch, each record a view of it.
    pub(super) fn read(&self, read: PlannedRead) -> Result<Unsealed, ErrorKind> {
        let bytes = self.fetch(&read.range)?;
        let records = read.records.into_iter();
        records
            .map(|planned| {
                let stored = view(&bytes, &read.range, &planned.place.range);
                Ok((self.unseal(&planned.place, stored)?, planned.wanted))
            })
            .collect()
    }
}

/// The part of `bytes`, read at `read`, that is the record at `record`.
pub(super) fn view(bytes: &Bytes, read: &Range<u64>, record: &Range<u64>) -> Bytes {
    let offset = |at: u64| usize::try_from(at - read.start).unwrap_or(usize::MAX);
    let range = offset(record.start)..offset(record.end);
    if range.end > bytes.len() { Bytes::new() } else { bytes.slice(range) }
}

/// Workers carry out reads; their records come back here in file order.
fn in_parallel(
    inner: &Inner,
    reads: Vec<PlannedRead>,
    threads: usize,
    mut hand_over: impl FnMut(Unsealed),
) -> Result<(), ErrorKind> {
    let window = Window::of_jobs(2 * threads);
    let jobs = Ordered::<PlannedRead, Result<Unsealed, ErrorKind>, ErrorKind>::new(window);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((ticket, read)) = jobs.take() {
                    jobs.deliver(ticket, inner.read(read));
                }
            });
        }
        // Stops the workers on every way out, a panic in the caller's closure
        // included: the scope waits for them.
        let _stop = StopOnDrop(&jobs);
        let mut reads = reads.into_iter();
        loop {
            while jobs.has_room() {
                let Some(read) = reads.next() else {
                    jobs.close();
                    break;
                };
                let bytes = read.range.end - read.range.start;
                if jobs.submit(read, bytes).is_err() {
                    break;
                }
            }
            match jobs.next() {
                Some(read) => hand_over(read?),
                None => return Ok(()),
            }
        }
    })
}

struct StopOnDrop<'a, J, R, E: Clone>(&'a Ordered<J, R, E>);

impl<J, R, E: Clone> Drop for StopOnDrop<'_, J, R, E> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
