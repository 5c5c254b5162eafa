//! Turns the bytes of a record into its items.

use bytes::{Buf as _, Bytes};
use core::iter::FusedIterator;
use core::mem;
use core::ops::Range;

use super::{Directory, ReadLimits, RecordPlace};
use crate::codec::{Decode, Size};
use crate::error::{DecodeError, Error, Fault, Limit, Misuse, Section};
use crate::format::{MAX_U32, RecordContent, RecordParts};
use crate::wire::group::{Group, OwnedGroup};
use crate::wire::{crc, cursor};

/// A checked and decoded record. Its items are views of its payload.
#[derive(Clone, Debug)]
pub struct Record {
    payload: Bytes,
    /// The packed lengths, as stored; `None` if the record is one item.
    /// Invariant: they add up to the length of the payload.
    lengths: Option<OwnedGroup>,
    item_count: u32,
}

/// A stored record whose checksum was checked; its payload is not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct EncodedRecord<'a> {
    parts: RecordParts<'a>,
    expected: ExpectedPayload,
}

/// What the decoded payload of a record must be.
#[derive(Clone, Copy, Debug)]
struct ExpectedPayload {
    record: u32,
    size: Size,
    limit: u64,
}

/// Checks the bytes of a record, up to the decoding of its payload.
///
/// # Errors
/// As [`unseal`].
#[inline]
pub fn split_record<'a>(
    directory: &Directory,
    place: &RecordPlace,
    stored: &'a [u8],
    limits: &ReadLimits,
) -> Result<EncodedRecord<'a>, Error> {
    let (wanted, given) = (place.size(), stored.len() as u64);
    if wanted != given {
        return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
    }
    directory.refuse_unknown_extension()?;
    let section = Section::Record(place.number);
    let split = directory.layout().split(stored, place.item_count);
    let parts = split.map_err(|fault| fault.in_section(section))?;
    let limit = limits.max_decoded();
    let size = match &parts.lengths {
        Some(lengths) => Size::Exactly(lengths.sum()),
        None => Size::AtMost(limit.min(MAX_U32.into())),
    };
    if size.upper_bound() > limit {
        return Err(Error::Limit(Limit::Decoded { size: size.upper_bound(), limit }));
    }
    Ok(EncodedRecord { parts, expected: ExpectedPayload { record: place.number, size, limit } })
}

impl<'a> EncodedRecord<'a> {
    /// The payload as stored. Decode it unless it is empty.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.parts.payload
    }

    /// The size of the decoded payload.
    #[must_use]
    pub fn size(&self) -> Size {
        self.expected.size
    }

    /// The items, given the outcome of decoding the payload. It checks that the
    /// item lengths add up to the payload.
    ///
    /// # Errors
    /// As [`unseal`].
    #[inline]
    pub fn items<'b>(
        &self,
        decoded: Result<&'b [u8], DecodeError>,
    ) -> Result<RecordContent<'b>, Error>
    where
        'a: 'b,
    {
        let payload = self.expected.check(decoded)?;
        Ok(RecordContent::packed(payload, self.parts.lengths))
    }
}

impl ExpectedPayload {
    /// Checks the decoder's output.
    #[inline]
    fn check<T: AsRef<[u8]>>(&self, decoded: Result<T, DecodeError>) -> Result<T, Error> {
        let checked = decoded.and_then(|payload| {
            self.size.check(payload.as_ref().len() as u64)?;
            Ok(payload)
        });
        let section = Section::Record(self.record);
        checked.map_err(|error| match error {
            // The reader's limit, unless the item is too large for any reader.
            DecodeError::AboveLimit { found, .. } if found <= MAX_U32.into() => {
                Error::Limit(Limit::Decoded { size: found, limit: self.limit })
            }
            // Report a length mismatch as `Fault::Sum`.
            DecodeError::Length { expected, found } => {
                Fault::Sum { expected: found, found: expected }.in_section(section)
            }
            error => Fault::Decode(error).in_section(section),
        })
    }
}

/// Checks the bytes of a record, decodes its payload and checks that the item
/// lengths add up to it.
///
/// # Errors
/// [`Error::Corrupt`] in [`Section::Record`];
/// [`Fault::Extension`] for a pack with an unknown extension; [`Limit::Decoded`] if
/// the record exceeds the reader's limits; [`Misuse::Supplied`] if `stored` does not have
/// the record's size.
pub fn unseal(
    directory: &Directory,
    place: &RecordPlace,
    stored: Bytes,
    decoder: &dyn Decode,
    limits: &ReadLimits,
) -> Result<Record, Error> {
    let EncodedRecord { parts, expected } = split_record(directory, place, &stored, limits)?;
    let payload_end = parts.payload.len();
    let lengths = parts.lengths.map(|group| OwnedGroup::new(group, &stored, payload_end));
    let mut encoded = stored;
    encoded.truncate(payload_end);
    let decoded =
        if encoded.is_empty() { Ok(encoded) } else { decoder.decode(encoded, expected.size) };
    let payload = expected.check(decoded)?;
    Ok(Record { payload, lengths, item_count: place.item_count })
}

impl Record {
    /// The packed lengths of the items; `None` if the record is one item.
    pub(super) fn packed_lengths(&self) -> Option<&OwnedGroup> {
        self.lengths.as_ref()
    }

    /// The number of items.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.item_count
    }

    /// The decoded payload: the items, concatenated.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The item in this slot, as a view of the payload; `None` from
    /// `item_count` on.
    #[must_use]
    pub fn item(&self, slot: u32) -> Option<Bytes> {
        if slot >= self.item_count {
            return None;
        }
        let Some(lengths) = self.group() else { return Some(self.payload.clone()) };
        let start = usize::try_from(lengths.sum_first(slot)).ok()?;
        let end = start.checked_add(lengths.get(slot)? as usize)?;
        (end <= self.payload.len()).then(|| self.payload.slice(start..end))
    }

    /// As [`item`](Self::item), for a caller that needs no other item of the record:
    /// the payload of a record of one item is returned as it is, without a new view.
    #[must_use]
    pub fn into_item(self, slot: u32) -> Option<Bytes> {
        match self.lengths {
            None => (slot < self.item_count).then_some(self.payload),
            Some(_) => self.item(slot),
        }
    }

    /// The items as input of the record's digest.
    #[must_use]
    pub fn content(&self) -> RecordContent<'_> {
        RecordContent::packed(&self.payload, self.group())
    }

    /// The items in order, as views of the payload.
    pub fn items(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.ranges().map(|range| self.payload.slice(range))
    }

    /// The items in order, as slices.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> + '_ {
        self.ranges().map(|range| self.payload.get(range).unwrap_or_default())
    }

    /// The range of each item in the payload. The lengths add up to the payload,
    /// so every range is valid.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut lengths = self.group().map(|group| group.iter());
        let mut at = Some(0_usize);
        core::iter::from_fn(move || {
            let start = at?;
            let end = match &mut lengths {
                Some(lengths) => start.checked_add(lengths.next()? as usize),
                None => Some(self.payload.len()),
            };
            // Without lengths there is a single item.
            at = end.filter(|_| lengths.is_some());
            Some(start..end?)
        })
    }

    fn group(&self) -> Option<Group<'_>> {
        self.lengths.as_ref().map(OwnedGroup::get)
    }

    /// The items from `slot` on, as an iterator that owns the record.
    #[must_use]
    pub fn into_items(self, slot: u32) -> RecordItems {
        let start = self.group().map_or(0, |group| group.sum_first(slot));
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        RecordItems { range: start..self.payload.len(), slots: slot..self.item_count, record: self }
    }
}

/// The items of a record, in order, as views of its payload.
#[derive(Clone, Debug)]
pub struct RecordItems {
    record: Record,
    /// The items that were not taken yet.
    slots: Range<u32>,
    /// Their bytes in the payload.
    range: Range<usize>,
}

impl RecordItems {
    fn length(&self, slot: u32) -> Option<usize> {
        match self.record.group() {
            Some(group) => group.get(slot).map(|length| length as usize),
            None => Some(self.range.len()),
        }
    }

    /// Returns a view of this part of the payload. The last item takes over the
    /// payload instead of sharing it.
    fn view(&mut self, range: Range<usize>) -> Bytes {
        if !self.slots.is_empty() {
            return self.record.payload.slice(range);
        }
        let mut item = mem::take(&mut self.record.payload);
        item.truncate(range.end);
        item.advance(range.start);
        item
    }
}

impl Iterator for RecordItems {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.slots.is_empty() {
            return None;
        }
        let end = self.range.start.checked_add(self.length(self.slots.start)?)?;
        if end > self.range.end {
            return None;
        }
        self.slots.start += 1;
        let start = mem::replace(&mut self.range.start, end);
        Some(self.view(start..end))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.slots.len(), Some(self.slots.len()))
    }
}

impl DoubleEndedIterator for RecordItems {
    fn next_back(&mut self) -> Option<Bytes> {
        if self.slots.is_empty() {
            return None;
        }
        let length = self.length(self.slots.end - 1)?;
        let start = self.range.end.checked_sub(length).filter(|&at| at >= self.range.start)?;
        self.slots.end -= 1;
        let end = mem::replace(&mut self.range.end, start);
        Some(self.view(start..end))
    }
}

impl ExactSizeIterator for RecordItems {}

impl FusedIterator for RecordItems {}

/// Locates one item of a plain record without reading the whole record: the
/// driver reads the end of the record, which determines where the item lies, and
/// then the item. This is impossible if the record's checksum covers the
/// payload, because checking it requires the whole record.
#[derive(Clone, Debug)]
pub struct ItemLookup {
    tail: Range<u64>,
    record: RecordPlace,
    slot: u32,
}

impl ItemLookup {
    /// A lookup in a record of this pack; `None` if the record has to be read
    /// whole: it is a single item, its checksum covers the payload, its end is
    /// more than a quarter of it, or [`unseal`] will refuse it.
    #[must_use]
    pub fn new(directory: &Directory, record: RecordPlace, slot: u32) -> Option<Self> {
        directory.refuse_unknown_extension().ok()?;
        let layout = directory.layout();
        let tail_size = layout.max_tail_size(record.item_count);
        let is_worthwhile = record.size() / 4 >= tail_size;
        if !layout.has_lengths() || layout.has_record_checksum() || !is_worthwhile {
            return None;
        }
        let tail = record.range.end - tail_size..record.range.end;
        (slot < record.item_count).then_some(Self { tail, record, slot })
    }

    /// The range to read first.
    #[must_use]
    pub fn tail(&self) -> Range<u64> {
        self.tail.clone()
    }

    /// The range of the item in the file, from the bytes of [`tail`](Self::tail).
    /// It checks the checksum of the lengths, and that they add up to the payload.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Record`], or [`Misuse::Supplied`].
    pub fn locate(&self, tail: &[u8]) -> Result<Range<u64>, Error> {
        let (wanted, given) = (self.tail.end - self.tail.start, tail.len() as u64);
        if wanted != given {
            return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
        }
        self.locate_bytes(tail)
            .map_err(|fault| fault.in_section(Section::Record(self.record.number)))
    }

    fn locate_bytes(&self, tail: &[u8]) -> Result<Range<u64>, Fault> {
        let (covered, stored) = cursor::split_last_u32(tail)?;
        let (group, before) = Group::split_last(covered, self.record.item_count)?;
        let computed = crc::crc32c(covered.get(before.len()..).unwrap_or_default());
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        let payload = self.record.size() - group.size() - 4;
        if group.sum() != payload {
            return Err(Fault::Sum { expected: payload, found: group.sum() });
        }
        let length = group.get(self.slot).map_or(0, u64::from);
        let start = self.record.range.start + group.sum_first(self.slot);
        Ok(start..start + length)
    }
}
