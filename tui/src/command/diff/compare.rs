//! Comparing two packs, reading as little as their hashes allow.

use std::ops::Range;

use sealpack::{Bytes, DigestListReader, Reader};

use crate::outcome::Failure;
use crate::progress::Progress;

/// What says which records differ.
pub enum Method {
    /// Both packs store the same content hash: nothing differs.
    ContentHash,
    /// Their digest lists.
    DigestLists(Box<[DigestListReader; 2]>),
    /// The digests of all records, taken now.
    Digests,
    /// Nothing: they divide their items into records otherwise.
    Items,
}

impl Method {
    /// The one that reads least.
    pub fn choose(
        a: &Reader,
        b: &Reader,
        lists: Option<(DigestListReader, DigestListReader)>,
        read_all: bool,
    ) -> Self {
        let (one, other) = (a.trailer(), b.trailer());
        let stored = one.content_hash.is_some() && one.content_hash == other.content_hash;
        let alike = one.items_per_record == other.items_per_record;
        match (stored && !read_all, alike, lists) {
            // Equal hashes of otherwise divided items are not to be had.
            (true, true, _) => Self::ContentHash,
            (false, true, Some((a, b))) => Self::DigestLists(Box::new([a, b])),
            (_, true, None) => Self::Digests,
            _ => Self::Items,
        }
    }

    /// A stable name, for JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ContentHash => "content_hash",
            Self::DigestLists(_) => "digest_lists",
            Self::Digests => "digests",
            Self::Items => "items",
        }
    }
}

/// An item that both packs have, and not the same.
pub struct DifferentItem {
    /// Its position.
    pub position: u32,
    /// Its size in each, in bytes.
    pub sizes: [usize; 2],
    /// The first byte that differs; the end of the shorter one, where it
    /// begins the longer one.
    pub first_difference: usize,
}

/// What two packs differ in.
pub struct Differences<'a> {
    pub packs: [&'a Reader; 2],
    /// How many items differ that both have.
    pub item_count: u32,
    /// How many records hold them; what is compared item by item has none.
    pub record_count: Option<u32>,
    /// The first of these items.
    pub items: Vec<DifferentItem>,
    limit: usize,
    /// Whether the first difference is enough.
    any: bool,
}

impl<'a> Differences<'a> {
    pub fn new(a: &'a Reader, b: &'a Reader, limit: usize, any: bool) -> Self {
        let (item_count, items) = (0, Vec::new());
        Self { packs: [a, b], item_count, record_count: Some(0), items, limit, any }
    }

    /// Items that both have.
    pub fn shared(&self) -> Range<u32> {
        let [a, b] = self.packs;
        0..a.item_count().min(b.item_count())
    }

    /// The items that only one of them has.
    pub fn only_in(&self, which: usize) -> Option<Range<u32>> {
        let own = self.packs.get(which)?.item_count();
        let alone = self.shared().end..own;
        (!alone.is_empty()).then_some(alone)
    }

    /// Whether both have the same app data.
    pub fn same_app_data(&self) -> bool {
        let [a, b] = self.packs;
        a.app_data() == b.app_data()
    }

    /// Whether there are none.
    pub fn none(&self) -> bool {
        let [a, b] = self.packs;
        self.item_count == 0 && self.same_app_data() && a.item_count() == b.item_count()
    }

    fn shared_records(&self) -> Range<u32> {
        let [a, b] = self.packs;
        0..a.directory().record_count().min(b.directory().record_count())
    }

    /// How much there is to do, for the bar.
    pub fn steps(&self, method: &Method) -> u64 {
        match method {
            Method::Items => self.shared().end.into(),
            _ => self.shared_records().end.into(),
        }
    }

    fn is_enough(&self) -> bool {
        self.any && !self.none()
    }

    /// Looks for them.
    pub fn find(&mut self, method: &Method, progress: &mut Progress) -> Result<(), Failure> {
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

    fn compare_digests(&mut self, progress: &mut Progress) -> Result<(), Failure> {
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
        // The last record of one may be the beginning of the other's.
        let differs = u32::from(self.item_count > before);
        self.record_count = self.record_count.map(|count| count + differs);
        Ok(())
    }

    fn compare_items(&mut self, progress: &mut Progress) -> Result<(), Failure> {
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
            let first_difference = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let sizes = [a.len(), b.len()];
            self.items.push(DifferentItem { position, sizes, first_difference });
        }
    }
}
