//! `repack`: one pack of the items of others.

use std::fs;

use serde_json::json;

use crate::named;
use crate::run::{Place, fixtures, has};

fn lines(range: std::ops::Range<u32>) -> Vec<u8> {
    range.map(|number| format!("line {number}\n")).collect::<String>().into_bytes()
}

/// `a` with 300 lines, `b` with 50 more, `whole` with all of them.
fn packs(options: &str) -> Place {
    let place = Place::new();
    for (name, range) in [("a", 0..300), ("b", 300..350), ("whole", 0..350)] {
        place.feed(&format!("pack --lines - -o {name} {options}"), &lines(range)).fine();
    }
    place
}

fn same(place: &Place, a: &str, b: &str) -> bool {
    fs::read(place.path(a)).unwrap() == fs::read(place.path(b)).unwrap()
}

#[test]
fn repacking_without_changes_copies_the_pack() {
    let place = packs("--items-per-record 100 --format-id 77");
    let summary = place.run("repack a -o c --json").fine().json();
    has(&summary, &json!({"copied_records": 3, "record_count": 3, "total_items": 300}));
    assert!(same(&place, "a", "c"));
    let printed = place.run("repack a -o d").fine().out_text();
    assert!(printed.contains("all copied without re-encoding"), "{printed}");
}

#[test]
fn joined_packs_equal_the_pack_of_all_items() {
    let place = packs("--items-per-record 100");
    let summary = place.run("repack a b -o c --json").fine().json();
    has(&summary, &json!({"copied_records": 4, "record_count": 4, "packs": 2}));
    assert!(same(&place, "c", "whole"));
    // The last record of b is not full: what follows is encoded.
    let summary = place.run("repack b a -o d --json").fine().json();
    has(&summary, &json!({"copied_records": 0, "total_items": 350}));
    assert_eq!(place.run("cat d --lines").fine().out(), [lines(300..350), lines(0..300)].concat());
    let verified = place.run("verify c d").fine();
    assert_eq!(verified.code(), Some(0));
}

#[test]
fn a_range_counts_through_all_packs() {
    let place = packs("--items-per-record 100");
    for (range, expected) in [
        ("0..200", 0..200),
        ("100..", 100..350),
        ("290..310", 290..310),
        ("..1", 0..1),
        ("7..7", 0..0),
    ] {
        let summary = place.run(&format!("repack a b -o c --force --range {range} --json")).fine();
        assert_eq!(summary.json()["total_items"], expected.len(), "{range}");
        assert_eq!(place.run("cat c --lines").fine().out(), lines(expected), "{range}");
        place.run("verify c").fine();
    }
    place.run("repack a b -o d --range 0..351").failed(2, &["351"]);
    assert!(!place.path("d").exists());
}

#[test]
fn repacking_with_an_option_equals_packing_with_it() {
    let place = packs("");
    fs::write(place.path("app"), "app data").unwrap();
    for change in [
        "--items-per-record 7",
        "--codec none",
        "--level 9",
        "--no-content-hash",
        "--record-checksum",
        "--format-id 5",
        "--app-data app",
        "--with-digests",
        "--codec none --items-per-record 1 --record-checksum --threads 0",
    ] {
        place.run(&format!("repack a b -o c {change} --force")).fine();
        place.feed(&format!("pack --lines - -o d {change} --force"), &lines(0..350)).fine();
        assert!(same(&place, "c", "d"), "{change}");
        // And back again, from a pack that has it.
        place.run("repack c -o e --force").fine();
        let printed = place.run("cat e --lines");
        assert_eq!((printed.code(), printed.out()), (Some(0), &lines(0..350)[..]), "{change}");
    }
    assert!(same(&place, "c.digests", "d.digests"));
}

#[test]
fn the_reference_packs_are_repacked_to_the_same_files() {
    let place = Place::new();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(fixtures().join("manifest.json")).unwrap()).unwrap();
    for pack in manifest["packs"].as_array().unwrap() {
        let path = fixtures().join(pack["pack_file"].as_str().unwrap());
        // The oldest dialect, which has no checksum of app data, is not written again.
        let is_older = pack["app_data_crc32c"].is_null() && !pack["app_data_file"].is_null();
        place.run(&format!("repack {} -o c --force", path.display())).fine();
        if !is_older {
            let name = &pack["name"];
            assert!(fs::read(&path).unwrap() == fs::read(place.path("c")).unwrap(), "{name}");
        }
    }
}

#[test]
fn a_damaged_input_ends_repacking_and_leaves_the_old_output() {
    let place = packs("--items-per-record 100");
    let whole = fs::read(place.path("a")).unwrap();
    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    fs::write(place.path("a"), &damaged).unwrap();
    fs::write(place.path("c"), "old").unwrap();
    for options in ["", "--items-per-record 5", "--no-content-hash"] {
        let run = place.run(&format!("repack a -o c --force {options}"));
        run.failed(1, &["a: record 0"]);
        assert_eq!(fs::read(place.path("c")).unwrap(), b"old");
    }
    // Another content hash than that of the items.
    let mut wrong = whole.clone();
    let end = wrong.len() - 4;
    wrong[end - 36] ^= 1;
    let crc = sealpack::core::wire::crc::crc32c(&wrong[end - 72..end]);
    wrong[end..].copy_from_slice(&crc.to_le_bytes());
    fs::write(place.path("a"), &wrong).unwrap();
    for options in ["", "--items-per-record 5", "--codec none"] {
        let run = place.run(&format!("repack a -o c --force {options}"));
        run.failed(1, &["a: ", "content hash"]);
        assert_eq!(fs::read(place.path("c")).unwrap(), b"old");
    }
    place.run("repack a -o c --force --no-content-hash --unchecked").fine();
}

#[test]
fn an_unchecked_copy_of_a_whole_pack_keeps_its_content_hash() {
    let place = packs("--items-per-record 100");
    let whole = fs::read(place.path("a")).unwrap();
    place.run("repack a -o c --unchecked").fine();
    assert!(fs::read(place.path("c")).unwrap() == whole);
    // Damage in the items is copied, and the hash that is kept shows it.
    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    fs::write(place.path("a"), &damaged).unwrap();
    place.run("repack a -o c --force --unchecked").fine();
    assert!(fs::read(place.path("c")).unwrap() == damaged);
    place.run("verify c").failed(1, &[]);
    // What is not exactly the old pack needs a hash of its own, so records are checked.
    for options in ["b", "--range 0..100", "--items-per-record 5", "--with-digests"] {
        let run = place.run(&format!("repack a {options} -o d --unchecked"));
        run.failed(1, &["a: record 0"]);
    }
}

#[test]
fn wrong_usage_says_what_to_do() {
    let place = packs("--format-id 77");
    place.run("repack a -o a --force").failed(2, &["a pack", "the new pack"]);
    place.run("repack a -o b").failed(3, &["b", "--force"]);
    place.run("repack a -o c --codec none").failed(2, &["0x4d", "--format-id"]);
    place.run("repack a -o c --codec none --format-id 0 --level 3").failed(2, &["--level"]);
    place.run("repack missing -o c").failed(3, &["missing"]);
    place.run("repack a -o -").failed(2, &["name a file"]);
    assert!(!place.path("c").exists());
}

#[test]
fn app_data_of_the_first_pack_is_kept() {
    let place = Place::new();
    for name in ["a", "b"] {
        fs::write(place.path("app"), format!("of {name}")).unwrap();
        place.feed(&format!("pack --lines - -o {name} --app-data app"), &lines(0..3)).fine();
    }
    let run = place.run("repack a b -o c");
    assert!(run.err().contains("the app data of b is left out"), "{}", run.err());
    assert_eq!(place.run("info --app-data c").fine().out(), b"of a");
    place.run("repack a b -o d --no-app-data").fine();
    assert_eq!(place.run("info --app-data d").out(), b"");
}

#[test]
fn items_keep_their_names() {
    let place = Place::new();
    for (pack, names) in [("a", ["1", "3"]), ("b", ["2", "0"])] {
        let path = place.path(pack);
        let mut writer = sealpack::Writer::options().items_per_record(2).create(path).unwrap();
        for name in names {
            writer.append_named(name.as_bytes(), format!("item {name}").as_bytes()).unwrap();
        }
        writer.finish().unwrap();
    }
    let named = |pack: &str| {
        let reader = sealpack::Reader::open(place.path(pack)).unwrap();
        let names = reader.names().unwrap()?;
        let text = |name: sealpack::Bytes| String::from_utf8(name.to_vec()).unwrap();
        Some(names.iter().map(|named| text(named.unwrap().1)).collect::<Vec<_>>())
    };
    for options in ["", "--level 5", "--items-per-record 3"] {
        place.run(&format!("repack a b -o c --force {options}")).fine();
        assert_eq!(named("c").unwrap(), ["1", "3", "2", "0"], "{options}");
        place.run(&format!("repack a b -o c --force {options} --range 1..3")).fine();
        assert_eq!(named("c").unwrap(), ["3", "2"], "{options}");
    }
    place.run("repack a b -o d --no-names").fine();
    assert_eq!(named("d"), None);
}

/// Records of which every item is taken are copied, the others made of the items taken.
#[test]
fn items_are_taken_by_their_names() {
    let place = Place::new();
    let items: Vec<(Vec<u8>, Vec<u8>)> = (0..1000_u32)
        .map(|i| {
            let kind = if i < 500 { "a" } else { ["b", "c", "d"][i as usize % 3] };
            (format!("{kind}/{i:03}").into_bytes(), format!("item {i}").into_bytes())
        })
        .collect();
    named::write(&place.path("p"), items.iter().map(|(name, item)| (&name[..], &item[..])));
    let mut sorted = items.clone();
    sorted.sort();
    named::write(&place.path("q"), sorted.iter().map(|(name, item)| (&name[..], &item[..])));
    let taken = |pack: &str| {
        let reader = sealpack::Reader::open(place.path(pack)).unwrap();
        let names = reader.names().unwrap().unwrap();
        let named = names.iter().map(|named| named.unwrap().1.to_vec());
        named.zip(reader.iter().unwrap().map(|item| item.unwrap().to_vec())).collect::<Vec<_>>()
    };
    let wanted = |from: &[(Vec<u8>, Vec<u8>)], wanted: &dyn Fn(&[u8]) -> bool| {
        from.iter().filter(|(name, _)| wanted(name)).cloned().collect::<Vec<_>>()
    };
    let run = place.run("repack p -o r --name a --name b --exclude */*7 --json").fine().json();
    assert_eq!(run["copied_records"], 0);
    assert!(taken("r") == wanted(&items, &|name| name[0] <= b'b' && name.last() != Some(&b'7')));
    let run = place.run("repack p q -o r --force --name a --json").fine().json();
    // 31 whole records of the first pack; those of the second no longer begin a record.
    assert_eq!(run["copied_records"], 31);
    let mut both = wanted(&items, &|name| name[0] == b'a');
    both.extend(wanted(&sorted, &|name| name[0] == b'a'));
    assert!(taken("r") == both);
    place.run("repack p -o r --force --name a --range 490..700").fine();
    assert!(taken("r") == items[490..500]);
    place.run("repack p -o s --name nothing").failed(2, &["no item's name matches nothing"]);
    place.feed("pack --lines - -o lines", b"a\n").fine();
    place.run("repack lines -o s --exclude x").failed(2, &["lines", "stores no names"]);
    assert!(!place.path("s").exists());
}
