//! The names of items: a reader returns the names that a writer was given; broken names
//! are refused with an error that says so, and the items can still be read.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sealpack::core::Error as PackError;
use sealpack::core::error::{Limit, Misuse, Section};
use sealpack::core::format::extensions::{AppDataParts, ExtensionKind};
use sealpack::core::names::{MAX_EXPANDED, MAX_NAME};
use sealpack::{Bytes, ErrorKind, Names, Reader, Writer};
use sealpack_tests::hostile::{CodecChoice, Packing};

/// A pack in memory whose items have these names and their positions as content.
fn pack(names: &[Vec<u8>]) -> Reader {
    let mut writer = Writer::options().threads(0).write_to(Vec::new()).unwrap();
    for (position, name) in (0u32..).zip(names) {
        writer.append_named(name, &position.to_le_bytes()).unwrap();
    }
    Reader::options().open_source(writer.finish().unwrap().sink, "memory").unwrap()
}

fn names_of(reader: &Reader) -> Names {
    reader.names().unwrap().expect("a pack with names")
}

/// Packs these names, and checks every way to read them.
fn check(names: &[Vec<u8>]) {
    let reader = pack(names);
    let found = reader.names().unwrap();
    if names.iter().all(Vec::is_empty) {
        assert!(found.is_none());
        return;
    }
    let found = found.unwrap();
    assert_eq!(found.len() as usize, names.len());
    assert_eq!(found.is_sorted(), names.is_sorted());
    let mut positions: BTreeMap<&[u8], Vec<u32>> = BTreeMap::new();
    let step = names.len() / 500 + 1;
    for (position, name) in (0..).zip(names) {
        if (position as usize).is_multiple_of(step) {
            assert_eq!(found.get(position).unwrap(), name);
        }
        positions.entry(name).or_default().push(position);
    }
    // Every lookup decodes a few blocks.
    let step = positions.len() / 500 + 1;
    for (name, positions) in positions.into_iter().step_by(step) {
        let expected = if name.is_empty() { Vec::new() } else { positions };
        assert_eq!(found.find(name).unwrap(), expected);
        let near = [name, b"\x01"].concat();
        assert!(found.find(&near).unwrap().iter().all(|&at| names[at as usize] == near));
    }
    let all: Vec<(u32, Bytes)> = found.iter().map(Result::unwrap).collect();
    assert!(all.iter().zip(names).all(|((_, name), expected)| name == expected));
    assert_eq!(all.len(), names.len());
    let middle = found.len() / 2;
    let rest = found.range(middle..found.len()).unwrap().map(Result::unwrap);
    assert!(rest.eq(all[middle as usize..].iter().cloned()));
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::collection::vec(prop_oneof![Just(b'a'), Just(b'/'), 1..=255u8], 0..12),
        1 => prop::collection::vec(1..=255u8, 200..300),
        1 => Just(Vec::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn names_are_found_by_position_and_positions_by_name(
        mut names in prop::collection::vec(any_name(), 0..400),
        sorted in any::<bool>(),
    ) {
        if sorted {
            names.sort();
        }
        check(&names);
    }
}

#[test]
fn names_of_many_blocks_are_read_back() {
    let path = |n: u32| format!("folder-{}/sub/file-{n:06}.txt", n / 100).into_bytes();
    let sorted: Vec<_> = (0..30_000).map(path).collect();
    check(&sorted);
    let scattered: Vec<_> = (0..30_000u32).map(|n| path(n * 7919 % 30_000)).collect();
    check(&scattered);
    // One name for many items, over several blocks.
    check(&[vec![b"b".to_vec(); 50_000], vec![b"a".to_vec(); 50_000]].concat());
}

#[test]
fn the_longest_names_are_read_back() {
    let long = |last: u8| [vec![b'x'; MAX_NAME - 1], vec![last]].concat();
    check(&(1..200).map(long).collect::<Vec<_>>());
    let different = |first: u8| [vec![first], vec![b'x'; MAX_NAME - 1]].concat();
    check(&(1..200).rev().map(different).collect::<Vec<_>>());
    // More than the limit of one block, although each takes a few bytes when encoded.
    const { assert!(199 * MAX_NAME > MAX_EXPANDED) };
}

#[test]
fn a_name_that_is_too_long_or_contains_nul_is_refused_and_its_item_not_added() {
    let mut writer = Writer::options().write_to(Vec::new()).unwrap();
    writer.append_named(b"first", b"1").unwrap();
    let too_long = writer.append_named(&vec![b'x'; MAX_NAME + 1], b"2").unwrap_err();
    let limit = Limit::Name { length: MAX_NAME as u64 + 1 };
    assert!(matches!(too_long.kind(), ErrorKind::Pack(PackError::Limit(it)) if *it == limit));
    let nul = writer.append_named(b"a\0b", b"2").unwrap_err();
    assert!(matches!(nul.kind(), ErrorKind::Pack(PackError::Misuse(Misuse::Nul))), "{nul}");
    writer.append_named(b"second", b"2").unwrap();
    let sealed = writer.finish().unwrap();
    let reader = Reader::options().open_source(sealed.sink, "memory").unwrap();
    assert_eq!(reader.item_count(), 2);
    assert_eq!(names_of(&reader).find(b"second").unwrap(), [1]);
}

#[test]
fn items_without_a_name_have_the_empty_one() {
    let mut writer = Writer::options().app_data("mine").write_to(Vec::new()).unwrap();
    writer.append(b"0").unwrap();
    writer.append_named(b"one", b"1").unwrap();
    writer.append_named(b"", b"2").unwrap();
    writer.append_parts(&[b"3", b"3"]).unwrap();
    writer.append_named_owned(b"four", vec![4; 9000]).unwrap();
    writer.append(b"5").unwrap();
    let reader = Reader::options().open_source(writer.finish().unwrap().sink, "memory").unwrap();
    let names: Vec<_> = names_of(&reader).iter().map(|named| named.unwrap().1).collect();
    assert_eq!(names, [&b""[..], b"one", b"", b"", b"four", b""]);
    assert!(names_of(&reader).find(b"").unwrap().is_empty());
    assert_eq!(names_of(&reader).find(b"four").unwrap(), [4]);
    assert_eq!(reader.app_data(), &b"mine"[..]);
    assert!(reader.verify().unwrap().is_ok());
}

#[test]
fn a_pack_without_names_is_the_same_as_before() {
    let packed = |named: bool| {
        let mut writer = Writer::options().app_data("mine").write_to(Vec::new()).unwrap();
        for item in 0..1000u32 {
            match named {
                true => writer.append_named(b"", &item.to_le_bytes()).unwrap(),
                false => writer.append(&item.to_le_bytes()).unwrap(),
            }
        }
        writer.finish().unwrap().sink
    };
    assert_eq!(packed(true), packed(false));
    let reader = Reader::options().open_source(packed(true), "memory").unwrap();
    assert!(reader.names().unwrap().is_none());
    assert_eq!(reader.extensions().raw(), &b"mine"[..]);
}

#[test]
fn items_can_be_named_after_they_were_appended_in_ascending_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writer = Writer::options().create(&path).unwrap();
    (0..5u8).for_each(|item| writer.append(&[item]).unwrap());
    writer.name_item(1, b"one").unwrap();
    writer.name_item(3, b"three").unwrap();
    for passed in [0, 1, 3, 5] {
        let refused = writer.name_item(passed, b"late").unwrap_err();
        let misuse = Misuse::Position { position: passed.into(), items: 5 };
        assert!(matches!(refused.kind(), ErrorKind::Pack(PackError::Misuse(it)) if *it == misuse));
    }
    writer.append_named(b"five", b"5").unwrap();
    writer.finish().unwrap();
    let names = names_of(&Reader::open(&path).unwrap());
    let all: Vec<_> = names.iter().map(|named| named.unwrap().1).collect();
    assert_eq!(all, [&b""[..], b"one", b"", b"three", b"", b"five"]);
}

#[test]
fn positions_beyond_the_pack_are_refused() {
    let names = names_of(&pack(&[b"a".to_vec(), b"b".to_vec()]));
    assert!(names.get(1).is_ok());
    assert!(names.get(2).is_err());
    assert!(names.get(u32::MAX).is_err());
    assert!(names.range(1..3).is_err());
    let reversed = std::ops::Range { start: 2, end: 1 };
    assert!(names.range(reversed).is_err());
    assert_eq!(names.range(2..2).unwrap().count(), 0);
}

#[test]
fn every_writer_stores_the_same_names() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut file = Writer::options().create(&path).unwrap();
    let location =
        sealpack::remote::Location::new(object_store::memory::InMemory::new(), "a.pack".into());
    let remote = sealpack::remote::RemoteWriter::options(Writer::options());
    let mut remote = remote.create(&location, runtime.handle()).unwrap();
    for name in 0..3000u32 {
        let (name, item) = (format!("{:04}", name ^ 1), name.to_le_bytes());
        file.append_named(name.as_bytes(), &item).unwrap();
        remote.append_named(name.as_bytes(), &item).unwrap();
    }
    file.finish().unwrap();
    remote.finish().unwrap();
    let written = runtime.block_on(async {
        let mut writer = Writer::options().write_to_async(Vec::new()).unwrap();
        for name in 0..3000u32 {
            let (name, item) = (format!("{:04}", name ^ 1), name.to_le_bytes());
            writer.append_named(name.as_bytes(), &item).await.unwrap();
        }
        writer.finish().await.unwrap().sink
    });
    assert_eq!(std::fs::read(&path).unwrap(), written);
    runtime.block_on(async {
        let reader = sealpack::remote::RemoteReader::open(&location).await.unwrap();
        let names = reader.names().await.unwrap().unwrap();
        assert!(!names.is_sorted());
        assert_eq!(names.find(b"0042").unwrap(), [43]);
        assert_eq!(reader.get(43).await.unwrap(), 43u32.to_le_bytes()[..]);
        assert_eq!(reader.app_data(), &b""[..]);
    });
}

/// Names of a small pack: sorted or not, in two blocks.
fn small_pack(sorted: bool) -> (Vec<Vec<u8>>, Reader, Vec<u8>) {
    let mut names: Vec<Vec<u8>> = (0..7).map(|n| format!("folder/file-{n}").into()).collect();
    names.push(vec![b'x'; 300]);
    if !sorted {
        names.reverse();
    }
    let reader = pack(&names);
    let section = reader.extensions().section(ExtensionKind::NAMES).unwrap().to_vec();
    (names, reader, section)
}

/// A pack of eight items with these bytes as names, with correct checksums.
fn with_section(section: &[u8]) -> Reader {
    let parts = AppDataParts { names: Some(section.to_vec().into()), ..AppDataParts::default() };
    let items = (0..8u32).map(|item| item.to_le_bytes().to_vec()).collect();
    let mut packing = Packing::of(CodecChoice::Zstd, 3, items);
    packing.app_data = parts.encode().unwrap().to_vec();
    Reader::options().open_source(packing.file(), "memory").unwrap()
}

/// Reads every name; returns the first error.
fn read_names(reader: &Reader) -> Result<Vec<Bytes>, sealpack::Error> {
    let Some(names) = reader.names()? else { return Ok(Vec::new()) };
    names.find(b"folder/file-3")?;
    names.iter().map(|named| named.map(|(_, name)| name)).collect()
}

#[test]
fn a_changed_byte_in_the_names_affects_no_item_and_the_names_are_refused_or_complete() {
    for sorted in [true, false] {
        let (_, _, section) = small_pack(sorted);
        let (mut refused, mut read) = (0, 0);
        for at in 0..section.len() {
            for bit in 0..8 {
                let mut damaged = section.clone();
                damaged[at] ^= 1 << bit;
                let reader = with_section(&damaged);
                for position in 0..8 {
                    assert_eq!(reader.get(position).unwrap(), position.to_le_bytes()[..]);
                }
                match read_names(&reader) {
                    Ok(names) => {
                        read += 1;
                        assert_eq!(names.len(), 8);
                    }
                    Err(error) => {
                        refused += 1;
                        let (section, _) = error.corruption().unwrap_or_else(|| panic!("{error}"));
                        assert_eq!(section, Section::Names, "byte {at}, bit {bit}: {error}");
                    }
                }
            }
        }
        // A change in the sorted order is not detected as long as every position occurs
        // once.
        assert!(refused > 10 * read, "{refused} refused, {read} read");
    }
}

#[test]
fn truncated_names_are_refused() {
    for sorted in [true, false] {
        let (_, _, section) = small_pack(sorted);
        for length in 0..section.len() {
            let error = read_names(&with_section(&section[..length])).unwrap_err();
            assert_eq!(error.corruption().unwrap().0, Section::Names, "{length} bytes: {error}");
        }
        let longer = [&section[..], b"x"].concat();
        assert!(read_names(&with_section(&longer)).is_err());
    }
}

#[test]
fn a_damaged_pack_never_yields_a_different_name() {
    let (names, reader, _) = small_pack(true);
    let mut writer = Writer::options().threads(0).write_to(Vec::new()).unwrap();
    for (position, name) in (0u32..).zip(&names) {
        writer.append_named(name, &position.to_le_bytes()).unwrap();
    }
    let file = writer.finish().unwrap().sink;
    let app_data = reader.extensions().raw().len();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            let opened = Reader::options().open_source(damaged, "memory");
            let in_app_data = (file.len() - 76 - app_data..file.len() - 76).contains(&at);
            assert!(!in_app_data || opened.is_err(), "byte {at}, bit {bit}");
            if let Ok(reader) = opened {
                assert_eq!(read_names(&reader).unwrap(), names);
            }
        }
        assert!(Reader::options().open_source(file[..at].to_vec(), "memory").is_err());
    }
}

#[test]
fn broken_names_are_refused_with_an_error_that_says_what_is_wrong() {
    let (_, _, sound) = small_pack(true);
    let (_, _, unsorted) = small_pack(false);
    let edit = |section: &[u8], at: usize, bytes: &[u8]| {
        let mut section = section.to_vec();
        section[at..at + bytes.len()].copy_from_slice(bytes);
        section
    };
    let max = u32::MAX.to_le_bytes();
    let in_sorted_order = {
        // The same names in their reverse order, but marked as sorted.
        let mut section = unsorted.clone();
        section[1] = 1;
        section.drain(22..25); // Eight positions of three bits.
        section
    };
    for (section, words) in [
        (edit(&sound, 0, &[2]), "version 2"),
        (edit(&sound, 1, &[5]), "unknown flags: 0x05"),
        (edit(&sound, 1, &[2]), "bytes too many"),
        (edit(&sound, 2, &[9]), "there are 9 names for 8 items"),
        (edit(&sound, 2, &max), "there are 4294967295 names for 8 items"),
        (edit(&sound, 6, &max), "needs 51539607550 bytes"),
        (edit(&sound, 6, &[0]), "there are 0 names for 8 items"),
        (edit(&sound, 10, &[0]), "block 0 does not follow the block before it"),
        (edit(&sound, 10, &[7]), "there are 7 names for 8 items"),
        (edit(&sound, 14, &max), "add up to 4294967295 bytes"),
        (edit(&sound, 14, &[0, 0, 0, 0]), "block 0 does not follow"),
        (edit(&sound, 18, &max), "impossible size of 4294967295 bytes"),
        (edit(&sound, 18, &[3, 0, 0, 0]), "impossible size of 3 bytes"),
        (edit(&sound, 22, b"none"), "block 0: the payload is not a frame"),
        (in_sorted_order, "sorts before the previous one"),
        (edit(&unsorted, 22, &[0xff; 3]), ""),
    ] {
        let read = read_names(&with_section(&section));
        match words {
            "" => assert_eq!(read.unwrap().len(), 8),
            _ => {
                let text = format!("{:#}", read.unwrap_err());
                assert!(text.contains("names: ") && text.contains(words), "{words}: {text}");
            }
        }
    }
}

#[test]
fn the_example_of_the_format_is_what_a_writer_writes() {
    let reader = pack(&[b"src/lib.rs".to_vec(), b"src/main.rs".to_vec()]);
    let section = reader.extensions().section(ExtensionKind::NAMES).unwrap();
    let format = include_str!("../../FORMAT.md");
    let example = format.split("*Example.* The names").nth(1).unwrap();
    let example = example.split("```").nth(1).unwrap().trim_start_matches("text\n");
    let bytes = example.lines().flat_map(|line| {
        let hex = line
            .split_whitespace()
            .map_while(|it| u8::from_str_radix(it, 16).ok().filter(|_| it.len() == 2));
        hex.collect::<Vec<u8>>()
    });
    assert_eq!(section, bytes.collect::<Vec<u8>>());
}
