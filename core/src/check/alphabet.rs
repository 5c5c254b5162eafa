//! The alphabet of the searches: which writes of several extents it needs, so that
//! they represent all others.
//!
//! # Which lists suffice for a total length
//!
//! A write of several extents does what one extent of their total length would do,
//! except that the cuts between the extents remain: the stream appends the list to
//! the waiting bytes and then walks along it, cutting where a put is full. What that
//! walk does with an extent depends only on the extent's length and on the *room*,
//! the bytes that the current put still lacks; the extent leaves another room for the
//! next one. So a list does nothing that its extents, each met at the same room, would
//! not do one by one.
//!
//! *Two extents.* Every room occurs: the walk begins with the waiting `Z + E` bytes,
//! and the states have each value of that sum. A list `a+b` is cut from there as
//! `1+b` is cut from a state with `a - 1` bytes more, so `1+(n-1)` and `(n-1)+1`
//! represent all pairs of a total `n`.
//!
//! *More than two.* `1+1+…+1` has extents that are neither the first nor the last
//! of their list, in every number up to the largest write.
//!
//! *Empty extents* are left out before anything else: one first, one last and one
//! between others represent all.
//!
//! The searches of the smallest sizes rely on no argument: there every list of up to
//! three extents is in the alphabet. For the largest sizes the pairs are enough,
//! because the smaller ones have tried everything else.

use super::event::Event;
use alloc::{vec, vec::Vec};

/// Which lists of each total length are in the alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// `1+(n-1)`, which represents all pairs.
    Pairs,
    /// The lists that represent all others.
    Few,
    /// Those lists, and every list of two or three extents.
    All,
}

/// The writes of several extents with `total` bytes, each list once.
pub(super) fn lists_of(total: usize, lists: Lists) -> Vec<Vec<usize>> {
    let n = total;
    if lists == Lists::Pairs {
        return if n < 2 { Vec::new() } else { vec![vec![1, n - 1]] };
    }
    if n == 0 {
        return vec![vec![0, 0]];
    }
    let mut found = vec![vec![0, n], vec![n, 0]];
    let mut add = |list: Vec<usize>| {
        if !found.contains(&list) {
            found.push(list);
        }
    };
    if n >= 2 {
        add(vec![1, n - 1]);
        add(vec![n - 1, 1]);
        add(vec![n / 2, 0, n - n / 2]);
        add(vec![1; n]);
    }
    if lists == Lists::All {
        for first in 1..n {
            add(vec![first, n - first]);
            for second in 1..n - first {
                add(vec![first, second, n - first - second]);
            }
        }
    }
    found
}

/// The writes of several extents with a total of 0 to `max_write` bytes.
pub(super) fn lists_up_to(max_write: usize, lists: Lists) -> Vec<Event> {
    let totals = 0..=max_write;
    totals.flat_map(|total| lists_of(total, lists)).map(Event::extents).collect()
}
