//! The letters that stand for all operations: which writes of several extents.
//!
//! # Which lists of a total suffice
//!
//! A write of several extents does what one extent of their total would do, with
//! the cuts between them kept: the stream appends the list to what waits and then
//! walks along it, cutting where a put is full. What that walk does with an
//! extent depends on its length and on the room that is left in the put before
//! it, and leaves another room in the buffer; so a list does nothing that its extents,
//! met one after another at the same rooms, would not do.
//!
//! *Two extents.* Every room is met: the walk begins with what waits, `Z + E`
//! bytes, and the states have each value of it. A list `a+b` cuts from there as
//! `1+b` cuts from a state with `a - 1` more, so `1+(n-1)` and `(n-1)+1` stand
//! for all pairs of a total.
//!
//! *More than two.* `1+1+…+1` has extents that are neither the first nor the last
//! of their list, in every number up to the largest write.
//!
//! *Empty extents* are left out before anything else: one first, one last and one
//! between others stand for all.
//!
//! The smallest worlds rely on no argument: there every list of up to three extents
//! is a letter. In the largest worlds the pairs are enough, since the smaller ones
//! have tried everything else.

use super::event::Event;
use alloc::{vec, vec::Vec};

/// How many of the lists of a total are letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// `1+(n-1)`, which stands for all pairs.
    Pairs,
    /// The lists that stand for all others.
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

/// The letters with several extents of 0 to `max_write` bytes.
pub(super) fn lists_up_to(max_write: usize, lists: Lists) -> Vec<Event> {
    let totals = 0..=max_write;
    totals.flat_map(|total| lists_of(total, lists)).map(Event::extents).collect()
}
