//! Collects items into drafts: whole records that any thread can seal.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::PackShape;
use super::draft::{Draft, StoredRecords};
use crate::error::{Error, Limit, Misuse};
use crate::format::MAX_U32;
use crate::wire::group;

/// A draft ends with the first record that brings it to this many bytes. Small
/// records share a draft, because handing one over to another thread costs more
/// than sealing it.
const DRAFT_SIZE: usize = 32 << 10;

/// A draft of small records ends after this many items, too.
const DRAFT_ITEMS: usize = 8 << 10;

/// The maximum size of the draft buffers that are kept for reuse, in bytes.
const MAX_RETIRED: usize = 8 << 20;

/// Owned items of at least this size become extents of their own; smaller ones
/// are copied, which costs less.
const OWNED_SIZE: usize = 4 << 10;

/// Collects items into drafts. After each call, take the completed drafts with
/// [`next_draft`](Self::next_draft).
#[derive(Debug)]
pub struct RecordBuilder {
    items_per_record: u32,
    /// Payloads are stored unchanged, so a record may consist of many extents.
    plain: bool,
    /// The minimum number of bytes after a payload.
    min_tail_size: u64,
    total_items: u32,
    /// No item is added once there are this many.
    max_items: u32,
    /// The number of the next draft, and of its first record.
    number: u64,
    first_record: u32,
    /// Items that are not yet in an extent. Invariant: while `extents` is not
    /// empty, these items and `extents` belong to the open record only.
    copied: BytesMut,
    /// Buffers of earlier drafts, each with its original capacity. When a draft
    /// has been written and no view of it remains, its buffer can be reclaimed.
    /// Reuse is worth it: fresh memory costs more than the copy into it.
    retired: VecDeque<(BytesMut, usize)>,
    retired_bytes: usize,
    /// The original capacity of `copied`, and the size of the last draft.
    copied_capacity: usize,
    last_draft_size: usize,
    extents: Vec<Bytes>,
    lengths: Vec<u32>,
    /// The open record's share of `lengths`, and its bytes.
    open_items: u32,
    open_bytes: u64,
    ready: VecDeque<Draft>,
}

impl RecordBuilder {
    /// A builder for a pack of this shape. `plain` means that payloads are stored
    /// unchanged: large owned items are then not copied.
    #[must_use]
    pub fn new(shape: &PackShape, plain: bool) -> Self {
        let layout = shape.layout();
        let min_tail_size =
            if layout.has_lengths() { group::MIN_SIZE + 4 } else { layout.max_tail_size(0) };
        Self {
            items_per_record: shape.items_per_record.get(),
            plain,
            min_tail_size,
            total_items: 0,
            max_items: MAX_U32,
            number: 0,
            first_record: 0,
            copied: BytesMut::new(),
            retired: VecDeque::new(),
            retired_bytes: 0,
            copied_capacity: 0,
            last_draft_size: DRAFT_SIZE,
            extents: Vec::new(),
            lengths: Vec::new(),
            open_items: 0,
            open_bytes: 0,
            ready: VecDeque::new(),
        }
    }

    /// The number of items so far.
    #[must_use]
    pub fn total_items(&self) -> u32 {
        self.total_items
    }

    /// Adds an item, copying it.
    ///
    /// # Errors
    /// [`Limit::Item`]; [`Limit::Items`]; [`Limit::Record`], even if an encoder
    /// might make the record smaller, because readers refuse a payload above
    /// 2^32 bytes. The item is then not added.
    pub fn push(&mut self, item: &[u8]) -> Result<(), Error> {
        let length = self.admit(item.len() as u64)?;
        self.make_room(item.len());
        self.copied.put_slice(item);
        self.count_item(length);
        Ok(())
    }

    /// Adds one item that consists of several slices. Without slices no item is
    /// added; one empty slice is an empty item.
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
        self.count_item(length);
        Ok(())
    }

    /// Adds an item without copying it, if it has at least 4 KiB and is either
    /// alone in its record or stored unchanged; otherwise copies it.
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
        self.freeze_copied();
        self.extents.push(item);
        self.count_item(length);
        Ok(())
    }

    /// Adds whole records as another pack stores them. A record that is not full
    /// must be the last one of the pack: nothing can be added after it.
    ///
    /// # Errors
    /// [`Misuse::Order`] if the last record so far is not full; [`Limit::Items`].
    pub fn push_stored(&mut self, records: StoredRecords) -> Result<(), Error> {
        if self.open_items > 0 || self.max_items < MAX_U32 {
            return Err(self.out_of_order());
        }
        let too_many = || Error::Limit(Limit::Items);
        let total = self.total_items.checked_add(records.item_count).ok_or_else(too_many)?;
        let count = u32::try_from(records.sizes.len()).map_err(|_| too_many())?;
        self.dispatch();
        self.total_items = total;
        if total % self.items_per_record > 0 {
            self.max_items = total;
        }
        if count > 0 {
            let (number, first_record) = (self.number, self.first_record);
            self.number += 1;
            self.first_record = self.first_record.checked_add(count).ok_or_else(too_many)?;
            let (extents, lengths, stored) = (Vec::new(), Vec::new(), Some(records));
            self.ready.push_back(Draft { number, first_record, extents, lengths, stored });
        }
        Ok(())
    }

    /// The error for anything added after a record that is not full.
    fn out_of_order(&self) -> Error {
        let expected = self.total_items / self.items_per_record;
        Error::Misuse(Misuse::Order { expected, given: expected.saturating_add(1) })
    }

    /// The next completed draft. Call it until it returns `None`.
    #[must_use]
    pub fn next_draft(&mut self) -> Option<Draft> {
        self.ready.pop_front()
    }

    /// Whether [`next_draft`](Self::next_draft) would return a draft.
    #[must_use]
    pub fn has_draft(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Closes the last record, full or not, and completes its draft.
    pub fn finish(&mut self) {
        if self.open_items > 0 {
            self.close_record();
        }
        self.dispatch();
    }

    fn admit(&self, length: u64) -> Result<u32, Error> {
        let item = u32::try_from(length).map_err(|_| Error::Limit(Limit::Item { length }))?;
        if self.total_items >= self.max_items {
            return Err(match self.max_items {
                MAX_U32 => Error::Limit(Limit::Items),
                _ => self.out_of_order(),
            });
        }
        let size = self.open_bytes.saturating_add(length).saturating_add(self.min_tail_size);
        if size > u64::from(MAX_U32) {
            return Err(Error::Limit(Limit::Record { size }));
        }
        if isize::try_from(size).is_err() {
            return Err(Error::Limit(Limit::Memory { bytes: size }));
        }
        Ok(item)
    }

    /// Reserves room for a whole draft: a buffer that grows in small steps copies
    /// its items repeatedly.
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
            self.copied_capacity = self.copied.capacity();
            return;
        }
        // An eighth more than the last one: drafts have similar sizes.
        let size = (self.last_draft_size + self.last_draft_size / 8)
            .max(DRAFT_SIZE + DRAFT_SIZE / 2)
            .max(more);
        let retired = mem::take(&mut self.copied);
        if self.copied_capacity > 0
            && self.retired_bytes.saturating_add(self.copied_capacity) <= MAX_RETIRED
        {
            self.retired_bytes += self.copied_capacity;
            self.retired.push_back((retired, self.copied_capacity));
        }
        // The oldest draft is written first, so its buffer is the first to become free.
        if let Some((mut oldest, capacity)) = self.retired.pop_front() {
            if oldest.try_reclaim(size) {
                self.retired_bytes -= capacity;
                self.copied_capacity = capacity;
                self.copied = oldest;
                return;
            }
            // It is too small now, or its draft is still in flight.
            if capacity < size {
                self.retired_bytes -= capacity;
            } else {
                self.retired.push_front((oldest, capacity));
            }
        }
        self.copied = BytesMut::with_capacity(size);
        self.copied_capacity = self.copied.capacity();
    }

    /// Counts an item whose bytes have been stored.
    fn count_item(&mut self, length: u32) {
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

    /// Turns the copied items into an extent.
    fn freeze_copied(&mut self) {
        if !self.copied.is_empty() {
            self.last_draft_size = self.copied.len();
            self.extents.push(self.copied.split().freeze());
        }
    }

    /// Turns everything collected into a draft, including the open record.
    fn dispatch(&mut self) {
        self.freeze_copied();
        let extents = mem::take(&mut self.extents);
        let next = Vec::with_capacity(self.lengths.len());
        let lengths = mem::replace(&mut self.lengths, next);
        self.queue(extents, lengths);
    }

    /// Turns the closed records before the open one into a draft of their own.
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
        // There are at most as many records as items, and those are counted.
        #[allow(clippy::cast_possible_truncation, reason = "at most `total_items`")]
        let records = records as u32;
        self.first_record += records;
        self.ready.push_back(Draft { number, first_record, extents, lengths, stored: None });
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
    fn drafts_contain_every_item_once_in_order() {
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
    fn no_slices_add_no_item_and_an_empty_slice_adds_an_empty_item() {
        let mut builder = builder(1, true);
        builder.push_parts(&[]).unwrap();
        assert_eq!(builder.total_items(), 0);
        builder.push_parts(&[b""]).unwrap();
        assert_eq!(builder.total_items(), 1);
        assert_eq!(drafts(builder)[0].lengths, [0]);
    }

    #[test]
    fn large_owned_items_are_not_copied() {
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
    fn the_item_that_makes_a_record_too_large_is_refused() {
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
