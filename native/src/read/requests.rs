//! The requested positions of a call, and the reads for a run of them.
//!
//! The positions are sorted once. After that, each thread plans the reads of its own
//! runs, in memory that it reuses.

use std::ops::Range;

use sealpack_core::error::Error as PackError;
use sealpack_core::read::{Directory, Merge, RecordPlace};

use crate::cores::cores;

/// Stored bytes of a run, on average. A thread that waits for the last run waits for no
/// more than this.
const RUN_BYTES: u64 = 256 << 10;

/// The same for more threads than cores, which are there to wait for a disk: short runs keep
/// the reads in flight close together, so that the system reads ahead for all of them.
const RUN_BYTES_WHILE_WAITING: u64 = 16 << 10;

/// Positions of a run at most.
const RUN_POSITIONS: u64 = 64;

/// Positions in ascending order, each with its index in the request.
pub(super) struct Requests {
    order: Vec<(u32, usize)>,
    per_record: u32,
}

/// A record, and which of the requests are for its items.
pub(super) struct WantedRecord {
    pub(super) place: RecordPlace,
    pub(super) wanted: Range<usize>,
}

impl Requests {
    /// # Errors
    /// [`Misuse::Position`](sealpack_core::error::Misuse::Position) for the first
    /// position that the pack does not have.
    pub(super) fn new(directory: &Directory, positions: &[u32]) -> Result<Self, PackError> {
        let mut order: Vec<(u32, usize)> = positions.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let items = directory.item_count();
        let missing = order.partition_point(|(position, _)| *position < items);
        if let Some((position, _)) = order.get(missing) {
            directory.place(*position)?;
        }
        Ok(Self { order, per_record: directory.trailer().items_per_record.max(1) })
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns how many positions a run should have, for this many threads.
    pub(super) fn run_length(&self, directory: &Directory, threads: usize) -> usize {
        let records = u64::from(directory.record_count()).max(1);
        let mean = (directory.records_end() / records).max(1);
        let bytes = if threads > cores() { RUN_BYTES_WHILE_WAITING } else { RUN_BYTES };
        let of_bytes = (bytes / mean).clamp(1, RUN_POSITIONS);
        // Two runs a thread, so that all threads end at about the same time.
        let share = self.order.len().div_ceil(threads.saturating_mul(2).max(1)).max(1);
        share.min(usize::try_from(of_bytes).unwrap_or(usize::MAX))
    }

    /// Returns the first request from `start` on that is for another record than the one
    /// before it.
    fn after_record(&self, start: usize) -> usize {
        let number = |at: usize| self.order.get(at).map(|(position, _)| position / self.per_record);
        let Some(before) = start.checked_sub(1).and_then(number) else { return start };
        let same = self.order.iter().skip(start);
        start + same.take_while(|(position, _)| position / self.per_record == before).count()
    }

    /// Moves the start of a run to where no read would reach beyond it, so that a run has
    /// whole records, and neighbours that one read fetches. A run of neighbours without
    /// an end is cut where the file is a multiple of the largest read.
    pub(super) fn align(&self, directory: &Directory, merge: Merge, start: usize) -> usize {
        let place = |at: usize| {
            let (position, _) = self.order.get(at)?;
            directory.place(*position).ok().map(|place| place.record.range)
        };
        let mut at = self.after_record(start);
        let mut before = if at == 0 { None } else { place(at - 1) };
        while let Some(range) = before
            && let Some(next) = place(at)
            && merge.joins(&range, &next)
            && range.start / merge.max_read.max(1) == next.start / merge.max_read.max(1)
        {
            at = self.after_record(at + 1);
            before = Some(next);
        }
        at
    }

    /// Returns the index of each request, with the slot of its item in the record.
    pub(super) fn slots<'a>(
        &'a self,
        record: &'a WantedRecord,
    ) -> impl ExactSizeIterator<Item = (usize, u32)> + 'a {
        let requests = self.order.get(record.wanted.clone()).unwrap_or_default();
        requests.iter().map(|(position, request)| (*request, position - record.place.first_item))
    }

    /// Returns the requested items of a record, each with the index of its request. `make`
    /// makes the result from an item; requests for the same item get clones of it.
    #[inline]
    pub(super) fn items_of<'a, I: Iterator + 'a, T: Clone + Default + 'a>(
        &'a self,
        record: &'a WantedRecord,
        mut items: I,
        mut make: impl FnMut(I::Item) -> T + 'a,
    ) -> impl ExactSizeIterator<Item = (usize, T)> + 'a {
        let (mut next, mut item) = (0, T::default());
        // The slots are in ascending order, so that the lengths are added up only once.
        self.slots(record).map(move |(request, slot)| {
            if slot >= next {
                item = items.nth((slot - next) as usize).map(&mut make).unwrap_or_default();
                next = slot + 1;
            }
            (request, item.clone())
        })
    }

    /// Returns the size of the largest read that a run may take.
    pub(super) fn largest_read(
        &self,
        directory: &Directory,
        merge: Merge,
        run: &Range<usize>,
    ) -> Result<u64, PackError> {
        let mut largest = merge.max_read;
        let mut at = run.start;
        while at < run.end
            && let Some((position, _)) = self.order.get(at)
        {
            largest = largest.max(directory.place(*position)?.record.size());
            at = self.after_record(at + 1);
        }
        Ok(largest)
    }
}

/// One read: a range of the file, and the wanted records in it.
#[derive(Default)]
pub(super) struct RunRead {
    pub(super) range: Range<u64>,
    pub(super) records: Vec<WantedRecord>,
}

/// Plans the reads of one run, one after another.
pub(super) struct RunPlan<'a> {
    requests: &'a Requests,
    directory: &'a Directory,
    merge: Merge,
    left: Range<usize>,
    /// A record that the last read did not reach.
    pending: Option<WantedRecord>,
}

impl<'a> RunPlan<'a> {
    pub(super) fn new(
        requests: &'a Requests,
        directory: &'a Directory,
        merge: Merge,
        run: Range<usize>,
    ) -> Self {
        Self { requests, directory, merge, left: run, pending: None }
    }

    fn next_record(&mut self) -> Result<Option<WantedRecord>, PackError> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        let start = self.left.start;
        if start >= self.left.end {
            return Ok(None);
        }
        let Some((position, _)) = self.requests.order.get(start) else { return Ok(None) };
        let place = self.directory.place(*position)?.record;
        let end = self.requests.after_record(start + 1).min(self.left.end);
        self.left.start = end;
        Ok(Some(WantedRecord { place, wanted: start..end }))
    }

    /// Plans the next read. Returns `false` if there is no more. Records that
    /// `is_separate` get a read of their own.
    ///
    /// # Errors
    /// As [`Directory::place`].
    pub(super) fn next(
        &mut self,
        read: &mut RunRead,
        is_separate: impl Fn(&WantedRecord) -> bool,
    ) -> Result<bool, PackError> {
        read.records.clear();
        let Some(first) = self.next_record()? else { return Ok(false) };
        read.range = first.place.range.clone();
        let mut is_open = !is_separate(&first);
        read.records.push(first);
        while is_open && let Some(next) = self.next_record()? {
            is_open = self.merge.joins(&read.range, &next.place.range) && !is_separate(&next);
            if is_open {
                read.range.end = next.place.range.end;
                read.records.push(next);
            } else {
                self.pending = Some(next);
            }
        }
        Ok(true)
    }
}

/// Announces the reads that follow, so that several are in flight.
pub(super) struct ReadsAhead<'a> {
    requests: &'a Requests,
    directory: &'a Directory,
    /// The first request that was not announced.
    next: usize,
    /// Records that were announced and not read yet.
    announced: usize,
    depth: usize,
}

impl<'a> ReadsAhead<'a> {
    /// Announces `depth` reads from `start` on; none if that is 1.
    pub(super) fn new(
        requests: &'a Requests,
        directory: &'a Directory,
        start: usize,
        depth: usize,
    ) -> Self {
        Self { requests, directory, next: start, announced: 0, depth }
    }

    /// Calls `announce` with the next records, up to the depth. The reads of another
    /// thread may be among them.
    pub(super) fn announce(&mut self, announce: impl Fn(&RecordPlace)) {
        while self.depth > 1
            && self.announced < self.depth
            && let Some((position, _)) = self.requests.order.get(self.next)
            && let Ok(place) = self.directory.place(*position)
        {
            announce(&place.record);
            self.next = self.requests.after_record(self.next + 1);
            self.announced += 1;
        }
    }

    /// Counts records that were read.
    pub(super) fn read(&mut self, records: usize) {
        self.announced = self.announced.saturating_sub(records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plain, Reader, Writer};

    #[test]
    fn runs_are_shorter_on_more_threads_than_cores() {
        let options = Writer::options().codec(Plain).items_per_record(1).content_hash(false);
        let mut writer = options.write_to(Vec::new()).unwrap();
        (0..1000).for_each(|_| writer.append(&[7; 8 << 10]).unwrap());
        let pack = writer.finish().unwrap().sink;
        let reader = Reader::options().open_source(pack, "memory").unwrap();
        let positions: Vec<u32> = (0..1000).collect();
        let requests = Requests::new(reader.directory(), &positions).unwrap();
        assert_eq!(requests.run_length(reader.directory(), 1), 32);
        assert_eq!(requests.run_length(reader.directory(), cores() + 1), 2);
    }
}
