//! From positions to reads: records that lie close together are fetched in
//! one, and a record that several positions share is fetched once.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Directory, RecordPlace};
use crate::error::Error;

/// When two records are fetched together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The most bytes between two records that are read and thrown away
    /// rather than read apart.
    pub gap: u64,
    /// The most bytes of one read. A single record may be larger.
    pub max_read: u64,
}

impl Default for Merge {
    /// For a local file: 16 KiB between, 1 MiB at once.
    fn default() -> Self {
        Self { gap: 16 << 10, max_read: 1 << 20 }
    }
}

impl Merge {
    /// For a store that takes a request for every read: twice the mean record
    /// between, from 16 to 256 KiB, and 4 MiB at once.
    ///
    /// So no more is thrown away than twice what is wanted, on the average, of
    /// records that a request is worth less than; of larger ones a request is
    /// the better bargain at 256 KiB.
    #[must_use]
    pub fn for_requests(directory: &Directory) -> Self {
        let records = u64::from(directory.record_count()).max(1);
        let mean = directory.records_end() / records;
        let gap = mean.saturating_mul(2).clamp(16 << 10, 256 << 10);
        Self { gap, max_read: 4 << 20 }
    }
}

/// The most records of one read in a scan. Records may be empty, so the bytes
/// alone would not bound what a plan holds.
const MOST_RECORDS: usize = 8 << 10;

impl Merge {
    /// Whether a read of `range` may go on to include `next`, which lies
    /// behind it.
    fn joins(&self, range: &Range<u64>, next: &Range<u64>) -> bool {
        next.start.checked_sub(range.end).is_some_and(|gap| gap <= self.gap)
            && next.end.saturating_sub(range.start) <= self.max_read
    }
}

/// One read: a range of the file and the records in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRead {
    /// The bytes to fetch; empty where the records are.
    pub range: Range<u64>,
    /// The records to take out of it, in file order.
    pub records: Vec<PlannedRecord>,
}

/// One record of a read, and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRecord {
    /// The record.
    pub place: RecordPlace,
    /// Which items are wanted: the place in the request, and the slot in the
    /// record; by slot. Empty where the whole record is wanted.
    pub wanted: Vec<(usize, u32)>,
}

/// Plans the reads for `positions`, in any order, repeated or not. The reads
/// are in file order; [`PlannedRecord::wanted`] leads back to the request.
///
/// # Errors
/// [`Misuse::Position`](crate::error::Misuse::Position), before anything is
/// planned.
pub fn plan(
    directory: &Directory,
    positions: &[u32],
    merge: Merge,
) -> Result<Vec<PlannedRead>, Error> {
    let mut order: Vec<(u32, usize)> = positions.iter().copied().zip(0..).collect();
    order.sort_unstable();
    plan_ascending(directory, order, merge)
}

/// As [`plan`], for positions in ascending order, each with its place in the
/// request. Positions out of order are found too, though records between
/// which others were asked for are read again.
///
/// # Errors
/// As [`plan`].
pub fn plan_ascending(
    directory: &Directory,
    positions: impl IntoIterator<Item = (u32, usize)>,
    merge: Merge,
) -> Result<Vec<PlannedRead>, Error> {
    let mut reads: Vec<PlannedRead> = Vec::new();
    for (position, request) in positions {
        let open = reads.last_mut().and_then(|read| read.records.last_mut());
        if let Some(record) = open
            && record.place.positions().contains(&position)
        {
            record.wanted.push((request, position - record.place.first_item));
            continue;
        }
        let place = directory.place(position)?;
        let wanted = Vec::from([(request, place.slot)]);
        add(&mut reads, PlannedRecord { place: place.record, wanted }, merge);
    }
    Ok(reads)
}

/// Plans the reads for a run of whole records, one read after another, so that
/// a scan of any length holds a single read.
pub fn plan_records(
    directory: &Directory,
    numbers: Range<u32>,
    merge: Merge,
) -> impl Iterator<Item = PlannedRead> + '_ {
    let mut places = directory.records(numbers).peekable();
    core::iter::from_fn(move || {
        let place = places.next()?;
        let mut range = place.range.clone();
        let mut records = Vec::from([PlannedRecord { place, wanted: Vec::new() }]);
        while records.len() < MOST_RECORDS
            && let Some(place) = places.next_if(|next| merge.joins(&range, &next.range))
        {
            range.end = place.range.end;
            records.push(PlannedRecord { place, wanted: Vec::new() });
        }
        Some(PlannedRead { range, records })
    })
}

fn add(reads: &mut Vec<PlannedRead>, record: PlannedRecord, merge: Merge) {
    let next = &record.place.range;
    match reads.last_mut() {
        Some(read) if merge.joins(&read.range, next) => {
            read.range.end = next.end;
            read.records.push(record);
        }
        _ => reads.push(PlannedRead { range: next.clone(), records: Vec::from([record]) }),
    }
}
