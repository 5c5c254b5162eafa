//! What a Rust program expects of a library: ranges, iterators, conversions and errors
//! that work with the standard library's.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::reversed_empty_ranges,
    reason = "tests"
)]

use std::error::Error as _;
use std::fmt::Debug;
use std::io;
use std::iter::FusedIterator;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use sealpack::core::read::{RecordItems, Report};
use sealpack::{
    Bytes, DifferingRecords, EncoderFactory, Error, ErrorKind, ItemNames, Items, PackSet, Plain,
    ReadAt, Reader, RecordDigests, SetItems, Writer, Zstd,
};

/// An item: four bytes of a number, little-endian.
fn item(number: u32) -> Bytes {
    number.to_le_bytes().to_vec().into()
}

fn pack(items: u32) -> Vec<u8> {
    let mut writer = Writer::options().items_per_record(16).write_to(Vec::new()).unwrap();
    (0..items).for_each(|number| writer.append(&item(number)).unwrap());
    writer.finish().unwrap().sink
}

fn reader(items: u32) -> Reader {
    Reader::options().threads(1).open_source(pack(items), "a.pack").unwrap()
}

/// A set of two packs of 40 and 20 items.
fn set(folder: &std::path::Path) -> PackSet {
    let paths = [(40, "a.pack"), (20, "b.pack")].map(|(items, name)| {
        let path = folder.join(name);
        std::fs::write(&path, pack(items)).unwrap();
        path
    });
    PackSet::options().open_packs(paths).unwrap()
}

#[test]
fn every_kind_of_range_is_read() {
    let reader = reader(100);
    let read = |items: Result<Items, Error>| {
        let items: Vec<Bytes> = items.unwrap().collect::<Result<_, _>>().unwrap();
        items.iter().map(|item| u32::from_le_bytes(item[..].try_into().unwrap())).collect()
    };
    let expect = |read: Vec<u32>, wanted: std::ops::Range<u32>| {
        assert_eq!(read, wanted.collect::<Vec<_>>());
    };
    expect(read(reader.range(30..50)), 30..50);
    expect(read(reader.range(30..=50)), 30..51);
    expect(read(reader.range(..50)), 0..50);
    expect(read(reader.range(..=50)), 0..51);
    expect(read(reader.range(30..)), 30..100);
    expect(read(reader.range(..)), 0..100);
    expect(read(reader.range((Bound::Excluded(30), Bound::Included(32)))), 31..33);
    expect(read(reader.range(100..)), 100..100);
    assert!(reader.range(0..101).is_err());
    assert!(reader.range(5..2).is_err());
}

#[test]
fn a_pack_and_a_set_are_iterated_by_a_for_loop() {
    let reader = reader(40);
    let mut next = 0;
    for found in &reader {
        assert_eq!(found.unwrap(), item(next));
        next += 1;
    }
    assert_eq!(next, 40);
    let folder = tempfile::tempdir().unwrap();
    let set = set(folder.path());
    let mut found = 0;
    for next in &set {
        assert_eq!(next.unwrap(), item(found % 40));
        found += 1;
    }
    assert_eq!(found, 60);
}

/// Compiles only if the iterators have these traits. An iterator of results that ends
/// after an error cannot be exact in size.
#[test]
fn iterators_stay_at_their_end_and_those_of_a_record_are_exact_and_reversible() {
    fn is_fused<T: FusedIterator + Debug>() {}
    fn is_exact<T: ExactSizeIterator + DoubleEndedIterator + FusedIterator + Debug>() {}
    is_fused::<Items>();
    is_fused::<SetItems>();
    is_fused::<ItemNames>();
    is_fused::<RecordDigests>();
    is_fused::<DifferingRecords<'_>>();
    is_exact::<RecordItems>();

    let reader = reader(40);
    let mut items = reader.iter().unwrap();
    assert_eq!(items.size_hint().1, Some(40));
    assert_eq!(items.by_ref().count(), 40);
    assert!(items.next().is_none() && items.next().is_none());
    let record = reader.record(1).unwrap();
    let items = record.into_items(0);
    assert_eq!(items.len(), 16);
    assert!(items.rev().eq((16..32).rev().map(item)));
}

#[test]
fn get_many_can_stop_and_can_fail() {
    let reader = reader(100);
    let mut seen = 0;
    let stopped = reader.get_many_with(&[9, 50, 99], |_, _| {
        seen += 1;
        if seen == 2 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped.unwrap(), seen), (ControlFlow::Break("enough"), 2));
    // A program's own error ends the reading, and is returned unchanged.
    let failed: ControlFlow<io::Error> = reader
        .get_many_with(&[9, 50], |_, item| match u32::from_le_bytes(item[..].try_into().unwrap()) {
            50 => ControlFlow::Break(io::Error::other("no fifty")),
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    assert_eq!(failed.break_value().unwrap().to_string(), "no fifty");
    // An error of the pack is the call's own.
    let mut taken = 0;
    let error = reader.get_many(&[0, 100], |_, _| taken += 1).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Pack(_)) && taken == 0);
    let folder = tempfile::tempdir().unwrap();
    let stopped = set(folder.path()).get_many_with(&[59, 0], |_, _| ControlFlow::Break(()));
    assert!(stopped.unwrap().is_break());
}

/// `?` in a function that returns `io::Result`.
fn first_item(source: impl ReadAt + 'static) -> io::Result<Bytes> {
    let reader = Reader::options().open_source(source, "a.pack")?;
    Ok(reader.get(0)?)
}

#[test]
fn an_error_becomes_an_io_error_of_the_fitting_kind_with_the_error_inside() {
    assert_eq!(first_item(pack(1)).unwrap(), item(0));
    let missing = Reader::open("/no/such/folder/a.pack").unwrap_err();
    let empty = first_item(pack(0)).unwrap_err();
    let mut damaged = pack(1);
    damaged[4] ^= 1;
    for (error, kind) in [
        (io::Error::from(missing), io::ErrorKind::NotFound),
        (empty, io::ErrorKind::InvalidInput),
        (first_item(damaged).unwrap_err(), io::ErrorKind::InvalidData),
        (first_item(&b"no pack"[..]).unwrap_err(), io::ErrorKind::InvalidData),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<Error>());
        assert_eq!(inside.unwrap().to_string(), error.to_string());
    }
}

#[test]
fn a_codec_that_is_chosen_at_run_time_is_boxed_or_shared() {
    let codecs: [Box<dyn EncoderFactory>; 2] = [Box::new(Plain), Box::new(Zstd::level(1))];
    for codec in codecs {
        let shared: Arc<dyn EncoderFactory> = Arc::from(codec);
        let boxed: Box<dyn EncoderFactory> = Box::new(Arc::clone(&shared));
        let packs = [Writer::options().codec(shared), Writer::options().codec(boxed)];
        let packs = packs.map(|options| {
            let mut writer = options.write_to(Vec::new()).unwrap();
            writer.append(b"an item").unwrap();
            writer.finish().unwrap().sink
        });
        assert_eq!(packs[0], packs[1]);
        assert_eq!(first_item(packs[0].clone()).unwrap(), b"an item"[..]);
    }
}

/// The text of an error is one short line; its causes follow through `source`, and in the
/// alternate form.
#[test]
fn the_text_of_an_error_is_short_and_its_cause_is_its_source() {
    let error = Reader::open("/no/such/folder/a.pack").unwrap_err();
    assert_eq!(error.to_string(), "/no/such/folder/a.pack: cannot open");
    let source = error.source().unwrap();
    assert_eq!(source.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);
    assert_eq!(format!("{error:#}"), format!("{error}: {source}"));
    let damaged = Reader::options().open_source(&b"no pack"[..], "a.pack").unwrap_err();
    assert!(damaged.source().is_none() && !damaged.to_string().contains('\n'));
    assert_eq!(format!("{damaged:#}"), damaged.to_string());
}

/// A sample of the types: the compiler refuses a public type without `Debug` (the lint
/// `missing_debug_implementations`).
#[test]
fn what_a_program_holds_can_be_printed_for_debugging() {
    let reader = reader(3);
    let report: Report = reader.verify().unwrap();
    assert!(format!("{reader:?} {report:?}").contains("a.pack"));
    let writer = Writer::options().write_to(Vec::new()).unwrap();
    assert!(format!("{writer:?}").starts_with("StreamWriter"));
    assert!(format!("{:?}", writer.monitor()).starts_with("WriteMonitor"));
    let folder = tempfile::tempdir().unwrap();
    let set = set(folder.path());
    assert!(format!("{set:?} {:?}", set.iter()).starts_with("PackSet"));
}
