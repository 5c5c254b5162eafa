//! `grep`: what it finds, in which order, and how it ends.

use std::fs;

use serde_json::{Value, json};

use crate::named::{self, tree};
use crate::run::{Place, frames, has};

/// Four items: a line, two lines, a binary item, an empty one.
fn small() -> Place {
    let place = Place::new();
    let items: [&[u8]; 4] = [b"an error", b"fine\nError: disk\nerror", b"error\0\xff", b""];
    place.feed("pack --framed - -o p", &frames(items)).fine();
    place
}

/// The lines that the command prints.
fn found(place: &Place, args: &str) -> Vec<String> {
    let out = place.run(args).fine().out_text();
    assert!(out.ends_with('\n'), "{out:?}");
    out.lines().map(String::from).collect()
}

const BINARY: &str = "2: binary item matches (NUL byte at offset 5; -a prints its lines)";

#[test]
fn matching_lines_follow_the_position_of_their_item() {
    let place = small();
    assert_eq!(found(&place, "grep error p"), ["0:an error", "1:error", BINARY]);
    assert_eq!(found(&place, "grep -n ^error p"), ["1:3:error", BINARY]);
    let all = ["0:an error", "1:Error: disk", "1:error", BINARY];
    assert_eq!(found(&place, "grep -i error p"), all);
    assert_eq!(found(&place, "grep -S error p"), all);
    assert_eq!(found(&place, "grep -S Error p"), ["1:Error: disk"]);
    assert_eq!(found(&place, "grep -I error p")[..2], ["an error", "error"]);
    assert_eq!(found(&place, "grep -F k p"), ["1:Error: disk"]);
    assert_eq!(found(&place, "grep -w -e a. -e fine p"), ["0:an error", "1:fine"]);
    assert_eq!(found(&place, "grep -x error p"), ["1:error"]);
    assert_eq!(found(&place, "grep -v -n e p"), ["1:2:Error: disk", "3:1:"]);
    assert_eq!(found(&place, "grep ^$ p"), ["3:"]);
    assert_eq!(
        place.run("grep -a -I error$|\\x00 p").fine().out(),
        b"an error\nerror\nerror\0\xff\n"
    );
}

#[test]
fn counts_positions_and_limits_are_of_items() {
    let place = small();
    assert_eq!(found(&place, "grep -c error p"), ["3"]);
    assert_eq!(found(&place, "grep -l error p"), ["0", "1", "2"]);
    assert_eq!(found(&place, "grep -m 2 -l error p"), ["0", "1"]);
    assert_eq!(found(&place, "grep -i -m 2 -n error p").len(), 3);
    assert_eq!(place.run("grep -q error p").fine().out(), b"");
    fs::copy(place.path("p"), place.path("q")).unwrap();
    assert_eq!(found(&place, "grep -c disk p q"), ["p:1", "q:1"]);
    assert_eq!(found(&place, "grep disk p q"), ["p:1:Error: disk", "q:1:Error: disk"]);
}

#[test]
fn json_has_an_object_for_each_line() {
    let place = small();
    let lines = found(&place, "grep --json -i error p");
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    let expected = json!({
        "path": "p", "position": 1, "line_number": 2, "text": "Error: disk", "matches": [[0, 5]],
    });
    assert_eq!(lines[1], expected);
    has(&lines[3], &json!({"position": 2, "hex": "6572726f7200ff"}));
}

#[test]
fn colours_mark_the_matches() {
    let place = small();
    let out = place.run("grep --color always -m 1 r+ p").fine().out_text();
    assert!(out.contains("an e\x1b[1m\x1b[31mrr\x1b[0mo\x1b[1m\x1b[31mr\x1b[0m\n"), "{out:?}");
    assert!(!place.run("grep r+ p").fine().out_text().contains('\x1b'));
}

#[test]
fn no_match_ends_with_1_and_wrong_usage_with_2() {
    let place = small();
    for args in ["grep zebra p", "grep -c zebra p", "grep -q zebra p"] {
        assert_eq!(place.run(args).code(), Some(1), "{args}");
    }
    assert_eq!(place.run("grep -c zebra p").out(), b"0\n");
    place.run("grep a(b p").failed(2, &["pattern", "unclosed group", "-F"]);
    place.run("grep error").failed(2, &["no pack", "PATTERN PACK"]);
    place.run("grep -c -l error p").failed(2, &["cannot be used with"]);
    place.run("grep error missing").failed(2, &["missing"]);
    // The packs that can be read are searched.
    let run = place.run("grep disk missing p").failed(2, &["missing"]);
    assert_eq!(run.out(), b"p:1:Error: disk\n");
    // With -q, a match ends the command with 0, even if another pack cannot be read.
    assert_eq!(place.run("grep -q disk p missing").code(), Some(0));
}

/// Many chunks on several threads give what one pass over the lines gives.
#[test]
fn matches_come_in_the_order_of_the_items() {
    let place = Place::new();
    let line = |number: u32| {
        format!("{number} {:x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_003)
    };
    let lines: Vec<String> = (0..300_000).map(line).collect();
    place.feed("pack --lines - --codec none -o p", lines.join("\n").as_bytes()).fine();
    let expected = |wanted: &dyn Fn(&str) -> bool| -> String {
        let all = lines.iter().enumerate().filter(|(_, line)| wanted(line));
        all.map(|(position, line)| format!("{position}:{line}\n")).collect()
    };
    let out = place.run("grep ff p").fine().out_text();
    assert!(out == expected(&|line| line.contains("ff")));
    let out = place.run("grep 99 -m 1000 p").fine().out_text();
    let first: String =
        expected(&|line| line.contains("99")).split_inclusive('\n').take(1000).collect();
    assert!(out == first);
    let out = place.run("grep -v 0 p").fine().out_text();
    assert!(out == expected(&|line| !line.contains('0')));
}

#[test]
fn matches_before_a_damaged_record_are_printed() {
    let place = Place::new();
    let lines: Vec<String> = (0..2000).map(|number| format!("line {number}")).collect();
    place.feed("pack --lines - -o p", lines.join("\n").as_bytes()).fine();
    let mut bytes = fs::read(place.path("p")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("p"), bytes).unwrap();
    let run = place.run("grep line p").failed(2, &["record"]);
    assert!(run.out().starts_with(b"0:line 0\n1:line 1\n"));
}

#[test]
fn items_with_names_are_printed_by_name() {
    let place = tree();
    assert_eq!(
        found(&place, "grep sub p"),
        ["src/lib.rs:pub mod sub;", "src/sub/mod.rs:fn sub() {}"]
    );
    assert_eq!(found(&place, "grep -n sub p --position"), ["3:1:pub mod sub;", "4:1:fn sub() {}"]);
    assert_eq!(found(&place, "grep -l sub p"), ["src/lib.rs", "src/sub/mod.rs"]);
    assert_eq!(place.run("grep -l0 sub p").fine().out(), b"src/lib.rs\0src/sub/mod.rs\0");
    assert_eq!(place.run("grep -0 test p").fine().out(), b"tests/lib.rs\0#[test]\n");
    fs::copy(place.path("p"), place.path("q")).unwrap();
    assert_eq!(found(&place, "grep -l A p q"), ["p:docs/a.md", "q:docs/a.md"]);
    let line: Value = serde_json::from_slice(place.run("grep --json fn p").fine().out()).unwrap();
    has(
        &line,
        &json!({"path": "p", "position": 4, "name": "src/sub/mod.rs", "text": "fn sub() {}"}),
    );
}

/// In a pipe a name is printed byte for byte; an item without a name has its position.
#[test]
fn names_that_cannot_be_typed_and_items_without_names_are_printed() {
    let place = Place::new();
    named::pack(&place, "p", &[(b"a\xff\n", b"yes"), (b"", b"yes"), (b"b", b"no")]);
    assert_eq!(place.run("grep yes p").fine().out(), b"a\xff\n:yes\n1:yes\n");
    let lines = place.run("grep --json yes p").fine().out_text();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["name_bytes"], "61ff0a");
    assert_eq!(lines[1]["name"], Value::Null);
}

#[test]
fn patterns_of_names_select_the_items_that_are_searched() {
    let place = tree();
    assert_eq!(
        found(&place, "grep -l . p --name **/*.rs"),
        ["src/lib.rs", "src/sub/mod.rs", "tests/lib.rs"]
    );
    assert_eq!(
        found(&place, "grep -l . p --name src --name docs --exclude **/lib.rs"),
        ["docs/a.md", "src/sub/mod.rs"]
    );
    assert_eq!(found(&place, "grep -c . p --exclude src"), ["3"]);
    place.run("grep . p --name nothing").failed(2, &["no item's name matches nothing"]);
    place.feed("pack --lines - -o lines", b"a\nb\n").fine();
    place.run("grep . lines --name a").failed(2, &["lines", "stores no names"]);
    // Items that alternate in their records, over several chunks.
    let items: Vec<(Vec<u8>, Vec<u8>)> = (0..3000_u32)
        .map(|i| {
            (
                format!("{}/{i:04}", i % 3).into_bytes(),
                format!("{i} {}", "x".repeat(997)).into_bytes(),
            )
        })
        .collect();
    named::write(&place.path("q"), items.iter().map(|(name, item)| (&name[..], &item[..])));
    let expected: Vec<String> =
        (0..3000).filter(|i| i % 3 == 1 && i % 10 == 7).map(|i| format!("1/{i:04}")).collect();
    assert_eq!(found(&place, "grep -l ^[0-9]*7\\x20 q --name 1"), expected);
}

#[test]
fn context_of_a_named_item_stays_in_the_item() {
    let place = Place::new();
    let items: [(&[u8], &[u8]); 3] = [
        (b"a", b"1\n2\nhit\n4\n5\n6\n7\nhit\nhit\n"),
        (b"b", b"before\n"),
        (b"c", b"hit\nafter\nmore\n"),
    ];
    named::pack(&place, "p", &items);
    assert_eq!(
        found(&place, "grep -n -C 1 hit p"),
        [
            "a-2-2",
            "a:3:hit",
            "a-4-4",
            "--",
            "a-7-7",
            "a:8:hit",
            "a:9:hit",
            "--",
            "c:1:hit",
            "c-2-after"
        ]
    );
    assert_eq!(found(&place, "grep -I -A1 -B3 7 p"), ["4", "5", "6", "7", "hit"]);
    assert_eq!(found(&place, "grep -I -C9 6 p").len(), 9);
    assert_eq!(found(&place, "grep -l -C9 6 p"), ["a"]);
    place.run("grep -C 1 --json hit p").failed(2, &["cannot be used with"]);
}

/// The lines that `grep` prints of a text, each with its number from 0.
fn with_context(lines: &[String], wanted: &str, before: usize, after: usize) -> String {
    let is_hit = |line: &String| line.contains(wanted);
    let mut printed = String::new();
    let mut last: Option<usize> = None;
    for (number, line) in lines.iter().enumerate() {
        let near = number.saturating_sub(after)..(number + before + 1).min(lines.len());
        if !lines[near].iter().any(is_hit) {
            continue;
        }
        if last.is_some_and(|last| last + 1 < number) {
            printed.push_str("--\n");
        }
        last = Some(number);
        let mark = if is_hit(line) { ':' } else { '-' };
        printed.push_str(&format!("{number}{mark}{line}\n"));
    }
    printed
}

#[test]
fn items_without_names_are_context_of_each_other_also_across_chunks() {
    let place = Place::new();
    let lines: Vec<String> = (0..60_000_u64)
        .map(|i| format!("{:x} {i}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40))
        .collect();
    place
        .feed("pack --lines - --codec none --items-per-record 7 -o p", lines.join("\n").as_bytes())
        .fine();
    for (wanted, before, after) in
        [("abc", 0, 0), ("abc", 3, 0), ("abc", 0, 2), ("ab", 4, 5), ("a", 1, 1)]
    {
        let out = place.run(&format!("grep -B {before} -A {after} {wanted} p")).fine().out_text();
        let expected = with_context(&lines, wanted, before, after);
        // Without context there are no separators.
        let expected = if before + after == 0 { expected.replace("--\n", "") } else { expected };
        assert!(out == expected, "{wanted}, {before} before and {after} after");
    }
    place.feed("pack --framed - -o q", &frames([&b"a\nb"[..], b"", b"c\nhit", b"\0", b"d"])).fine();
    assert_eq!(found(&place, "grep -n -C3 hit q"), ["0-2-b", "1-1-", "2-1-c", "2:2:hit"]);
    assert_eq!(found(&place, "grep -n -B9 d q"), ["4:1:d"]);
}

/// Packs of different sizes, some of which cannot be opened, on two threads.
#[test]
fn results_come_in_the_order_of_the_packs() {
    let place = Place::new();
    let mut args = String::from("grep needle");
    let mut expected = String::new();
    for pack in 0..40 {
        args.push_str(&format!(" {pack}"));
        if pack % 10 == 7 {
            continue;
        }
        let lines: String = (0..pack * pack * 10)
            .map(|i| format!("{}\n", if i % 500 == 3 { "needle" } else { "hay" }))
            .collect();
        place.feed(&format!("pack --lines - --codec none -o {pack}"), lines.as_bytes()).fine();
        for i in (3..pack * pack * 10).step_by(500) {
            expected.push_str(&format!("{pack}:{i}:needle\n"));
        }
    }
    let run = place.run(&args).failed(2, &["7: ", "17: ", "27: ", "37: "]);
    assert!(run.out_text() == expected);
    let first: String =
        (1..40).filter(|pack| pack % 10 != 7).map(|pack| format!("{pack}:3:needle\n")).collect();
    assert!(place.run(&args.replace("grep", "grep -m 1")).out_text() == first);
}
