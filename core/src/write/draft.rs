//! A draft: records on their way from the builder to a sealer.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::format::RecordContent;
use crate::format::digest::Hash;

/// Whole records as another pack stores them. They are written unchanged, so both
/// packs must have the same codec, items per record and record checksum.
#[derive(Clone, Debug, Default)]
pub struct StoredRecords {
    /// The number of their items. All records but the last one of the pack are
    /// full.
    pub item_count: u32,
    /// The bytes of their items.
    pub payload_size: u64,
    /// The stored size of each record, in bytes.
    pub sizes: Vec<u32>,
    /// The digest of each record; empty if the new pack stores no hash.
    pub digests: Vec<Hash>,
    /// Their stored bytes, in order.
    pub extents: Vec<Bytes>,
}

/// One record, or several small ones, not yet encoded; or records that another
/// pack has stored already.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The draft's number, counted from 0 in file order.
    pub number: u64,
    /// The number of its first record.
    pub first_record: u32,
    /// The items' bytes, in order. Invariants: no item spans two extents, and
    /// there is more than one extent only if the draft is a single record.
    pub(super) extents: Vec<Bytes>,
    /// The items' lengths, in order.
    pub(super) lengths: Vec<u32>,
    /// Records that need no encoding. Invariant: `extents` and `lengths` are empty
    /// then.
    pub(super) stored: Option<StoredRecords>,
}

impl Draft {
    /// The number of items in the draft.
    #[must_use]
    pub fn item_count(&self) -> usize {
        match &self.stored {
            Some(stored) => stored.item_count as usize,
            None => self.lengths.len(),
        }
    }

    /// The size of its items, in bytes.
    #[must_use]
    pub fn payload_size(&self) -> u64 {
        match &self.stored {
            Some(stored) => stored.payload_size,
            None => self.extent_bytes(),
        }
    }

    /// The contents of its records, in order; none for records that another pack has
    /// stored.
    pub fn records(&self, items_per_record: usize) -> impl Iterator<Item = RecordContent<'_>> {
        // A draft of several extents is a single record.
        let mut rest: Option<&[u8]> = match &self.extents[..] {
            [] => Some(&[]),
            [extent] => Some(extent),
            _ => None,
        };
        self.lengths.chunks(items_per_record.max(1)).map(move |lengths| {
            let Some(bytes) = rest else { return RecordContent::in_runs(&self.extents, lengths) };
            let size: usize = lengths.iter().map(|&length| length as usize).sum();
            let (record, after) = bytes.split_at(size.min(bytes.len()));
            rest = Some(after);
            RecordContent::listed(record, lengths)
        })
    }

    fn extent_bytes(&self) -> u64 {
        self.extents.iter().map(|extent| extent.len() as u64).sum()
    }

    /// Roughly the memory that it takes on its way to the file, in bytes: the
    /// items and, for each item, its share of lengths, sizes and digests.
    #[must_use]
    pub fn weight(&self) -> u64 {
        const BYTES_PER_ITEM: u64 = 160;
        if let Some(stored) = &self.stored {
            return stored.sizes.iter().map(|&size| u64::from(size) + BYTES_PER_ITEM).sum();
        }
        self.payload_size().saturating_add(BYTES_PER_ITEM * self.lengths.len() as u64)
    }
}
