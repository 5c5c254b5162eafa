//! With any options and items, a pack returns what was packed.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use sealpack::core::format::Dialect;
use sealpack::{Bytes, Plain, ReadCodec, Reader, Writer, WriterOptions, Zstd};
use sealpack_tests::hostile::Flipped;

/// An item, and the way it is appended.
#[derive(Clone, Debug)]
enum Append {
    Copied(Vec<u8>),
    Parts(Vec<Vec<u8>>),
    Owned(Vec<u8>),
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => vec(any::<u8>(), 0..40),
        2 => (any::<u8>(), 0..20_000usize).prop_map(|(byte, length)| vec![byte; length]),
        1 => vec(any::<u8>(), 4_000..9_000),
    ]
}

fn append() -> impl Strategy<Value = Append> {
    prop_oneof![
        bytes().prop_map(Append::Copied),
        vec(bytes(), 0..4).prop_map(Append::Parts),
        bytes().prop_map(Append::Owned),
    ]
}

#[derive(Clone, Debug)]
struct Options {
    items_per_record: u32,
    zstd_level: Option<i32>,
    content_hash: bool,
    record_checksum: bool,
    older_dialect: bool,
    threads: usize,
    app_data: Vec<u8>,
    format_id: u32,
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![Just(1), Just(2), Just(3), Just(16), Just(128), Just(u32::MAX)],
        prop_oneof![Just(None), Just(Some(3)), Just(Some(-5)), Just(Some(9))],
        any::<[bool; 3]>(),
        0..4usize,
        vec(any::<u8>(), 0..300),
        any::<u32>(),
    )
        .prop_map(
            |(items_per_record, zstd_level, [hash, checksum, older], threads, app, id)| Options {
                items_per_record,
                zstd_level,
                content_hash: hash,
                record_checksum: checksum,
                older_dialect: older && !checksum,
                threads,
                app_data: app,
                format_id: id,
            },
        )
}

impl Options {
    fn writer(&self) -> WriterOptions {
        let options = Writer::options()
            .items_per_record(self.items_per_record)
            .content_hash(self.content_hash)
            .record_checksum(self.record_checksum)
            .dialect(if self.older_dialect { Dialect::NoAppDataCrc } else { Dialect::AppDataCrc })
            .threads(self.threads)
            .app_data(self.app_data.clone())
            .format_id(self.format_id);
        match self.zstd_level {
            Some(level) => options.codec(Zstd::level(level)),
            None => options.codec(Plain),
        }
    }

    fn read_codec(&self) -> ReadCodec {
        if self.zstd_level.is_some() { ReadCodec::Zstd } else { ReadCodec::Plain }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_item_is_read_back_at_its_position(
        options in options(),
        appends in vec(append(), 0..60),
        picks in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("round.pack");
        let mut writer = options.writer().create(&path).unwrap();
        let mut items: Vec<Vec<u8>> = Vec::new();
        for append in appends {
            match append {
                Append::Copied(item) => {
                    writer.append(&item).unwrap();
                    items.push(item);
                }
                Append::Owned(item) => {
                    writer.append_owned(item.clone()).unwrap();
                    items.push(item);
                }
                Append::Parts(parts) => {
                    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                    writer.append_parts(&slices).unwrap();
                    if !parts.is_empty() {
                        items.push(parts.concat());
                    }
                }
            }
        }
        let sealed = writer.finish().unwrap();
        prop_assert_eq!(sealed.trailer.total_items as usize, items.len());

        let reader = Reader::options().codec(options.read_codec()).open(&path).unwrap();
        prop_assert_eq!(reader.app_data(), &options.app_data);
        prop_assert_eq!(reader.trailer(), &sealed.trailer);
        for (position, item) in (0..).zip(&items) {
            prop_assert_eq!(&reader.get(position).unwrap(), item);
        }
        let scanned: Vec<Bytes> = reader.iter().unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(&scanned, &items);
        if !items.is_empty() {
            let picks: Vec<usize> = picks.iter().map(|pick| pick.index(items.len())).collect();
            let positions: Vec<u32> = picks.iter().map(|&p| u32::try_from(p).unwrap()).collect();
            let mut got = vec![None; picks.len()];
            reader.get_many(&positions, |request, item| got[request] = Some(item)).unwrap();
            for (item, pick) in got.into_iter().zip(picks) {
                prop_assert_eq!(&item.unwrap(), &items[pick]);
            }
        }
        let report = reader.verify().unwrap();
        prop_assert!(report.is_ok(), "{:?}", report);
    }
}

/// Records beyond the first 4 GiB are found: the pack is a sparse file with two large
/// records of zeros.
#[test]
fn offsets_above_four_gibibytes_are_exact() {
    const LARGE: u32 = 3 << 30;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pack");
    let zeros = Bytes::from(vec![0; LARGE as usize]);
    let mut writer = Writer::options()
        .codec(Plain)
        .items_per_record(1)
        .content_hash(false)
        .create(&path)
        .unwrap();
    for _ in 0..2 {
        writer.append_owned(zeros.slice(..1 << 20)).unwrap();
    }
    writer.append(b"after").unwrap();
    drop(writer);
    assert!(!path.exists());
    sparse_pack(&path, LARGE);
    let reader = Reader::options().codec(ReadCodec::Plain).open(&path).unwrap();
    assert!(reader.file_size() > 2 * u64::from(LARGE));
    assert_eq!(reader.get(2).unwrap(), b"after"[..]);
    let place = reader.directory().place(2).unwrap();
    assert_eq!(place.record.range.start, 2 * u64::from(LARGE));
    assert_eq!(reader.directory().record_at(2 * u64::from(LARGE)), Some(2));
}

/// Writes two records of `large` zeros and one of five bytes, leaving holes for
/// the zeros.
fn sparse_pack(path: &std::path::Path, large: u32) {
    use sealpack::core::format::{IndexEncoder, Trailer};
    use std::io::{Seek as _, SeekFrom, Write as _};

    let mut index = IndexEncoder::new();
    [large, large, 5].iter().for_each(|&size| index.push(size).unwrap());
    let index = index.finish();
    let trailer = Trailer {
        format_id: 0,
        record_count: 3,
        total_items: 3,
        items_per_record: 1,
        index_size: u32::try_from(index.len()).unwrap(),
        app_data_size: 0,
        content_hash: None,
        app_data_crc: 0,
        record_checksum: false,
    };
    let mut file = std::fs::File::create(path).unwrap();
    file.seek(SeekFrom::Start(2 * u64::from(large))).unwrap();
    file.write_all(b"after").unwrap();
    file.write_all(&index).unwrap();
    file.write_all(&trailer.encode()).unwrap();
}

#[test]
fn a_record_of_300_megabytes_and_app_data_of_ten_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pack");
    let item: Bytes = (0..300_000_000 / 8u64).flat_map(|i| (i * i).to_le_bytes()).collect();
    let app_data = item.slice(..10_000_000);
    for (codec, read) in [(None, ReadCodec::Plain), (Some(Zstd::level(-7)), ReadCodec::Zstd)] {
        let options = Writer::options().overwrite(true).app_data(app_data.clone());
        let options = match codec {
            Some(codec) => options.codec(codec),
            None => options.codec(Plain).record_checksum(true),
        };
        let mut writer = options.create(&path).unwrap();
        writer.append(b"before").unwrap();
        writer.append_owned(item.clone()).unwrap();
        writer.finish().unwrap();
        let reader = Reader::options().codec(read).open(&path).unwrap();
        assert_eq!(reader.app_data(), &app_data);
        assert!(reader.get(1).unwrap() == item);
        assert_eq!(reader.get(0).unwrap(), b"before"[..]);
        assert!(reader.verify().unwrap().is_ok());
    }
}

#[test]
fn a_hash_extract_hashes_what_it_extracts() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.pack"), folder.path().join("two.pack"));
    // Two encodings of the same items, and an extract that decodes them.
    let meaning = |item: &[u8]| Ok(item.to_ascii_lowercase());
    let mut hashes = Vec::new();
    for (path, items) in [(&one, ["Abc", "dEF"]), (&two, ["aBC", "Def"])] {
        let mut writer = Writer::options().hash_extract(meaning).create(path).unwrap();
        items.iter().for_each(|item| writer.append(item.as_bytes()).unwrap());
        hashes.push(writer.finish().unwrap().trailer.content_hash.unwrap());
    }
    assert_eq!(hashes[0], hashes[1]);
    let with = Reader::options().hash_extract(meaning).open(&one).unwrap();
    assert!(with.verify().unwrap().is_ok());
    assert!(!Reader::open(&one).unwrap().verify().unwrap().is_ok(), "without it the hash differs");
}

#[test]
fn custom_codecs_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.pack");
    let mut writer = Writer::options().codec(Flipped).create(&path).unwrap();
    writer.append(b"item").unwrap();
    writer.append(b"").unwrap();
    writer.finish().unwrap();
    assert!(std::fs::read(&path).unwrap().starts_with(&[!b'i', !b't']));
    let own = ReadCodec::Custom(Arc::new(Flipped));
    let reader = Reader::options().codec(own).open(&path).unwrap();
    assert_eq!(reader.get(0).unwrap(), b"item"[..]);
    assert!(reader.verify().unwrap().is_ok());
}
