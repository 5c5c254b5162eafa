//! The lengths of a record's items, without its payload.

use core::ops::Range;

use bytes::Bytes;

use super::{Record, RecordPlace};
use crate::error::{Error, Fault, Misuse, Section};
use crate::format::RecordLayout;
use crate::wire::group::{Group, OwnedGroup};
use crate::wire::{crc, cursor};

/// The lengths of the items of one record, in order.
#[derive(Clone, Debug)]
pub struct ItemLengths {
    /// The packed lengths, as stored; `None` if the record is one item.
    packed: Option<OwnedGroup>,
    single: u64,
}

impl ItemLengths {
    /// The bytes of the file that hold the lengths; `None` if the layout stores none,
    /// because each record is one item.
    #[must_use]
    pub fn range(layout: RecordLayout, record: &RecordPlace) -> Option<Range<u64>> {
        let size = layout.max_tail_size(record.item_count).min(record.size());
        layout.has_lengths().then(|| record.range.end - size..record.range.end)
    }

    /// Parses the bytes of [`range`](Self::range), and checks their checksum. If the
    /// checksum covers the payload too, it cannot be checked, and neither are the
    /// lengths.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Record`], or [`Misuse::Supplied`].
    pub fn parse(layout: RecordLayout, record: &RecordPlace, bytes: &Bytes) -> Result<Self, Error> {
        let wanted = Self::range(layout, record).map_or(0, |range| range.end - range.start);
        let given = bytes.len() as u64;
        if wanted != given {
            return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
        }
        let parse = || {
            let (covered, stored) = cursor::split_last_u32(bytes)?;
            let (group, before) = Group::split_last(covered, record.item_count)?;
            let computed = crc::crc32c(covered.get(before.len()..).unwrap_or_default());
            if stored != computed && !layout.has_record_checksum() {
                return Err(Fault::Checksum { stored, computed });
            }
            Ok(OwnedGroup::new(group, bytes, before.len()))
        };
        let section = Section::Record(record.number);
        let packed = parse().map_err(|fault: Fault| fault.in_section(section))?;
        Ok(Self { packed: Some(packed), single: 0 })
    }

    /// The length of a record's only item.
    #[must_use]
    pub fn of_one(length: u64) -> Self {
        Self { packed: None, single: length }
    }

    pub(super) fn new(packed: Option<OwnedGroup>, single: u64) -> Self {
        Self { packed, single }
    }

    /// The lengths in bytes.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let packed = self.packed.iter().flat_map(|group| group.get().iter().map(u64::from));
        let single = self.packed.is_none().then_some(self.single);
        packed.chain(single)
    }
}

impl Record {
    /// The lengths of the items.
    #[must_use]
    pub fn lengths(&self) -> ItemLengths {
        ItemLengths::new(self.packed_lengths().cloned(), self.payload().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn lengths(checksum: bool, change: Option<usize>) -> Result<Vec<u64>, Error> {
        let layout = RecordLayout::new(3, checksum);
        let mut record = b"onethree".to_vec();
        layout.encode_tail([&b"one"[..], b"", b"three"], &[3, 0, 5], &mut record);
        if let Some(at) = change {
            let at = record.len() - at;
            record[at] ^= 1;
        }
        let place =
            RecordPlace { number: 0, first_item: 0, item_count: 3, range: 0..record.len() as u64 };
        let range = ItemLengths::range(layout, &place).unwrap();
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        let bytes = Bytes::from(record).slice(range);
        ItemLengths::parse(layout, &place, &bytes).map(|lengths| lengths.iter().collect())
    }

    #[test]
    fn lengths_are_read_from_the_end_of_a_record() {
        for checksum in [false, true] {
            assert_eq!(lengths(checksum, None).unwrap(), [3, 0, 5]);
        }
        assert!(matches!(lengths(false, Some(10)), Err(Error::Corrupt { .. })));
        assert_eq!(ItemLengths::of_one(7).iter().collect::<Vec<_>>(), [7]);
    }
}
