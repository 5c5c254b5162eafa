//! Compares two packs, reading as little as their hashes allow.

use std::ops::Range;

use sealpack::{Bytes, DigestListReader, Reader};

use crate::outcome::Failure;
use crate::progress::ProgressMeter;

/// How the differing records are found.
pub enum Method {
    /// Both packs store the same content hash, so nothing differs.
    ContentHash,
    /// By their digest lists.
    DigestLists(Box<[DigestListReader; 2]>),
    /// By the digests of all records, computed now.
    Digests,
    /// Item by item: the packs have different numbers of items per record.
    Items,
}

impl Method {
    /// Returns the method that reads least.
    pub fn choose(
        a: &Reader,
        b: &Reader,
        lists: Option<(DigestListReader, DigestListReader)>,
        read_all: bool,
    ) -> Self {
        let (one, other) = (a.trailer(), b.trailer());
        let same_hash = one.content_hash.is_some() && one.content_hash == other.content_hash;
        let same_records = one.items_per_record == other.items_per_record;
        match (same_hash && !read_all, same_records, lists) {
            // Packs with other numbers of items per record cannot have equal hashes.
            (true, true, _) => Self::ContentHash,
            (false, true, Some((a, b))) => Self::DigestLists(Box::new([a, b])),
            (_, true, None) => Self::Digests,
            _ => Self::Items,
        }
    }

    /// Returns a stable name, for JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ContentHash => "content_hash",
            Self::DigestLists(_) => "digest_lists",
            Self::Digests => "digests",
            Self::Items => "items",
        }
    }
}

/// An item that differs between the packs.
pub struct DifferentItem {
    /// Its position.
    pub position: u32,
    /// Its size in each, in bytes.
    pub sizes: [usize; 2],
    /// See [`first_difference`].
    pub first_difference: usize,
}

/// Returns the offset of the first byte that differs; the length of the shorter item if
/// the longer one begins with it.
pub fn first_difference(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The differences between two packs.
pub struct Differences<'a> {
    pub packs: [&'a Reader; 2],
    /// The number of shared items that differ.
    pub item_count: u32,
    /// The number of records that contain them; `None` if the packs were compared
    /// item by item.
    pub record_count: Option<u32>,
    /// The first of these items.
    pub items: Vec<DifferentItem>,
    limit: usize,
    /// Whether to stop at the first difference.
    any: bool,
}

impl<'a> Differences<'a> {
    pub fn new(a: &'a Reader, b: &'a Reader, limit: usize, any: bool) -> Self {
        let (item_count, items) = (0, Vec::new());
        Self { packs: [a, b], item_count, record_count: Some(0), items, limit, any }
    }

    /// Returns the positions that both packs have.
    pub fn shared(&self) -> Range<u32> {
        let [a, b] = self.packs;
        0..a.item_count().min(b.item_count())
    }

    /// Returns the positions that only this pack has.
    pub fn only_in(&self, which: usize) -> Option<Range<u32>> {
        let items = self.packs.get(which)?.item_count();
        let only_here = self.shared().end..items;
        (!only_here.is_empty()).then_some(only_here)
    }

    /// Returns whether both packs have the same app data.
    pub fn same_app_data(&self) -> bool {
        let [a, b] = self.packs;
        a.app_data() == b.app_data()
    }

    /// Returns whether there are no differences.
    pub fn is_empty(&self) -> bool {
        let [a, b] = self.packs;
        self.item_count == 0 && self.same_app_data() && a.item_count() == b.item_count()
    }

    fn shared_records(&self) -> Range<u32> {
        let [a, b] = self.packs;
        0..a.directory().record_count().min(b.directory().record_count())
    }

    /// Returns the total for the progress bar.
    pub fn steps(&self, method: &Method) -> u64 {
        match method {
            Method::Items => self.shared().end.into(),
            _ => self.shared_records().end.into(),
        }
    }

    fn is_enough(&self) -> bool {
        self.any && !self.is_empty()
    }

    /// Finds the differences.
    pub fn find(&mut self, method: &Method, progress: &mut ProgressMeter) -> Result<(), Failure> {
        if self.is_enough() {
            return Ok(());
        }
        match method {
            Method::ContentHash => Ok(()),
            Method::DigestLists(lists) => {
                let [a, b] = lists.as_ref();
                for record in a.differing(b) {
                    let record = record?;
                    progress.set(record.into());
                    self.compare_record(record)?;
                    if self.is_enough() {
                        break;
                    }
                }
                Ok(())
            }
            Method::Digests => self.compare_digests(progress),
            Method::Items => self.compare_items(progress),
        }
    }

    fn compare_digests(&mut self, progress: &mut ProgressMeter) -> Result<(), Failure> {
        let [a, b] = self.packs;
        let records = self.shared_records();
        let digests = a.record_digests(records.clone())?.zip(b.record_digests(records.clone())?);
        for (record, (a, b)) in records.zip(digests) {
            if a? != b? {
                self.compare_record(record)?;
            }
            if self.is_enough() {
                break;
            }
            progress.add(1);
        }
        Ok(())
    }

    /// Compares the items of a record whose digests differ.
    fn compare_record(&mut self, record: u32) -> Result<(), Failure> {
        let [a, b] = self.packs;
        let first = a.directory().record(record).map_or(0, |place| place.first_item);
        let (a, b) = (a.record(record)?, b.record(record)?);
        let before = self.item_count;
        for (position, (a, b)) in (first..).zip(a.items().zip(b.items())) {
            self.compare_item(position, &a, &b);
        }
        // The last record of one pack may only be shorter than the other's.
        let differs = u32::from(self.item_count > before);
        self.record_count = self.record_count.map(|count| count + differs);
        Ok(())
    }

    fn compare_items(&mut self, progress: &mut ProgressMeter) -> Result<(), Failure> {
        let [a, b] = self.packs;
        self.record_count = None;
        let shared = self.shared();
        let items = a.range(shared.clone())?.zip(b.range(shared.clone())?);
        for (position, (a, b)) in shared.zip(items) {
            self.compare_item(position, &a?, &b?);
            if self.is_enough() {
                break;
            }
            progress.add(1);
        }
        Ok(())
    }

    fn compare_item(&mut self, position: u32, a: &Bytes, b: &Bytes) {
        if a == b {
            return;
        }
        self.item_count += 1;
        if self.items.len() < self.limit {
            let first_difference = first_difference(a, b);
            let sizes = [a.len(), b.len()];
            self.items.push(DifferentItem { position, sizes, first_difference });
        }
    }
}
