//! Stored packs with names, in `tests/fixtures/names`: what an earlier version wrote stays
//! readable, and today's writer writes the same bytes. The broken ones are refused as
//! `manifest.json` there says; readers in other languages can test themselves with it.
//!
//! `UPDATE_FIXTURES=1` writes the files again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sealpack::core::format::extensions::{AppDataParts, MAGIC};
use sealpack::{Plain, Reader, Writer, names_path};
use sealpack_tests::fixtures::{assert_stored, with_app_data};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    sealpack_tests::fixtures::folder().join("names")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Paths in ascending order, in several blocks.
fn sorted() -> Vec<Vec<u8>> {
    (0..5000).map(|n| format!("src/module-{:03}/file-{n:05}.rs", n / 50).into_bytes()).collect()
}

/// Names of every kind: some twice, some none, and not in order.
fn mixed() -> Vec<Vec<u8>> {
    let long = vec![b'x'; 255];
    let deep = b"deep/".repeat(40);
    let names: [&[u8]; 12] = [
        b"src/main.rs",
        b"",
        b"src/lib.rs",
        b"f\xffo",
        b"two\nlines",
        "Zürich/\u{202e}.txt".as_bytes(),
        b"src/lib.rs",
        b"../../etc/passwd",
        b"/absolute",
        &long,
        &[&deep[..], b"end"].concat(),
        b"a",
    ];
    names.map(<[u8]>::to_vec).to_vec()
}

fn item(position: usize) -> Vec<u8> {
    format!("item {position}").into_bytes()
}

/// A sound pack: its file, its names, and how large they may be in the pack.
fn sound() -> [(&'static str, Vec<Vec<u8>>, u64); 3] {
    [
        ("sorted.pack", sorted(), 16 << 20),
        ("mixed.pack", mixed(), 16 << 20),
        ("companion.pack", sorted(), 0),
    ]
}

/// Writes a pack; returns its bytes and those of its names file.
fn write(names: &[Vec<u8>], max_names_in_pack: u64) -> (Vec<u8>, Option<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let options = Writer::options().codec(Plain).items_per_record(8).app_data("mine");
    let mut writer = options.max_names_in_pack(max_names_in_pack).create(&path).unwrap();
    for (position, name) in names.iter().enumerate() {
        writer.append_named(name, &item(position)).unwrap();
    }
    writer.finish().unwrap();
    (fs::read(&path).unwrap(), fs::read(names_path(&path)).ok())
}

/// An envelope with sections of any lengths, claimed or real.
fn envelope(sections: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (kind, length, content) in sections {
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}

/// Broken packs: name, app data.
fn broken(pack: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let reader = Reader::options().open_source(pack.to_vec(), "memory").unwrap();
    let extensions = reader.extensions();
    let names = extensions.section(sealpack::core::format::ExtensionKind::NAMES).unwrap().to_vec();
    let size = u32::try_from(names.len()).unwrap();
    let with_names = |names: Vec<u8>| {
        let parts = AppDataParts { names: Some(names.into()), ..AppDataParts::default() };
        parts.encode().unwrap().to_vec()
    };
    let edited = |at: usize, bytes: &[u8]| {
        let mut names = names.clone();
        names[at..at + bytes.len()].copy_from_slice(bytes);
        with_names(names)
    };
    let max = u32::MAX.to_le_bytes();
    vec![
        ("envelope-cut-short", envelope(&[(3, size, &names[..names.len() - 1])])),
        ("envelope-claims-4-gib", envelope(&[(1, 4, b"mine"), (3, u32::MAX, &names)])),
        ("envelope-header-cut-short", envelope(&[(1, 4, b"mine")])[..17].to_vec()),
        ("envelope-kinds-descend", envelope(&[(3, size, &names), (1, 4, b"mine")])),
        ("envelope-kind-twice", envelope(&[(3, size, &names), (3, size, &names)])),
        ("envelope-kind-unknown", envelope(&[(3, size, &names), (9, 1, b"?")])),
        ("names-version-2", edited(0, &[2])),
        ("names-unknown-flag", edited(1, &[9])),
        ("names-one-too-many", edited(2, &[13])),
        ("names-claim-4-gib", edited(2, &max)),
        ("names-blocks-claim-4-gib", edited(6, &max)),
        ("names-block-claims-4-gib", edited(18, &max)),
        ("names-cut-short", with_names(names[..names.len() - 1].to_vec())),
        ("names-too-long", with_names([&names[..], b"x"].concat())),
        ("names-empty", with_names(Vec::new())),
    ]
}

/// The first error of opening a pack, reading its names and reading an item; `None` for
/// each that works.
fn errors(pack: Vec<u8>) -> Value {
    let text = |error: sealpack::Error| format!("{:#}", error.kind());
    let reader = match Reader::options().open_source(pack, "memory") {
        Ok(reader) => reader,
        Err(error) => return json!({ "open": text(error) }),
    };
    let names = reader.names().and_then(|names| match names {
        Some(names) => names.iter().try_for_each(|name| name.map(|_| ())),
        None => Ok(()),
    });
    json!({
        "names": names.err().map(text),
        "item": reader.get(3).err().map(text),
    })
}

/// Compares with a stored file, or stores it.
fn stored(name: &str, bytes: &[u8]) {
    assert_stored(&format!("names/{name}"), bytes);
}

#[test]
fn stored_packs_with_names_are_read_as_they_were_written() {
    for (file, names, _) in sound() {
        let reader = Reader::open(folder().join(file)).unwrap();
        let read = reader.names().unwrap().unwrap();
        let all: Vec<_> = read.iter().map(|named| named.unwrap().1.to_vec()).collect();
        assert!(all == names, "{file}");
        assert_eq!(reader.app_data(), &b"mine"[..]);
        for position in [0, names.len() / 2, names.len() - 1] {
            let found = read.find(&names[position]).unwrap();
            let is_it = |at: &u32| names[*at as usize] == names[position];
            let at = u32::try_from(position).unwrap();
            assert!(found.iter().all(is_it) && found.contains(&at), "{file}");
            assert_eq!(reader.get(at).unwrap(), item(position), "{file}");
        }
        assert!(reader.verify().unwrap().is_ok());
    }
}

#[test]
fn packs_with_names_are_written_as_before() {
    for (file, names, max_names_in_pack) in sound() {
        let (pack, names_file) = write(&names, max_names_in_pack);
        stored(file, &pack);
        if let Some(names_file) = names_file {
            stored(&format!("{file}.names"), &names_file);
        }
    }
}

#[test]
fn stored_packs_with_broken_names_or_extensions_are_refused_as_the_manifest_says() {
    let (pack, _) = write(&mixed(), 16 << 20);
    let mut cases = serde_json::Map::new();
    for (name, app_data) in broken(&pack) {
        let broken = with_app_data(&pack, &app_data);
        let file = format!("broken-{name}.pack");
        stored(&file, &broken);
        cases.insert(file, errors(broken));
    }
    let names: Vec<String> = mixed().iter().map(|name| hex(name)).collect();
    let manifest = json!({ "mixed_names_hex": names, "broken": cases });
    let manifest = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    stored("manifest.json", manifest.as_bytes());
}

#[test]
fn a_changed_byte_of_a_names_file_is_found_when_it_is_opened() {
    let folder = folder();
    let (pack, file) = ("companion.pack", "companion.pack.names");
    let (pack, names) =
        (fs::read(folder.join(pack)).unwrap(), fs::read(folder.join(file)).unwrap());
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.pack");
    fs::write(&path, pack).unwrap();
    let read = |names: &[u8]| {
        fs::write(names_path(&path), names).unwrap();
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.get(4999).unwrap(), item(4999));
        reader.names().map(|names| names.unwrap().len())
    };
    assert_eq!(read(&names).unwrap(), 5000);
    for at in 0..names.len() {
        let mut damaged = names.clone();
        damaged[at] ^= 1 << (at % 8);
        read(&damaged).unwrap_err();
        read(&names[..at]).unwrap_err();
    }
}
