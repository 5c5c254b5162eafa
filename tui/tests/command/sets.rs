//! `sealpack set`, and the commands that take the manifest of a set.

use std::fs;

use serde_json::{Value, json};

use crate::named;
use crate::run::{Place, has};

/// Three packs of lines below `logs`, two of them with digest lists, and their lines.
fn logs() -> (Place, Vec<String>) {
    let place = Place::new();
    let mut lines = Vec::new();
    for (number, (name, count)) in [("a", 300), ("sub/b", 1), ("c", 200)].into_iter().enumerate() {
        let own: Vec<String> = (0..count).map(|line| format!("{name} line {line}")).collect();
        place.file("input", own.join("\n") + "\n");
        fs::create_dir_all(place.path("logs/sub")).unwrap();
        let lists = if number < 2 { "--with-digests" } else { "" };
        place.run(&format!("pack --lines input -o logs/{name}.pack {lists} --json")).fine();
        lines.extend(own);
    }
    place.run("set create logs/set.json logs/a.pack logs/sub/b.pack logs/c.pack").fine();
    (place, lines)
}

#[test]
fn a_set_is_made_extended_and_shown() {
    let (place, _) = logs();
    let text = place.run("set info logs/set.json").fine().out_text();
    for word in ["members      3", "items        501", "sub/b.pack", "2 members have a digest list"]
    {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
    let info = place.run("set info logs/set.json --json").fine().json();
    assert_eq!(info, place.run("info logs/set.json --json").fine().json());
    has(&info, &json!({ "path": "logs/set.json", "total_items": 501, "with_digest_root": 2 }));
    let members = info["members"].as_array().unwrap();
    has(&members[2], &json!({ "name": "c.pack", "first_position": 301, "items": 200 }));
    assert_eq!(members[2]["digest_root"], Value::Null);
    let root = place.run("digests logs/a.pack --print --json").fine().json()["root"].clone();
    assert_eq!(members[0]["digest_root"], root);
    // Another pack is added: the first positions of the others stay.
    fs::copy(place.path("logs/c.pack"), place.path("logs/d.pack")).unwrap();
    let added = place.run("set add logs/set.json logs/d.pack --json").fine().json();
    assert_eq!(added["members"][3]["first_position"], 501);
    assert_eq!(added["members"].as_array().unwrap()[..3], members[..]);
    assert_ne!(added["root"], info["root"]);
    assert_eq!(added, place.run("set info logs/set.json --json").fine().json());
    assert_eq!(place.names(), ["input", "logs"], "nothing is left behind");
}

#[test]
fn a_folder_adds_its_packs_in_the_order_of_their_names() {
    let (place, _) = logs();
    let made = place.run("set create all.json logs --json").fine().json();
    let names: Vec<&str> =
        made["members"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["logs/a.pack", "logs/c.pack", "logs/sub/b.pack"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.run("set create x.json empty").failed(2, &["no files whose names end in .pack"]);
}

#[test]
fn every_reading_command_takes_a_manifest() {
    let (place, lines) = logs();
    let all = lines.join("\n") + "\n";
    assert_eq!(place.run("cat logs/set.json --lines").fine().out_text(), all);
    let range = place.run("cat logs/set.json --lines --range 299..302").fine().out_text();
    assert_eq!(range, "a line 299\nsub/b line 0\nc line 0\n");
    let got = place.run("get logs/set.json 500 300 0 --lines").fine().out_text();
    assert_eq!(got, "c line 199\nsub/b line 0\na line 0\n");
    assert_eq!(place.run("get logs/set.json 301").fine().out(), b"c line 0");
    let json = place.run("get logs/set.json 301 --json").fine().json();
    assert_eq!(json["items"][0], json!({ "position": 301, "size": 8, "text": "c line 0" }));
    let listed = place.run("ls logs/set.json").fine().out_text();
    assert_eq!(listed.lines().count(), 501);
    assert_eq!(
        listed.lines().nth(301).unwrap().split_whitespace().collect::<Vec<_>>(),
        ["301", "8"]
    );
    let listed = place.run("ls logs/set.json --json").fine().json();
    assert_eq!(listed["items"][500]["position"], 500);
    place.run("get logs/set.json 501").failed(2, &["position 501", "501 items"]);
    place.run("cat logs/set.json --range 5..502").failed(2, &["position"]);
    place.run("info logs/set.json --app-data").failed(2, &["no app data"]);
}

#[test]
fn items_of_a_set_are_found_by_name() {
    let place = Place::new();
    named::pack(&place, "a.pack", &[(b"one", b"1"), (b"dir/two", b"22")]);
    named::pack(&place, "b.pack", &[(b"three", b"333"), (b"one", b"again")]);
    place.run("set create set.json a.pack b.pack").fine();
    assert_eq!(place.run("get set.json three").fine().out(), b"333");
    assert_eq!(place.run("get set.json dir/two").fine().out(), b"22");
    place.run("get set.json one").failed(2, &["2 items are named one", "positions 0, 3"]);
    place.run("get set.json four").failed(2, &["no item is named four"]);
    assert_eq!(place.run("ls set.json -1").fine().out(), b"one\ndir/two\nthree\none\n");
    assert_eq!(place.run("ls set.json one").fine().out_text().lines().count(), 2);
    let cat = place.run("cat set.json --names one").fine().out_text();
    assert_eq!(cat, "==> one <==\n1\n==> one <==\nagain");
    place.run("cat set.json nothing").failed(2, &["no item's name matches nothing"]);
}

#[test]
fn verify_checks_every_member_and_that_it_is_the_listed_one() {
    let (place, _) = logs();
    let text = place.run("verify logs/set.json").fine().out_text();
    assert!(text.ends_with("3 packs: 3 sound\n"), "{text}");
    assert_eq!(
        place.run("set verify logs/set.json").fine().out_text().lines().count(),
        text.lines().count()
    );
    let lines = place.run("set verify logs/set.json --json").fine().out_text();
    let objects: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(objects.len(), 4);
    has(&objects[0], &json!({ "ok": true, "trusted_by": "root" }));
    has(&objects[2], &json!({ "ok": true, "trusted_by": "content_hash" }));
    // Another pack, a damaged one, and one that is gone.
    fs::copy(place.path("logs/a.pack"), place.path("logs/c.pack")).unwrap();
    let wrong =
        place.run("verify logs/set.json").failed(1, &["c.pack", "not the pack that the set"]);
    assert!(wrong.out_text().ends_with("2 sound, 1 damaged\n"), "{}", wrong.out_text());
    let mut bytes = fs::read(place.path("logs/a.pack")).unwrap();
    bytes[30] ^= 1;
    fs::write(place.path("logs/a.pack"), bytes).unwrap();
    let wrong = place.run("verify logs/set.json").failed(1, &["c.pack"]);
    assert!(wrong.out_text().contains("a.pack: damaged"), "{}", wrong.out_text());
    fs::remove_file(place.path("logs/sub/b.pack")).unwrap();
    let wrong = place.run("set verify logs/set.json").failed(1, &["b.pack", "cannot open"]);
    assert!(wrong.out_text().ends_with("0 sound, 2 damaged, 1 could not be read\n"));
    place.run("set verify logs/a.pack").failed(2, &["not the manifest of a set"]);
}

/// A result holds for what the manifest lists: another manifest verifies again.
#[test]
fn a_state_file_keeps_the_results_of_members_for_what_the_set_lists() {
    let (place, _) = logs();
    place.run("verify logs/set.json --state done").fine();
    let again = place.run("verify logs/set.json --state done").fine().out_text();
    assert!(again.contains("3 verified before"), "{again}");
    place.run("verify logs/c.pack --state done").fine();
    place.run("digests logs/c.pack").fine();
    place.run("set add logs/set.json logs/c.pack --replace").fine();
    let third = place.run("verify logs/set.json --state done").fine().out_text();
    assert!(third.contains("2 verified before"), "{third}");
}

#[test]
fn a_trusted_root_authenticates_the_set() {
    let (place, _) = logs();
    let info = place.run("set info logs/set.json --json").fine().json();
    let root = info["root"].as_str().unwrap().to_string();
    let other = "00".repeat(32);
    for command in [
        "get logs/set.json 7",
        "cat logs/set.json",
        "ls logs/set.json",
        "info logs/set.json",
        "verify logs/set.json",
    ] {
        place.run(&format!("{command} --trust {other}")).failed(1, &["not the trusted one"]);
    }
    assert_eq!(place.run(&format!("get logs/set.json 7 --trust {root}")).fine().out(), b"a line 7");
    place.run(&format!("verify logs/set.json --trust {root}")).fine();
    // Only the digest list authenticates a single item of the third member.
    place
        .run(&format!("get logs/set.json 301 --trust {root}"))
        .failed(3, &["c.pack", "digest list"]);
    place.run("digests logs/c.pack").fine();
    assert_eq!(
        place.run(&format!("get logs/set.json 301 --trust {root}")).fine().out(),
        b"c line 0"
    );
    let list = format!("get logs/set.json 7 --trust {root} --digests logs/a.pack.digests");
    place.run(&list).failed(2, &["--digests names the digest list of one pack"]);
}

#[test]
fn invalid_members_are_refused_with_advice() {
    let (place, _) = logs();
    let before = fs::read(place.path("logs/set.json")).unwrap();
    place.run("set create logs/set.json logs/a.pack").failed(3, &["already", "--force"]);
    place
        .run("set add logs/set.json logs/a.pack")
        .failed(2, &["a.pack: the set already has this pack"]);
    fs::copy(place.path("logs/c.pack"), place.path("logs/a.pack")).unwrap();
    fs::remove_file(place.path("logs/a.pack.digests")).unwrap();
    place.run("set add logs/set.json logs/a.pack").failed(2, &["with other contents", "--replace"]);
    place
        .run("set create logs/x.json logs/a.pack logs/../logs/a.pack")
        .failed(2, &["the arguments name this pack twice"]);
    place.run("set create logs/sub/x.json logs/a.pack").failed(2, &["not below the folder"]);
    place.run("set create logs/x logs/a.pack").failed(2, &["ends in .json"]);
    place.file("logs/notes.txt", "no pack");
    place.run("set create logs/x.json logs/notes.txt").failed(1, &["notes.txt", "is this a pack"]);
    place.run("set create logs/x.json logs/nothing.pack").failed(3, &["nothing.pack"]);
    place.run("set create nowhere/x.json logs/a.pack").failed(3, &["nowhere"]);
    place.run("set create s3://bucket/x.json logs/a.pack").failed(2, &["upload"]);
    place.run("set create logs/x.json s3://bucket/a.pack").failed(2, &["upload"]);
    assert_eq!(fs::read(place.path("logs/set.json")).unwrap(), before);
    assert!(!place.path("logs/x.json").exists());
    let replaced = place.run("set add logs/set.json logs/a.pack --replace --json").fine().json();
    assert_eq!(
        (&replaced["members"][0]["items"], &replaced["total_items"]),
        (&json!(200), &json!(401))
    );
    place.run("set create logs/set.json logs/a.pack --force").fine();
}

#[test]
fn a_broken_manifest_is_named_with_what_is_wrong() {
    let (place, _) = logs();
    let text = fs::read_to_string(place.path("logs/set.json")).unwrap();
    let cases = [
        (text.replace("\"items\":300", "\"items\":301"), "the manifest is damaged"),
        (text.replace("\"items\":300", "\"items\":\"x\""), "line 5"),
        (text.replace("sub/b.pack", "../b.pack"), "`..`"),
        (text.replace("set\":1", "set\":9"), "version 9"),
        ("{}".to_string(), "not a set manifest"),
        (String::new(), "not a set manifest"),
    ];
    for (text, word) in cases {
        place.file("logs/set.json", text);
        for command in ["get logs/set.json 0", "set info logs/set.json", "verify logs/set.json"] {
            place.run(command).failed(1, &["logs/set.json", word]);
        }
    }
    place.run("get logs/none.json 0").failed(3, &["logs/none.json", "cannot open"]);
}

/// A pack may be called anything.
#[test]
fn a_pack_whose_name_ends_in_json_is_a_pack() {
    let place = Place::new();
    place.file("input", "{\"a\":1}\n{\"b\":2}\n");
    place.run("pack --lines --codec none input -o events.json --json").fine();
    assert_eq!(place.run("get events.json 1").fine().out(), b"{\"b\":2}");
}

#[test]
fn a_diff_lists_what_a_mirror_has_to_copy() {
    let (place, _) = logs();
    fs::copy(place.path("logs/set.json"), place.path("old.json")).unwrap();
    let same = place.run("set diff old.json logs/set.json").fine().out_text();
    assert_eq!(same, "0 to copy (0 B), 0 removed, 3 unchanged\n");
    fs::copy(place.path("logs/c.pack"), place.path("logs/d.pack")).unwrap();
    place.file("input", "another line\n");
    place.run("pack --lines input -o logs/c.pack --force --json").fine();
    place.run("set create logs/set.json logs/a.pack logs/c.pack logs/d.pack --force").fine();
    let text = place.run("set diff old.json logs/set.json").failed(1, &[]).out_text();
    let words: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(words, ["removed", "changed", "added", "2"], "{text}");
    let names = place.run("set diff old.json logs/set.json --names-only").failed(1, &[]);
    assert_eq!(names.out(), b"c.pack\nd.pack\n");
    let diff = place.run("set diff old.json logs/set.json --json").failed(1, &[]).json();
    has(&diff, &json!({ "same": false, "reordered": false, "unchanged": 1 }));
    for (list, name) in [("added", "d.pack"), ("removed", "sub/b.pack"), ("changed", "c.pack")] {
        assert_eq!(diff[list][0]["name"], name);
        assert_eq!(diff[list].as_array().unwrap().len(), 1);
    }
    let size = fs::metadata(place.path("logs/c.pack")).unwrap().len()
        + fs::metadata(place.path("logs/d.pack")).unwrap().len();
    assert_eq!(diff["copy_size"], size);
    let back = place.run("set diff logs/set.json old.json --names-only").failed(1, &[]);
    assert_eq!(back.out(), b"c.pack\nsub/b.pack\n");
}

#[test]
#[cfg(feature = "remote")]
fn a_set_is_read_over_http() {
    use crate::web::{ServerBehavior, Web};
    let (place, lines) = logs();
    let web = Web::new(ServerBehavior::Normal);
    // A name that has to be escaped in a URL.
    fs::rename(place.path("logs/c.pack"), place.path("logs/c d?%.pack")).unwrap();
    place.run("set create logs/set.json logs --force").fine();
    for name in ["set.json", "a.pack", "a.pack.digests", "sub/b.pack", "sub/b.pack.digests"] {
        web.put(&format!("/logs/{name}"), fs::read(place.path("logs").join(name)).unwrap());
    }
    web.put("/logs/c%20d%3F%25.pack", fs::read(place.path("logs/c d?%.pack")).unwrap());
    let url = web.url("/logs/set.json");
    assert_eq!(place.run(&format!("get {url} 299")).fine().out(), lines[299].as_bytes());
    assert_eq!(place.run(&format!("get {url} 300")).fine().out(), b"c line 0");
    let requests = web.requests();
    assert!(requests[0].starts_with("GET /logs/set.json"), "{requests:?}");
    assert!(!requests.iter().any(|it| it.contains("b.pack")), "{requests:?}");
    assert_eq!(place.run(&format!("cat {url} --lines")).fine().out_text().lines().count(), 501);
    assert_eq!(place.run(&format!("ls {url}")).fine().out_text().lines().count(), 501);
    assert!(place.run(&format!("verify {url}")).fine().out_text().ends_with("3 sound\n"));
    let info = place.run(&format!("info {url} --json")).fine().json();
    assert_eq!(info["total_items"], 501);
    place.run(&format!("set diff logs/set.json {url}")).fine();
    // A member that is another pack is named by its URL.
    web.put("/logs/c%20d%3F%25.pack", fs::read(place.path("logs/a.pack")).unwrap());
    place.run(&format!("get {url} 300")).failed(1, &["/logs/c%20d%3F%25.pack", "not the pack"]);
    place.run(&format!("get {url}?signature=1 0")).failed(2, &["query"]);
    place.run(&format!("get {} 0", web.url("/none.json"))).failed(3, &["/none.json"]);
}

#[test]
fn grep_searches_the_packs_of_a_set() {
    let (place, lines) = logs();
    let expected = lines.iter().filter(|line| line.ends_with("line 7")).count();
    let found = place.run("grep line.7$ logs/set.json --no-prefix");
    assert_eq!(found.fine().out_text().lines().count(), expected);
    let found = place.run("grep ^c.line.199 logs/set.json").fine().out_text();
    assert!(found.contains("c.pack") && found.contains("199"), "{found}");
    fs::remove_file(place.path("logs/c.pack")).unwrap();
    let run = place.run("grep ^a.line.0$ logs/set.json");
    assert_eq!((run.code(), run.out_text().contains("a line 0")), (Some(2), true));
    assert!(run.err().contains("c.pack"), "{}", run.err());
    fs::write(place.path("logs/set.json"), "{}").unwrap();
    place.run("grep line logs/set.json").failed(2, &["not a set manifest"]);
}
