//! Compatibility with the Go library: sealpack reads its files, and writes the same
//! files byte for byte.

use std::fs;

use sealpack::core::format::Dialect;
use sealpack::{ReadCodec, Reader};
use sealpack_tests::fixtures::{self, Fixture, hex, open, options_of};

#[test]
fn reference_packs_yield_their_items_app_data_and_hash() {
    let all = fixtures::all();
    assert_eq!(all.len(), 40);
    for fixture in &all {
        let reader = open(fixture);
        let items = fixture.items();
        let name = &fixture.name;
        let scanned: Vec<_> = reader.iter().unwrap().map(Result::unwrap).collect();
        assert_eq!(scanned, items, "{name}: scanned");
        for (position, item) in (0..).zip(&items) {
            assert_eq!(reader.get(position).unwrap(), item, "{name}: item {position}");
        }
        let trailer = reader.trailer();
        assert_eq!(reader.app_data(), &fixture.app_data(), "{name}");
        assert_eq!(trailer.content_hash.map(|hash| hex(&hash)), fixture.content_hash, "{name}");
        assert_eq!(trailer.format_id, fixture.format, "{name}");
        assert_eq!(trailer.record_count, fixture.record_count, "{name}");
        assert_eq!(trailer.total_items, fixture.item_count, "{name}");
        assert_eq!(trailer.items_per_record, fixture.items_per_record, "{name}");
        assert_eq!(trailer.index_size, fixture.index_size, "{name}");
        assert_eq!(trailer.record_checksum, fixture.record_checksum, "{name}");
        assert_eq!(reader.file_size(), fixture.file_size, "{name}");
        assert!(reader.verify().unwrap().is_ok(), "{name}");
    }
}

#[test]
fn rewritten_items_yield_the_same_file_with_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    // The Go library has an option to omit a frame's checksum; sealpack has not.
    for fixture in fixtures::all().iter().filter(|fixture| fixture.codec != "zstd-nochecksum") {
        let expected = fs::read(fixture.path()).unwrap();
        for threads in [0, 1, 3] {
            let path = folder.path().join(format!("{}-{threads}.pack", fixture.name));
            write(fixture, threads, &path);
            assert!(fs::read(&path).unwrap() == expected, "{} on {threads} threads", fixture.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 39 * 3);
}

fn write(fixture: &Fixture, threads: usize, path: &std::path::Path) {
    let mut writer = options_of(fixture).threads(threads).create(path).unwrap();
    for (number, item) in fixture.items().iter().enumerate() {
        match number % 3 {
            0 => writer.append(item).unwrap(),
            1 => writer.append_parts(&[&item[..item.len() / 3], &item[item.len() / 3..]]).unwrap(),
            _ => writer.append_owned(item.clone()).unwrap(),
        }
    }
    let sealed = writer.finish().unwrap();
    assert_eq!(sealed.file_size, fixture.file_size);
}

#[test]
fn the_dialect_is_reported() {
    for fixture in fixtures::all() {
        let older = fixture.app_data_crc32c.is_none() && fixture.app_data_file.is_some();
        let expected = if older { Dialect::NoAppDataCrc } else { Dialect::AppDataCrc };
        assert_eq!(open(&fixture).dialect(), expected, "{}", fixture.name);
    }
}

#[test]
fn the_codec_is_detected_without_the_format_id() {
    for fixture in fixtures::all() {
        let options = Reader::options().codec(ReadCodec::AutoOrPlain);
        let reader = options.open(fixture.path()).unwrap();
        let scanned: Vec<_> = reader.iter().unwrap().map(Result::unwrap).collect();
        assert_eq!(scanned, fixture.items(), "{}", fixture.name);
    }
}

#[test]
fn frame_of_reference_groups_are_those_of_the_reference() {
    #[derive(serde::Deserialize)]
    struct Vector {
        values: Vec<u32>,
        hex: String,
    }
    use sealpack::core::wire::group::{Group, encode};
    let vectors = fs::read(fixtures::folder().join("for-vectors.json")).unwrap();
    let vectors: Vec<Vector> = serde_json::from_slice(&vectors).unwrap();
    assert_eq!(vectors.len(), 131);
    for Vector { values, hex: expected } in vectors {
        let mut bytes = Vec::new();
        encode(&values, &mut bytes);
        assert_eq!(hex(&bytes), expected);
        let count = u32::try_from(values.len()).unwrap();
        let (group, rest) = Group::split_last(&bytes, count).unwrap();
        assert!(rest.is_empty());
        assert_eq!(group.iter().collect::<Vec<_>>(), values);
    }
}
