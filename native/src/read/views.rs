//! Records and items as views of the bytes of a read.

use std::ops::Range;

use bytes::Bytes;
#[cfg(feature = "remote")]
use sealpack_core::read::Record;
use sealpack_core::read::{PlannedRead, PlannedRecord};

/// Returns the requested items of a record, each with the index of its request.
#[cfg(feature = "remote")]
pub(crate) fn requested_items(
    record: Record,
    wanted: Vec<(usize, u32)>,
) -> impl Iterator<Item = (usize, Bytes)> + Send {
    let mut items = record.into_items(0);
    let (mut next, mut item) = (0, Bytes::new());
    // The slots are in ascending order, so that the lengths are added up only once.
    wanted.into_iter().map(move |(request, slot)| {
        if slot >= next {
            item = items.nth((slot - next) as usize).unwrap_or_default();
            next = slot + 1;
        }
        (request, item.clone())
    })
}

/// Returns the records of a read, each with its part of the bytes.
pub(crate) fn records_of_read(
    read: PlannedRead,
    bytes: &Bytes,
) -> impl Iterator<Item = (PlannedRecord, Bytes)> {
    let range = read.range;
    read.records.into_iter().map(move |record| {
        let stored = view(bytes, &range, &record.place.range);
        (record, stored)
    })
}

/// Returns the part of `bytes` at the file range `record`, given that `bytes` were read
/// from the file range `read`.
pub(crate) fn view(bytes: &Bytes, read: &Range<u64>, record: &Range<u64>) -> Bytes {
    let offset = |at: u64| usize::try_from(at - read.start).unwrap_or(usize::MAX);
    let range = offset(record.start)..offset(record.end);
    if range.end > bytes.len() { Bytes::new() } else { bytes.slice(range) }
}
