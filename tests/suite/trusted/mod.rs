//! A reader with a trusted hash returns authentic items or an error.

mod differing;
pub mod forged;

use std::io::{self, Cursor};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealpack::core::error::{Section, TrailerField, Untrusted};
use sealpack::core::format::digest::Hash;
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{
    Bytes, DigestListFile, Error, ErrorKind, IoOperation, OptionsError, Plain, ReadAt, Reader,
    SealedDigests, Trust, Writer, WriterOptions, digest_list_path,
};

/// A pack and its digest list, in memory.
#[derive(Clone)]
pub struct ListedPack {
    pub pack: Vec<u8>,
    pub list: Vec<u8>,
    pub sealed: SealedDigests,
    pub items: Vec<Vec<u8>>,
}

impl ListedPack {
    pub fn new(options: WriterOptions, items: Vec<Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.pack");
        let mut writer = options.digest_list(true).create(&path).unwrap();
        items.iter().for_each(|item| writer.append(item).unwrap());
        let sealed = writer.finish().unwrap().digests.unwrap();
        let list = std::fs::read(digest_list_path(&path)).unwrap();
        Self { pack: std::fs::read(path).unwrap(), list, sealed, items }
    }

    pub fn open(&self, trust: Trust) -> Result<Reader, Error> {
        open(self.pack.clone(), self.list.clone(), trust)
    }
}

pub fn open(pack: Vec<u8>, list: Vec<u8>, trust: Trust) -> Result<Reader, Error> {
    let trust = trust.digests_source(Cursor::new(list), "list");
    Reader::options().threads(1).trust(trust).open_source(Cursor::new(pack), "pack")
}

pub fn numbered(count: u32, series: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|i| format!("item {i} of {series}").repeat(1 + (i % 3) as usize).into_bytes())
        .collect()
}

fn both_trusts(sealed: &SealedDigests) -> [Trust; 2] {
    [Trust::root(sealed.root), Trust::content_hash(sealed.content_hash)]
}

#[test]
fn every_way_of_reading_yields_the_items_of_a_sound_pack() {
    for (items_per_record, count) in [(1, 300), (3, 1000), (128, 700), (7, 0), (9, 5)] {
        for codec in [true, false] {
            let options = Writer::options().items_per_record(items_per_record);
            let options = if codec { options } else { options.codec(Plain) };
            let listed = ListedPack::new(options, numbered(count, 0));
            for trust in both_trusts(&listed.sealed) {
                let reader = listed.open(trust).unwrap();
                for position in (0..count).step_by(17) {
                    assert_eq!(reader.get(position).unwrap(), listed.items[position as usize][..]);
                }
                let all: Vec<Bytes> = reader.iter().unwrap().map(Result::unwrap).collect();
                assert_eq!(all, listed.items);
                let positions: Vec<u32> = (0..count).rev().step_by(3).collect();
                let take = |at: usize, item: Bytes| {
                    assert_eq!(item, listed.items[positions[at] as usize][..]);
                };
                reader.get_many(&positions, take).unwrap();
                assert!(reader.verify().unwrap().is_ok());
            }
        }
    }
}

#[test]
fn a_list_created_afterwards_equals_the_writers() {
    let listed = ListedPack::new(Writer::options().items_per_record(2), numbered(1000, 0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later.pack");
    std::fs::write(&path, &listed.pack).unwrap();
    let sealed = Reader::open(&path).unwrap().write_digests(digest_list_path(&path)).unwrap();
    assert_eq!(std::fs::read(digest_list_path(&path)).unwrap(), listed.list);
    assert_eq!(sealed.root, listed.sealed.root);
    assert_eq!(sealed.file_size, listed.list.len() as u64);
    // Readers find the list next to the pack, with either of the two hashes.
    for trusted in [sealed.root, sealed.content_hash] {
        let reader = Reader::open_trusted(&path, Trust::either(trusted)).unwrap();
        assert_eq!(reader.get(999).unwrap(), listed.items[999][..]);
    }
}

#[test]
fn a_list_created_afterwards_authenticates_a_pack_without_content_hash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no-hash.pack");
    let mut writer = Writer::options().content_hash(false).codec(Plain).create(&path).unwrap();
    numbered(500, 0).iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    let sealed = Reader::open(&path).unwrap().write_digests(digest_list_path(&path)).unwrap();
    for trust in both_trusts(&sealed) {
        let reader = Reader::open_trusted(&path, trust.clone()).unwrap();
        let report = reader.verify().unwrap();
        assert!(matches!(report.verdict(LayerName::ContentHash), Verdict::Passed));
        // Changes an item that no checksum covers.
        let mut changed = std::fs::read(&path).unwrap();
        changed[6000] ^= 1;
        let list = std::fs::read(digest_list_path(&path)).unwrap();
        let reader = open(changed, list, trust).unwrap();
        let report = reader.verify().unwrap();
        assert_eq!(report.damaged_count, 1);
        assert!(matches!(report.verdict(LayerName::ContentHash), Verdict::Failed(_)));
        let damaged = &report.damaged[0].record;
        let read = reader.get(damaged.first_item).unwrap_err();
        assert!(matches!(read.untrusted(), Some(Untrusted::Record { .. })), "{read}");
        assert!(reader.iter().unwrap().any(|item| item.is_err()));
    }
}

#[test]
fn verification_against_a_content_hash_needs_no_list() {
    let listed = ListedPack::new(Writer::options().content_hash(true), numbered(500, 0));
    let reader = Reader::options().open_source(Cursor::new(listed.pack), "pack").unwrap();
    let verify = |hash: Hash| {
        let proceed = |_| ControlFlow::<()>::Continue(());
        match reader.verify_against(Some(hash), proceed).unwrap() {
            ControlFlow::Continue(report) => report.is_ok(),
            ControlFlow::Break(()) => unreachable!("nothing breaks it"),
        }
    };
    assert!(verify(listed.sealed.content_hash));
    assert!(!verify([1; 32]));
}

/// The attack for which the first record is a witness: with fewer items per record in the
/// trailer, the unchanged last record has other positions.
#[test]
fn counts_in_the_trailer_cannot_move_items() {
    let listed =
        ListedPack::new(Writer::options().items_per_record(3).codec(Plain), numbered(5, 0));
    let forged = forged::Forged::of(&listed);
    let moved = forged.clone().with_counts(2, 4);
    // The pack is sound, but returns item 3 at position 2.
    let untrusting = Reader::options().open_source(Cursor::new(moved.pack()), "pack").unwrap();
    assert_eq!(untrusting.get(2).unwrap(), listed.items[3][..]);
    let refused = open(moved.pack(), moved.list(), Trust::content_hash(listed.sealed.content_hash));
    let refused = refused.err().unwrap();
    assert!(matches!(refused.kind(), ErrorKind::Pack(_)), "{refused}");
    let refused = open(moved.pack(), listed.list.clone(), Trust::root(listed.sealed.root));
    assert!(matches!(
        refused.err().unwrap().untrusted(),
        Some(Untrusted::Trailer { field: TrailerField::TotalItems, trusted: 5, found: 4 })
    ));
}

#[test]
fn the_root_covers_the_app_data_and_the_content_hash_does_not() {
    let options = Writer::options().app_data(&b"offsets"[..]);
    let listed = ListedPack::new(options, numbered(10, 0));
    let forged = forged::Forged::of(&listed).with_app_data(b"others!").pack();
    let by_root = open(forged.clone(), listed.list.clone(), Trust::root(listed.sealed.root));
    assert!(matches!(by_root.err().unwrap().untrusted(), Some(Untrusted::AppData { .. })));
    let by_content = Trust::content_hash(listed.sealed.content_hash);
    let reader = open(forged, listed.list, by_content).unwrap();
    assert!(!reader.trusted().unwrap().covers_app_data());
    assert_eq!(reader.get(9).unwrap(), listed.items[9][..]);
}

#[test]
fn errors_name_the_damaged_section() {
    let listed = ListedPack::new(Writer::options(), numbered(10, 0));
    let root = Trust::root(listed.sealed.root);
    let missing = Reader::options().trust(root.clone().digests("/nowhere/list"));
    let missing = missing.open_source(Cursor::new(listed.pack.clone()), "pack").err().unwrap();
    assert!(missing.to_string().contains("/nowhere/list"), "{missing}");
    let ErrorKind::DigestList(list) = missing.kind() else { panic!("{missing}") };
    assert!(matches!(list.kind(), ErrorKind::Io { operation: IoOperation::Opening, .. }));
    let mut flipped = listed.list.clone();
    flipped[60] ^= 1;
    let damaged = open(listed.pack.clone(), flipped, root).err().unwrap();
    let ErrorKind::DigestList(list) = damaged.kind() else { panic!("{damaged}") };
    assert_eq!(list.corruption().unwrap().0, Section::DigestList);
    let other = listed.open(Trust::root([3; 32])).err().unwrap();
    assert!(matches!(other.untrusted(), Some(Untrusted::List { trusted: [3, ..], .. })));
}

#[test]
fn pack_and_list_appear_together_or_neither_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    let names = || {
        let names = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let options = || Writer::options().digest_list(true);
    let mut dropped = options().create(&path).unwrap();
    dropped.append(b"item").unwrap();
    assert_eq!(names().len(), 2, "two temporary files");
    drop(dropped);
    assert!(names().is_empty());
    // Another writer creates the pack's name in the meantime.
    let mut late = options().create(&path).unwrap();
    late.append(b"item").unwrap();
    std::fs::write(&path, "theirs").unwrap();
    assert!(matches!(late.finish().unwrap_err().kind(), ErrorKind::Exists));
    assert_eq!(names(), ["p"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
    // An existing list is not touched, and `create` reports it.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(digest_list_path(&path), "theirs").unwrap();
    let refused = options().create(&path).err().unwrap();
    let ErrorKind::DigestList(list) = refused.kind() else { panic!("{refused}") };
    assert!(matches!(list.kind(), ErrorKind::Exists));
    options().overwrite(true).create(&path).unwrap().finish().unwrap();
    assert_eq!(names(), ["p", "p.digests"]);
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    let refused = |options: WriterOptions| options.digest_list(true).create(&path).err().unwrap();
    let error = refused(Writer::options().content_hash(false));
    assert!(matches!(error.kind(), ErrorKind::Options(OptionsError::DigestsWithoutContentHash)));
    let extract = |item: &[u8]| Ok(item.to_vec());
    let error = refused(Writer::options().hash_extract(extract));
    assert!(matches!(error.kind(), ErrorKind::Options(OptionsError::DigestsWithExtract)));
    let listed = ListedPack::new(Writer::options(), numbered(1, 0));
    let options = Reader::options().hash_extract(extract).trust(Trust::root(listed.sealed.root));
    let error = options.open_source(Cursor::new(listed.pack), "pack").err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Options(OptionsError::DigestsWithExtract)));
}

#[test]
fn a_damaged_pack_gets_no_list() {
    let mut listed = ListedPack::new(Writer::options(), numbered(1000, 0));
    listed.pack[1000] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::options().open_source(Cursor::new(listed.pack), "pack").unwrap();
    reader.write_digests(folder.path().join("list")).unwrap_err();
    let stop = DigestListFile::create(folder.path().join("list"), false).unwrap();
    let sound = Reader::options().open_source(Cursor::new(listed.list), "list").err().unwrap();
    assert!(sound.corruption().is_some(), "a list is not a pack");
    drop(stop);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Bytes in memory that count the reads and the bytes read.
struct Counted(Vec<u8>, AtomicUsize, AtomicUsize);

impl ReadAt for Counted {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.2.fetch_add(buffer.len(), Ordering::Relaxed);
        Cursor::new(&self.0).read_exact_at(buffer, offset)
    }
}

#[test]
fn under_the_root_an_item_costs_the_header_and_one_block_of_the_list() {
    let options = Writer::options().items_per_record(1).codec(Plain);
    let listed = ListedPack::new(options, numbered(200_000, 0));
    let list = Arc::new(Counted(listed.list, AtomicUsize::new(0), AtomicUsize::new(0)));
    let trust = Trust::root(listed.sealed.root).digests_source(Arc::clone(&list), "list");
    let options = Reader::options().trust(trust);
    let reader = options.open_source(Cursor::new(listed.pack), "pack").unwrap();
    let read = || (list.1.load(Ordering::Relaxed), list.2.load(Ordering::Relaxed));
    assert_eq!(read(), (1, 124));
    reader.get(123_456).unwrap();
    // 1563 blocks: eleven levels above each.
    assert_eq!(read(), (2, 124 + (128 + 11) * 32));
    reader.get(123_457).unwrap();
    assert_eq!(read().0, 2, "a proven block is cached");
}
