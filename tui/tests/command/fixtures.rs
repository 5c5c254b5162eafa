//! The command on the reference's files.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::run::{Place, fixtures};

fn manifest(name: &str, list: &str) -> Vec<Value> {
    let manifest = fs::read(fixtures().join(name)).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    manifest[list].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// The arguments that name a pack and its codec.
fn reading(pack: &Value) -> String {
    let path = fixtures().join(text(pack, "pack_file"));
    let codec = text(pack, "codec").split('-').next().unwrap();
    format!("{} --codec {codec}", path.display())
}

#[test]
fn every_reference_pack_is_read_and_verifies() {
    let place = Place::new();
    let packs = manifest("manifest.json", "packs");
    assert!(packs.len() > 30);
    for pack in &packs {
        let name = text(pack, "name");
        let items = fs::read(fixtures().join(text(pack, "items_file"))).unwrap();
        let reading = reading(pack);
        assert!(place.run(&format!("cat --framed {reading}")).fine().out() == items, "{name}");
        let verified = place.run(&format!("verify --json {reading}")).fine().json();
        assert_eq!(verified["ok"], true, "{name}");
        let info = place.run(&format!("info --json {reading}")).fine().json();
        for (ours, theirs) in [
            ("format_id", "format"),
            ("record_count", "record_count"),
            ("total_items", "item_count"),
            ("items_per_record", "items_per_record"),
            ("index_size", "index_size"),
            ("app_data_size", "app_data_size"),
            ("content_hash", "content_hash"),
            ("record_checksum", "record_checksum"),
            ("file_size", "file_size"),
        ] {
            assert_eq!(info[ours], pack[theirs], "{name}: {ours}");
        }
        if let Some(first) = items.first_chunk::<4>() {
            let length = u32::from_le_bytes(*first) as usize;
            let got = place.run(&format!("get {reading} 0")).fine();
            assert!(got.out() == &items[4..4 + length], "{name}");
        }
        if let Some(app_data) = pack["app_data_file"].as_str() {
            let found = place.run(&format!("info --app-data {reading}")).fine();
            assert!(found.out() == fs::read(fixtures().join(app_data)).unwrap(), "{name}");
        }
    }
}

/// The codec is detected: by the format id, unless the records contradict it.
#[test]
fn every_reference_pack_is_read_without_naming_the_codec() {
    let place = Place::new();
    for pack in manifest("manifest.json", "packs") {
        let path = fixtures().join(text(&pack, "pack_file"));
        let items = fs::read(fixtures().join(text(&pack, "items_file"))).unwrap();
        let run = place.run(&format!("cat --framed {}", path.display()));
        assert_eq!(run.code(), Some(0), "{}: {}", path.display(), run.err());
        assert!(run.out() == items, "{}", path.display());
    }
}

#[test]
fn rewritten_packs_equal_the_reference_byte_for_byte() {
    let place = Place::new();
    for pack in manifest("manifest.json", "packs") {
        let name = text(&pack, "name");
        if pack["codec"] == "zstd-nochecksum" {
            continue; // Every frame of this writer has a checksum.
        }
        let mut args = format!(
            "pack --framed {} -o p --force --codec {} --items-per-record {} --format-id {}",
            fixtures().join(text(&pack, "items_file")).display(),
            text(&pack, "codec"),
            pack["items_per_record"],
            pack["format"],
        );
        if pack["content_hash"].is_null() {
            args.push_str(" --no-content-hash");
        }
        if pack["record_checksum"] == true {
            args.push_str(" --record-checksum");
        }
        if let Some(app_data) = pack["app_data_file"].as_str() {
            args.push_str(&format!(" --app-data {}", fixtures().join(app_data).display()));
        }
        if pack["app_data_crc32c"].is_null() {
            args.push_str(" --no-app-data-checksum");
        }
        for threads in [0, 2] {
            place.run(&format!("{args} --threads {threads}")).fine();
            let (written, reference) =
                (fs::read(place.path("p")), fs::read(fixtures().join(text(&pack, "pack_file"))));
            assert!(written.unwrap() == reference.unwrap(), "{name}, {threads} threads");
        }
    }
}

/// Edits that cannot be detected: the result is valid, or neither checksum nor
/// hash covers the changed bytes.
const UNDETECTED: [&str; 20] = [
    "app-data-flip",
    "flag-bit1-cleared-ipr1",
    "flag-hash-cleared",
    "index-padding-ones",
    "index-width-nonminimal",
    "ipr-zero-empty",
    "ipr16-as-1",
    "plain-as-zstd-ipr1",
    "rec-for-nonminimal",
    "rec-for-swap",
    "rec-payload-flip",
    "rec-payload-flip-ipr1",
    "reserved26-nonzero",
    "reserved6-nonzero",
    "zstd-bomb-32m-ipr1",
    "zstd-frame-plus-empty-frame",
    "zstd-frame-plus-skippable",
    "zstd-level-19",
    "zstd-no-checksum",
    "zstd-no-fcs-low-ratio-ipr1",
];

#[test]
fn every_broken_reference_pack_is_refused_or_its_damage_is_found() {
    let place = Place::new();
    let mut undetected = BTreeSet::new();
    for case in manifest("corrupt/manifest-corrupt.json", "cases") {
        let file = text(&case, "file");
        let path = fixtures().join("corrupt").join(file);
        let reading = format!("{} --codec {}", path.display(), text(&case, "codec"));
        let verified = place.run(&format!("verify --json {reading}"));
        let object = verified.json();
        assert_eq!(verified.err(), "", "{file}");
        match verified.code() {
            Some(0) => {
                assert_eq!(object["ok"], true, "{file}");
                undetected.insert(file.trim_end_matches(".pack").to_owned());
            }
            status => {
                assert_eq!((status, object["ok"].as_bool()), (Some(1), Some(false)), "{file}");
                assert!(!object["error"].as_str().unwrap().is_empty(), "{file}");
                assert!(!object["failures"].as_array().unwrap().is_empty(), "{file}");
            }
        }
        // Other commands name the file in their error, or read the pack.
        for command in ["cat --framed", "info"] {
            let run = place.run(&format!("{command} {reading}"));
            match run.code() {
                Some(0) => assert_eq!(run.err(), "", "{file}"),
                _ => drop(run.failed(1, &["error: ", file])),
            }
        }
    }
    assert_eq!(undetected, UNDETECTED.map(String::from).into());
}
