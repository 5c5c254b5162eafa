//! Ranges of a set's items.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{Range, RangeBounds};

use bytes::Bytes;

use super::manifest::MemberPosition;
use super::pack_set::PackSet;
use crate::error::{Error, SetFault};
use crate::read::{Items, set_positions_in};

/// Returns the positions that `bounds` names in a set of `items` items.
pub(crate) fn set_range(
    bounds: &impl RangeBounds<u64>,
    items: u64,
) -> Result<Range<u64>, SetFault> {
    match set_positions_in(bounds, items) {
        Range { start, end } if start > end => Err(SetFault::Range { start, end }),
        // Both ends may be one past the last position.
        Range { start, end } if end > items => {
            Err(SetFault::Position { position: start.max(end.saturating_sub(1)), items })
        }
        range => Ok(range),
    }
}

impl PackSet {
    /// Returns the items at a range of positions, in order: `10..20`, `..=7`, `5..`. The
    /// members are read one after another, each as [`Reader::range`](crate::Reader::range)
    /// reads it.
    ///
    /// # Errors
    /// [`SetFault::Position`] or [`SetFault::Range`] for a range that the set does not
    /// have. The iterator returns the error of the first member or record that cannot be
    /// read, after the items before it.
    pub fn range(&self, positions: impl RangeBounds<u64>) -> Result<SetItems, Error> {
        let left = set_range(&positions, self.item_count()).map_err(|fault| self.error(fault))?;
        Ok(SetItems { set: self.clone(), left, items: None })
    }

    /// Returns all items, in order.
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub fn iter(&self) -> Result<SetItems, Error> {
        self.range(..)
    }
}

/// Iterates over all items, in order.
impl IntoIterator for &PackSet {
    type Item = Result<Bytes, Error>;
    type IntoIter = SetItems;

    fn into_iter(self) -> SetItems {
        SetItems { set: self.clone(), left: 0..self.item_count(), items: None }
    }
}

/// The items of a range of a set, in order. The iterator ends after an error.
pub struct SetItems {
    set: PackSet,
    /// The positions whose items were not returned yet.
    left: Range<u64>,
    /// The items of the member that is being read.
    items: Option<Items>,
}

impl SetItems {
    /// Starts reading the member that the next item lies in.
    fn next_member(&self) -> Result<Items, Error> {
        let MemberPosition { member, position } = self.set.locate(self.left.start)?;
        let reader = self.set.reader(member)?;
        let left = u32::try_from(self.left.end - self.left.start).unwrap_or(u32::MAX);
        reader.range(position..reader.item_count().min(position.saturating_add(left)))
    }
}

impl Iterator for SetItems {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.left.is_empty() {
            let Some(items) = &mut self.items else {
                match self.next_member() {
                    Ok(items) => self.items = Some(items),
                    Err(error) => {
                        self.left.end = self.left.start;
                        return Some(Err(error));
                    }
                }
                continue;
            };
            match items.next() {
                Some(Ok(item)) => {
                    self.left.start += 1;
                    return Some(Ok(item));
                }
                Some(Err(error)) => {
                    self.left.end = self.left.start;
                    return Some(Err(error));
                }
                None => self.items = None,
            }
        }
        self.items = None;
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left.end - self.left.start).ok();
        (usize::from(!self.left.is_empty()), left)
    }
}

impl FusedIterator for SetItems {}

impl fmt::Debug for SetItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetItems").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_every_kind_are_checked_against_the_set() {
        assert_eq!(set_range(&(2..5), 10).unwrap(), 2..5);
        assert_eq!(set_range(&(2..=9), 10).unwrap(), 2..10);
        assert_eq!(set_range(&.., 10).unwrap(), 0..10);
        assert_eq!(set_range(&(10..), 10).unwrap(), 10..10);
        assert_eq!(set_range(&(..0), 0).unwrap(), 0..0);
        for (range, position) in [(0..11, 10), (11..11, 11), (9..u64::MAX, u64::MAX - 1)] {
            let Err(SetFault::Position { position: found, items: 10 }) = set_range(&range, 10)
            else {
                panic!("{range:?}")
            };
            assert_eq!(found, position);
        }
        #[allow(clippy::reversed_empty_ranges, reason = "it is the case")]
        let reversed = set_range(&(5..2), 10);
        assert!(matches!(reversed, Err(SetFault::Range { start: 5, end: 2 })));
    }
}
