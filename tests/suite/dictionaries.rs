//! Packs whose records need a dictionary: they are read like any other pack, with that
//! dictionary or not at all.

use std::io::Cursor;
use std::ops::ControlFlow;

use sealpack::core::error::{DecodeError, DictionaryFault, Fault};
use sealpack::core::format::Dialect;
use sealpack::core::format::extensions::{AppDataParts, ExtensionKind};
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{
    Dictionary, DictionaryTraining, Error, ErrorKind, OptionsError, Plain, Reader, RecordCopy,
    Writer, WriterOptions, Zstd,
};
use sealpack_tests::fixtures::with_app_data;
use sealpack_tests::hostile::Random;

/// Small items that are like each other.
fn events(count: u32) -> Vec<Vec<u8>> {
    let mut random = Random::new(3);
    let kinds = ["transfer", "mint", "burn", "approve"];
    let event = |number| {
        let (kind, amount) = (kinds[random.below(4)], random.below(1 << 20));
        format!("{{\"ledger\":{number},\"type\":\"{kind}\",\"amount\":\"{amount}\",\"ok\":true}}")
    };
    (0..count).map(event).map(String::into_bytes).collect()
}

fn trained(size: usize) -> Dictionary {
    DictionaryTraining::of_size(size).unwrap().train(events(4000)).unwrap()
}

/// The dictionary, with one byte of its content changed and the same id.
fn other(dictionary: &Dictionary) -> Dictionary {
    let mut bytes = dictionary.bytes().to_vec();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    let other = Dictionary::from_bytes(bytes).unwrap();
    assert_eq!(other.id(), dictionary.id());
    assert_ne!(other, *dictionary);
    other
}

fn pack(options: WriterOptions, items: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = options.write_to(Vec::new()).unwrap();
    items.iter().try_for_each(|item| writer.append(item)).unwrap();
    writer.finish().unwrap().sink
}

fn open(pack: &[u8]) -> Reader {
    Reader::options().open_source(Cursor::new(pack.to_vec()), "memory").unwrap()
}

fn options(codec: Zstd, items_per_record: u32) -> WriterOptions {
    Writer::options().codec(codec).items_per_record(items_per_record)
}

fn decode_error(error: &Error) -> &DecodeError {
    match error.corruption() {
        Some((_, Fault::Decode(error))) => error,
        _ => panic!("{error}"),
    }
}

#[test]
fn items_come_back_in_every_way_of_reading() {
    let items = events(1000);
    let dictionary = trained(4 << 10);
    for per_record in [1, 4, 128] {
        let codec = Zstd::level(3).dictionary(dictionary.clone());
        let bytes = pack(options(codec, per_record).app_data("mine"), &items);
        let plain = pack(options(Zstd::level(3), per_record), &items);
        assert!(per_record > 4 || bytes.len() < plain.len(), "{per_record} a record");
        let source = Cursor::new(bytes);
        let reader = Reader::options().threads(2).open_source(source, "memory").unwrap();
        assert_eq!(reader.app_data(), &b"mine"[..]);
        assert_eq!(reader.dictionary().unwrap().unwrap(), dictionary);
        let report = reader.verify().unwrap();
        assert!(report.is_ok() && report.items_are_protected());
        for position in [0, 1, 127, 128, 999] {
            let expected = &items[position as usize][..];
            assert_eq!(reader.get(position).unwrap(), expected);
            reader.get_with(position, |item| assert_eq!(item, expected)).unwrap();
        }
        assert!(reader.iter().unwrap().map(Result::unwrap).eq(items.iter().cloned()));
        reader.for_each(.., |at, item| assert_eq!(item, items[at as usize])).unwrap();
        let positions: Vec<u32> = (0..1000).rev().step_by(7).collect();
        let take = |at: usize, item: sealpack::Bytes| {
            assert_eq!(item, items[positions[at] as usize]);
        };
        reader.get_many(&positions, take).unwrap();
    }
}

#[test]
fn frames_name_the_dictionary_in_two_bytes_and_are_the_same_on_any_number_of_threads() {
    let items = events(3000);
    let codec = || Zstd::level(3).dictionary(trained(4 << 10));
    let expected = pack(options(codec(), 1).threads(0), &items);
    for threads in [1, 3] {
        assert!(pack(options(codec(), 1).threads(threads), &items) == expected);
    }
    let frame = open(&expected).stored_record(7).unwrap();
    assert_eq!(frame[4] & 0b11, 2, "the size of the dictionary id");
}

#[test]
fn a_shared_dictionary_must_be_given_and_be_the_right_one() {
    let items = events(500);
    let shared = DictionaryTraining::of_size(4 << 10).unwrap().for_sharing();
    let dictionary = shared.train(events(4000)).unwrap();
    let bytes = pack(options(Zstd::level(3).shared_dictionary(dictionary.clone()), 1), &items);
    let id = dictionary.id();
    let given = |dictionary| {
        let options = Reader::options().dictionary(dictionary);
        options.open_source(Cursor::new(bytes.clone()), "memory").unwrap()
    };
    assert_eq!(given(dictionary.clone()).get(7).unwrap(), items[7]);
    assert!(given(dictionary.clone()).verify().unwrap().is_ok());

    let reader = open(&bytes);
    assert_eq!(reader.extensions().sections().count(), 0);
    assert_eq!(reader.dictionary().unwrap(), None);
    let error = reader.get(7).unwrap_err();
    let text = format!("the frame needs dictionary {id}, which this reader does not have");
    assert!(error.to_string().contains(&text), "{error}");
    // Nothing is known to be damaged.
    let report = reader.verify().unwrap();
    assert!(!report.is_ok());
    assert_eq!((report.damaged_count, report.unchecked_count), (0, 500));
    assert!(matches!(report.verdict(LayerName::Decoding), Verdict::NotChecked(_)));

    let wrong = trained(2 << 10);
    let expected = Some(wrong.id());
    let error = given(wrong).get(7).unwrap_err();
    let error = decode_error(&error);
    assert!(
        matches!(error, DecodeError::MissingDictionary { id: named, given } if *named == id && *given == expected),
        "{error}"
    );
    // The checksums detect one with the same id.
    let reader = given(other(&dictionary));
    let read = (0..500).map(|at| (at, reader.get(at)));
    let same =
        |(at, item): (u32, Result<_, _>)| item.is_err() || item.unwrap() == items[at as usize];
    assert!(read.into_iter().all(same));
    assert!(!reader.verify().unwrap().is_ok());
}

fn dictionary_section(dictionary: &[u8]) -> Vec<u8> {
    let dictionary = Some(sealpack::Bytes::copy_from_slice(dictionary));
    AppDataParts { dictionary, ..AppDataParts::default() }.encode().unwrap().to_vec()
}

#[test]
fn a_forged_dictionary_is_an_error_and_never_other_bytes() {
    let items = events(60);
    let dictionary = trained(1 << 10);
    let sound = pack(options(Zstd::level(3).dictionary(dictionary.clone()), 2), &items);
    let mut errors = 0;
    for at in 0..dictionary.bytes().len() {
        for flip in [1, 0x80] {
            let mut forged = dictionary.bytes().to_vec();
            forged[at] ^= flip;
            let reader = open(&with_app_data(&sound, &dictionary_section(&forged)));
            let mut fails = false;
            for (position, item) in (0..).zip(&items) {
                match reader.get(position) {
                    Ok(got) => assert_eq!(got, item, "byte {at} of the dictionary"),
                    Err(error) => {
                        assert!(error.corruption().is_some(), "{error}");
                        fails = true;
                    }
                }
            }
            assert_eq!(reader.verify().unwrap().is_ok(), !fails);
            errors += u32::from(fails);
        }
    }
    assert!(errors > 500, "{errors}");
}

#[test]
fn a_stored_dictionary_that_is_not_one_is_named() {
    let dictionary = trained(1 << 10);
    let sound = pack(options(Zstd::level(3).dictionary(dictionary.clone()), 1), &events(9));
    let (named, stored) = (dictionary.id(), trained(2 << 10).id());
    let mut no_id = dictionary.bytes().to_vec();
    no_id[4..8].fill(0);
    let mut large = dictionary.bytes().to_vec();
    large.resize((1 << 20) + 1, 0);
    for (bytes, expected) in [
        (&b"just text"[..], DictionaryFault::NotADictionary),
        (b"", DictionaryFault::NotADictionary),
        (&no_id, DictionaryFault::NoId),
        (&dictionary.bytes()[..40], DictionaryFault::Tables),
        (&large, DictionaryFault::TooLarge { size: (1 << 20) + 1 }),
        (trained(2 << 10).bytes(), DictionaryFault::Differs { named, stored }),
    ] {
        let reader = open(&with_app_data(&sound, &dictionary_section(bytes)));
        for error in [
            reader.get(3).unwrap_err(),
            reader.get_with(3, |_| ()).unwrap_err(),
            reader.get_many(&[3, 8], |_, _| ()).unwrap_err(),
            reader.range(2..5).unwrap().next().unwrap().unwrap_err(),
        ] {
            let found = decode_error(&error);
            let same = matches!(found, DecodeError::Dictionary(fault) if *fault == expected);
            assert!(same, "{error} instead of {expected}");
        }
        let report = reader.verify().unwrap();
        assert_eq!((report.damaged_count, report.unchecked_count), (9, 0));
        // Frames that name no dictionary need none.
        let plain = pack(options(Zstd::level(3), 1), &events(9));
        let reader = open(&with_app_data(&plain, &dictionary_section(bytes)));
        assert!(reader.verify().unwrap().is_ok());
    }
}

#[test]
fn trusted_reads_notice_another_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let items = events(300);
    let dictionary = trained(2 << 10);
    let codec = Zstd::level(3).dictionary(dictionary.clone());
    let mut writer = options(codec, 1).digest_list(true).create(&path).unwrap();
    items.iter().try_for_each(|item| writer.append(item)).unwrap();
    let sealed = writer.finish().unwrap();
    let root = sealpack::Trust::root(sealed.digests.unwrap().root);
    let content = sealpack::Trust::content_hash(sealed.trailer.content_hash.unwrap());
    for trust in [root.clone(), content.clone()] {
        let reader = Reader::open_trusted(&path, trust).unwrap();
        assert!(reader.iter().unwrap().map(Result::unwrap).eq(items.iter().cloned()));
    }
    let forged = dictionary_section(other(&dictionary).bytes());
    let forged = with_app_data(&std::fs::read(&path).unwrap(), &forged);
    std::fs::write(&path, forged).unwrap();
    let refused = Reader::open_trusted(&path, root).unwrap_err();
    assert!(refused.untrusted().is_some(), "{refused}");
    // The content hash does not cover the app data, but every item.
    if let Ok(reader) = Reader::open_trusted(&path, content) {
        for (position, item) in (0..).zip(&items) {
            assert!(reader.get(position).is_err() || reader.get(position).unwrap() == item);
        }
    }
}

fn learning(sample: u64) -> Zstd {
    Zstd::level(3).learned_dictionary(DictionaryTraining::of_size(4 << 10).unwrap(), sample)
}

#[test]
fn a_learned_dictionary_is_the_same_with_every_writer_and_number_of_threads() {
    let items = events(20_000);
    let expected = pack(options(learning(200 << 10), 1).threads(0), &items);
    let reader = open(&expected);
    assert!(reader.dictionary().unwrap().is_some());
    assert!(reader.verify().unwrap().is_ok());
    assert!(reader.iter().unwrap().map(Result::unwrap).eq(items.iter().cloned()));
    for threads in [1, 3] {
        assert!(pack(options(learning(200 << 10), 1).threads(threads), &items) == expected);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writer = options(learning(200 << 10), 1).create(&path).unwrap();
    items.iter().try_for_each(|item| writer.append(item)).unwrap();
    writer.finish().unwrap();
    assert!(std::fs::read(&path).unwrap() == expected);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let written = runtime.block_on(async {
        let writing = options(learning(200 << 10), 1);
        let mut writer = writing.write_to_async(Vec::new()).unwrap();
        for item in &items {
            writer.append(item).await.unwrap();
        }
        writer.finish().await.unwrap().sink
    });
    assert!(written == expected);
}

#[test]
fn a_dictionary_that_would_not_pay_is_left_out() {
    let mut random = Random::new(5);
    let noise: Vec<Vec<u8>> =
        (0..3000).map(|_| (0..200).map(|_| random.byte()).collect()).collect();
    let few = events(20);
    let empty = vec![Vec::new(); 100_000];
    let large: Vec<Vec<u8>> = events(20_000).chunks(1000).map(<[_]>::concat).collect();
    for (what, items) in [("noise", noise), ("few", few), ("empty", empty), ("large", large)] {
        for sample in [1, 100 << 10, 1 << 30] {
            let with = pack(options(learning(sample), 1), &items);
            let without = pack(options(Zstd::level(3), 1), &items);
            assert!(with == without, "{what}, a sample of {sample} bytes");
        }
    }
    assert!(pack(options(learning(1 << 20), 1), &[]) == pack(options(Zstd::level(3), 1), &[]));
}

#[test]
fn records_are_copied_only_into_a_pack_with_the_same_dictionary() {
    let folder = tempfile::tempdir().unwrap();
    let items = events(100);
    let dictionary = trained(2 << 10);
    let with = |dictionary: &Dictionary| Zstd::level(3).dictionary(dictionary.clone());
    let reader = open(&pack(options(with(&dictionary), 4), &items));
    let copy = |reader: &Reader, codec: Zstd, checked: bool| {
        let path = folder.path().join("copy.pack");
        let mut writer = options(codec, 4).content_hash(false).create(&path).unwrap();
        let copy = RecordCopy::new(reader);
        let copy = if checked { copy } else { copy.unchecked() };
        let _ = copy.append_to(&mut writer, |_| ControlFlow::<()>::Continue(()))?;
        writer.finish()?;
        let copied = Reader::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Ok::<Reader, Error>(copied)
    };
    for checked in [true, false] {
        let copied = copy(&reader, with(&dictionary), checked).unwrap();
        assert!(copied.iter().unwrap().map(Result::unwrap).eq(items.iter().cloned()));
        let third = trained(3 << 10);
        for codec in [Zstd::level(3), with(&other(&dictionary)), with(&third), learning(1 << 20)] {
            let refused = copy(&reader, codec, checked).unwrap_err();
            assert!(matches!(refused.kind(), ErrorKind::Options(OptionsError::RecordForm)));
        }
        // A pack that does not store the dictionary of its frames.
        let shared = Zstd::level(3).shared_dictionary(dictionary.clone());
        let shared = open(&pack(options(shared, 4), &items));
        let refused = copy(&shared, Zstd::level(3), checked).unwrap_err();
        let error = decode_error(&refused);
        assert!(matches!(error, DecodeError::MissingDictionary { .. }), "{error}");
    }
    // Records without a dictionary are not those of a pack with one.
    let plain = open(&pack(options(Zstd::level(3), 4), &items));
    assert!(copy(&plain, with(&dictionary), true).is_err());
}

#[test]
fn names_app_data_and_a_dictionary_stand_next_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let codec = Zstd::level(3).dictionary(trained(2 << 10));
    let mut writer = options(codec, 1).app_data("mine").create(&path).unwrap();
    for (number, item) in events(50).iter().enumerate() {
        writer.append_named(format!("event {number}").as_bytes(), item).unwrap();
    }
    writer.finish().unwrap();
    let reader = Reader::open(&path).unwrap();
    let kinds: Vec<_> = reader.extensions().sections().map(|section| section.kind).collect();
    assert_eq!(kinds, [ExtensionKind::CALLER, ExtensionKind::DICTIONARY, ExtensionKind::NAMES]);
    assert_eq!(reader.app_data(), &b"mine"[..]);
    assert_eq!(reader.names().unwrap().unwrap().find(b"event 7").unwrap(), [7]);
    assert_eq!(reader.get(7).unwrap(), events(50)[7]);
}

#[test]
fn the_older_dialect_can_store_a_dictionary_too() {
    let items = events(50);
    let codec = Zstd::level(3).dictionary(trained(2 << 10));
    let bytes = pack(options(codec, 1).dialect(Dialect::NoAppDataCrc), &items);
    assert_eq!(open(&bytes).get(7).unwrap(), items[7]);
}

#[test]
fn plain_packs_and_other_codecs_need_no_dictionary() {
    let bytes = pack(Writer::options().codec(Plain), &events(9));
    let options = Reader::options().dictionary(trained(2 << 10));
    let reader = options.open_source(Cursor::new(bytes), "memory").unwrap();
    assert!(reader.verify().unwrap().is_ok());
}

/// The pack of `tests/fixtures/dictionary`: what an earlier version wrote stays readable.
#[test]
fn a_stored_pack_with_a_dictionary_is_read_as_it_was_written() {
    let path = sealpack_tests::fixtures::folder().join("dictionary/events.pack");
    let reader = Reader::open(path).unwrap();
    assert_eq!(reader.dictionary().unwrap().map(|it| it.id()), Some(57481));
    for number in 0..400u32 {
        let amount = number.wrapping_mul(0x9e37_79b9) >> 9;
        let event = format!(
            "{{\"ledger\":{number},\"type\":\"transfer\",\"amount\":\"{amount}\",\"ok\":true}}"
        );
        assert_eq!(reader.get(number).unwrap(), event.as_bytes());
    }
    assert!(reader.verify().unwrap().is_ok());
}
