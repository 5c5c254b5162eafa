//! The JSON form of reports and other values, with the feature `serde`.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::ops::ControlFlow;

use sealpack::{ErrorKind, Reader, Writer};
use serde_json::{Value, json};

fn pack() -> Vec<u8> {
    let mut writer = Writer::options().write_to(Vec::new()).unwrap();
    (0..1000).for_each(|n| writer.append(format!("item {n:04}").as_bytes()).unwrap());
    writer.finish().unwrap().sink
}

fn open(pack: Vec<u8>) -> Reader {
    Reader::options().threads(1).open_source(pack, "a.pack").unwrap()
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap()
}

#[test]
fn the_report_of_a_sound_pack_has_a_verdict_on_every_layer() {
    let report = value(&open(pack()).verify().unwrap());
    let layers: Vec<_> = report["layers"].as_array().unwrap().iter().collect();
    let named = |name: &str| {
        let found = layers.iter().find(|layer| layer["name"] == name);
        found.unwrap_or_else(|| panic!("{name}"))["verdict"].clone()
    };
    assert_eq!(layers.len(), 8);
    for name in ["structure", "index", "decoding", "frame_checksum", "lengths", "content_hash"] {
        assert_eq!(named(name), json!("passed"), "{name}");
    }
    assert_eq!(named("app_data"), json!("not_present"));
    assert_eq!((&report["record_count"], &report["payload_size"]), (&json!(8), &json!(9000)));
    assert_eq!((&report["damaged"], &report["damaged_count"]), (&json!([]), &json!(0)));
    assert_eq!((&report["unchecked"], &report["unchecked_count"]), (&json!([]), &json!(0)));
}

#[test]
fn the_report_of_a_damaged_pack_names_the_record_and_the_fault() {
    let mut damaged = pack();
    damaged[20] ^= 1;
    let report = value(&open(damaged).verify().unwrap());
    assert_eq!(report["damaged_count"], json!(1));
    let record = &report["damaged"][0]["record"];
    assert_eq!((&record["number"], &record["first_item"]), (&json!(0), &json!(0)));
    assert!(!report["damaged"][0]["error"].is_null());
}

#[test]
fn codec_trailer_and_progress_can_be_serialized() {
    let reader = open(pack());
    let chosen = value(&reader.codec().unwrap().unwrap());
    assert_eq!(chosen, json!({ "codec": "zstd", "decided_by": "format_id" }));
    assert_eq!(value(reader.trailer())["total_items"], json!(1000));
    let mut progress = Value::Null;
    let watched = reader.verify_with(|now| {
        progress = value(&now);
        ControlFlow::<()>::Continue(())
    });
    assert!(watched.unwrap().is_continue());
    assert_eq!((&progress["records"], &progress["damaged"]), (&json!(8), &json!(0)));
    let writer = Writer::options().write_to(Vec::new()).unwrap();
    let zero = json!({ "bytes_in": 0, "bytes_out": 0, "bytes_in_flight": 0 });
    assert_eq!(value(&writer.monitor().progress()), zero);
}

#[test]
fn an_error_of_a_pack_can_be_serialized() {
    let error = open(pack()).get(1000).unwrap_err();
    let ErrorKind::Pack(error) = error.kind() else { panic!("{error:#}") };
    let text = value(error).to_string();
    assert!(text.contains("no item 1000"), "{text}");
}
