//! The records in which two digest lists differ, and the number of reads that finding
//! them takes.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealpack::{DigestListReader, Plain, Writer};

use super::{Counted, ListedPack, numbered};

fn listed(count: u32, others: &[u32]) -> ListedPack {
    let mut items = numbered(count, 0);
    others.iter().for_each(|&other| items[other as usize] = b"another".to_vec());
    ListedPack::new(Writer::options().items_per_record(1).codec(Plain).threads(0), items)
}

/// The records that differ, and the number of reads of the lists after opening.
fn differing(one: &ListedPack, other: &ListedPack) -> (Vec<u32>, usize) {
    let counted = |listed: &ListedPack| {
        Arc::new(Counted(listed.list.clone(), AtomicUsize::new(0), AtomicUsize::new(0)))
    };
    let (a, b) = (counted(one), counted(other));
    let lists =
        [&a, &b].map(|list| DigestListReader::open_source(Arc::clone(list), "list").unwrap());
    let [one, other] = &lists;
    let records = one.differing(other).map(Result::unwrap).collect();
    (records, a.1.load(Ordering::Relaxed) + b.1.load(Ordering::Relaxed) - 2)
}

#[test]
fn every_record_that_differs_is_found_and_no_other() {
    for count in [1, 127, 128, 129, 1000, 3000] {
        let same = listed(count, &[]);
        assert_eq!(differing(&same, &same), (vec![], 0), "equal roots are enough");
        let last = count - 1;
        for others in [vec![0], vec![last], vec![0, count / 2, last], (0..count).collect()] {
            let mut expected = others.clone();
            expected.dedup();
            let (found, reads) = differing(&same, &listed(count, &others));
            assert_eq!(found, expected, "{count}");
            // For each record at most one block of each list per level of the tree.
            let levels = count.div_ceil(128).max(1).next_power_of_two().trailing_zeros() + 1;
            assert!(reads <= 2 * levels as usize * expected.len(), "{count}: {reads} reads");
        }
    }
}

#[test]
fn lists_of_different_lengths_are_compared_up_to_the_shorter() {
    let (short, long) = (listed(300, &[]), listed(1000, &[7, 299, 300, 999]));
    assert_eq!(differing(&short, &long).0, [7, 299]);
    assert_eq!(differing(&long, &short).0, [7, 299]);
    assert_eq!(differing(&listed(0, &[]), &long).0, [0; 0]);
}

#[test]
fn a_list_that_is_damaged_ends_the_comparison_with_an_error() {
    let (one, mut other) = (listed(1000, &[]), listed(1000, &[500]));
    let at = other.list.len() - 7;
    other.list[at] ^= 1;
    let open = |listed: &ListedPack| {
        DigestListReader::open_source(Cursor::new(listed.list.clone()), "list").unwrap()
    };
    let (one, other) = (open(&one), open(&other));
    let found: Vec<_> = one.differing(&other).map(|record| record.map_err(drop)).collect();
    assert_eq!(found, [Ok(500)], "the damaged part is not read");
    let mut other = listed(1000, &[500]);
    other.list[200] ^= 1;
    let other = open(&other);
    let found: Vec<_> = one.differing(&other).collect();
    assert!(matches!(&found[..], [Err(error)] if error.untrusted().is_some()));
}
