//! Plans the reads for a set of positions: one read fetches records that are
//! close together, and a record with several wanted items is fetched once.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Directory, RecordPlace};
use crate::error::Error;

/// Determines which records one read fetches together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The maximum gap between two records, in bytes, that is read and discarded
    /// rather than split into two reads.
    pub gap: u64,
    /// The maximum size of one read, in bytes. A single record may be larger.
    pub max_read: u64,
}

impl Default for Merge {
    /// For a local file: gaps of 16 KiB, reads of 1 MiB.
    fn default() -> Self {
        Self { gap: 16 << 10, max_read: 1 << 20 }
    }
}

impl Merge {
    /// For a store in which every read is a request: gaps of twice the mean
    /// record size, but at least 16 and at most 256 KiB, and reads of 4 MiB.
    ///
    /// On average at most twice the requested bytes are discarded. Beyond 256
    /// KiB a second request costs less than the discarded bytes.
    #[must_use]
    pub fn for_requests(directory: &Directory) -> Self {
        let records = u64::from(directory.record_count()).max(1);
        let mean = directory.records_end() / records;
        let gap = mean.saturating_mul(2).clamp(16 << 10, 256 << 10);
        Self { gap, max_read: 4 << 20 }
    }
}

/// The maximum number of records in one read of a scan. Records may be empty, so
/// a limit in bytes would not bound the size of a plan.
const MAX_RECORDS: usize = 8 << 10;

impl Merge {
    /// Returns whether a read of `range` may be extended to include `next`, which lies
    /// after it.
    #[must_use]
    pub fn joins(&self, range: &Range<u64>, next: &Range<u64>) -> bool {
        next.start.checked_sub(range.end).is_some_and(|gap| gap <= self.gap)
            && next.end.saturating_sub(range.start) <= self.max_read
    }
}

/// One read: a range of the file and the records in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRead {
    /// The bytes to fetch; empty if all the records are empty.
    pub range: Range<u64>,
    /// The wanted records in it, in file order.
    pub records: Vec<PlannedRecord>,
}

/// One record of a read, and the wanted items in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRecord {
    /// The record.
    pub place: RecordPlace,
    /// The wanted items, ordered by slot: each with its index in the request and
    /// its slot in the record. Empty if the whole record is wanted.
    pub wanted: Vec<(usize, u32)>,
}

/// Plans the reads for `positions`, in any order, with or without repetitions.
/// The reads are in file order; [`PlannedRecord::wanted`] refers back to the
/// request.
///
/// # Errors
/// [`Misuse::Position`](crate::error::Misuse::Position).
pub fn plan(
    directory: &Directory,
    positions: &[u32],
    merge: Merge,
) -> Result<Vec<PlannedRead>, Error> {
    let mut order: Vec<(u32, usize)> = positions.iter().copied().zip(0..).collect();
    order.sort_unstable();
    plan_ascending(directory, order, merge)
}

/// As [`plan`], for positions in ascending order, each with its index in the
/// request. Positions out of order work too, but may read a record more than
/// once.
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
        append_record(&mut reads, PlannedRecord { place: place.record, wanted }, merge);
    }
    Ok(reads)
}

/// Plans the reads for consecutive whole records, lazily, so that a scan of any
/// length holds a single plan.
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
        while records.len() < MAX_RECORDS
            && let Some(place) = places.next_if(|next| merge.joins(&range, &next.range))
        {
            range.end = place.range.end;
            records.push(PlannedRecord { place, wanted: Vec::new() });
        }
        Some(PlannedRead { range, records })
    })
}

fn append_record(reads: &mut Vec<PlannedRead>, record: PlannedRecord, merge: Merge) {
    let next = &record.place.range;
    match reads.last_mut() {
        Some(read) if merge.joins(&read.range, next) => {
            read.range.end = next.end;
            read.records.push(record);
        }
        _ => reads.push(PlannedRead { range: next.clone(), records: Vec::from([record]) }),
    }
}
