//! The offset index: the records' sizes, 128 to a group (FORMAT.md, *Offset
//! index*).
//!
//! ```text
//! | group of sizes 0..128 | group 128..256 | … | last group | CRC-32C |
//! ```
//!
//! It stores sizes, not offsets: they are small and similar, so a record takes
//! one to three bytes. [`IndexEncoder`] packs each group as soon as it is full.
//! [`OffsetIndex`] keeps the groups packed in memory, together with the offset
//! at which each group's first record starts (12 bytes for 128 records), and
//! unpacks one group per lookup.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::trailer::INDEX_CRC;
use super::{INDEX_GROUP, MAX_U32};
use crate::error::{Error, Fault, Limit, Section};
use crate::wire::group::{self, Group};
use crate::wire::{crc, cursor};

/// Packs the sizes of records as they arrive.
#[derive(Clone, Debug, Default)]
pub struct IndexEncoder {
    groups: Vec<u8>,
    filling: Vec<u32>,
}

impl IndexEncoder {
    /// An index without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the size of the next record.
    ///
    /// # Errors
    /// [`Limit::Index`] if the index could exceed 2^32-1 bytes.
    pub fn push(&mut self, size: u32) -> Result<(), Error> {
        let packed = self.groups.len() as u64;
        let at_most = packed + group::max_size(INDEX_GROUP) + u64::from(INDEX_CRC);
        if at_most > u64::from(MAX_U32) {
            return Err(Error::Limit(Limit::Index { size: at_most }));
        }
        self.filling.push(size);
        if self.filling.len() as u64 == u64::from(INDEX_GROUP) {
            self.pack();
        }
        Ok(())
    }

    fn pack(&mut self) {
        group::encode(&self.filling, &mut self.groups);
        self.filling.clear();
    }

    /// The bytes of the section: groups and checksum.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.pack();
        let crc = crc::crc32c(&self.groups);
        self.groups.extend_from_slice(&crc.to_le_bytes());
        self.groups
    }
}

/// The index of a pack. Invariant: the sizes add up to the offset at which it
/// starts.
#[derive(Clone, Debug)]
pub struct OffsetIndex {
    packed: Bytes,
    groups: Vec<GroupPlace>,
    record_count: u32,
}

/// Where a group's first record starts in the file, and where the group ends
/// in the packed bytes.
#[derive(Clone, Copy, Debug)]
struct GroupPlace {
    offset: Offset,
    end: u32,
}

/// A `u64` in two halves, so that a [`GroupPlace`] takes 12 bytes instead of 16.
#[derive(Clone, Copy, Debug)]
struct Offset {
    high: u32,
    low: u32,
}

impl Offset {
    fn new(offset: u64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
        let (high, low) = ((offset >> 32) as u32, offset as u32);
        Self { high, low }
    }

    fn get(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }
}

impl OffsetIndex {
    /// Decodes the section. `bytes` holds the groups and their checksum, and
    /// `records_end` is the offset at which the section starts in the file.
    ///
    /// `record_count` must have passed
    /// [`Trailer::check_index_size`](super::Trailer::check_index_size). The
    /// index takes the memory of the packed groups and 12 bytes a group.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Index`]: a wrong checksum, a damaged
    /// group, surplus bytes, or a sum other than `records_end`.
    pub fn decode(bytes: Bytes, record_count: u32, records_end: u64) -> Result<Self, Error> {
        Self::decode_bytes(bytes, record_count, records_end)
            .map_err(|fault| fault.in_section(Section::Index))
    }

    fn decode_bytes(bytes: Bytes, record_count: u32, records_end: u64) -> Result<Self, Fault> {
        let (packed, stored) = cursor::split_last_u32(&bytes)?;
        let computed = crc::crc32c(packed);
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        let count = record_count.div_ceil(INDEX_GROUP) as usize;
        // No more than the bytes at hand can hold.
        let plausible = packed.len() / usize::try_from(group::MIN_SIZE).unwrap_or(usize::MAX);
        let mut groups = Vec::with_capacity(count.min(plausible));
        let (mut rest, mut offset) = (packed, records_end);
        for number in (0..record_count.div_ceil(INDEX_GROUP)).rev() {
            let end = rest.len();
            let count = (record_count - number * INDEX_GROUP).min(INDEX_GROUP);
            let (group, before) = Group::split_last(rest, count)?;
            let sum = group.sum();
            offset = offset.checked_sub(sum).ok_or_else(|| Fault::Sum {
                expected: records_end,
                found: (records_end - offset).saturating_add(sum),
            })?;
            // The section's size is a u32 in the trailer.
            let end = u32::try_from(end).map_err(|_| Fault::Leftover { bytes: end as u64 })?;
            groups.push(GroupPlace { offset: Offset::new(offset), end });
            rest = before;
        }
        if !rest.is_empty() {
            return Err(Fault::Leftover { bytes: rest.len() as u64 });
        }
        if offset != 0 {
            return Err(Fault::Sum { expected: records_end, found: records_end - offset });
        }
        groups.reverse();
        Ok(Self { packed: bytes, groups, record_count })
    }

    /// The number of records.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.record_count
    }

    /// The byte range of a record in the file; `None` from `record_count` on.
    #[must_use]
    pub fn record(&self, number: u32) -> Option<Range<u64>> {
        let (group, start) = self.group(number / INDEX_GROUP)?;
        let slot = number % INDEX_GROUP;
        let size = group.get(slot)?;
        let start = start + group.sum_first(slot);
        Some(start..start + u64::from(size))
    }

    /// The byte ranges of the records from `first` on. Cheaper than a lookup of
    /// each.
    pub fn records_from(&self, first: u32) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = self.record(first).map_or(0, |range| range.start);
        let group_of = first / INDEX_GROUP;
        let skip = (first % INDEX_GROUP) as usize;
        (group_of..)
            .map_while(|number| self.group(number))
            .flat_map(|(group, _)| group.iter())
            .skip(skip)
            .map(move |size| {
                let start = at;
                at += u64::from(size);
                start..at
            })
    }

    /// The record that contains the byte at `offset`; `None` after the records.
    #[must_use]
    pub fn record_at(&self, offset: u64) -> Option<u32> {
        let after = self.groups.partition_point(|place| place.offset.get() <= offset);
        let first = u32::try_from(after.checked_sub(1)?).ok()? * INDEX_GROUP;
        let mut records = (first..).zip(self.records_from(first));
        records.find(|(_, range)| range.contains(&offset)).map(|(number, _)| number)
    }

    /// The memory that this index takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.packed.len() + self.groups.capacity() * size_of::<GroupPlace>()
    }

    /// A group and the offset of its first record. `decode` has checked every
    /// group, so splitting one off again cannot fail.
    fn group(&self, number: u32) -> Option<(Group<'_>, u64)> {
        let place = self.groups.get(number as usize)?;
        let count = (self.record_count - number * INDEX_GROUP).min(INDEX_GROUP);
        let bytes = self.packed.get(..place.end as usize)?;
        let (group, _) = Group::split_last(bytes, count).ok()?;
        Some((group, place.offset.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(sizes: &[u32]) -> Vec<u8> {
        let mut encoder = IndexEncoder::new();
        sizes.iter().for_each(|&size| encoder.push(size).unwrap());
        encoder.finish()
    }

    fn sizes(count: u32) -> Vec<u32> {
        (0..count).map(|i| i.wrapping_mul(2_654_435_761) >> (i % 20)).collect()
    }

    #[test]
    fn every_record_is_found_at_its_offset() {
        let counts = [0, 1, 127, 128, 129, 256, 1000];
        for &count in &counts[..if cfg!(miri) { 5 } else { counts.len() }] {
            let sizes = sizes(count);
            let end = sizes.iter().map(|&s| u64::from(s)).sum();
            let index = OffsetIndex::decode(encode(&sizes).into(), count, end).unwrap();
            let mut at = 0;
            for (number, &size) in (0..).zip(&sizes) {
                let range = at..at + u64::from(size);
                at = range.end;
                // Each takes Miri a second.
                if cfg!(miri) && ![0, 1, 126, 127, 128].contains(&number) {
                    continue;
                }
                assert_eq!(index.record(number), Some(range.clone()));
                assert_eq!(index.records_from(number).next(), Some(range.clone()));
                if size > 0 {
                    assert_eq!(index.record_at(range.start), Some(number));
                    assert_eq!(index.record_at(range.end - 1), Some(number));
                }
            }
            assert_eq!(index.record(count), None);
            assert_eq!(index.record(u32::MAX), None);
            assert_eq!(index.record_at(end), None);
            assert_eq!(index.records_from(0).count(), sizes.len());
        }
    }

    #[test]
    fn sizes_that_do_not_end_at_the_index_are_refused() {
        let bytes = encode(&[10, 20]);
        for end in [0, 29, 31, u64::MAX] {
            assert!(matches!(
                OffsetIndex::decode(bytes.clone().into(), 2, end),
                Err(Error::Corrupt { section: Section::Index, fault: Fault::Sum { .. } })
            ));
        }
    }

    #[test]
    fn a_wrong_record_count_is_refused() {
        let bytes = encode(&sizes(130));
        let end = sizes(130).iter().map(|&s| u64::from(s)).sum();
        for count in [0, 1, 128, 129, 131, 258] {
            assert!(
                OffsetIndex::decode(bytes.clone().into(), count, end).is_err(),
                "{count} records"
            );
        }
    }

    #[test]
    fn an_index_takes_12_bytes_a_group_more_than_on_disk() {
        const GROUPS: u32 = if cfg!(miri) { 2 } else { 100 };
        let records = GROUPS * 128;
        let sizes = alloc::vec![10; records as usize];
        let index =
            OffsetIndex::decode(encode(&sizes).into(), records, 10 * u64::from(records)).unwrap();
        assert_eq!(size_of::<GroupPlace>(), 12);
        assert_eq!(index.memory(), GROUPS as usize * (16 + 5) + 4 + GROUPS as usize * 12);
    }
}
