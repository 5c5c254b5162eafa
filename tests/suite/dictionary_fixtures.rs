//! Stored packs whose records need a dictionary, in `tests/fixtures/dictionary`: today's
//! writer writes the same bytes, and the broken ones are refused as `manifest.json` there
//! says. Readers in other languages can test themselves with it.
//!
//! `UPDATE_FIXTURES=1` writes the files again.

use sealpack::core::format::extensions::AppDataParts;
use sealpack::core::format::trailer;
use sealpack::{Dictionary, DictionaryTraining, Reader, Writer, Zstd};
use sealpack_tests::fixtures::{assert_stored, folder, with_app_data};
use serde_json::{Value, json};

const COUNT: u32 = 40;

/// An item like the others.
pub fn event(number: u32) -> String {
    let amount = number.wrapping_mul(0x9e37_79b9) >> 9;
    format!("{{\"ledger\":{number},\"type\":\"transfer\",\"amount\":\"{amount}\",\"ok\":true}}")
}

fn dictionary(size: usize) -> Dictionary {
    DictionaryTraining::of_size(size).unwrap().train((0..3000).map(event)).unwrap()
}

fn pack(codec: Zstd) -> Vec<u8> {
    let options = Writer::options().codec(codec).items_per_record(2).app_data("mine");
    let mut writer = options.write_to(Vec::new()).unwrap();
    (0..COUNT).for_each(|number| writer.append(event(number).as_bytes()).unwrap());
    writer.finish().unwrap().sink
}

/// A pack that stores its dictionary.
fn storing() -> Vec<u8> {
    pack(Zstd::level(3).dictionary(dictionary(1 << 10)))
}

/// A pack that shares the dictionary of `shared.dict`.
fn sharing() -> Vec<u8> {
    pack(Zstd::level(3).shared_dictionary(dictionary(1 << 10)))
}

fn section(dictionary: Option<Vec<u8>>) -> Vec<u8> {
    let (caller, dictionary) = ("mine".into(), dictionary.map(Into::into));
    AppDataParts { caller, dictionary, ..AppDataParts::default() }.encode().unwrap().to_vec()
}

/// Broken packs by name.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let sound = storing();
    let bytes = dictionary(1 << 10).bytes().to_vec();
    let with = |dictionary: Vec<u8>| with_app_data(&sound, &section(Some(dictionary)));
    let edited = |at: usize, with_bytes: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + with_bytes.len()].copy_from_slice(with_bytes);
        bytes
    };
    let stale = {
        let mut pack = sound.clone();
        let at = pack.len() - trailer::SIZE - 100;
        pack[at] ^= 1;
        pack
    };
    let renamed = {
        let mut pack = sound.clone();
        // The first frame: its magic, its descriptor, the id of the dictionary.
        pack[5] ^= 1;
        pack
    };
    vec![
        ("missing", with_app_data(&sound, &section(None))),
        ("empty", with(Vec::new())),
        ("text", with(b"just text".to_vec())),
        ("wrong-magic", with(edited(0, b"x"))),
        ("no-id", with(edited(4, &[0; 4]))),
        ("other-id", with(edited(4, &[0xff]))),
        ("damaged-tables", with(edited(8, &[0xff; 24]))),
        ("tables-cut-short", with(bytes[..40].to_vec())),
        ("damaged-content", with(edited(bytes.len() - 60, &[b'#'; 60]))),
        ("stale-checksum", stale),
        ("frame-names-another", renamed),
    ]
}

/// The error of opening a pack, or the first one of reading its items, and how many items
/// are read.
fn errors(pack: Vec<u8>) -> Value {
    let text = |error: &sealpack::Error| format!("{:#}", error.kind());
    let reader = match Reader::options().open_source(pack, "memory") {
        Ok(reader) => reader,
        Err(error) => return json!({ "open": text(&error) }),
    };
    let items: Vec<_> = (0..COUNT).map(|number| reader.get(number)).collect();
    for (number, item) in (0..).zip(&items) {
        assert!(item.as_ref().map_or(true, |item| *item == event(number)));
    }
    let report = reader.verify().unwrap();
    json!({
        "item": items.iter().find_map(|item| item.as_ref().err()).map(text),
        "items_read": items.iter().filter(|item| item.is_ok()).count(),
        "damaged_records": report.damaged_count,
        "unchecked_records": report.unchecked_count,
    })
}

#[test]
fn packs_with_a_dictionary_are_written_as_before() {
    assert_stored("dictionary/stored.pack", &storing());
    assert_stored("dictionary/shared.pack", &sharing());
    assert_stored("dictionary/shared.dict", dictionary(1 << 10).bytes());
}

#[test]
fn stored_packs_with_a_dictionary_are_read_as_they_were_written() {
    let read = |name: &str| std::fs::read(folder().join("dictionary").join(name)).unwrap();
    let shared = Dictionary::from_bytes(read("shared.dict")).unwrap();
    for (name, given) in [("stored.pack", None), ("shared.pack", Some(shared))] {
        let options = match given {
            Some(dictionary) => Reader::options().dictionary(dictionary),
            None => Reader::options(),
        };
        let reader = options.open_source(read(name), "memory").unwrap();
        assert!(reader.iter().unwrap().map(Result::unwrap).eq((0..COUNT).map(event)), "{name}");
        assert_eq!(reader.app_data(), &b"mine"[..]);
        assert!(reader.verify().unwrap().is_ok());
    }
}

#[test]
fn stored_packs_with_a_broken_dictionary_are_refused_as_the_manifest_says() {
    let mut cases = serde_json::Map::new();
    for (name, pack) in broken() {
        let file = format!("broken-{name}.pack");
        assert_stored(&format!("dictionary/{file}"), &pack);
        let errors = errors(pack);
        assert!(errors["items_read"] != COUNT, "{name} is not broken");
        cases.insert(file, errors);
    }
    cases.insert("shared.pack".into(), errors(sharing()));
    let events: Vec<String> = (0..COUNT).map(event).collect();
    let manifest = json!({ "items": events, "broken": cases });
    let manifest = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    assert_stored("dictionary/manifest.json", manifest.as_bytes());
}
