//! Reads records in order, ahead of the thread that takes them.

use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::ops::{Range, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::read::{
    Merge, PlannedRead, PlannedRecord, Record, RecordItems, RecordPlace, plan_records,
};

use super::budget::Allowance;
use super::crew::{Crew, CrewWork};
use super::positions::positions_in;
use super::reader::{Reader, ReaderInner};
use super::views::records_of_read;
use super::workspace::Workspace;
use crate::error::{Error, ErrorKind};

impl Reader {
    /// Returns the items at a range of positions, in order: `10..20`, `..=7`,
    /// `5..`. Each read fetches up to 256 KiB of records (1 MiB from a source with a
    /// round trip), and the next records are read while the caller works on these.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] for a range that the pack does not have.
    pub fn range(&self, positions: impl RangeBounds<u32>) -> Result<Items, Error> {
        let positions = positions_in(&positions, self.item_count());
        let records = self.directory().records_of(&positions);
        let records = records.map_err(|error| self.inner.error(error.into()))?;
        let merge = self.inner.scan_merge();
        let scan = Scan::new(&self.inner, records, merge, ReaderInner::read);
        let skipped = positions.start % self.trailer().items_per_record.max(1);
        let left = positions.end - positions.start;
        Ok(Items(ItemsState::Reading(RangeReading {
            scan,
            batch: Vec::new().into_iter(),
            record: None,
            skipped,
            left,
        })))
    }

    /// Returns all items, in order.
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub fn iter(&self) -> Result<Items, Error> {
        self.range(..)
    }
}

/// Iterates over all items, in order. If the scan cannot be started, its error is
/// the first item.
impl IntoIterator for &Reader {
    type Item = Result<Bytes, Error>;
    type IntoIter = Items;

    fn into_iter(self) -> Items {
        self.iter().unwrap_or_else(|error| Items(ItemsState::Failed(error)))
    }
}

/// The items of a range, in order. The iterator ends after an error.
pub struct Items(ItemsState);

#[allow(clippy::large_enum_variant, reason = "there is one for each range")]
enum ItemsState {
    Reading(RangeReading),
    Failed(Error),
    Ended,
}

struct RangeReading {
    scan: Scan<FetchedRecords>,
    batch: <FetchedRecords as IntoIterator>::IntoIter,
    record: Option<RecordItems>,
    /// The number of items in the first record that come before the range.
    skipped: u32,
    left: u32,
}

impl Iterator for Items {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let ItemsState::Reading(reading) = &mut self.0 {
            match reading.next() {
                Some(Ok(item)) => return Some(Ok(item)),
                Some(Err(error)) => self.0 = ItemsState::Failed(error),
                None => self.0 = ItemsState::Ended,
            }
        }
        match mem::replace(&mut self.0, ItemsState::Ended) {
            ItemsState::Failed(error) => Some(Err(error)),
            ItemsState::Reading(_) | ItemsState::Ended => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            ItemsState::Reading(reading) => (0, Some(reading.left as usize)),
            ItemsState::Failed(_) => (1, Some(1)),
            ItemsState::Ended => (0, Some(0)),
        }
    }
}

impl FusedIterator for Items {}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.size_hint().1;
        f.debug_struct("Items").field("at_most", &left).finish_non_exhaustive()
    }
}

impl RangeReading {
    fn next(&mut self) -> Option<Result<Bytes, Error>> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(item) = self.record.as_mut().and_then(Iterator::next) {
                self.left -= 1;
                return Some(Ok(item));
            }
            let advanced = match self.batch.next() {
                Some(fetched) => self.scan.unseal(fetched).map(|record| {
                    let skipped = mem::take(&mut self.skipped);
                    self.record = Some(record.into_items(skipped));
                }),
                None => self.scan.next()?.map(|batch| self.batch = batch.into_iter()),
            };
            if let Err(kind) = advanced {
                return Some(Err(self.scan.inner.error(kind)));
            }
        }
    }
}

/// Reads a run of records: threads work on the reads, and one thread takes the results
/// in order. If the next result is not ready, that thread works too; without other
/// threads it does all the work.
pub(super) struct Scan<T> {
    inner: Arc<ReaderInner>,
    /// The records that no planned read covers yet.
    records: Range<u32>,
    merge: Merge,
    crew: Crew<PlannedRead, T>,
    /// The reads in flight. A result counts until the next one is taken.
    allowance: Allowance,
}

/// The work on a read.
pub(super) type Work<T> = CrewWork<PlannedRead, T>;

impl<T: Send + 'static> Scan<T> {
    pub(super) fn new(
        inner: &Arc<ReaderInner>,
        records: Range<u32>,
        merge: Merge,
        work: Work<T>,
    ) -> Self {
        let count = records.end.saturating_sub(records.start) as usize;
        // A scan that fits one read uses no other thread: waking one would cost more.
        let fits_one_read = inner.bytes_of(&records) <= merge.max_read;
        let threads = if fits_one_read { 1 } else { inner.opened.options.threads.min(count) };
        let crew = Crew::new(inner, threads, work);
        let allowance = inner.opened.budget.allowance();
        Self { inner: Arc::clone(inner), records, merge, crew, allowance }
    }

    fn plan(&mut self) -> Option<PlannedRead> {
        if self.records.is_empty() {
            return None;
        }
        let directory = &self.inner.opened.pack.directory;
        let read = plan_records(directory, self.records.clone(), self.merge).next()?;
        self.records.start += u32::try_from(read.records.len()).unwrap_or(u32::MAX);
        Some(read)
    }

    /// Returns the result of the next read; `None` when there is no more.
    pub(super) fn next(&mut self) -> Option<Result<T, ErrorKind>> {
        if !self.crew.is_parallel() {
            let read = self.plan()?;
            return Some(self.crew.perform(read));
        }
        self.allowance.end();
        while self.crew.has_room() && self.allowance.has_room() {
            let Some(read) = self.plan() else {
                self.crew.close();
                break;
            };
            let bytes = read.range.end - read.range.start;
            self.allowance.begin(bytes);
            self.crew.submit(read, bytes);
        }
        self.crew.next()
    }
}

/// The records of one read.
pub(super) type FetchedRecords = Vec<Fetched>;

/// A record that was read. A read decodes its records ahead, up to the number of bytes
/// that the budget allows; the others stay encoded until they are taken. So even if
/// records expand a thousandfold, the read takes at most that allowance and one more
/// record.
pub(super) enum Fetched {
    Unsealed(Record),
    Stored(RecordPlace, Bytes),
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
            .map(|(PlannedRecord { place, .. }, stored)| {
                if decoded >= workspace.decode_ahead {
                    return Ok(Fetched::Stored(place, stored));
                }
                let record = self.unseal(&place, stored, workspace)?;
                decoded += record.payload().len() as u64;
                Ok(Fetched::Unsealed(record))
            })
            .collect()
    }
}

impl Scan<FetchedRecords> {
    /// Returns a record of a read, decoded.
    pub(super) fn unseal(&mut self, fetched: Fetched) -> Result<Record, ErrorKind> {
        match fetched {
            Fetched::Unsealed(record) => Ok(record),
            Fetched::Stored(place, stored) => {
                self.inner.unseal(&place, stored, self.crew.workspace())
            }
        }
    }
}
