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
    }
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
