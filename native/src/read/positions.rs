//! Ranges of positions, as callers write them.

use std::ops::{Bound, Range, RangeBounds};

/// Returns the positions within `bounds` in a pack of `item_count` items. They are not
/// checked against the pack yet.
pub(crate) fn positions_in(bounds: &impl RangeBounds<u32>, item_count: u32) -> Range<u32> {
    let wide = |bound: Bound<&u32>| bound.map(|&position| u64::from(position));
    let bounds = (wide(bounds.start_bound()), wide(bounds.end_bound()));
    let Range { start, end } = set_positions_in(&bounds, item_count.into());
    // No pack has an item at the saturated position: a pack has at most 2^32-1
    // items.
    let narrow = |position| u32::try_from(position).unwrap_or(u32::MAX);
    narrow(start)..narrow(end)
}

/// As [`positions_in`], for the wider positions of a set.
pub(crate) fn set_positions_in(bounds: &impl RangeBounds<u64>, item_count: u64) -> Range<u64> {
    let start = match bounds.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match bounds.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => item_count.max(start),
    };
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_range_is_converted_to_positions() {
        assert_eq!(positions_in(&(2..5), 10), 2..5);
        assert_eq!(positions_in(&(2..=5), 10), 2..6);
        assert_eq!(positions_in(&(..5), 10), 0..5);
        assert_eq!(positions_in(&(2..), 10), 2..10);
        assert_eq!(positions_in(&(..), 10), 0..10);
        assert_eq!(positions_in(&(10..), 10), 10..10);
        assert_eq!(positions_in(&(Bound::Excluded(2), Bound::Included(4)), 10), 3..5);
        assert_eq!(positions_in(&(3..=u32::MAX), 10), 3..u32::MAX);
        assert_eq!(
            positions_in(&(Bound::Excluded(u32::MAX), Bound::Unbounded), 10),
            u32::MAX..u32::MAX
        );
        assert_eq!(set_positions_in(&(3..=u64::MAX), 10), 3..u64::MAX);
    }
}
