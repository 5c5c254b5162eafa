//! Compares two packs or sets, reading as little as their hashes allow.

use std::ops::Range;

use sealpack::{Bytes, DigestListReader, PackSet, Reader};

use crate::command::pack_sequence::PackSequence;
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
    /// Item by item: the packs have different numbers of items per record, or one of them
    /// is a set.
    Items,
    /// Item by item, except for the positions where both sets list a pack of the same
    /// content hash.
    Members(Vec<Range<u64>>),
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

    /// Returns the method for packs and sets of which at least one is a set.
    pub fn of_sets(a: &PackSequence, b: &PackSequence, read_all: bool) -> Self {
        match (a.set(), b.set()) {
            (Some(a), Some(b)) if !read_all => Self::Members(equal_members(a, b)),
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
            Self::Members(_) => "members",
        }
    }
}

/// Returns the positions where both sets list a pack of the same content hash.
fn equal_members(a: &PackSet, b: &PackSet) -> Vec<Range<u64>> {
    let mut equal = Vec::new();
    let (mut of_a, mut of_b) = (a.members().iter(), b.members().iter());
    let (mut one, mut other) = (of_a.next(), of_b.next());
    // The positions of the first items of both.
    let (mut at, mut other_at) = (0_u64, 0_u64);
    while let (Some(in_a), Some(in_b)) = (one, other) {
        let (end, other_end) =
            (at + u64::from(in_a.identity.items), other_at + u64::from(in_b.identity.items));
        let hash = in_a.identity.content_hash;
        let same = hash.is_some() && hash == in_b.identity.content_hash;
        if same && at == other_at && end == other_end {
            equal.push(at..end);
        }
        if end <= other_end {
            (one, at) = (of_a.next(), end);
        }
        if other_end <= end {
            (other, other_at) = (of_b.next(), other_end);
        }
    }
    equal
}

/// An item that differs between the packs.
pub struct DifferentItem {
    /// Its position.
    pub position: u64,
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
    pub packs: [&'a PackSequence; 2],
    /// The number of shared items that differ.
    pub item_count: u64,
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
    pub fn new(a: &'a PackSequence, b: &'a PackSequence, limit: usize, any: bool) -> Self {
        let (item_count, items) = (0, Vec::new());
        Self { packs: [a, b], item_count, record_count: Some(0), items, limit, any }
    }

    /// Returns the positions that both packs have.
    pub fn shared(&self) -> Range<u64> {
        let [a, b] = self.packs;
        0..a.item_count().min(b.item_count())
    }

    /// Returns the positions that only this pack has.
    pub fn only_in(&self, which: usize) -> Option<Range<u64>> {
        let items = self.packs.get(which)?.item_count();
        let only_here = self.shared().end..items;
        (!only_here.is_empty()).then_some(only_here)
    }

    /// Returns whether both packs have the same app data; `None` if one is a set, which has
    /// none.
    pub fn same_app_data(&self) -> Option<bool> {
        same_app_data(self.packs)
    }

    /// Returns whether there are no differences.
    pub fn is_empty(&self) -> bool {
        let [a, b] = self.packs;
        self.item_count == 0
            && self.same_app_data() != Some(false)
            && a.item_count() == b.item_count()
    }

    /// Returns the packs, if neither is a set.
    fn readers(&self) -> Option<[&'a Reader; 2]> {
        let [a, b] = self.packs;
        Some([a.pack()?, b.pack()?])
    }

    fn shared_records(&self) -> Range<u32> {
        let counts = self.readers().map(|packs| packs.map(|pack| pack.directory().record_count()));
        0..counts.map_or(0, |[a, b]| a.min(b))
    }

    /// Returns the total for the progress bar.
    pub fn steps(&self, method: &Method) -> u64 {
        match method {
            Method::Items | Method::Members(_) => self.shared().end,
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
            Method::Items => self.compare_items(&[], progress),
            Method::Members(equal) => self.compare_items(equal, progress),
        }
    }

    fn compare_digests(&mut self, progress: &mut ProgressMeter) -> Result<(), Failure> {
        let Some([a, b]) = self.readers() else { return Ok(()) };
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
        let Some([a, b]) = self.readers() else { return Ok(()) };
        let first = a.directory().record(record).map_or(0, |place| place.first_item.into());
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

    /// Compares all items but those at the `equal` positions.
    fn compare_items(
        &mut self,
        equal: &[Range<u64>],
        progress: &mut ProgressMeter,
    ) -> Result<(), Failure> {
        let [a, b] = self.packs;
        self.record_count = None;
        let Range { mut start, end } = self.shared();
        for equal in equal.iter().cloned().chain(std::iter::once(end..end)) {
            let left = start..equal.start.min(end);
            let items = a.range(left.clone())?.zip(b.range(left.clone())?);
            for (position, (a, b)) in left.zip(items) {
                self.compare_item(position, &a?, &b?);
                if self.is_enough() {
                    return Ok(());
                }
                progress.add(1);
            }
            progress.add(equal.end - equal.start);
            start = equal.end;
        }
        Ok(())
    }

    fn compare_item(&mut self, position: u64, a: &Bytes, b: &Bytes) {
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

/// Returns whether both packs have the same app data; `None` if one is a set, which has none.
pub fn same_app_data(packs: [&PackSequence; 2]) -> Option<bool> {
    let [a, b] = packs;
    Some(a.pack()?.app_data() == b.pack()?.app_data())
}
