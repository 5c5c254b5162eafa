//! Gathers items into drafts: whole records that can be sealed anywhere.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::PackShape;
use crate::error::{Error, Limit};
use crate::format::MAX_U32;
use crate::wire::group;

/// A draft ends with the first record that brings it to this many bytes: small
/// records travel together, since handing one on costs more than sealing it.
const DRAFT_SIZE: usize = 32 << 10;

/// A draft of small records ends after this many items too.
const DRAFT_ITEMS: usize = 8 << 10;

/// Memory of drafts on their way that is kept in view, to be used again.
const MAX_RETIRED: usize = 8 << 20;

/// Owned items from this size on are kept as they are; smaller ones are copied,
/// which costs less than an extent of their own.
const OWNED_SIZE: usize = 4 << 10;

/// One record, or several small ones, not yet encoded.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Drafts count from 0 in the order of the file.
    pub number: u64,
    /// The number of its first record.
    pub first_record: u32,
    /// The items' bytes, in order. No item lies in two extents, and there is
    /// more than one extent only where the draft is a single record.
    pub(super) extents: Vec<Bytes>,
    /// The items' lengths, in order.
    pub(super) lengths: Vec<u32>,
}

impl Draft {
    /// How many items the draft holds.
    #[must_use]
    pub fn item_count(&self) -> usize {
        self.lengths.len()
    }

    /// The bytes of its items.
    #[must_use]
    pub fn payload_size(&self) -> u64 {
        self.extents.iter().map(|extent| extent.len() as u64).sum()
    }

    /// Bytes of memory that it takes on its way to the file, about: the items
    /// and, for each, what is kept of lengths, sizes and digests.
    #[must_use]
    pub fn weight(&self) -> u64 {
        const AN_ITEM: u64 = 160;
        self.payload_size().saturating_add(AN_ITEM * self.lengths.len() as u64)
    }
}

/// Gathers items into drafts. After each call, take the drafts that are ready
/// with [`next_draft`](Self::next_draft).
#[derive(Debug)]
pub struct RecordBuilder {
    items_per_record: u32,
    /// Payloads are stored as they are, so a record may be many extents.
    plain: bool,
    /// The least bytes that stand behind a payload.
    least_tail: u64,
    total_items: u32,
    /// The number of the next draft, and of its first record.
    number: u64,
    first_record: u32,
    /// Items that no extent holds yet. While `extents` is not empty, they and
    /// `extents` belong to the open record alone.
    copied: BytesMut,
    /// What is left of the memory of earlier drafts, and how much all of it is.
    /// Once a draft is written and nobody holds a view of it, its memory is
    /// there to be used again: new memory costs more than the copy into it.
    retired: VecDeque<(BytesMut, usize)>,
    retired_bytes: usize,
    /// The memory that `copied` began with, and what a draft took last.
    memory: usize,
    last_draft_size: usize,
    extents: Vec<Bytes>,
    lengths: Vec<u32>,
    /// The open record's share of `lengths`, and its bytes.
    open_items: u32,
    open_bytes: u64,
    ready: VecDeque<Draft>,
}

impl RecordBuilder {
    /// A builder for a pack of this shape. `plain` says that payloads will be
    /// stored as they are: large owned items then stay where they are.
    #[must_use]
    pub fn new(shape: &PackShape, plain: bool) -> Self {
        let layout = shape.layout();
        let least_tail =
            if layout.has_lengths() { group::MIN_SIZE + 4 } else { layout.max_tail_size(0) };
        Self {
            items_per_record: shape.items_per_record.get(),
            plain,
            least_tail,
            total_items: 0,
            number: 0,
            first_record: 0,
            copied: BytesMut::new(),
            retired: VecDeque::new(),
            retired_bytes: 0,
            memory: 0,
            last_draft_size: DRAFT_SIZE,
            extents: Vec::new(),
            lengths: Vec::new(),
            open_items: 0,
            open_bytes: 0,
            ready: VecDeque::new(),
        }
    }

    /// Items taken so far.
    #[must_use]
    pub fn total_items(&self) -> u32 {
        self.total_items
    }

    /// Adds an item, copying it.
    ///
    /// # Errors
    /// [`Limit::Item`]; [`Limit::Items`]; [`Limit::Record`], also where an
    /// encoder might yet make the record smaller: readers refuse a payload
    /// above 2^32 bytes. The item is then not taken.
    pub fn push(&mut self, item: &[u8]) -> Result<(), Error> {
        let length = self.admit(item.len() as u64)?;
        self.make_room(item.len());
        self.copied.put_slice(item);
        self.take(length);
        Ok(())
    }

    /// Adds one item that lies in several slices. No slices at all are no
    /// item; one empty slice is an empty item.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_parts(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        if parts.is_empty() {
            return Ok(());
        }
        let length = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.len() as u64));
        let length = self.admit(length)?;
        for part in parts {
            self.make_room(part.len());
            self.copied.put_slice(part);
        }
        self.take(length);
        Ok(())
    }

    /// Adds an item without copying it, where it is at least 4 KiB and either
    /// alone in its record or stored as it is; copies it otherwise.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_owned(&mut self, item: Bytes) -> Result<(), Error> {
        let alone = self.items_per_record == 1;
        if item.len() < OWNED_SIZE || !(alone || self.plain) {
            return self.push(&item);
        }
        let length = self.admit(item.len() as u64)?;
        if self.extents.is_empty() {
            self.dispatch_closed_records();
        }
        self.seal_copied();
        self.extents.push(item);
        self.take(length);
        Ok(())
    }

    /// The next draft that is complete. Call it until it answers `None`.
    #[must_use]
    pub fn next_draft(&mut self) -> Option<Draft> {
        self.ready.pop_front()
    }

    /// Closes the last record, whole or not, and completes its draft.
    pub fn finish(&mut self) {
        if self.open_items > 0 {
            self.close_record();
        }
        self.dispatch();
    }

    fn admit(&self, length: u64) -> Result<u32, Error> {
        let item = u32::try_from(length).map_err(|_| Error::Limit(Limit::Item { length }))?;
        if self.total_items == MAX_U32 {
            return Err(Error::Limit(Limit::Items));
        }
        let size = self.open_bytes.saturating_add(length).saturating_add(self.least_tail);
        if size > u64::from(MAX_U32) {
            return Err(Error::Limit(Limit::Record { size }));
        }
        if isize::try_from(size).is_err() {
            return Err(Error::Limit(Limit::Memory { bytes: size }));
        }
        Ok(item)
    }

    /// Makes room for a whole draft at once: a buffer that grows bit by bit
    /// copies its items again and again.
    #[inline]
    fn make_room(&mut self, more: usize) {
        if self.copied.capacity() - self.copied.len() < more {
            self.grow(more);
        }
    }

    #[inline(never)]
    fn grow(&mut self, more: usize) {
        if !self.copied.is_empty() {
            self.copied.reserve(more.max(self.copied.len()));
            self.memory = self.copied.capacity();
            return;
        }
        // An eighth more than the last: drafts are about as large as each other.
        let size = (self.last_draft_size + self.last_draft_size / 8)
            .max(DRAFT_SIZE + DRAFT_SIZE / 2)
            .max(more);
        let left = mem::take(&mut self.copied);
        if self.memory > 0 && self.retired_bytes.saturating_add(self.memory) <= MAX_RETIRED {
            self.retired_bytes += self.memory;
            self.retired.push_back((left, self.memory));
        }
        // The oldest is the first to be written.
        if let Some((mut oldest, memory)) = self.retired.pop_front() {
            if oldest.try_reclaim(size) {
                self.retired_bytes -= memory;
                self.memory = memory;
                self.copied = oldest;
                return;
            }
            // Too small now, or still on its way.
            if memory < size {
                self.retired_bytes -= memory;
            } else {
                self.retired.push_front((oldest, memory));
            }
        }
        self.copied = BytesMut::with_capacity(size);
        self.memory = self.copied.capacity();
    }

    /// Accounts for an item whose bytes are in place.
    fn take(&mut self, length: u32) {
        self.lengths.push(length);
        self.total_items += 1;
        self.open_items += 1;
        self.open_bytes += u64::from(length);
        if self.open_items == self.items_per_record {
            self.close_record();
        }
    }

    fn close_record(&mut self) {
        self.open_items = 0;
        self.open_bytes = 0;
        let large = self.copied.len() >= DRAFT_SIZE || self.lengths.len() >= DRAFT_ITEMS;
        if large || !self.extents.is_empty() {
            self.dispatch();
        }
    }

    fn seal_copied(&mut self) {
        if !self.copied.is_empty() {
            self.last_draft_size = self.copied.len();
            self.extents.push(self.copied.split().freeze());
        }
    }

    /// Everything gathered becomes a draft; the open record is closed.
    fn dispatch(&mut self) {
        self.seal_copied();
        let extents = mem::take(&mut self.extents);
        let next = Vec::with_capacity(self.lengths.len());
        let lengths = mem::replace(&mut self.lengths, next);
        self.queue(extents, lengths);
    }

    /// The closed records before the open one become a draft of their own.
    fn dispatch_closed_records(&mut self) {
        let open_items = self.open_items as usize;
        let open_lengths = self.lengths.split_off(self.lengths.len() - open_items);
        let lengths = mem::replace(&mut self.lengths, open_lengths);
        let open_bytes = usize::try_from(self.open_bytes).unwrap_or(self.copied.len());
        let closed = self.copied.split_to(self.copied.len() - open_bytes).freeze();
        self.queue(Vec::from_iter((!closed.is_empty()).then_some(closed)), lengths);
    }

    fn queue(&mut self, extents: Vec<Bytes>, lengths: Vec<u32>) {
        if lengths.is_empty() {
            return;
        }
        let (number, first_record) = (self.number, self.first_record);
        let records = lengths.len().div_ceil(self.items_per_record as usize);
        self.number += 1;
        // There are no more records than items, and the items were counted.
        #[allow(clippy::cast_possible_truncation, reason = "at most `total_items`")]
        let records = records as u32;
        self.first_record += records;
        self.ready.push_back(Draft { number, first_record, extents, lengths });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZero;

    fn builder(per_record: u32, plain: bool) -> RecordBuilder {
        let items_per_record = NonZero::new(per_record).unwrap();
        RecordBuilder::new(&PackShape { items_per_record, ..PackShape::default() }, plain)
    }

    fn drafts(mut builder: RecordBuilder) -> Vec<Draft> {
        builder.finish();
        core::iter::from_fn(|| builder.next_draft()).collect()
    }

    #[test]
    fn every_item_comes_out_once_in_order_whatever_the_way_in() {
        const ITEMS: u32 = if cfg!(miri) { 31 } else { 600 };
        for per_record in [1, 2, 3, 7, 128, u32::MAX] {
            for plain in [false, true] {
                let mut builder = builder(per_record, plain);
                let mut expected = Vec::new();
                for i in 0..ITEMS as usize {
                    let byte = u8::try_from(i % 251).unwrap();
                    let item = alloc::vec![byte; [0, 1, 100, 5000, 4096][i % 5]];
                    match i % 3 {
                        0 => builder.push(&item).unwrap(),
                        1 => builder
                            .push_parts(&[&item[..item.len() / 2], &item[item.len() / 2..]])
                            .unwrap(),
                        _ => builder.push_owned(item.clone().into()).unwrap(),
                    }
                    expected.push(item);
                }
                let mut items = Vec::new();
                let mut records = 0;
                for (number, draft) in (0..).zip(drafts(builder)) {
                    assert_eq!((draft.number, draft.first_record), (number, records));
                    let mut bytes = draft.extents.concat();
                    let in_draft = draft.lengths.len().div_ceil(per_record as usize);
                    assert!(draft.extents.len() <= 1 || in_draft == 1);
                    records += u32::try_from(in_draft).unwrap();
                    for length in draft.lengths {
                        let rest = bytes.split_off(length as usize);
                        items.push(mem::replace(&mut bytes, rest));
                    }
                    assert!(bytes.is_empty());
                }
                assert_eq!(items, expected);
                assert_eq!(records, ITEMS.div_ceil(per_record));
            }
        }
    }

    #[test]
    fn no_slices_are_no_item_and_an_empty_slice_is_an_empty_item() {
        let mut builder = builder(1, true);
        builder.push_parts(&[]).unwrap();
        assert_eq!(builder.total_items(), 0);
        builder.push_parts(&[b""]).unwrap();
        assert_eq!(builder.total_items(), 1);
        assert_eq!(drafts(builder)[0].lengths, [0]);
    }

    #[test]
    fn a_large_owned_item_is_handed_on_and_not_copied() {
        let item = Bytes::from(alloc::vec![7; 100_000]);
        for (per_record, plain) in [(1, false), (1, true), (5, true)] {
            let mut builder = builder(per_record, plain);
            builder.push(b"copied").unwrap();
            builder.push_owned(item.clone()).unwrap();
            builder.push(b"copied").unwrap();
            let kept = drafts(builder)
                .iter()
                .flat_map(|draft| &draft.extents)
                .any(|extent| extent.as_ptr() == item.as_ptr() && extent.len() == item.len());
            assert!(kept, "{per_record} a record");
        }
    }

    #[test]
    fn a_record_too_large_is_told_at_the_append_that_makes_it_so() {
        let mut builder = builder(u32::MAX, true);
        let half = Bytes::from(alloc::vec![0; 1 << 30]);
        for _ in 0..3 {
            builder.push_owned(half.clone()).unwrap();
        }
        let refused = builder.push_owned(half);
        assert!(matches!(refused, Err(Error::Limit(Limit::Record { .. }))));
        builder.push(b"a smaller one still fits").unwrap();
        assert_eq!(builder.total_items(), 4);
    }
}
