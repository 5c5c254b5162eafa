//! `sealpack pack`: what becomes an item, and what happens to files.

use std::fs;

use serde_json::json;

use crate::run::{Place, frames, has};

#[test]
fn each_file_is_an_item_and_a_folder_is_its_files_in_a_stable_order() {
    let place = Place::new();
    // Created out of order; `b.txt` sorts before the folder `b`'s sibling `c`.
    for (name, bytes) in
        [("in/c", "4"), ("in/b/z", "3"), ("in/a", "1"), ("in/b/.hidden", "2"), ("one", "0")]
    {
        place.file(name, bytes);
    }
    place.run("pack one in one -o p").fine();
    let items = place.run("cat p --framed").fine();
    assert_eq!(items.out(), frames(["0", "1", "2", "3", "4", "0"]));
}

#[test]
fn lines_come_back_byte_for_byte() {
    let place = Place::new();
    let text = b"one\r\n\n\xFF\x00two\n last\n";
    let packed = place.feed("pack --lines - -o p --json", text).fine().json();
    has(
        &packed,
        &json!({ "total_items": 4, "bytes_in": text.len(), "item_bytes": text.len() - 4 }),
    );
    assert_eq!(place.run("cat p --lines").fine().out(), text);
    assert_eq!(place.run("get p 0").fine().out(), b"one\r");
}

#[test]
fn a_last_line_without_newline_is_an_item_and_does_not_run_into_the_next_file() {
    let place = Place::new();
    place.file("a", "1\n2");
    place.file("b", "3\n");
    place.run("pack --lines a b -o p").fine();
    assert_eq!(place.run("cat p --framed").fine().out(), frames(["1", "2", "3"]));
}

#[test]
fn frames_come_back_byte_for_byte_and_a_broken_one_is_reported_with_its_place() {
    let place = Place::new();
    let framed = frames([&b"a"[..], b"", b"\n\n", &[7; 70_000]]);
    place.feed("pack --framed - -o p", &framed).fine();
    assert_eq!(place.run("cat p --framed").fine().out(), framed);
    let broken = place.feed("pack --framed - -o q", &framed[..framed.len() - 1]);
    broken.failed(3, &["standard input", "byte 15", "70004", "70003"]);
    assert_eq!(place.names(), ["p"]);
}

#[test]
fn standard_input_is_one_item_unless_it_is_split() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    place.feed("pack - -o p", &bytes).fine();
    assert!(place.run("get p 0").fine().out() == bytes);
    assert_eq!(place.feed("pack - -o empty", b"").fine().code(), Some(0));
    assert_eq!(place.run("info empty --json").json()["total_items"], 1);
    place.run("pack - - -o twice").failed(2, &["standard input"]);
}

#[test]
fn a_pack_without_items_is_valid() {
    let place = Place::new();
    fs::create_dir(place.path("in")).unwrap();
    place.run("pack in -o p").fine();
    assert_eq!(place.run("info p --json").json()["total_items"], 0);
    assert_eq!(place.run("verify p --json").fine().json()["ok"], true);
    assert_eq!(place.run("cat p").fine().out(), b"");
}

#[test]
fn the_trailer_records_the_options() {
    let place = Place::new();
    place.file("app", "of the application");
    let args = "pack --lines - -o p --items-per-record 3 --codec none --threads 2 \
        --no-content-hash --record-checksum --format-id 0xFE1E000B --app-data app --sync-every 64KiB";
    place.feed(args, b"1\n2\n3\n4\n").fine();
    let info = place.run("info p --json").fine().json();
    has(
        &info,
        &json!({
            "items_per_record": 3,
            "record_count": 2,
            "codec": "none",
            "content_hash": null,
            "record_checksum": true,
            "format_id": 0xFE1E_000B_u32,
            "known_as": "event index",
            "app_data_size": 18,
            "dialect": "app-data-crc",
        }),
    );
    assert_eq!(place.run("info p --app-data").fine().out(), b"of the application");
    place.feed("pack - -o p --app-data app --no-app-data-checksum --force", b"").fine();
    assert_eq!(place.run("info p --json").json()["dialect"], "no-app-data-crc");
}

#[test]
fn a_higher_level_packs_smaller() {
    let place = Place::new();
    let text: String = (0..20_000).map(|i| format!("{} apples\n", i * i % 977)).collect();
    let size = |level: &str| {
        let args = format!("pack --lines - -o p --force --json --level {level}");
        place.feed(&args, text.as_bytes()).fine().json()["bytes_out"].as_u64().unwrap()
    };
    assert!(size("19") < size("1"));
}

#[test]
fn an_existing_file_is_replaced_only_with_force() {
    let place = Place::new();
    place.file("a", "new");
    place.file("p", "old");
    place.run("pack a -o p").failed(3, &["p: ", "already", "--force"]);
    assert_eq!(fs::read(place.path("p")).unwrap(), b"old");
    place.run("pack a -o p --force").fine();
    assert_eq!(place.run("get p 0").fine().out(), b"new");
    fs::create_dir(place.path("folder")).unwrap();
    place.run("pack a -o folder --force").failed(3, &["folder", "not a regular file"]);
}

#[test]
fn an_input_that_cannot_be_read_leaves_no_pack() {
    let place = Place::new();
    place.file("a", "1");
    place.run("pack a missing -o p").failed(3, &["missing"]);
    place.run("pack a -o p --app-data missing").failed(3, &["missing"]);
    place.run("pack a -o nowhere/p").failed(3, &["nowhere/p"]);
    assert_eq!(place.names(), ["a"]);
}

#[test]
fn a_pack_within_its_own_input_does_not_pack_itself() {
    let place = Place::new();
    place.file("in/a", "1");
    place.file("in/z", "2");
    for _ in 0..2 {
        // The temporary file, and the second time the old pack, are there.
        place.run("pack in -o in/m.pack --force").fine();
        assert_eq!(place.run("cat in/m.pack").fine().out(), b"12");
    }
    let summary = place.run("pack . -o ./in/../in/m.pack --force --json").fine().json();
    assert_eq!(summary["total_items"], 2);
    assert_eq!(summary["skipped"]["output_files"], 2);
    place.run("pack in/m.pack -o in/m.pack --force").failed(2, &["same file: in/m.pack"]);
    assert_eq!(place.run("cat in/m.pack").fine().out(), b"12");
}

#[test]
fn the_list_of_names_has_the_path_of_each_item() {
    let place = Place::new();
    place.file("in/b", "1");
    place.file("in/a/x", "0");
    place.file("one", "2");
    place.run("pack in one -o in/p --names in/names").fine();
    let names = fs::read_to_string(place.path("in/names")).unwrap();
    assert_eq!(names, "in/a/x\nin/b\none\n");
    // An existing list stays, as a pack does, and is not packed itself.
    place.run("pack in -o q --names in/names").failed(3, &["in/names", "already", "--force"]);
    let summary = place.run("pack in -o in/p --names in/names --force --json").fine().json();
    has(&summary, &json!({ "total_items": 2 }));
    assert_eq!(fs::read_to_string(place.path("in/names")).unwrap(), "in/a/x\nin/b\n");
    place.run("pack --lines one -o q --names names").failed(2, &["--names"]);
    assert_eq!(place.names(), ["in", "one"]);
}

#[test]
fn a_file_that_no_item_can_hold_is_refused_by_name_before_it_is_read() {
    let place = Place::new();
    let large = fs::File::create(place.path("large")).unwrap();
    large.set_len(1 << 32).unwrap(); // Sparse: it takes no room.
    place.run("pack large -o p").failed(3, &["large: ", "4294967296", "4294967295"]);
    assert_eq!(place.names(), ["large"]);
}

#[test]
fn wrong_usage_is_status_2() {
    let place = Place::new();
    place.file("a", "1");
    for (args, word) in [
        ("", "Usage"),
        ("pack", "INPUT"),
        ("pack a", "--output"),
        ("pack a -o p --items-per-record 0", "--items-per-record"),
        ("pack a -o p --codec gzip", "zstd"),
        ("pack a -o p --level 23", "--level"),
        ("pack a -o p --codec none --level 3", "--level"),
        ("pack a -o p --format-id 0x1FFFFFFFF", "--format-id"),
        ("pack a -o p --sync-every 1XB", "64KiB"),
        ("pack a -o p --threads 5000", "1024"),
        ("pack a -o p --lines --framed", "--framed"),
        ("pack a -o p --record-checksum --no-app-data-checksum", "--no-app-data-checksum"),
        ("pack a -o -", "standard output"),
        ("unknown", "unknown"),
    ] {
        let run = place.run(args).failed(2, &[word]);
        assert!(run.out().is_empty());
    }
    assert_eq!(place.names(), ["a"]);
}

#[test]
fn the_summary_is_printed_as_text_or_json() {
    let place = Place::new();
    place.file("a", "x".repeat(5000));
    let summary = place.run("pack a a -o p").fine().out_text();
    let info = place.run("info p --json").json();
    let hash = info["content_hash"].as_str().unwrap();
    for word in ["2 in 1 record", "10,000 bytes", "to 1", "MB/s", hash] {
        assert!(summary.contains(word), "no {word} in {summary}");
    }
    assert!(!summary.contains('\x1b'), "colours in a pipe");
    let json = place.run("pack a a -o p --force --json").fine().json();
    let size = fs::metadata(place.path("p")).unwrap().len();
    let expected = json!({
        "total_items": 2, "bytes_in": 10_000, "bytes_out": size, "content_hash": hash,
    });
    has(&json, &expected);
    assert!(json["ratio"].as_f64().unwrap() > 10.0 && json["seconds"].as_f64().unwrap() > 0.0);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::child::Spawn as _;

    #[test]
    fn links_below_a_folder_are_left_out_and_counted_unless_they_are_followed() {
        let place = Place::new();
        place.file("in/a", "1");
        place.file("other/b", "2");
        symlink("../other/b", place.path("in/file")).unwrap();
        symlink("../other", place.path("in/folder")).unwrap();
        let summary = place.run("pack in -o p --json").fine().json();
        assert_eq!(
            (&summary["total_items"], &summary["skipped"]["symbolic_links"]),
            (&1.into(), &2.into())
        );
        assert!(place.run("pack in -o p --force").fine().out_text().contains("2 symbolic links"));
        place.run("pack in -o p --force --follow-links").fine();
        assert_eq!(place.run("cat p").fine().out(), b"122");
        // A link that is named is followed.
        place.run("pack in/file in/folder -o p --force").fine();
        assert_eq!(place.run("cat p").fine().out(), b"22");
    }

    #[test]
    fn a_loop_of_links_and_a_dangling_one_are_errors_that_name_them() {
        let place = Place::new();
        place.file("in/a", "1");
        symlink("..", place.path("in/up")).unwrap();
        place.run("pack in -o p --follow-links").failed(3, &["in/up", "leads back"]);
        symlink("nowhere", place.path("dangling")).unwrap();
        place.run("pack dangling -o p").failed(3, &["dangling"]);
        assert_eq!(place.names(), ["dangling", "in"]);
    }

    #[test]
    fn a_pipe_below_a_folder_is_left_out_and_a_named_one_is_read() {
        let place = Place::new();
        place.file("in/a", "1");
        let pipe = place.path("in/pipe");
        assert!(Command::new("mkfifo").arg(&pipe).run().status.success());
        let summary = place.run("pack in -o p --json").fine().json();
        assert_eq!(
            (&summary["total_items"], &summary["skipped"]["special_files"]),
            (&1.into(), &1.into())
        );
        let writing = std::thread::spawn(move || fs::write(pipe, "x\ny\n").unwrap());
        place.run("pack --lines in/pipe -o p --force").fine();
        writing.join().unwrap();
        assert_eq!(place.run("cat p --framed").fine().out(), frames(["x", "y"]));
    }
}
