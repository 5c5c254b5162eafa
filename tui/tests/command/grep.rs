//! `grep`: what it finds, in which order, and how it ends.

use std::fs;

use serde_json::{Value, json};

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
    place.run("grep error missing").failed(3, &["missing"]);
    // The packs that can be read are searched.
    let run = place.run("grep disk missing p").failed(3, &["missing"]);
    assert_eq!(run.out(), b"p:1:Error: disk\n");
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
fn what_lies_before_a_damaged_record_is_printed() {
    let place = Place::new();
    let lines: Vec<String> = (0..2000).map(|number| format!("line {number}")).collect();
    place.feed("pack --lines - -o p", lines.join("\n").as_bytes()).fine();
    let mut bytes = fs::read(place.path("p")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("p"), bytes).unwrap();
    let run = place.run("grep line p").failed(1, &["record"]);
    assert!(run.out().starts_with(b"0:line 0\n1:line 1\n"));
}
