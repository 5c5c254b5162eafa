//! `sealpack digests`, and `--trust`.

use std::fs;

use serde_json::json;

use crate::run::{Place, has};

/// A pack of 300 lines, three items per record, with its list. Returns root and
/// content hash.
fn listed(place: &Place) -> (String, String) {
    let text: String = (0..300).map(|i| format!("line {i} of the text\n")).collect();
    let pack = "pack --lines - -o p --items-per-record 3 --codec none --with-digests --json";
    let object = place.feed(pack, text.as_bytes()).fine().json();
    assert_eq!(object["digests"], "p.digests");
    let text = |key: &str| object[key].as_str().unwrap().to_owned();
    (text("root"), text("content_hash"))
}

#[test]
fn a_list_created_later_equals_the_one_created_with_the_pack() {
    let place = Place::new();
    let (root, content_hash) = listed(&place);
    let written = fs::read(place.path("p.digests")).unwrap();
    place.run("digests p").failed(3, &["p.digests", "--force"]);
    let object = place.run("digests p -o elsewhere --json").fine().json();
    let expected =
        json!({ "path": "p", "digests": "elsewhere", "root": root, "record_count": 100 });
    has(&object, &expected);
    has(&object, &json!({ "content_hash": content_hash, "content_hash_stored": true }));
    assert_eq!(fs::read(place.path("elsewhere")).unwrap(), written);
    assert_eq!(object["file_size"], written.len());
    let words = place.run("digests p --print").fine().out_text();
    assert!(words.contains(&root) && words.contains(&content_hash), "{words}");
    assert_eq!(place.names(), ["elsewhere", "p", "p.digests"]);
}

#[test]
fn trusted_items_are_read_and_changed_ones_are_refused() {
    let place = Place::new();
    let (root, content_hash) = listed(&place);
    for (hash, by) in [(&root, "root"), (&content_hash, "content_hash")] {
        let get = format!("get p 150 --trust {hash}");
        assert_eq!(place.run(&get).fine().out_text(), "line 150 of the text");
        let all = place.run(&format!("cat p --lines --trust {hash}")).fine().out_text();
        assert_eq!(all.lines().count(), 300);
        let info = place.run(&format!("info p --json --trust {hash}")).fine().json();
        assert_eq!(info["trusted_by"], by);
        let verified = place.run(&format!("verify p --json --trust {hash}")).fine().json();
        has(&verified, &json!({ "ok": true, "trusted_by": by }));
        assert!(
            place.run(&format!("verify p --trust {hash}")).fine().out_text().contains("trusted")
        );
    }
    place.run(&format!("info p --app-data --trust {root}")).fine();
    let refused = place.run(&format!("info p --app-data --trust {content_hash}"));
    refused.failed(2, &["does not authenticate app data"]);
    // No checksum covers the bytes of this plain record.
    let mut bytes = fs::read(place.path("p")).unwrap();
    let at = bytes.windows(8).position(|it| it == b"line 150").unwrap();
    bytes[at + 5] = b'9';
    place.file("p", &bytes);
    assert_eq!(place.run("get p 150").fine().out_text(), "line 950 of the text");
    for hash in [&root, &content_hash] {
        let run = place.run(&format!("get p 150 --trust {hash}")).failed(1, &["record 50"]);
        assert_eq!(run.out(), b"");
        place.run(&format!("get p 10 --trust {hash}")).fine();
        let verified = place.run(&format!("verify p --json --trust {hash}"));
        assert_eq!(verified.code(), Some(1));
        has(&verified.json(), &json!({ "ok": false, "damaged_count": 1 }));
    }
}

#[test]
fn the_hash_of_another_pack_is_reported() {
    let place = Place::new();
    listed(&place);
    let other = "00".repeat(32);
    place
        .run(&format!("get p 0 --trust {other}"))
        .failed(1, &["p.digests", &other, "belong to this pack"]);
    place.run("get p 0 --trust 00ff").failed(2, &["64 hexadecimal digits"]);
    place.run("get p 0 --digests p.digests").failed(2, &["--trust"]);
    fs::remove_file(place.path("p.digests")).unwrap();
    let missing = place.run(&format!("get p 0 --trust {other}"));
    missing.failed(3, &["p.digests", "sealpack digests"]);
}

#[test]
fn a_complete_read_checks_the_content_hash_without_a_list() {
    let place = Place::new();
    let (root, content_hash) = listed(&place);
    fs::remove_file(place.path("p.digests")).unwrap();
    let verify = |hash: &str| place.run(&format!("verify p --json --trust {hash}"));
    has(&verify(&content_hash).fine().json(), &json!({ "trusted_by": "content_hash" }));
    for other in [root, "00".repeat(32)] {
        let run = verify(&other);
        assert_eq!(run.code(), Some(1));
        assert_eq!(run.json()["layers"]["content_hash"], "failed");
    }
}

#[test]
fn no_list_is_written_for_a_damaged_pack() {
    let place = Place::new();
    listed(&place);
    let mut bytes = fs::read(place.path("p")).unwrap();
    bytes[100] ^= 1;
    place.file("p", &bytes);
    place.run("digests p --force -o q").failed(1, &["hash"]);
    assert_eq!(place.names(), ["p", "p.digests"]);
}
