//! `sealpack ls`, and items by name: `get`, `cat`.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::json;

use crate::child::Spawn as _;
use crate::named::{self, tree};
use crate::run::Place;

#[test]
fn a_list_has_position_size_and_name_of_each_item() {
    let place = tree();
    let expected = "\
0           10 Cargo.toml
1            4 docs/a.md
2            0 docs/b.md
3           13 src/lib.rs
4           12 src/sub/mod.rs
5            8 tests/lib.rs
";
    assert_eq!(place.run("ls p").fine().out_text(), expected);
    assert_eq!(place.run("ls p src -1").fine().out(), b"src/lib.rs\nsrc/sub/mod.rs\n");
    assert_eq!(place.run("ls p **/lib.rs -0").fine().out(), b"src/lib.rs\0tests/lib.rs\0");
    assert_eq!(place.run("ls p */*.rs -1").fine().out(), b"src/lib.rs\ntests/lib.rs\n");
    let long = place.run("ls p --long Cargo.toml").fine().out_text();
    let columns: Vec<&str> = long.split_whitespace().collect();
    assert_eq!((columns.len(), columns[2], columns[4]), (5, "0", "Cargo.toml"));
}

#[test]
fn a_pattern_that_matches_nothing_is_reported_after_the_list() {
    let place = tree();
    let run =
        place.run("ls p *.toml nothing/* -1").failed(2, &["no item's name matches nothing/*"]);
    assert_eq!(run.out(), b"Cargo.toml\n");
    place.run("ls p [a").failed(2, &["the pattern [a"]);
}

#[test]
fn json_has_names_as_text_and_as_bytes_where_they_are_not_utf_8() {
    let place = Place::new();
    named::pack(&place, "p", &[(b"a", b"1"), (b"b\xff", b"22"), (b"", b"333")]);
    let object = place.run("ls p --json").fine().json();
    assert_eq!(object["path"], "p");
    assert_eq!(
        object["items"],
        json!([
            { "position": 0, "size": 1, "name": "a" },
            { "position": 1, "size": 2, "name": "b\u{fffd}", "name_bytes": "62ff" },
            { "position": 2, "size": 3, "name": null },
        ])
    );
    let long = place.run("ls p a --json --long").fine().json();
    assert_eq!((&long["items"][0]["record"], &long["items"][1]), (&json!(0), &json!(null)));
    assert!(long["items"][0]["stored"].is_u64());
}

#[test]
fn a_pack_without_names_is_listed_by_position() {
    let place = Place::new();
    for options in ["", "--items-per-record 1", "--items-per-record 1 --codec none", "--codec none"]
    {
        let text = "one\n\nthree\n";
        let pack = format!("pack --lines - -o p --force --record-checksum {options}");
        place.feed(&pack, text.as_bytes()).fine();
        let list = place.run("ls p").fine().out_text();
        let sizes: Vec<&str> = list.split_whitespace().collect();
        assert_eq!(sizes, ["0", "3", "1", "0", "2", "5"], "{options}");
    }
    place.run("ls p a").failed(2, &["p: the pack stores no names"]);
    place.run("ls p -1").failed(2, &["no names"]);
    place.run("get p a").failed(2, &["no names"]);
    place.run("cat p --names").failed(2, &["no names"]);
}

#[test]
fn names_are_written_unescaped_into_a_pipe() {
    let place = Place::new();
    named::pack(&place, "p", &[(b"a\n\x1b[31m\xff", b"1")]);
    assert_eq!(place.run("ls p").fine().out(), b"0            1 a\n\x1b[31m\xff\n");
}

#[test]
fn a_closed_pipe_ends_the_list_quietly() {
    let place = Place::new();
    let names: Vec<String> = (0..200_000).map(|number| format!("{number:08}")).collect();
    named::write(&place.path("p"), names.iter().map(|name| (name.as_bytes(), &b""[..])));
    for args in ["ls p", "ls p -1", "ls p --json", "ls p -0"] {
        let mut child =
            place.command(args.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).start();
        let mut first = [0; 10];
        let mut stdout = child.stdout();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.end();
        assert!(output.stderr.is_empty() && !output.status.success(), "{args}: {output:?}");
    }
}

#[test]
fn an_item_is_printed_by_its_name() {
    let place = tree();
    assert_eq!(place.run("get p src/lib.rs").fine().out(), b"pub mod sub;\n");
    let both = place.run("get p src/sub/mod.rs 0 --framed").fine();
    assert_eq!(both.out(), crate::run::frames(["fn sub() {}\n", "[package]\n"]));
    place.run("get p lib.rs").failed(2, &["no item is named lib.rs", "src/lib.rs, tests/lib.rs"]);
    place.run("get p src/sbu/mdo.rs").failed(2, &["similar names: src/sub/mod.rs"]);
    place.run("get p unlike").failed(2, &["no item is named unlike", "sealpack ls"]);
}

#[test]
fn a_number_is_a_position_unless_it_is_asked_for_as_a_name() {
    let place = Place::new();
    named::pack(&place, "p", &[(b"1", b"first"), (b"0", b"second"), (b"a", b"x"), (b"a", b"y")]);
    assert_eq!(place.run("get p 1").fine().out(), b"second");
    assert_eq!(place.run("get p --name 1").fine().out(), b"first");
    place.run("get p a").failed(2, &["2 items are named a", "positions 2, 3"]);
    place.run("get p 4").failed(2, &["no item"]);
}

#[test]
fn items_are_printed_with_their_names() {
    let place = tree();
    let named = place.run("cat p docs tests --names").fine().out_text();
    let expected = "\
==> docs/a.md <==
# A

==> docs/b.md <==

==> tests/lib.rs <==
#[test]
";
    assert_eq!(named, expected);
    assert_eq!(place.run("cat p *.toml").fine().out(), b"[package]\n");
    assert_eq!(place.run("cat p --range 3.. **/lib.rs").fine().out(), b"pub mod sub;\n#[test]\n");
    let json = place.run("cat p docs/a.md --names --json").fine().json();
    assert_eq!(
        json["items"],
        json!([{ "position": 1, "size": 4, "name": "docs/a.md", "text": "# A\n" }])
    );
}
