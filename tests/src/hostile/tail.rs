//! Any bytes as trailer, index and groups.

use sealpack::core::format::{OffsetIndex, Trailer};
use sealpack::core::read::{Opening, Pack, PackOpened};
use sealpack::core::wire::group::{self, Group};
use sealpack::{Bytes, core};

use super::Input;

/// The maximum number of values that are compared one by one.
const MAX_CHECKED: u32 = 2000;

/// Decodes any bytes as the end of a file, as an index and as a group. Accepted
/// data is consistent, and the same however it is fetched.
pub fn tail(data: &[u8]) {
    let mut input = Input::new(data);
    let tail = u64::from(input.number() % 5000);
    let count = match input.byte() % 3 {
        0 => input.number(),
        1 => input.number() % 1000,
        _ => input.number() % 10,
    };
    let end = u64::from(input.number());
    let file = Bytes::copy_from_slice(input.rest());
    trailer(&file);
    index(&file, count, end);
    group(&file, count);
    let all_at_once = open(&file, u64::MAX);
    let in_steps = open(&file, tail);
    match (all_at_once, in_steps) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a.directory.trailer(), b.directory.trailer());
            assert_eq!((&a.app_data, a.dialect), (&b.app_data, b.dialect));
            directory(&a);
        }
        (Err(_), Err(_)) => {}
        (a, b) => panic!("the result depends on how the file is fetched: {a:?} {b:?}"),
    }
}

fn open(file: &Bytes, tail: u64) -> Result<Pack, core::Error> {
    let mut opening = Opening::with_tail(file.len() as u64, tail)?;
    loop {
        let range = opening.range();
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert!(!range.is_empty());
        match opening.supply(file.slice(range))? {
            PackOpened::More(next) => opening = next,
            PackOpened::Ready(pack) => return Ok(pack),
        }
    }
}

fn trailer(file: &[u8]) {
    let Ok(trailer) = Trailer::decode(file) else { return };
    let again = Trailer::decode(&trailer.encode()).unwrap();
    assert_eq!(again, trailer);
    if let Ok(end) = trailer.records_end(file.len() as u64) {
        assert!(end <= file.len() as u64 - 76);
    }
}

fn index(bytes: &Bytes, count: u32, end: u64) {
    // As callers must, refuse a count that the size rules out.
    let groups = bytes.len().saturating_sub(4) as u64 / group::MIN_SIZE;
    if u64::from(count) > groups * 128 {
        return;
    }
    if let Ok(index) = OffsetIndex::decode(bytes.clone(), count, end) {
        records(&index, count, end);
    }
}

/// Checks that the records follow each other without gaps, from the start of the
/// file to the index.
fn records(index: &OffsetIndex, count: u32, end: u64) {
    assert_eq!(index.record_count(), count);
    assert_eq!((index.record(count), index.record_at(end)), (None, None));
    let (mut at, mut seen) = (0, 0);
    for (number, range) in (0..).zip(index.records_from(0)) {
        if number < MAX_CHECKED {
            assert_eq!(index.record(number), Some(range.clone()));
            assert_eq!(index.record_at(range.start) == Some(number), !range.is_empty());
        }
        assert_eq!(range.start, at);
        (at, seen) = (range.end, seen + 1);
    }
    assert_eq!((at, seen), (end, count));
}

fn directory(pack: &Pack) {
    let directory = &pack.directory;
    let (records, items) = (directory.record_count(), directory.item_count());
    let mut next = 0;
    for place in directory.records(0..records) {
        assert_eq!(place.first_item, next);
        assert!(place.item_count > 0);
        next = place.positions().end;
    }
    assert_eq!(next, items);
    assert!(directory.place(items).is_err() && directory.record(records).is_err());
    for position in 0..items.min(MAX_CHECKED) {
        let place = directory.place(position).unwrap();
        assert_eq!(place.record.first_item + place.slot, position);
    }
}

fn group(bytes: &[u8], count: u32) {
    let Ok((group, before)) = Group::split_last(bytes, count) else { return };
    assert_eq!(group.size() + before.len() as u64, bytes.len() as u64);
    assert_eq!((group.count(), group.get(count)), (count, None));
    if count > MAX_CHECKED || count == 0 {
        return;
    }
    let values: Vec<u32> = group.iter().collect();
    assert_eq!(values.len(), count as usize);
    assert_eq!(group.sum(), values.iter().map(|&value| u64::from(value)).sum::<u64>());
    let mut at = 0;
    for (number, &value) in (0..).zip(&values) {
        assert_eq!((group.get(number), group.sum_first(number)), (Some(value), at));
        at += u64::from(value);
    }
    let mut again = Vec::new();
    group::encode(&values, &mut again);
    assert!(again.len() as u64 <= group.size(), "writers use the least width");
    let (same, _) = Group::split_last(&again, count).unwrap();
    assert!(same.iter().eq(values));
}
