//! Maps an item's position to the bytes that contain it.

use core::ops::Range;

use crate::error::{Error, Misuse};
use crate::format::{ExtensionKind, OffsetIndex, RecordLayout, Trailer, extensions};

/// What a reader keeps of an open pack: the trailer and the offset index. It
/// takes slightly more memory than the index takes on disk.
#[derive(Clone, Debug)]
pub struct Directory {
    trailer: Trailer,
    index: OffsetIndex,
    records_end: u64,
    unknown_extension: Option<ExtensionKind>,
}

/// Where an item is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPlace {
    /// The record that contains it.
    pub record: RecordPlace,
    /// Its slot: the number of the item within the record, counted from 0.
    pub slot: u32,
}

/// Where a record is stored, and which items it contains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RecordPlace {
    /// The record's number, counted from 0.
    pub number: u32,
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// The position of its first item.
    pub first_item: u32,
    /// The number of its items.
    pub item_count: u32,
}

impl RecordPlace {
    /// Its size in the file, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The positions of its items.
    #[must_use]
    pub fn positions(&self) -> Range<u32> {
        self.first_item..self.first_item + self.item_count
    }
}

impl Directory {
    pub(super) fn new(
        trailer: Trailer,
        index: OffsetIndex,
        records_end: u64,
        unknown_extension: Option<ExtensionKind>,
    ) -> Self {
        Self { trailer, index, records_end, unknown_extension }
    }

    /// Fails if the pack has an unknown extension that may change how its records are
    /// decoded.
    ///
    /// # Errors
    /// [`Fault::Extension`](crate::error::Fault::Extension) in
    /// [`Section::AppData`](crate::error::Section::AppData).
    pub fn refuse_unknown_extension(&self) -> Result<(), Error> {
        self.unknown_extension.map_or(Ok(()), |kind| Err(extensions::unknown(kind)))
    }

    /// The trailer.
    #[must_use]
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// How the records are laid out.
    #[must_use]
    pub fn layout(&self) -> RecordLayout {
        self.trailer.layout()
    }

    /// The number of items.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.trailer.total_items
    }

    /// The number of records.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.index.record_count()
    }

    /// The offset in the file at which the records end and the index starts.
    #[must_use]
    pub fn records_end(&self) -> u64 {
        self.records_end
    }

    /// The memory that the directory takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.index.memory()
    }

    /// Locates the item at `position`.
    ///
    /// # Errors
    /// [`Misuse::Position`] if there is no such item.
    pub fn place(&self, position: u32) -> Result<ItemPlace, Error> {
        let items = self.item_count();
        let no_such = Error::Misuse(Misuse::Position { position: position.into(), items });
        if position >= items {
            return Err(no_such);
        }
        let per_record = self.trailer.items_per_record.max(1);
        let record = self.record(position / per_record).map_err(|_| no_such)?;
        Ok(ItemPlace { record, slot: position % per_record })
    }

    /// Locates the record with this number.
    ///
    /// # Errors
    /// [`Misuse::RecordNumber`] if there is no such record.
    pub fn record(&self, number: u32) -> Result<RecordPlace, Error> {
        match self.index.record(number) {
            Some(range) => Ok(self.describe(number, range)),
            None => Err(Error::Misuse(Misuse::RecordNumber {
                record: number.into(),
                records: self.record_count(),
            })),
        }
    }

    /// Locates the records with these numbers, in order. Cheaper than a lookup of
    /// each. Numbers beyond the last record are skipped.
    pub fn records(&self, numbers: Range<u32>) -> impl Iterator<Item = RecordPlace> + '_ {
        let first = numbers.start;
        let count = numbers.end.saturating_sub(first) as usize;
        (first..)
            .zip(self.index.records_from(first))
            .take(count)
            .map(|(number, range)| self.describe(number, range))
    }

    /// The numbers of the records that contain the items at these positions.
    ///
    /// # Errors
    /// [`Misuse::Range`] if the start exceeds the end, [`Misuse::Position`] if the
    /// range goes beyond the last item.
    pub fn records_of(&self, positions: &Range<u32>) -> Result<Range<u32>, Error> {
        let Range { start, end } = *positions;
        if start > end {
            return Err(Error::Misuse(Misuse::Range { start, end }));
        }
        if end > self.item_count() {
            let position = u64::from(end) - 1;
            return Err(Error::Misuse(Misuse::Position { position, items: self.item_count() }));
        }
        let per_record = self.trailer.items_per_record.max(1);
        let first = start / per_record;
        Ok(if start == end { first..first } else { first..end.div_ceil(per_record) })
    }

    /// The record that contains the byte at `offset` of the file, if any.
    #[must_use]
    pub fn record_at(&self, offset: u64) -> Option<u32> {
        self.index.record_at(offset)
    }

    fn describe(&self, number: u32, range: Range<u64>) -> RecordPlace {
        // `Trailer::check_counts` has checked the numbers of records and items,
        // so neither the product nor the difference overflows for a record that
        // exists.
        let first_item = number.saturating_mul(self.trailer.items_per_record);
        let left = self.item_count().saturating_sub(first_item);
        let item_count = left.min(self.trailer.items_per_record);
        RecordPlace { number, range, first_item, item_count }
    }
}
