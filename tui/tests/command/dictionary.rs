//! Dictionaries: packs that store one, packs that share one, and training.

use std::fs;

use serde_json::json;

use crate::run::{Place, has};

/// Lines that are like each other.
fn events(range: std::ops::Range<u32>) -> Vec<u8> {
    let event = |number: u32| {
        let random = number.wrapping_mul(0x9e37_79b9) >> 9;
        format!(
            "{{\"ledger\":{number},\"type\":\"transfer\",\"amount\":\"{random}\",\"ok\":true}}\n"
        )
    };
    range.map(event).collect::<String>().into_bytes()
}

/// A pack of single lines, written with these options.
fn packed(place: &Place, name: &str, options: &str) -> u64 {
    let command = format!("pack --lines - -o {name} --items-per-record 1 {options}");
    place.feed(&command, &events(0..20_000)).fine();
    fs::metadata(place.path(name)).unwrap().len()
}

fn extensions(place: &Place, pack: &str) -> serde_json::Value {
    place.run(&format!("info {pack} --json")).fine().json()["extensions"].clone()
}

#[test]
fn a_dictionary_is_trained_stored_and_used_without_an_option() {
    let place = Place::new();
    let plain = packed(&place, "plain", "");
    let auto = packed(&place, "auto", "--dictionary auto");
    let small = packed(&place, "small", "--dictionary 4KiB");
    assert!(auto < plain * 3 / 4 && small < plain * 3 / 4, "{plain} {auto} {small}");
    for pack in ["auto", "small"] {
        assert_eq!(place.run(&format!("cat {pack} --lines")).fine().out(), events(0..20_000));
        place.run(&format!("verify {pack}")).fine();
        let section = extensions(&place, pack)[0].clone();
        has(&section, &json!({"kind": 2, "name": "dictionary"}));
        let id = section["id"].as_u64().unwrap();
        let printed = place.run(&format!("info {pack}")).fine().out_text();
        assert!(printed.contains(&format!("{id}, which the pack stores")), "{printed}");
    }
    assert!(extensions(&place, "small")[0]["size"].as_u64().unwrap() <= 4 << 10);
    assert_eq!(extensions(&place, "plain"), json!([]));
}

#[test]
fn a_dictionary_that_saves_little_is_left_out() {
    let place = Place::new();
    let command = |name, options| format!("pack --lines - -o {name} {options}");
    place.feed(&command("plain", ""), &events(0..300)).fine();
    place.feed(&command("auto", "--dictionary auto"), &events(0..300)).fine();
    assert!(fs::read(place.path("plain")).unwrap() == fs::read(place.path("auto")).unwrap());
}

#[test]
fn files_from_all_parts_of_a_folder_train_the_dictionary() {
    let place = Place::new();
    fs::create_dir(place.path("files")).unwrap();
    // The first files have more bytes than the sample takes, are unlike the others, and
    // are too large for a dictionary to help them.
    for number in 0..8u32 {
        let other = format!("{number:08}").repeat(150_000);
        fs::write(place.path(&format!("files/a{number:04}")), other).unwrap();
    }
    for (number, line) in events(0..3000).split(|&byte| byte == b'\n').enumerate() {
        fs::write(place.path(&format!("files/b{number:04}")), line).unwrap();
    }
    place.run("pack files -o plain --items-per-record 1").fine();
    place.run("pack files -o auto --items-per-record 1 --dictionary 8KiB").fine();
    let size = |name| fs::metadata(place.path(name)).unwrap().len();
    assert_eq!(extensions(&place, "auto")[0]["kind"], 2);
    assert!(size("auto") < size("plain"));
    place.run("verify auto").fine();
}

#[test]
fn packs_share_a_trained_dictionary_that_readers_are_given() {
    let place = Place::new();
    fs::write(place.path("events"), events(0..20_000)).unwrap();
    let trained = place.run("dictionary train --lines events -o dict --size 8KiB --json").fine();
    let trained = trained.json();
    has(&trained, &json!({"samples": 20_000}));
    let id = trained["id"].as_u64().unwrap();
    place.run("dictionary train --lines events -o dict").failed(3, &["--force"]);

    packed(&place, "shared", "--shared-dictionary dict");
    assert_eq!(extensions(&place, "shared"), json!([]));
    has(&place.run("info shared --json").fine().json(), &json!({"needed_dictionary": id}));
    let line = events(7..8);
    assert_eq!(place.run("get shared 7 --dictionary dict").fine().out(), line.trim_ascii_end());
    place.run("verify shared --dictionary dict").fine();
    let needed = format!("needs dictionary {id}");
    place.run("get shared 7").failed(3, &[&needed, "--dictionary FILE"]);
    assert_ne!(place.run("verify shared").code(), Some(0));
    fs::write(place.path("text"), "no dictionary").unwrap();
    place.run("get shared 7 --dictionary text").failed(3, &["text", "not a zstd dictionary"]);
    place.run("get shared 7 --dictionary gone").failed(3, &["gone", "cannot read"]);
}

#[test]
fn repack_keeps_changes_or_removes_the_dictionary() {
    let place = Place::new();
    fs::write(place.path("events"), events(0..20_000)).unwrap();
    place.run("dictionary train --lines events -o dict --size 8KiB").fine();
    packed(&place, "old", "--dictionary dict");
    packed(&place, "plain", "");
    packed(&place, "shared", "--shared-dictionary dict");
    let same =
        |a: &str, b: &str| fs::read(place.path(a)).unwrap() == fs::read(place.path(b)).unwrap();
    let copied = place.run("repack old -o kept --json").fine().json();
    has(&copied, &json!({"copied_records": 20_000}));
    assert!(same("old", "kept"));
    place.run("repack old -o without --no-dictionary").fine();
    assert!(same("plain", "without"));
    place.run("repack plain -o with --dictionary dict").fine();
    assert!(same("old", "with"));
    place.run("repack plain -o auto --dictionary auto").fine();
    assert_eq!(extensions(&place, "auto")[0]["kind"], 2);
    place.run("repack shared -o still --shared-dictionary dict").fine();
    assert!(same("shared", "still"));
    place.run("repack shared -o lost").failed(3, &["needs dictionary"]);
    place.run("repack shared -o lost --unchecked").failed(3, &["needs dictionary"]);
    assert!(!place.path("lost").exists());
}

#[test]
fn options_without_an_effect_and_impossible_sizes_are_usage_errors() {
    let place = Place::new();
    for (options, words) in [
        ("--codec none --dictionary auto", "--codec none"),
        ("--dictionary 10", "1 KiB to 1 MiB, not "),
        ("--dictionary 2MiB", "1 KiB to 1 MiB, not "),
        ("--dictionary auto --shared-dictionary x", "cannot be used with"),
    ] {
        let run = place.feed(&format!("pack --lines - -o out {options}"), b"a line\n");
        run.failed(2, &[words]);
        assert!(!place.path("out").exists());
    }
    place.feed("dictionary train --lines - -o dict", b"a line\n").failed(3, &["too few samples"]);
    assert!(!place.path("dict").exists());
}
