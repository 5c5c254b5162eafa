//! Records that are copied into another pack: the same bytes as if they were encoded
//! again, and nothing that a reader would refuse.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use sealpack::core::Error as PackError;
use sealpack::core::error::{Fault, Misuse};
use sealpack::{
    Error, ErrorKind, OptionsError, Plain, Reader, RecordCopy, SealedPack, Writer, WriterOptions,
};
use sealpack_tests::fixtures::{self, open, options_of};

fn append(copy: RecordCopy<'_>, writer: &mut Writer) -> Result<(), Error> {
    copy.append_to(writer, |_| ControlFlow::<()>::Continue(())).map(|_| ())
}

/// Copies all records of a pack and publishes the new one.
fn copy(reader: &Reader, options: WriterOptions, to: &Path) -> Result<SealedPack, Error> {
    let mut writer = options.create(to)?;
    append(RecordCopy::new(reader), &mut writer)?;
    writer.finish()
}

#[test]
fn a_copied_reference_pack_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for fixture in fixtures::all() {
        let expected = fs::read(fixture.path()).unwrap();
        let reader = open(&fixture);
        for threads in [0, 3] {
            let path = folder.path().join(format!("{}-{threads}", fixture.name));
            copy(&reader, options_of(&fixture).threads(threads), &path).unwrap();
            assert!(fs::read(&path).unwrap() == expected, "{} on {threads}", fixture.name);
        }
        // Without a hash nothing needs to be decoded.
        let path = folder.path().join(format!("{}-unchecked", fixture.name));
        let mut writer = options_of(&fixture).content_hash(false).create(&path).unwrap();
        append(RecordCopy::new(&reader).unchecked(), &mut writer).unwrap();
        writer.finish().unwrap();
        let copied = Reader::open(&path).unwrap();
        assert_eq!(copied.trailer().content_hash, None);
        let end = usize::try_from(reader.directory().records_end()).unwrap();
        assert!(fs::read(&path).unwrap()[..end] == expected[..end], "{}", fixture.name);
        if reader.trailer().content_hash.is_some() {
            let path = folder.path().join(format!("{}-kept", fixture.name));
            let mut writer = options_of(&fixture).create(&path).unwrap();
            append(RecordCopy::new(&reader).unchecked().keep_content_hash(), &mut writer).unwrap();
            writer.finish().unwrap();
            assert!(fs::read(&path).unwrap() == expected, "{}", fixture.name);
        }
    }
}

/// Whether an error says that a content hash cannot be kept.
fn cannot_keep(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Options(OptionsError::KeptContentHash))
}

#[test]
fn a_content_hash_is_only_kept_by_a_pack_of_exactly_the_same_items() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    let reader = lines(&folder.path().join("old"), ten(), 0, 20);
    let kept = || RecordCopy::new(&reader).unchecked().keep_content_hash();
    let refuses = |options: WriterOptions, copy: RecordCopy<'_>| {
        let mut writer = options.create(&path).unwrap();
        assert!(cannot_keep(&append(copy, &mut writer).unwrap_err()));
    };
    refuses(ten(), kept().records(0..1));
    refuses(ten().content_hash(false), kept());
    refuses(ten().digest_list(true), kept());
    let hashless = lines(&folder.path().join("hashless"), ten().content_hash(false), 0, 20);
    refuses(ten(), RecordCopy::new(&hashless).keep_content_hash());
    // Items before or after the copied ones.
    let mut writer = ten().create(&path).unwrap();
    append(RecordCopy::new(&reader), &mut writer).unwrap();
    assert!(cannot_keep(&append(kept(), &mut writer).unwrap_err()));
    let mut writer = ten().create(&path).unwrap();
    append(kept(), &mut writer).unwrap();
    assert!(cannot_keep(&writer.append(b"another").unwrap_err()));
    assert!(cannot_keep(&writer.append_named(b"name", b"another").unwrap_err()));
    assert!(cannot_keep(&append(RecordCopy::new(&reader), &mut writer).unwrap_err()));
    assert!(cannot_keep(&append(kept(), &mut writer).unwrap_err()));
    writer.name_item(3, b"a name").unwrap();
    writer.finish().unwrap();
    assert!(Reader::open(&path).unwrap().verify().unwrap().is_ok());
    // A copy that was stopped.
    fs::remove_file(&path).unwrap();
    let mut writer = ten().create(&path).unwrap();
    let many = lines(&folder.path().join("many"), ten(), 0, 2_000_000);
    let copy = RecordCopy::new(&many).unchecked().keep_content_hash();
    assert!(copy.append_to(&mut writer, ControlFlow::Break).unwrap().is_break());
    assert!(cannot_keep(&writer.finish().unwrap_err()));
    assert!(!path.exists());
}

/// A pack of lines, `items` of them, from number `first` on.
fn lines(path: &Path, options: WriterOptions, first: u32, items: u32) -> Reader {
    let mut writer = options.create(path).unwrap();
    for number in first..first + items {
        writer.append(format!("line {number}").as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    Reader::open(path).unwrap()
}

fn ten() -> WriterOptions {
    Writer::options().items_per_record(10)
}

#[test]
fn joined_packs_are_the_pack_of_all_items() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = lines(&at("whole"), ten(), 0, 57);
    let (first, second) = (lines(&at("a"), ten(), 0, 30), lines(&at("b"), ten(), 30, 25));
    let mut writer = ten().create(at("joined")).unwrap();
    append(RecordCopy::new(&first), &mut writer).unwrap();
    append(RecordCopy::new(&second).records(0..2), &mut writer).unwrap();
    for number in 50..57 {
        writer.append(format!("line {number}").as_bytes()).unwrap();
    }
    assert_eq!(writer.item_count(), 57);
    writer.finish().unwrap();
    assert!(fs::read(at("joined")).unwrap() == fs::read(whole.path()).unwrap());
}

#[test]
fn nothing_follows_a_record_that_is_not_full() {
    let folder = tempfile::tempdir().unwrap();
    let short = lines(&folder.path().join("short"), ten(), 0, 25);
    let out_of_order = |error: &Error| {
        matches!(error.kind(), ErrorKind::Pack(PackError::Misuse(Misuse::Order { .. })))
    };
    let mut writer = ten().create(folder.path().join("new")).unwrap();
    writer.append(b"first").unwrap();
    assert!(out_of_order(&append(RecordCopy::new(&short), &mut writer).unwrap_err()));
    let mut writer = ten().create(folder.path().join("new")).unwrap();
    append(RecordCopy::new(&short), &mut writer).unwrap();
    assert!(out_of_order(&writer.append(b"last").unwrap_err()));
    assert!(out_of_order(&append(RecordCopy::new(&short), &mut writer).unwrap_err()));
    // An item that is refused leaves the writer as it was.
    writer.finish().unwrap();
    let copied = Reader::open(folder.path().join("new")).unwrap();
    assert!(copied.verify().unwrap().is_ok());
    assert_eq!(copied.item_count(), 25);
}

#[test]
fn records_of_another_form_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let reader = lines(&folder.path().join("old"), ten(), 0, 25);
    for options in
        [Writer::options().items_per_record(11), ten().record_checksum(true), ten().codec(Plain)]
    {
        let mut writer = options.create(folder.path().join("new")).unwrap();
        assert!(!RecordCopy::new(&reader).fits(&writer).unwrap());
        let refused = append(RecordCopy::new(&reader), &mut writer).unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::Options(OptionsError::RecordForm)));
    }
    let mut writer = ten().create(folder.path().join("new")).unwrap();
    let missing = append(RecordCopy::new(&reader).records(2..4), &mut writer).unwrap_err();
    let missing = matches!(
        missing.kind(),
        ErrorKind::Pack(PackError::Misuse(Misuse::RecordNumber { record: 3, records: 3 }))
    );
    assert!(missing);
}

#[test]
fn damage_is_reported_unless_records_are_copied_unchecked() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    drop(lines(&old, ten(), 0, 25));
    let whole = fs::read(&old).unwrap();
    let hash_at = whole.len() - 76 + 36;
    for (flipped, is_hash) in [(20, false), (hash_at, true)] {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 1;
        if is_hash {
            let end = bytes.len() - 4;
            let crc = sealpack::core::wire::crc::crc32c(&bytes[end - 72..end]);
            bytes[end..].copy_from_slice(&crc.to_le_bytes());
        }
        fs::write(&old, &bytes).unwrap();
        let reader = Reader::open(&old).unwrap();
        let error = copy(&reader, ten(), &new).unwrap_err();
        assert_eq!(error.path(), old, "{error}");
        let (_, fault) = error.corruption().unwrap();
        assert_eq!(matches!(fault, Fault::ContentHash { .. }), is_hash, "{error}");
        assert!(!new.exists());
        let error = copy(&reader, ten().content_hash(false), &new).unwrap_err();
        assert!(error.corruption().is_some());
        let mut writer = ten().content_hash(false).create(&new).unwrap();
        append(RecordCopy::new(&reader).unchecked(), &mut writer).unwrap();
        writer.finish().unwrap();
        assert_eq!(Reader::open(&new).unwrap().verify().unwrap().is_ok(), is_hash);
        fs::remove_file(&new).unwrap();
        // With a kept hash the damage is copied too, and `verify` finds it.
        let mut writer = ten().create(&new).unwrap();
        append(RecordCopy::new(&reader).unchecked().keep_content_hash(), &mut writer).unwrap();
        writer.finish().unwrap();
        assert!(fs::read(&new).unwrap() == bytes);
        assert!(!Reader::open(&new).unwrap().verify().unwrap().is_ok());
        // A checked copy that keeps the hash checks it.
        let mut writer = ten().create(folder.path().join("other")).unwrap();
        let copy = RecordCopy::new(&reader).keep_content_hash();
        assert!(append(copy, &mut writer).unwrap_err().corruption().is_some());
        fs::remove_file(&new).unwrap();
    }
}

#[test]
fn an_unchecked_copy_checks_the_checksum_of_each_record() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    for (record_checksum, back) in [(false, 0), (true, 0), (true, 12)] {
        let reader = lines(&old, ten().record_checksum(record_checksum), 0, 25);
        let record = reader.directory().record(1).unwrap().range;
        let at = usize::try_from(record.end).unwrap() - 1 - back;
        let mut bytes = fs::read(&old).unwrap();
        bytes[at] ^= 1;
        fs::write(&old, &bytes).unwrap();
        let reader = Reader::open(&old).unwrap();
        let mut writer = ten().record_checksum(record_checksum).create(&new).unwrap();
        let copy = RecordCopy::new(&reader).unchecked().keep_content_hash();
        let error = append(copy, &mut writer).unwrap_err();
        let (section, fault) = error.corruption().unwrap();
        assert_eq!(section, sealpack::core::error::Section::Record(1));
        assert!(matches!(fault, Fault::Checksum { .. }), "{error}");
        fs::remove_file(&old).unwrap();
    }
}

#[test]
fn copying_stops_when_the_caller_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let reader = lines(&folder.path().join("old"), ten(), 0, 25);
    let mut writer = ten().create(folder.path().join("new")).unwrap();
    let stopped = RecordCopy::new(&reader).append_to(&mut writer, ControlFlow::Break).unwrap();
    let end = reader.directory().records_end();
    assert!(matches!(stopped, ControlFlow::Break(bytes) if bytes == end));
}
