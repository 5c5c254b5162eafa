//! A set reads as the concatenation of its members.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealpack::{Bytes, ErrorKind, PackSet, Reader, RecordCache, SetFault, SetManifest};
use sealpack_tests::hostile::Random;

use super::{COUNTS, Packs, any_form, with_lists};

/// Compares every way of reading with the items in order.
fn assert_reads_as(set: &PackSet, items: &[Vec<u8>], seed: u64) {
    let count = items.len() as u64;
    assert_eq!(set.item_count(), count);
    let mut random = Random::new(seed);
    for _ in 0..200 {
        let position = random.below(items.len());
        let expected = &items[position];
        assert_eq!(set.get(position as u64).unwrap(), expected[..]);
        assert_eq!(set.get_with(position as u64, <[u8]>::to_vec).unwrap(), *expected);
        let place = set.locate(position as u64).unwrap();
        let first = set.first_position(place.member).unwrap();
        assert_eq!(first + u64::from(place.position), position as u64);
        let reader = set.reader(place.member).unwrap();
        assert_eq!(reader.get(place.position).unwrap(), expected[..]);
    }
    for _ in 0..20 {
        let start = random.below(items.len() + 1);
        let end = start + random.below(items.len() + 1 - start);
        let range: Vec<Bytes> =
            set.range(start as u64..end as u64).unwrap().map(Result::unwrap).collect();
        assert_eq!(range, items[start..end]);
        let positions: Vec<u64> =
            (0..random.below(300)).map(|_| random.below(items.len()) as u64).collect();
        let mut seen = vec![None; positions.len()];
        set.get_many(&positions, |request, item| {
            assert!(seen[request].replace(item).is_none(), "each request is answered once");
        })
        .unwrap();
        for (position, item) in positions.iter().zip(seen) {
            assert_eq!(item.unwrap(), items[usize::try_from(*position).unwrap()][..]);
        }
    }
    let all: Vec<Bytes> = set.iter().unwrap().map(Result::unwrap).collect();
    assert_eq!(all, items);
}

#[test]
fn every_way_of_reading_gives_the_items_of_the_members_in_order() {
    for (seed, form) in [any_form, with_lists].into_iter().enumerate() {
        let packs = Packs::new(&COUNTS, form);
        let manifest = packs.publish();
        for max_open in [1, 2, 64] {
            let options = PackSet::options().max_open(max_open);
            let cache = RecordCache::new(1 << 20);
            let cached = options.clone().reading(Reader::options().cache(cache));
            let root = packs.manifest().root();
            for options in [options.clone(), options.clone().trust_root(root), cached] {
                // Members without a list cannot be read under a trusted root.
                if seed == 0 && format!("{options:?}").contains("trusted: Some") {
                    continue;
                }
                let set = options.open(&manifest).unwrap();
                assert_reads_as(&set, &packs.items, seed as u64 + 1);
                assert!(set.verify().is_ok());
                assert!(set.open_count() <= max_open);
            }
        }
        let listed = PackSet::options().open_packs(packs.paths()).unwrap();
        assert_reads_as(&listed, &packs.items, 7);
        assert!(listed.verify().is_ok() && listed.manifest().is_none());
    }
}

#[test]
fn a_folder_is_the_set_of_its_packs_sorted_by_name() {
    let packs = Packs::new(&[3, 4, 5], any_form);
    fs::rename(packs.at("sub/2.pack"), packs.at("10.pack")).unwrap();
    fs::write(packs.at("notes.txt"), "no pack").unwrap();
    fs::create_dir(packs.at("folder.pack")).unwrap();
    let set = PackSet::options().open_folder(packs.folder.path()).unwrap();
    let names: Vec<_> = set.members().iter().map(|it| it.path.file_name().unwrap()).collect();
    assert_eq!(names, ["0.pack", "1.pack", "10.pack"]);
    let items: Vec<Bytes> = set.iter().unwrap().map(Result::unwrap).collect();
    assert_eq!(items, packs.items);
    let missing = PackSet::options().open_folder(packs.at("nowhere")).unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}

#[test]
fn a_position_that_the_set_does_not_have_is_refused_before_anything_is_read() {
    let packs = Packs::new(&[3, 4], any_form);
    let set = PackSet::open(packs.publish()).unwrap();
    let refused = |error: sealpack::Error, position| {
        let ErrorKind::Set(SetFault::Position { position: found, items: 7 }) = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(*found, position);
        assert!(error.path().ends_with("set.json"), "{error}");
    };
    refused(set.get(7).unwrap_err(), 7);
    refused(set.get_with(u64::MAX, |_| ()).unwrap_err(), u64::MAX);
    refused(set.locate(1 << 40).unwrap_err(), 1 << 40);
    refused(set.range(5..9).unwrap_err(), 8);
    refused(set.get_many(&[0, 9, 1], |_, _| panic!("an item")).unwrap_err(), 9);
    assert_eq!(set.open_count(), 0);
    assert!(set.reader(2).is_err() && set.first_position(2).is_err());
    let empty = SetManifest::new(Vec::new()).unwrap();
    empty.publish(packs.at("empty.json"), false).unwrap();
    let empty = PackSet::open(packs.at("empty.json")).unwrap();
    assert_eq!((empty.item_count(), empty.iter().unwrap().count()), (0, 0));
    assert!(empty.get(0).is_err() && empty.verify().is_ok());
}

#[test]
fn reading_many_items_ends_when_the_caller_says_so() {
    let packs = Packs::new(&[20, 20, 20], any_form);
    let set = PackSet::open(packs.publish()).unwrap();
    let positions: Vec<u64> = (0..60).collect();
    let mut taken = 0;
    let stopped = set.get_many_with(&positions, |_, _| {
        taken += 1;
        if taken == 25 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped.unwrap(), taken), (ControlFlow::Break("enough"), 25));
    assert_eq!(set.open_count(), 2, "the third member was not needed");
}

#[test]
fn threads_that_share_a_set_get_the_right_items() {
    let packs = Packs::new(&COUNTS, any_form);
    let set = PackSet::options().max_open(2).open(packs.publish()).unwrap();
    let read = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..4 {
            let (set, items, read) = (set.clone(), &packs.items, &read);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                for _ in 0..300 {
                    let position = random.below(items.len());
                    assert_eq!(set.get(position as u64).unwrap(), items[position][..]);
                    read.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(read.into_inner(), 1200);
    assert!(set.open_count() <= 2);
}

/// The files of a folder that this process has open.
#[cfg(target_os = "linux")]
fn open_files_below(folder: &std::path::Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.filter(|target| target.starts_with(&folder)).count()
}

#[test]
#[cfg(target_os = "linux")]
fn a_set_keeps_no_more_files_open_than_it_may() {
    let packs = Packs::new(&[10; 40], with_lists);
    let manifest = packs.publish();
    for max_open in [1, 3, 10] {
        let set = PackSet::options().max_open(max_open).open(&manifest).unwrap();
        assert_eq!(open_files_below(packs.folder.path()), 0, "only the manifest was read");
        let mut random = Random::new(1);
        for _ in 0..200 {
            let position = random.below(packs.items.len());
            assert_eq!(set.get(position as u64).unwrap(), packs.items[position][..]);
            // A pack and its list.
            assert!(open_files_below(packs.folder.path()) <= 2 * max_open);
        }
        assert_eq!(set.open_count(), max_open);
        assert_eq!(set.iter().unwrap().map(Result::unwrap).count(), 400);
        assert!(set.verify().is_ok());
        assert!(open_files_below(packs.folder.path()) <= 2 * max_open);
    }
}

#[test]
fn members_share_one_cache() {
    let packs = Packs::new(&[100, 100], with_lists);
    let cache = RecordCache::new(8 << 20);
    let reading = Reader::options().cache(cache.clone());
    let set = PackSet::options().reading(reading).open(packs.publish()).unwrap();
    for position in [0, 1, 100, 101, 0, 100] {
        set.get(position).unwrap();
    }
    assert_eq!((cache.stats().misses, cache.stats().hits, cache.stats().records), (2, 4, 2));
}
