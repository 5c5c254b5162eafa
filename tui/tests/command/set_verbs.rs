//! `unpack`, `repack`, `diff` and `digests` on the manifest of a set.

use std::fs;

use serde_json::json;

use crate::named;
use crate::run::{Place, has};

/// Two packs of named items in `packs`, which share the name `one`, and their manifest.
fn set() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("packs")).unwrap();
    named::pack(&place, "packs/a.pack", &[(b"one", b"1"), (b"dir/two", b"22")]);
    named::pack(&place, "packs/b.pack", &[(b"dir/three", b"333"), (b"one", b"again"), (b"x", b"")]);
    place.run("set create packs/set.json packs/a.pack packs/b.pack").fine();
    place
}

#[test]
fn the_packs_of_a_set_are_unpacked_as_one() {
    let place = set();
    let run = place.run("unpack packs/set.json -C out --json");
    let run = run.failed(1, &["item 3, one", "item 0 has the same name"]);
    let refused = json!({ "position": 3, "name": "one" });
    has(&run.json()["refused"][0], &refused);
    assert_eq!(run.json()["files"], 4);
    let read = |name: &str| fs::read(place.path("out").join(name)).unwrap();
    for (name, content) in [("one", "1"), ("dir/two", "22"), ("dir/three", "333"), ("x", "")] {
        assert_eq!(read(name), content.as_bytes(), "{name}");
    }
    // With --force the last one wins, as in one pack.
    let run = place.run("unpack packs/set.json -C out --force");
    assert_eq!(run.code(), Some(0));
    assert!(run.err().contains("item 0, one: replaced, item 3 has the same name"), "{}", run.err());
    assert_eq!(read("one"), b"again");
    place.run("unpack packs/set.json -C some dir").fine();
    assert!(!place.path("some/one").exists() && place.path("some/dir/three").exists());
    let whole = place.run("repack packs/set.json -o whole.pack --items-per-record 16 --json");
    has(&whole.fine().json(), &json!({ "packs": 2, "total_items": 5 }));
    let tar = place.run("unpack packs/set.json --to-tar -");
    let same = place.run("unpack whole.pack --to-tar -");
    assert_eq!(tar.code(), Some(1));
    assert!(tar.out() == same.out() && tar.out().len() > 2048);
}

#[test]
fn unpacking_a_set_keeps_its_packs() {
    let place = set();
    named::pack(&place, "packs/c.pack", &[(b"b.pack", b"would replace a member")]);
    place.run("set add packs/set.json packs/c.pack").fine();
    let before = fs::read(place.path("packs/b.pack")).unwrap();
    let run = place.run("unpack packs/set.json -C packs --force");
    run.failed(2, &["item 5 would replace the pack", "b.pack"]);
    assert_eq!(fs::read(place.path("packs/b.pack")).unwrap(), before);
    place.run("repack packs/set.json -o packs/b.pack --force").failed(2, &["b.pack"]);
    assert_eq!(fs::read(place.path("packs/b.pack")).unwrap(), before);
}

#[test]
fn items_without_names_are_unpacked_by_their_position_in_the_set() {
    let place = Place::new();
    for (name, lines) in [("a", "0\n1\n2\n"), ("b", "3\n4\n")] {
        place.feed(&format!("pack --lines - -o {name}.pack"), lines.as_bytes()).fine();
    }
    place.run("set create set.json a.pack b.pack").fine();
    place.run("unpack set.json -C out").failed(2, &["a.pack", "--positions"]);
    place.run("unpack set.json -C out --positions").fine();
    for position in 0..5 {
        let file = fs::read_to_string(place.path("out").join(position.to_string())).unwrap();
        assert_eq!(file, position.to_string());
    }
}

#[test]
fn a_set_is_repacked_as_the_packs_in_its_order() {
    let place = set();
    let options = "--items-per-record 2 --exclude x";
    place.run(&format!("repack packs/set.json -o of-set {options}")).fine();
    place.run(&format!("repack packs/a.pack packs/b.pack -o of-packs {options}")).fine();
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert!(read("of-set") == read("of-packs"));
    let range = place.run("repack packs/set.json packs/a.pack -o part --range 1..6 --json");
    has(&range.fine().json(), &json!({ "packs": 3, "total_items": 5 }));
    let root = place.run("set info packs/set.json --json").json()["root"].clone();
    let root = root.as_str().unwrap();
    let wrong = "0".repeat(64);
    place.run(&format!("repack packs/set.json -o x --trust {wrong}")).failed(1, &["set.json"]);
    // Records cannot be authenticated without digest lists; with them they are.
    place.run(&format!("repack packs/set.json -o x --trust {root}")).failed(3, &["digest list"]);
}

#[test]
fn a_set_is_compared_as_one_sequence_of_items() {
    let place = set();
    place.run("repack packs/set.json -o whole.pack").fine();
    let same = place.run("diff packs/set.json whole.pack --json").fine().json();
    let expected = json!({ "same": true, "shared_items": 5, "compared_by": "names" });
    has(&same, &expected);
    assert_eq!(same["app_data_same"], json!(null));
    let by_position =
        place.run("diff whole.pack packs/set.json --by-position --json").fine().json();
    has(&by_position, &json!({ "same": true, "shared_items": 5, "compared_by": "items" }));
    // Another item in the second pack, and a renamed one.
    let other: &[(&[u8], &[u8])] = &[(b"dir/drei", b"333"), (b"one", b"other"), (b"x", b"")];
    named::pack(&place, "packs/b2.pack", other);
    place.run("set create packs/new.json packs/a.pack packs/b2.pack").fine();
    let run = place.run("diff packs/set.json packs/new.json --json");
    let report = run.failed(1, &[]).json();
    has(&report, &json!({ "same": false, "differing_items": 1, "renamed_items": 1 }));
    has(&report["items"][0], &json!({ "change": "renamed", "position_a": 2, "position_b": 2 }));
    has(&report["items"][1], &json!({ "change": "changed", "name": "one", "position_b": 3 }));
    let run = place.run("diff packs/set.json packs/new.json --by-position --json");
    let report = run.failed(1, &[]).json();
    has(&report, &json!({ "compared_by": "members", "differing_items": 1 }));
    has(&report["items"][0], &json!({ "position": 3, "size_a": 5, "size_b": 5 }));
    let text = place.run("diff packs/set.json packs/new.json --by-position").out_text();
    assert!(text.contains("1 of 5 items"), "{text}");
    place.run("diff packs/set.json whole.pack --digests-a x").failed(2, &["--digests-a"]);
}

#[test]
fn packs_that_two_sets_share_are_not_read() {
    let place = set();
    fs::copy(place.path("packs/a.pack"), place.path("packs/c.pack")).unwrap();
    place.run("set create packs/other.json packs/a.pack packs/b.pack packs/c.pack").fine();
    fs::remove_file(place.path("packs/b.pack")).unwrap();
    let run = place.run("diff packs/set.json packs/other.json --by-position --json");
    let report = run.failed(1, &[]).json();
    has(&report, &json!({ "differing_items": 0, "shared_items": 5 }));
    assert_eq!(report["b"]["only_here"], json!({ "start": 5, "end": 7 }));
    let run = place.run("diff packs/set.json packs/other.json --by-position --read-all");
    run.failed(3, &["b.pack"]);
}

#[test]
fn the_digest_list_of_every_member_is_written_next_to_it() {
    let place = set();
    let printed = place.run("digests packs/set.json --print --json").fine().json();
    assert!(!place.path("packs/a.pack.digests").exists());
    let report = place.run("digests packs/set.json --json").fine().json();
    assert_eq!(report["path"], "packs/set.json");
    for (member, name) in ["a", "b"].into_iter().enumerate() {
        let own = place.run(&format!("digests packs/{name}.pack --print --json")).fine().json();
        assert_eq!(report["members"][member]["root"], own["root"]);
        assert_eq!(printed["members"][member]["root"], own["root"]);
        assert!(place.path(&format!("packs/{name}.pack.digests")).exists());
    }
    place.run("digests packs/set.json").failed(3, &["a.pack.digests", "--force"]);
    place.run("digests packs/set.json -o list").failed(2, &["-o"]);
    // With the lists, a new manifest authenticates every item.
    place.run("set create packs/set.json packs/a.pack packs/b.pack --force").fine();
    let root = place.run("set info packs/set.json --json").json()["root"].clone();
    let root = root.as_str().unwrap();
    place.run(&format!("unpack packs/set.json dir -C out --trust {root}")).fine();
    place.run(&format!("repack packs/set.json -o whole --trust {root}")).fine();
    let text = place.run("digests packs/set.json --force").fine().out_text();
    assert_eq!(text.matches("  root").count(), 2, "{text}");
}
