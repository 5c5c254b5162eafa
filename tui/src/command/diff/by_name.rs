//! Compares two packs by the names of their items.
//!
//! Items of the same name are compared, whatever their positions. If a pack has several
//! items of one name, its first is compared with the other pack's first, and so on. An
//! item was renamed if only one pack has its name, and only the other pack has an item
//! with its bytes under another name.

use std::collections::{BTreeSet, HashMap};
use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};

use sealpack::core::format::digest::{Hash, record_digest};
use sealpack::{Bytes, Error};

use super::compare::{Method, first_difference, same_app_data};
use super::sequence_names::{SequenceNames, in_order};
use crate::command::pack_sequence::PackSequence;
use crate::outcome::Failure;
use crate::progress::ProgressMeter;

/// Approximately how many decoded bytes are compared in one step.
const STEP_BYTES: u64 = 16 << 20;

/// The maximum number of items that are compared in one step.
const STEP_ITEMS: u64 = 1 << 16;

/// A difference between two packs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedDifference {
    /// The second pack has the item, the first does not.
    Added { position: u64 },
    /// The first pack has the item, the second does not.
    Removed { position: u64 },
    /// Both have an item of this name, with other bytes.
    Changed { positions: [u64; 2], sizes: [usize; 2], first_difference: usize },
    /// Both have these bytes, under other names.
    Renamed { positions: [u64; 2] },
}

/// The differences between two packs, by name.
pub struct NamedDifferences<'a> {
    pub packs: [&'a PackSequence; 2],
    names: [SequenceNames; 2],
    /// The number of names that both packs have.
    pub shared: u64,
    /// Of these, the items that have the same bytes at another position.
    pub moved: u64,
    /// The number of differences of each kind.
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub renamed: u64,
    /// The first differences, by name.
    pub listed: Vec<(Bytes, NamedDifference)>,
    limit: usize,
    /// Whether to stop at the first difference.
    any: bool,
}

/// The positions of the items whose names both packs have, and of those in only one.
#[derive(Default)]
struct JoinedNames {
    shared: Vec<[u64; 2]>,
    only: [Vec<u64>; 2],
}

impl<'a> NamedDifferences<'a> {
    /// Prepares the comparison.
    pub fn new(
        packs: [&'a PackSequence; 2],
        names: [SequenceNames; 2],
        limit: usize,
        any: bool,
    ) -> Self {
        Self {
            packs,
            names,
            shared: 0,
            moved: 0,
            added: 0,
            removed: 0,
            changed: 0,
            renamed: 0,
            listed: Vec::new(),
            limit,
            any,
        }
    }

    /// Returns whether there are no differences. Another order of the items is not one.
    pub fn is_empty(&self) -> bool {
        self.added == 0
            && self.removed == 0
            && self.changed == 0
            && self.renamed == 0
            && self.same_app_data() != Some(false)
    }

    /// Returns whether both packs have the same app data; `None` if one is a set.
    pub fn same_app_data(&self) -> Option<bool> {
        same_app_data(self.packs)
    }

    fn is_enough(&self) -> bool {
        self.any && !self.is_empty()
    }

    /// Finds the differences. Records that `method` proves to be equal are not read.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn find(&mut self, method: &Method, progress: &mut ProgressMeter) -> Result<(), Failure> {
        let JoinedNames { mut shared, only: [mut removed, mut added] } = self.join()?;
        self.shared = count(&shared);
        self.removed = count(&removed);
        self.added = count(&added);
        progress.add(self.removed + self.added);
        if self.is_enough() {
            return Ok(());
        }
        shared.sort_unstable();
        let equal = EqualItems::of(self.packs[0], method)?;
        self.compare(&shared, &equal, progress)?;
        if self.is_enough() {
            return Ok(());
        }
        self.pair_renamed(&mut removed, &mut added)?;
        removed.sort_unstable();
        added.sort_unstable();
        for position in removed.into_iter().take(self.limit) {
            self.list(0, position, NamedDifference::Removed { position })?;
        }
        for position in added.into_iter().take(self.limit) {
            self.list(1, position, NamedDifference::Added { position })?;
        }
        self.listed.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.listed.truncate(self.limit);
        Ok(())
    }

    /// Finds the items whose names both packs have.
    fn join(&self) -> Result<JoinedNames, Error> {
        let [a, b] = &self.names;
        let (mut a, mut b) = (in_order(a)?, in_order(b)?);
        let mut joined = JoinedNames::default();
        let JoinedNames { shared, only: [removed, added] } = &mut joined;
        loop {
            let order = match (a.peek(), b.peek()) {
                (None, None) => return Ok(joined),
                (Some(Ok((_, one))), Some(Ok((_, other)))) => one.cmp(other),
                (Some(_), None) | (Some(Err(_)), _) => std::cmp::Ordering::Less,
                (None, Some(_)) | (_, Some(Err(_))) => std::cmp::Ordering::Greater,
            };
            let from_a = if order.is_le() { a.next().transpose()? } else { None };
            let from_b = if order.is_ge() { b.next().transpose()? } else { None };
            match (from_a, from_b) {
                (Some((one, _)), Some((other, _))) => shared.push([one, other]),
                (Some((position, _)), None) => removed.push(position),
                (None, Some((position, _))) => added.push(position),
                (None, None) => {}
            }
        }
    }

    /// Compares the items that both packs have.
    fn compare(
        &mut self,
        shared: &[[u64; 2]],
        equal: &EqualItems,
        progress: &mut ProgressMeter,
    ) -> Result<(), Failure> {
        let [a, b] = self.packs;
        let mut moved = 0;
        for pairs in shared.chunks(step_items(a).min(step_items(b))) {
            progress.add(2 * pairs.len() as u64);
            let pairs: Vec<[u64; 2]> =
                pairs.iter().filter(|pair| !equal.contain(pair)).copied().collect();
            let items_a = items(a, pairs.iter().map(|[at, _]| *at))?;
            let items_b = items(b, pairs.iter().map(|[_, at]| *at))?;
            for (positions, (a, b)) in pairs.iter().zip(items_a.iter().zip(&items_b)) {
                if a == b {
                    moved += u64::from(positions[0] != positions[1]);
                    continue;
                }
                self.changed += 1;
                if self.changed <= self.limit as u64 {
                    let first_difference = first_difference(a, b);
                    let (positions, sizes) = (*positions, [a.len(), b.len()]);
                    let changed = NamedDifference::Changed { positions, sizes, first_difference };
                    self.list(0, positions[0], changed)?;
                }
            }
            if self.is_enough() {
                break;
            }
        }
        self.moved = moved;
        Ok(())
    }

    /// Pairs the items that are only in one pack and have equal bytes, and removes
    /// them from the lists.
    fn pair_renamed(
        &mut self,
        removed: &mut Vec<u64>,
        added: &mut Vec<u64>,
    ) -> Result<(), Failure> {
        if removed.is_empty() || added.is_empty() {
            return Ok(());
        }
        let [a, b] = self.packs;
        let mut by_digest: HashMap<Hash, Vec<u64>> = HashMap::new();
        // `pop` takes the last position of a list first.
        for (position, digest) in digests(a, removed)?.into_iter().rev() {
            by_digest.entry(digest).or_default().push(position);
        }
        let mut renamed: Vec<[u64; 2]> = Vec::new();
        for (position, digest) in digests(b, added)? {
            if let Some(from) = by_digest.get_mut(&digest).and_then(Vec::pop) {
                renamed.push([from, position]);
            }
        }
        for (which, only) in [removed, added].into_iter().enumerate() {
            let mut paired: Vec<u64> =
                renamed.iter().filter_map(|pair| pair.get(which)).copied().collect();
            paired.sort_unstable();
            only.retain(|position| paired.binary_search(position).is_err());
        }
        self.renamed = count(&renamed);
        self.removed -= self.renamed;
        self.added -= self.renamed;
        for positions in renamed.into_iter().take(self.limit) {
            self.list(1, positions[1], NamedDifference::Renamed { positions })?;
        }
        Ok(())
    }

    fn list(
        &mut self,
        which: usize,
        position: u64,
        difference: NamedDifference,
    ) -> Result<(), Failure> {
        self.listed.push((self.name(which, position)?, difference));
        Ok(())
    }

    /// Returns the name of an item of one pack.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the names are damaged.
    pub fn name(&self, which: usize, position: u64) -> Result<Bytes, Failure> {
        let names = self.names.get(which).unwrap_or(&self.names[0]);
        Ok(names.get(position)?)
    }
}

/// The items that are known to be equal, because both packs or sets have equal records or
/// members at these positions.
enum EqualItems {
    None,
    All,
    /// All but those in these records.
    AllBut {
        records: BTreeSet<u32>,
        items_per_record: u64,
    },
    /// Those at these positions, in ascending order.
    At(Vec<Range<u64>>),
}

impl EqualItems {
    fn of(packs: &PackSequence, method: &Method) -> Result<Self, Failure> {
        Ok(match method {
            Method::ContentHash => Self::All,
            Method::DigestLists(lists) => {
                let [a, b] = lists.as_ref();
                let records = a.differing(b).collect::<Result<_, _>>()?;
                let per_record = packs.pack().map_or(1, |pack| pack.trailer().items_per_record);
                Self::AllBut { records, items_per_record: per_record.max(1).into() }
            }
            Method::Digests | Method::Items => Self::None,
            Method::Members(equal) => Self::At(equal.clone()),
        })
    }

    /// Returns whether the items at these positions are known to be equal.
    fn contain(&self, [a, b]: &[u64; 2]) -> bool {
        let are_equal = match self {
            Self::None => false,
            Self::All => true,
            Self::AllBut { records, items_per_record } => {
                !u32::try_from(a / items_per_record).is_ok_and(|record| records.contains(&record))
            }
            Self::At(equal) => {
                let after = equal.partition_point(|range| range.start <= *a);
                let range = after.checked_sub(1).and_then(|at| equal.get(at));
                range.is_some_and(|range| range.contains(a))
            }
        };
        a == b && are_equal
    }
}

fn count<T>(items: &[T]) -> u64 {
    items.len() as u64
}

/// Returns approximately how many items have [`STEP_BYTES`].
fn step_items(packs: &PackSequence) -> usize {
    let stored = packs.stored_bytes() / packs.item_count().max(1);
    let items = (STEP_BYTES / stored.max(1)).clamp(16, STEP_ITEMS);
    usize::try_from(items).unwrap_or(16)
}

/// Returns the items at these positions, in the same order.
fn items(
    packs: &PackSequence,
    positions: impl Iterator<Item = u64>,
) -> Result<Vec<Bytes>, Failure> {
    let positions: Vec<u64> = positions.collect();
    let mut items = vec![Bytes::new(); positions.len()];
    let read = packs.get_many_with(&positions, |request, item| {
        if let Some(place) = items.get_mut(request) {
            *place = item;
        }
        ControlFlow::<()>::Continue(())
    })?;
    debug_assert!(read.is_continue(), "the callback never stops");
    Ok(items)
}

/// Returns the digests of the items at these positions, in the same order. Empty items are
/// left out, because two equal ones are no sign of a renamed item.
fn digests(packs: &PackSequence, positions: &[u64]) -> Result<Vec<(u64, Hash)>, Failure> {
    let mut found = Vec::with_capacity(positions.len());
    for positions in positions.chunks(step_items(packs)) {
        let digests = Mutex::new(vec![None; positions.len()]);
        packs.get_many_unordered(positions, |request, item| {
            // An item of a pack is not too long for a digest.
            let digest = record_digest([item]).ok().filter(|_| !item.is_empty());
            let mut digests = digests.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = digests.get_mut(request) {
                *place = digest;
            }
        })?;
        let digests = digests.into_inner().unwrap_or_else(PoisonError::into_inner);
        let known = positions.iter().zip(digests);
        found.extend(known.filter_map(|(position, digest)| Some((*position, digest?))));
    }
    Ok(found)
}
