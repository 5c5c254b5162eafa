//! `sealpack get`, `cat`, `info`.

use serde_json::json;

use crate::run::{Place, frames, has};

/// A pack of the lines `0` to `999`, 16 items per record.
fn numbers() -> Place {
    let place = Place::new();
    let text: String = (0..1000).map(|i| format!("{i}\n")).collect();
    place.feed("pack --lines - -o p --items-per-record 16", text.as_bytes()).fine();
    place
}

#[test]
fn items_are_printed_in_the_requested_order() {
    let place = numbers();
    assert_eq!(place.run("get p 41").fine().out(), b"41");
    assert_eq!(place.run("get p 999 0 999 17 --lines").fine().out(), b"999\n0\n999\n17\n");
    assert_eq!(place.run("get p 5 4 --framed").fine().out(), frames(["5", "4"]));
    // More than are read in one batch.
    let many: Vec<String> = (0..1000).rev().map(|i| i.to_string()).collect();
    let got = place.run(&format!("get p --framed {}", many.join(" "))).fine();
    assert_eq!(got.out(), frames(&many));
}

#[test]
fn several_items_need_a_separator() {
    let place = numbers();
    let run = place.run("get p 1 2").failed(2, &["--lines", "--framed"]);
    assert!(run.out().is_empty());
}

#[test]
fn a_position_outside_the_pack_is_wrong_usage_and_prints_nothing() {
    let place = numbers();
    for args in ["get p 1000", "get p 4294967296", "get p 5 1000 --lines", "cat p --range 3..1001"]
    {
        let run = place.run(args).failed(2, &["p: no item", "has 1000"]);
        assert!(run.out().is_empty(), "{args}");
    }
    for args in ["get p -1", "get p x", "get p", "cat p --range 5..4", "cat p --range 5"] {
        place.run(args).failed(2, &["error: "]);
    }
}

#[test]
fn a_range_excludes_its_end() {
    let place = numbers();
    assert_eq!(place.run("cat p --range 15..18 --lines").fine().out(), b"15\n16\n17\n");
    assert_eq!(place.run("cat p --range 997..").fine().out(), b"997998999");
    assert_eq!(place.run("cat p --range ..2 --framed").fine().out(), frames(["0", "1"]));
    assert_eq!(place.run("cat p --range 1000..1000").fine().out(), b"");
}

#[test]
fn json_has_items_as_text_or_hexadecimal() {
    let place = Place::new();
    place.feed("pack --framed - -o p", &frames([&b"a\"b"[..], b"\xFF\x00", b""])).fine();
    let object = place.run("get p 1 0 --json").fine().json();
    assert_eq!(object["codec"], "zstd");
    assert_eq!(
        object["items"],
        json!([
            { "position": 1, "size": 2, "hex": "ff00" },
            { "position": 0, "size": 3, "text": "a\"b" },
        ])
    );
    let all = place.run("cat p --json").fine().json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    assert_eq!(place.run("cat p --json --range 0..0").fine().json()["items"], json!([]));
}

#[test]
fn info_json_has_its_documented_keys() {
    let place = numbers();
    let info = place.run("info p --json").fine().json();
    let size = std::fs::metadata(place.path("p")).unwrap().len();
    has(
        &info,
        &json!({
            "version": 1,
            "dialect": "app-data-crc",
            "format_id": 1,
            "record_count": 63,
            "total_items": 1000,
            "items_per_record": 16,
            "app_data_size": 0,
            "record_checksum": false,
            "file_size": size,
            "codec": "zstd",
            "codec_decided_by": "format_id",
        }),
    );
    assert_eq!(info["content_hash"].as_str().unwrap().len(), 64);
    let sections = info["records_size"].as_u64().unwrap() + info["index_size"].as_u64().unwrap();
    assert_eq!(sections + 76, size);
}

#[test]
fn info_warns_if_no_check_covers_the_items() {
    let place = Place::new();
    let pack = "pack --lines - -o p --force --codec none --no-content-hash";
    place.feed(pack, b"1\n").fine();
    assert!(place.run("info p").fine().out_text().contains("no check covers the items"));
    place.feed(&format!("{pack} --record-checksum"), b"1\n").fine();
    assert!(!place.run("info p").fine().out_text().contains("no check covers the items"));
}

#[test]
fn a_codec_that_the_first_record_decided_is_noted_except_with_json() {
    let place = Place::new();
    place.feed("pack --lines - -o p --format-id 77", b"1\n2\n").fine();
    let get = place.run("get p 1");
    assert_eq!((get.code(), get.out()), (Some(0), &b"2"[..]));
    for word in ["note:", "p: ", "--codec zstd", "0x4d"] {
        assert!(get.err().contains(word), "{}", get.err());
    }
    assert_eq!(place.run("get p 1 --codec zstd").fine().out(), b"2");
    let json = place.run("get p 1 --json").fine().json();
    assert_eq!(
        (&json["codec"], &json["codec_decided_by"]),
        (&"zstd".into(), &"first_record".into())
    );
    // The format id means zstd, but the records are not frames.
    place.feed("pack --lines - -o q --format-id 1 --codec none", b"1\n").fine();
    assert!(place.run("cat q").err().contains("although format id 1"));
    place.run("cat q --codec zstd").failed(1, &["record 0"]);
    let info = place.run("info q --json").fine().json();
    assert_eq!(
        (&info["codec"], &info["codec_decided_by"]),
        (&"none".into(), &"first_record".into())
    );
}
