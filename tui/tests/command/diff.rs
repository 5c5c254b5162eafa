//! `sealpack diff`.

use std::fs;

use serde_json::json;

use crate::named::{self, TREE, tree};
use crate::run::{Place, has};

/// A pack of `count` lines, of which those in `others` differ.
fn pack(place: &Place, name: &str, count: u32, others: &[u32], options: &str) {
    let line = |i| match others.contains(&i) {
        true => format!("line {i} is another\n"),
        false => format!("line {i} of the text\n"),
    };
    let text: String = (0..count).map(line).collect();
    place.feed(&format!("pack --lines - -o {name} {options}"), text.as_bytes()).fine();
}

#[test]
fn every_method_finds_the_same_differences() {
    let place = Place::new();
    let small = "--items-per-record 2";
    pack(&place, "a", 2000, &[], &format!("{small} --with-digests"));
    pack(&place, "b", 2000, &[7, 900, 901, 1999], &format!("{small} --with-digests"));
    let expected = json!({
        "same": false, "shared_items": 2000, "differing_items": 4, "differing_records": 3,
        "app_data_same": true,
        "items": [
            { "position": 7, "size_a": 18, "size_b": 17, "first_difference": 7 },
            { "position": 900, "size_a": 20, "size_b": 19, "first_difference": 9 },
            { "position": 901, "size_a": 20, "size_b": 19, "first_difference": 9 },
            { "position": 1999, "size_a": 21, "size_b": 20, "first_difference": 10 },
        ],
    });
    let compared = |args: &str, by: &str| {
        let run = place.run(&format!("diff a b --json {args}"));
        assert_eq!((run.code(), run.err().as_str()), (Some(1), ""));
        let object = run.json();
        has(&object, &expected);
        assert_eq!(object["compared_by"], by);
    };
    compared("", "digest_lists");
    compared("--read-all", "digests");
    fs::remove_file(place.path("b.digests")).unwrap();
    compared("", "digests");
    let words = place.run("diff a b --limit 2");
    assert_eq!(words.code(), Some(1));
    for word in ["4 of 2,000 items, in 3 records", "item 900", "and 2 more"] {
        assert!(words.out_text().contains(word), "{}", words.out_text());
    }
}

#[test]
fn codec_and_items_per_record_make_no_difference() {
    let place = Place::new();
    pack(&place, "a", 500, &[], "");
    pack(&place, "plain", 500, &[], "--codec none --record-checksum");
    pack(&place, "no-hash", 500, &[], "--no-content-hash");
    pack(&place, "sevens", 500, &[], "--items-per-record 7");
    for (other, by) in [("plain", "content_hash"), ("no-hash", "digests"), ("sevens", "items")] {
        let object = place.run(&format!("diff a {other} --json")).fine().json();
        has(&object, &json!({ "same": true, "compared_by": by, "differing_items": 0 }));
        let words = place.run(&format!("diff a {other}")).fine().out_text();
        assert!(words.contains("the same 500 items"), "{words}");
        assert_eq!(place.run(&format!("diff -q a {other}")).fine().out(), b"");
    }
}

#[test]
fn additional_items_at_the_end_are_a_difference() {
    let place = Place::new();
    pack(&place, "a", 300, &[], "--items-per-record 1 --with-digests");
    pack(&place, "b", 500, &[299], "--items-per-record 1 --with-digests");
    pack(&place, "c", 450, &[], "--items-per-record 4");
    for (other, only, differing) in [("b", 500, 1), ("c", 450, 0)] {
        let run = place.run(&format!("diff a {other} --json"));
        assert_eq!(run.code(), Some(1));
        let object = run.json();
        assert_eq!(object["b"]["only_here"], json!({ "start": 300, "end": only }));
        assert_eq!(object["a"]["only_here"], json!(null));
        assert_eq!(object["differing_items"], differing);
    }
    let words = place.run("diff b a").out_text();
    assert!(words.contains("items 300 to 499 only in b"), "{words}");
}

#[test]
fn app_data_is_compared_and_the_list_of_another_pack_is_ignored() {
    let place = Place::new();
    place.file("app", "data");
    pack(&place, "a", 10, &[], "--with-digests");
    pack(&place, "b", 10, &[], "--app-data app");
    let words = place.run("diff a b");
    assert_eq!(words.code(), Some(1));
    assert!(words.out_text().contains("the app data differs"));
    // The list of the replaced pack.
    pack(&place, "b", 12, &[3], "--force");
    fs::copy(place.path("a.digests"), place.path("b.digests")).unwrap();
    let run = place.run("diff a b");
    assert_eq!(run.code(), Some(1));
    assert!(run.err().contains("b.digests is not the digest list of b"), "{}", run.err());
    assert!(run.out_text().contains("1 of 10 items"), "{}", run.out_text());
    place.run("diff a b --digests-b a.digests").failed(2, &["a.digests", "b"]);
}

#[test]
fn a_damaged_pack_is_an_error_and_not_a_difference() {
    let place = Place::new();
    pack(&place, "a", 100, &[], "");
    pack(&place, "b", 100, &[5], "");
    let mut bytes = fs::read(place.path("b")).unwrap();
    bytes[20] ^= 1;
    place.file("b", &bytes);
    place.run("diff a b").failed(3, &["record 0"]);
    place.run("diff a missing").failed(3, &["missing"]);
    place.run("diff a").failed(2, &["<B>"]);
}

#[test]
fn named_items_are_compared_by_name() {
    let place = tree();
    let mut items = TREE.to_vec();
    items[4].1 = b"fn sub() { 1 }\n";
    items.remove(1);
    items.insert(0, (b"0-new", b"new"));
    // The last file has another name.
    items[5].0 = b"tests/all.rs";
    named::pack(&place, "q", &items);
    let run = place.run("diff p q --json");
    assert_eq!((run.code(), run.err().as_str()), (Some(1), ""));
    let expected = json!({
        "same": false, "compared_by": "names", "shared_items": 4, "differing_items": 1,
        "added_items": 1, "removed_items": 1, "renamed_items": 1, "moved_items": 1,
        "app_data_same": true,
        "items": [
            { "change": "added", "name": "0-new", "position_a": null, "position_b": 0 },
            { "change": "removed", "name": "docs/a.md", "position_a": 1, "position_b": null },
            { "change": "changed", "name": "src/sub/mod.rs", "position_a": 4, "position_b": 4,
              "size_a": 12, "size_b": 15, "first_difference": 10 },
            { "change": "renamed", "name": "tests/all.rs", "old": { "name": "tests/lib.rs" },
              "position_a": 5, "position_b": 5 },
        ],
    });
    has(&run.json(), &expected);
    let words = place.run("diff p q").out_text();
    for word in [
        "differ, by name",
        "1 changed, 1 added, 1 removed, 1 renamed, 3 the same, 1 of them at other positions",
        "+ 0-new",
        "- docs/a.md",
        "~ src/sub/mod.rs: 12 bytes and 15, from byte 10 on",
        "> tests/lib.rs -> tests/all.rs",
    ] {
        assert!(words.contains(word), "no {word} in {words}");
    }
    let few = place.run("diff p q --limit 1").out_text();
    assert!(few.contains("+ 0-new") && few.contains("and 3 more (--limit)"), "{few}");
    assert_eq!(place.run("diff -q p q").code(), Some(1));
    let by_position = place.run("diff p q --by-position --json").json();
    assert_eq!(
        (&by_position["compared_by"], &by_position["differing_items"]),
        (&json!("digests"), &json!(3))
    );
}

#[test]
fn another_order_of_named_items_is_no_difference() {
    let place = tree();
    let mut items = TREE.to_vec();
    items.reverse();
    named::pack(&place, "q", &items);
    let words = place.run("diff p q").fine().out_text();
    assert!(words.contains("the same 6 items, by name, 6 of them at other positions"), "{words}");
    assert_eq!(place.run("diff -q p q").fine().out(), b"");
    assert_eq!(place.run("diff -q p q --by-position").code(), Some(1));
}

/// Of several items with one name the first belong together, then the second.
#[test]
fn items_of_one_name_are_compared_in_their_order() {
    let place = Place::new();
    named::pack(&place, "a", &[(b"x", b"1"), (b"x", b"2"), (b"", b"3")]);
    named::pack(&place, "b", &[(b"x", b"1"), (b"x", b"9"), (b"x", b"2"), (b"", b"3")]);
    let found = place.run("diff a b --json").json();
    has(
        &found,
        &json!({"shared_items": 3, "differing_items": 1, "added_items": 1, "moved_items": 1}),
    );
    // A pack without names is compared by position.
    place.feed("pack --lines - -o c", b"1\n2\n3\n").fine();
    assert_eq!(
        place.run("diff a c").fine().out_text(),
        "a and c: the same 3 items, item by item\n"
    );
}

/// Equal records are not read: what a digest list or the content hash proves.
#[test]
fn named_items_of_equal_records_are_not_read() {
    let place = Place::new();
    let items: Vec<(Vec<u8>, Vec<u8>)> =
        (0..64_u32).map(|i| (format!("{i:03}").into_bytes(), i.to_string().into_bytes())).collect();
    named::write(&place.path("a"), items.iter().map(|(name, item)| (&name[..], &item[..])));
    let mut bytes = fs::read(place.path("a")).unwrap();
    place.file("b", &bytes);
    // A record that cannot be read.
    bytes[3] ^= 1;
    place.file("b", &bytes);
    let found = place.run("diff a b --json").fine().json();
    has(&found, &json!({"same": true, "compared_by": "names", "shared_items": 64}));
    place.run("diff a b --read-all").failed(3, &["record 0"]);
}
