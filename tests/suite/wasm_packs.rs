//! Packs that were built in wasm, read by the native reader.
//!
//! `tests/browser/dump.mjs` writes them into a folder, with their items next to
//! them; `tests/browser/run.sh` does both.

use std::path::{Path, PathBuf};

use sealpack::core::codec::zstd_frame::FrameHeader;
use sealpack::{Plain, ReadCodec, Reader, Writer};
use serde_json::Value;

/// The variable that names the folder with the packs.
const FOLDER: &str = "SEALPACK_WASM_PACKS";

/// The maximum number of packs that are compared: the native writer waits for the disk.
const COMPARED: usize = 1000;

fn packs() -> Vec<PathBuf> {
    let folder = std::env::var_os(FOLDER).expect("a folder that dump.mjs filled");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut packs: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "pack")).collect();
    packs.sort();
    assert!(packs.len() >= 100, "{} packs", packs.len());
    packs
}

fn description(pack: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(pack.with_extension("json")).unwrap()).unwrap()
}

/// The items of a pack, from a file that repeats `[length u32][bytes]`.
fn items(pack: &Path) -> Vec<Vec<u8>> {
    let stream = std::fs::read(pack.with_extension("items")).unwrap();
    let mut rest = &stream[..];
    let mut items = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (item, next) = after.split_at(u32::from_le_bytes(*length) as usize);
        items.push(item.to_vec());
        rest = next;
    }
    items
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// The names of the items, empty for items without one; none if no item has one.
fn names(description: &Value) -> Vec<Vec<u8>> {
    let names = description["names"].as_array().unwrap();
    names.iter().map(|name| unhex(name.as_str().unwrap())).collect()
}

/// The names that the native reader returns, each found by looking it up too.
fn names_of(reader: &Reader) -> Vec<Vec<u8>> {
    let Some(names) = reader.names().unwrap() else { return Vec::new() };
    let all: Vec<_> = names.iter().map(Result::unwrap).collect();
    for (position, name) in &all {
        assert_eq!(names.find(name).unwrap().contains(position), !name.is_empty());
    }
    all.into_iter().map(|(_, name)| name.to_vec()).collect()
}

#[test]
#[ignore = "needs packs from tests/browser/dump.mjs: see tests/browser/run.sh"]
fn packs_built_in_wasm_are_read_whole_by_the_native_reader() {
    let (mut frames, mut read) = (0, 0);
    let packs = packs();
    for pack in &packs {
        let (description, expected) = (description(pack), items(pack));
        let zstd = description["codec"] == "zstd";
        let codec = if zstd { ReadCodec::Zstd } else { ReadCodec::Plain };
        let reader = Reader::options().codec(codec).open(pack).unwrap();
        assert_eq!(reader.item_count() as usize, expected.len(), "{pack:?}");
        assert_eq!(reader.app_data(), &unhex(description["appData"].as_str().unwrap()), "{pack:?}");
        assert_eq!(
            u64::from(reader.trailer().format_id),
            description["formatId"].as_u64().unwrap()
        );
        let stored = reader.trailer().content_hash.map(Vec::from);
        assert_eq!(stored, description["contentHash"].as_str().map(unhex), "{pack:?}");
        for (item, expected) in reader.iter().unwrap().zip(&expected) {
            assert_eq!(&item.unwrap(), expected, "{pack:?}");
            read += 1;
        }
        assert_eq!(names_of(&reader), names(&description), "{pack:?}");
        assert!(reader.verify().unwrap().is_ok(), "{pack:?}");
        if zstd {
            frames += check_frames(&reader, pack);
        }
    }
    println!("{} packs, {read} items, {frames} frames", packs.len());
}

fn check_frames(reader: &Reader, pack: &Path) -> usize {
    let mut frames = 0;
    for number in 0..reader.trailer().record_count {
        let payload = reader.record(number).unwrap().payload().len() as u64;
        let stored = reader.stored_record(number).unwrap();
        if payload == 0 {
            continue;
        }
        let header = FrameHeader::parse(&stored).unwrap();
        assert_eq!(header.content_size, Some(payload), "{pack:?}, record {number}");
        assert!(header.checksum, "{pack:?}, record {number}");
        frames += 1;
    }
    frames
}

#[test]
#[ignore = "needs packs from tests/browser/dump.mjs: see tests/browser/run.sh"]
fn packs_without_a_codec_have_the_bytes_of_the_native_writer() {
    let folder = tempfile::tempdir().unwrap();
    // Names are compressed in any pack.
    let is_plain =
        |description: Value| description["codec"] == "none" && names(&description).is_empty();
    let plain = packs().into_iter().filter(|pack| is_plain(description(pack)));
    let mut compared = 0;
    for pack in plain.take(COMPARED) {
        let description = description(&pack);
        let number = |key: &str| u32::try_from(description[key].as_u64().unwrap()).unwrap();
        let path = folder.path().join(format!("{compared}.pack"));
        let mut writer = Writer::options()
            .codec(Plain)
            .items_per_record(number("itemsPerRecord"))
            .format_id(number("formatId"))
            .record_checksum(description["recordChecksum"] == true)
            .content_hash(description["contentHash"].is_string())
            .app_data(unhex(description["appData"].as_str().unwrap()))
            .create(&path)
            .unwrap();
        items(&pack).iter().for_each(|item| writer.append(item).unwrap());
        writer.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&pack).unwrap(), "{pack:?}");
        compared += 1;
    }
    println!("{compared} packs equal byte for byte");
    assert!(compared > 20);
}
