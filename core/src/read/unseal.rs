//! From the bytes of a record to its items.

use bytes::{Buf as _, Bytes};
use core::mem;
use core::ops::Range;

use super::{Directory, ReadLimits, RecordPlace};
use crate::codec::{Decode, Size};
use crate::error::{DecodeError, Error, Fault, Limit, Misuse, Section};
use crate::format::{Layout, MAX_U32, RecordContent};
use crate::wire::group::{Group, OwnedGroup};
use crate::wire::{crc, cursor};

/// A record, checked and decoded. Items are views of its payload.
#[derive(Clone, Debug)]
pub struct Record {
    payload: Bytes,
    /// The packed lengths, as they lie in the file; `None` where the record is
    /// one item. They add up to the payload.
    lengths: Option<OwnedGroup>,
    item_count: u32,
}

/// Checks the bytes of a record, decodes its payload and checks that the item
/// lengths add up to it.
///
/// # Errors
/// [`Error::Corrupt`] in [`Section::Record`]; [`Limit::Decoded`] where the
/// record is larger than the reader is willing to hold;
/// [`Misuse::Supplied`] where `stored` is not the record's size.
pub fn unseal(
    directory: &Directory,
    place: &RecordPlace,
    stored: Bytes,
    decoder: &dyn Decode,
    limits: &ReadLimits,
) -> Result<Record, Error> {
    let (wanted, given) = (place.size(), stored.len() as u64);
    if wanted != given {
        return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
    }
    let section = Section::Record(place.number);
    let layout = directory.layout();
    let parts =
        layout.split(&stored, place.item_count).map_err(|fault| fault.in_section(section))?;
    let limit = limits.max_decoded();
    let size = match &parts.lengths {
        Some(lengths) => Size::Exactly(lengths.sum()),
        None => Size::AtMost(limit.min(MAX_U32.into())),
    };
    if size.upper_bound() > limit {
        return Err(Error::Limit(Limit::Decoded { size: size.upper_bound(), limit }));
    }
    let payload_end = parts.payload.len();
    let lengths = parts.lengths.map(|group| OwnedGroup::new(group, &stored, payload_end));
    let mut encoded = stored;
    encoded.truncate(payload_end);
    let payload = decode(encoded, size, decoder).map_err(|error| match error {
        // No item is above 2^32-1 bytes, whatever the reader is willing to hold.
        DecodeError::AboveLimit { found, .. } if found <= MAX_U32.into() => {
            Error::Limit(Limit::Decoded { size: found, limit })
        }
        // A sum that the payload does not have is told as such.
        DecodeError::Length { expected, found } => {
            Fault::Sum { expected: found, found: expected }.in_section(section)
        }
        error => Fault::Decode(error).in_section(section),
    })?;
    Ok(Record { payload, lengths, item_count: place.item_count })
}

/// Decodes, and holds the decoder to what it was told.
fn decode(encoded: Bytes, size: Size, decoder: &dyn Decode) -> Result<Bytes, DecodeError> {
    let payload = if encoded.is_empty() { encoded } else { decoder.decode(encoded, size)? };
    size.check(payload.len() as u64)?;
    Ok(payload)
}

impl Record {
    /// How many items it holds.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.item_count
    }

    /// The decoded payload: the items, one after another.
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

    /// As [`item`](Self::item), where nothing else of the record is wanted: a
    /// record of one item is that item, and no view of it is made.
    #[must_use]
    pub fn into_item(self, slot: u32) -> Option<Bytes> {
        match self.lengths {
            None => (slot < self.item_count).then_some(self.payload),
            Some(_) => self.item(slot),
        }
    }

    /// The items as a digest sees them.
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

    /// Where each item lies in the payload. The lengths were checked to add up
    /// to it, so every range lies within.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut lengths = self.group().map(|group| group.iter());
        let mut at = Some(0_usize);
        core::iter::from_fn(move || {
            let start = at?;
            let end = match &mut lengths {
                Some(lengths) => start.checked_add(lengths.next()? as usize),
                None => Some(self.payload.len()),
            };
            // Without lengths the record is a single item.
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
        let at = self.group().map_or(0, |group| group.sum_first(slot));
        RecordItems { at: usize::try_from(at).unwrap_or(usize::MAX), slot, record: self }
    }
}

/// The items of a record, in order, as views of its payload.
#[derive(Clone, Debug)]
pub struct RecordItems {
    record: Record,
    slot: u32,
    at: usize,
}

impl Iterator for RecordItems {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.slot >= self.record.item_count {
            return None;
        }
        let payload = &self.record.payload;
        let end = match self.record.group() {
            Some(group) => self.at.checked_add(group.get(self.slot)? as usize)?,
            None => payload.len(),
        };
        if end > payload.len() {
            return None;
        }
        let start = mem::replace(&mut self.at, end);
        self.slot += 1;
        if self.slot < self.record.item_count {
            return Some(payload.slice(start..end));
        }
        // The last one takes the payload along.
        let mut item = mem::take(&mut self.record.payload);
        item.truncate(end);
        item.advance(start);
        Some(item)
    }
}

/// Finds one item of a record that is stored as it is without reading all of
/// it: first the end of the record, which says where the item lies, then the
/// item. Where the record's checksum covers the payload this cannot be done,
/// since nothing may be believed before all of it was read.
#[derive(Clone, Debug)]
pub struct ItemLookup {
    tail: Range<u64>,
    record: RecordPlace,
    slot: u32,
}

impl ItemLookup {
    /// A lookup in a record of this layout; `None` where the record has to be
    /// read whole: it is a single item, its checksum covers the payload, or
    /// its end is most of it.
    #[must_use]
    pub fn new(layout: Layout, record: RecordPlace, slot: u32) -> Option<Self> {
        let max_tail_size = layout.max_tail_size(record.item_count);
        let worth = record.size() / 4 >= max_tail_size;
        if !layout.has_lengths() || layout.has_record_checksum() || !worth {
            return None;
        }
        let tail = record.range.end - max_tail_size..record.range.end;
        (slot < record.item_count).then_some(Self { tail, record, slot })
    }

    /// The bytes that are wanted first.
    #[must_use]
    pub fn tail(&self) -> Range<u64> {
        self.tail.clone()
    }

    /// Where the item lies in the file, given the bytes of
    /// [`tail`](Self::tail). The lengths' checksum is checked, and that they
    /// add up to the record.
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
