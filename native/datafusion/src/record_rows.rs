//! The rows that one record gives.

use std::ops::Range;

use memchr::memmem::Finder;
use sealpack::Bytes;
use sealpack::core::format::RecordContent;
use sealpack::core::read::{Record, RecordPlace};

use crate::search::{ItemRun, items_with, size_of_items};

/// Items that are less than this part of their record are copied, so that they do not
/// keep it in memory.
const MIN_SHARE: usize = 4;

/// The rows that a query takes from a record.
#[derive(Debug)]
pub(crate) struct RecordRows {
    /// The lengths of all items of the record.
    pub(crate) lengths: Vec<u64>,
    pub(crate) runs: Vec<ItemRun>,
    pub(crate) items: RowItems,
}

/// The bytes that the runs of [`RecordRows`] lie in.
#[derive(Debug)]
pub(crate) enum RowItems {
    /// The query does not need them.
    Unneeded,
    /// The rows are views of them.
    Shared(Bytes),
    /// The rows copy their part.
    Copied(Bytes),
}

impl RecordRows {
    /// Takes the items at `positions` of a record.
    pub(crate) fn of_record(
        place: &RecordPlace,
        record: &Record,
        positions: &Range<u64>,
        needs_items: bool,
    ) -> Self {
        let mut rows = Self::of_lengths(place, record.lengths().iter().collect(), positions);
        if needs_items {
            let payload = record.payload();
            rows.items = match rows.size() < payload.len() / MIN_SHARE {
                true => RowItems::Copied(payload.clone()),
                false => RowItems::Shared(payload.clone()),
            };
        }
        rows
    }

    /// Takes the items at `positions`, given the lengths of all items of the record.
    pub(crate) fn of_lengths(
        place: &RecordPlace,
        lengths: Vec<u64>,
        positions: &Range<u64>,
    ) -> Self {
        let slots = slots_at(place, positions, lengths.len());
        let run = ItemRun { offset: size_of_items(&lengths, 0..slots.start), slots };
        Self { lengths, runs: vec![run], items: RowItems::Unneeded }
    }

    /// Takes those of the items at `positions` that contain a text; `None` if there are
    /// none. The content is copied as far as the rows need it.
    pub(crate) fn containing(
        finder: &Finder<'_>,
        place: &RecordPlace,
        content: RecordContent<'_>,
        positions: &Range<u64>,
        needs_items: bool,
    ) -> Option<Self> {
        // A decoded record is one run of bytes.
        let payload = content.run()?;
        // Most records contain no such item, and need no lengths.
        finder.find(payload)?;
        let lengths: Vec<u64> = content.items().map(|item| item.len() as u64).collect();
        let slots = slots_at(place, positions, lengths.len());
        let runs = items_with(finder, payload, &lengths, slots);
        if runs.is_empty() {
            return None;
        }
        let mut rows = Self { lengths, runs, items: RowItems::Unneeded };
        if needs_items {
            rows.items = match rows.size() < payload.len() / MIN_SHARE {
                true => RowItems::Copied(rows.pack(payload)),
                false => RowItems::Shared(Bytes::copy_from_slice(payload)),
            };
        }
        Some(rows)
    }

    /// Returns the size of the rows' items together, in bytes.
    fn size(&self) -> usize {
        self.runs.iter().map(|run| size_of_items(&self.lengths, run.slots.clone())).sum()
    }

    /// Returns the bytes of the runs, one after another, and lets the runs lie in them.
    fn pack(&mut self, payload: &[u8]) -> Bytes {
        let mut packed = Vec::with_capacity(self.size());
        for run in &mut self.runs {
            let end = run.offset.saturating_add(size_of_items(&self.lengths, run.slots.clone()));
            // The lengths of a decoded record add up to its size.
            let items = payload.get(run.offset..end).unwrap_or_default();
            run.offset = packed.len();
            packed.extend_from_slice(items);
        }
        packed.into()
    }
}

/// Returns which of the items of a record are at these positions.
fn slots_at(place: &RecordPlace, positions: &Range<u64>, count: usize) -> Range<usize> {
    let slot = |position: u64| {
        let slot = position.saturating_sub(place.first_item.into());
        usize::try_from(slot).unwrap_or(usize::MAX).min(count)
    };
    slot(positions.start)..slot(positions.end)
}
