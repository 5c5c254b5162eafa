//! The cost of reading, counted at the source, and what a reader refuses.

#![allow(clippy::cast_possible_truncation, reason = "pseudo-random bytes")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sealpack::core::error::{Fault, Section};
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{Bytes, Error, ErrorKind, Plain, ReadAt, ReadCodec, Reader, Writer, Zstd};
use sealpack_tests::incompressible::{item, pack};

/// Bytes in memory that count how often and how much is read.
#[derive(Default)]
struct Counted {
    bytes: Vec<u8>,
    reads: AtomicUsize,
    read_bytes: AtomicUsize,
    ranges: Mutex<Vec<(u64, usize)>>,
}

impl ReadAt for Counted {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_bytes.fetch_add(buffer.len(), Ordering::Relaxed);
        self.ranges.lock().unwrap().push((offset, buffer.len()));
        io::Cursor::new(&self.bytes).read_exact_at(buffer, offset)
    }
}

fn open(bytes: Vec<u8>, codec: ReadCodec) -> (Reader, Arc<Counted>) {
    let source = Arc::new(Counted { bytes, ..Counted::default() });
    let reader = Reader::options().codec(codec).open_source(Arc::clone(&source), "memory").unwrap();
    (reader, source)
}

#[test]
fn open_and_one_get_cost_two_reads() {
    for codec in [ReadCodec::Auto, ReadCodec::Zstd] {
        let bytes = pack(Writer::options(), 20_000, 1000);
        assert!(bytes.len() > 256 << 10);
        let (reader, source) = open(bytes, codec);
        assert_eq!(source.reads.load(Ordering::Relaxed), 1, "open");
        assert_eq!(reader.get(7).unwrap(), item(7, 1000));
        assert_eq!(source.reads.load(Ordering::Relaxed), 2, "open and get");
    }
    let options = Writer::options().codec(Plain).items_per_record(1);
    let (reader, source) = open(pack(options, 1000, 1000), ReadCodec::Auto);
    assert_eq!(reader.get(7).unwrap(), item(7, 1000));
    assert_eq!(source.reads.load(Ordering::Relaxed), 2, "open and get");
}

#[test]
fn a_file_that_fits_the_first_read_is_never_read_again() {
    let (reader, source) = open(pack(Writer::options(), 1000, 100), ReadCodec::Auto);
    for number in 0..1000 {
        assert_eq!(reader.get(number).unwrap(), item(number, 100));
    }
    assert_eq!(source.reads.load(Ordering::Relaxed), 1);
}

#[test]
fn an_index_larger_than_the_first_read_costs_one_more() {
    let options = Writer::options().codec(Plain).items_per_record(1).content_hash(false);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pack");
    let mut writer = options.create(&path).unwrap();
    for number in 0..400_000u32 {
        writer.append(&item(number, (number % 300) as usize)).unwrap();
    }
    writer.finish().unwrap();
    let (reader, source) = open(std::fs::read(path).unwrap(), ReadCodec::Plain);
    assert!(reader.trailer().index_size > 256 << 10);
    assert_eq!(source.reads.load(Ordering::Relaxed), 2);
    assert_eq!(reader.get(399_999).unwrap(), item(399_999, 399_999 % 300));
}

#[test]
fn an_item_of_a_large_plain_record_is_read_without_the_record() {
    let options = Writer::options().codec(Plain);
    let (reader, source) = open(pack(options, 1280, 10_000), ReadCodec::Plain);
    let opened = source.read_bytes.load(Ordering::Relaxed);
    assert_eq!(reader.get(200).unwrap(), item(200, 10_000));
    let read = source.read_bytes.load(Ordering::Relaxed) - opened;
    assert!(read < 11_000, "{read} bytes were read for an item of 10,000");
}

#[test]
fn positions_in_one_record_read_it_once_and_neighbours_together() {
    let options = Writer::options().items_per_record(16);
    let (reader, source) = open(pack(options, 20_000, 1000), ReadCodec::Zstd);
    let before = source.reads.load(Ordering::Relaxed);
    let positions: Vec<u32> = (0..64).rev().chain(0..64).collect();
    let mut seen = vec![0; positions.len()];
    reader
        .get_many(&positions, |request, got| {
            assert_eq!(got, item(positions[request], 1000));
            seen[request] += 1;
        })
        .unwrap();
    assert!(seen.iter().all(|&times| times == 1), "each request is answered once");
    assert_eq!(source.reads.load(Ordering::Relaxed) - before, 1);
}

#[test]
fn a_scan_reads_each_byte_of_the_records_once() {
    let (reader, source) =
        open(pack(Writer::options().codec(Plain), 20_000, 1000), ReadCodec::Plain);
    source.ranges.lock().unwrap().clear();
    assert_eq!(reader.range(5_000..20_000).unwrap().count(), 15_000);
    let mut ranges = source.ranges.lock().unwrap().clone();
    ranges.sort_unstable();
    let first = reader.directory().place(5_000).unwrap().record.range.start;
    let mut at = first;
    for (offset, length) in ranges {
        assert_eq!(offset, at, "no gap and no overlap");
        assert!(length <= 1 << 20);
        at += length as u64;
    }
    assert_eq!(at, reader.directory().records_end());
}

#[test]
fn an_item_of_a_record_read_whole_is_a_view_and_not_a_copy() {
    let (reader, _) = open(pack(Writer::options().codec(Plain), 128, 1000), ReadCodec::Plain);
    let record = reader.record(0).unwrap();
    let payload = record.payload().as_ptr_range();
    for got in record.items() {
        assert!(payload.contains(&got.as_ptr()));
    }
}

#[test]
fn missing_positions_and_ranges_are_refused_before_any_read() {
    let (reader, source) = open(pack(Writer::options(), 10, 10), ReadCodec::Auto);
    let refused =
        |error: Error| matches!(error.kind(), ErrorKind::Pack(sealpack::core::Error::Misuse(_)));
    assert!(refused(reader.get(10).unwrap_err()));
    assert!(refused(reader.get_many(&[3, 10], |_, _| panic!("an item")).unwrap_err()));
    assert!(refused(reader.range(5..11).err().unwrap()));
    #[allow(clippy::reversed_empty_ranges, reason = "the test needs one")]
    let reversed = reader.range(5..3);
    assert!(refused(reversed.err().unwrap()));
    assert_eq!(reader.range(10..10).unwrap().count(), 0);
    assert_eq!(source.reads.load(Ordering::Relaxed), 1);
}

#[test]
fn verification_continues_after_damage_and_lists_it() {
    let mut bytes = pack(Writer::options().items_per_record(4), 400, 1000);
    let (reader, _) = open(bytes.clone(), ReadCodec::Zstd);
    let ranges: Vec<_> =
        [3, 50, 99].map(|number| reader.directory().record(number).unwrap().range).into();
    for range in &ranges {
        bytes[usize::try_from(range.start).unwrap() + 20] ^= 1;
    }
    let (reader, _) = open(bytes, ReadCodec::Zstd);
    let report = reader.verify().unwrap();
    assert!(!report.is_ok());
    let damaged: Vec<u32> = report.damaged.iter().map(|damage| damage.record.number).collect();
    assert_eq!(damaged, [3, 50, 99]);
    assert_eq!(report.record_count, 100);
    assert!(matches!(report.verdict(LayerName::ContentHash), Verdict::Failed(_)));
    assert!(matches!(report.verdict(LayerName::Index), Verdict::Passed));
    assert_eq!(reader.get(11).unwrap(), item(11, 1000), "a sound record can still be read");
    let (section, _) =
        reader.get(12).unwrap_err().corruption().map(|(s, f)| (s, f.clone())).unwrap();
    assert_eq!(section, Section::Record(3));
}

#[test]
fn an_unprotected_pack_is_reported_as_unprotected() {
    let options = || Writer::options().codec(Plain).content_hash(false);
    for (options, protected) in [
        (options(), false),
        (options().record_checksum(true), true),
        (options().content_hash(true), true),
        (options().codec(Zstd::default()), true),
    ] {
        let (reader, _) = open(pack(options, 100, 100), ReadCodec::Auto);
        assert_eq!(reader.verify().unwrap().items_are_protected(), protected);
    }
}

#[test]
fn a_file_that_shrinks_under_a_reader_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shrinks.pack");
    std::fs::write(&path, pack(Writer::options(), 20_000, 1000)).unwrap();
    let reader = Reader::open(&path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    let error = reader.get(19_999).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
    assert!(error.to_string().contains("shrinks.pack"));
    assert!(reader.verify().is_err());
}

#[test]
fn pipes_folders_and_devices_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Reader::open(folder.path()).err().unwrap();
    assert!(matches!(refused.kind(), ErrorKind::NotAFile));
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    assert!(matches!(Reader::open(&fifo).err().unwrap().kind(), ErrorKind::NotAFile));
}

#[test]
fn the_limit_on_a_decoded_record_is_enforced() {
    let bytes = pack(Writer::options().items_per_record(1), 1, 100_000);
    let limited = |limit| {
        let source = io::Cursor::new(bytes.clone());
        Reader::options().decoded_limit(limit).open_source(source, "memory").unwrap()
    };
    assert!(limited(100_000).get(0).is_ok());
    let refused = limited(99_999).get(0).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Pack(sealpack::core::Error::Limit(_))));
}

#[test]
fn the_early_dialect_is_refused_by_name() {
    let mut bytes = vec![0; 200];
    bytes[136..140].copy_from_slice(b"HCLS");
    let refused = Reader::options().open_source(io::Cursor::new(bytes), "early").err().unwrap();
    assert!(matches!(refused.corruption(), Some((Section::Trailer, Fault::EarlyDialect))));
    assert!(refused.to_string().contains("early dialect"));
}

#[test]
fn a_reader_is_shared_by_threads() {
    let (reader, _) = open(pack(Writer::options(), 5000, 200), ReadCodec::Auto);
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let reader = &reader;
            scope.spawn(move || {
                for number in (thread..5000).step_by(4) {
                    assert_eq!(reader.get(number).unwrap(), Bytes::from(item(number, 200)));
                }
            });
        }
    });
}

#[test]
fn a_panic_in_the_callers_decoder_or_extract_is_an_error() {
    use sealpack::core::codec::{Decode, FrameChecksum, Size};
    use sealpack::core::error::{Cause, DecodeError};

    struct Panics;
    impl Decode for Panics {
        fn decode(&self, encoded: Bytes, _: Size) -> Result<Bytes, DecodeError> {
            assert!(encoded[0] != item(64, 1)[0], "decoding panicked");
            Ok(encoded)
        }
        fn checksum(&self, _: &[u8]) -> FrameChecksum {
            FrameChecksum::Unsupported
        }
    }
    let bytes = pack(Writer::options().codec(Plain).items_per_record(64), 4096, 1000);
    for threads in [1, 3] {
        let options = || Reader::options().threads(threads);
        let own = options().codec(ReadCodec::Custom(Arc::new(Panics)));
        let reader = own.open_source(io::Cursor::new(bytes.clone()), "memory").unwrap();
        assert!(format!("{:#}", reader.get(64).unwrap_err()).contains("decoding panicked"));
        assert!(reader.iter().unwrap().any(|item| item.is_err()));
        let positions: Vec<u32> = (0..4096).collect();
        assert!(reader.get_many(&positions, |_, _| {}).is_err());
        let report = reader.verify().unwrap();
        assert!(report.damaged.iter().any(|damage| damage.record.number == 1));
        let extract = |item: &[u8]| -> Result<Vec<u8>, Cause> {
            assert!(item.is_empty(), "extract panicked");
            Ok(Vec::new())
        };
        let reader = options().codec(ReadCodec::Plain).hash_extract(extract);
        let reader = reader.open_source(io::Cursor::new(bytes.clone()), "memory").unwrap();
        assert_eq!(reader.verify().unwrap().damaged_count, 64);
    }
}

/// A pack of these items, in memory.
fn pack_of(options: sealpack::WriterOptions, items: &[&[u8]]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pack");
    let mut writer = options.create(&path).unwrap();
    items.iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn one_damaged_magic_does_not_turn_a_zstd_pack_into_a_plain_one() {
    let options = Writer::options().items_per_record(1).content_hash(false);
    let sound = pack(options, 100, 1000);
    for damage in [&[0xff][..], &[0xff, 0xff, 0xff, 0xff]] {
        let mut bytes = sound.clone();
        bytes.iter_mut().zip(damage).for_each(|(byte, flip)| *byte ^= flip);
        let (reader, _) = open(bytes, ReadCodec::Auto);
        let report = reader.verify().unwrap();
        assert_eq!(report.damaged_count, 1, "{damage:?}");
        assert!(reader.get(0).is_err());
        assert_eq!(reader.get(1).unwrap(), item(1, 1000));
    }
}

#[test]
fn empty_records_do_not_decide_the_codec() {
    let filled = [7; 500];
    let mut items: Vec<&[u8]> = vec![b""; 130];
    items.push(&filled);
    for (per_record, checksum) in [(1, true), (1, false), (128, false), (128, true)] {
        let options = Writer::options().items_per_record(per_record).record_checksum(checksum);
        let bytes = pack_of(options, &items);
        let (reader, _) = open(bytes.clone(), ReadCodec::Auto);
        assert!(reader.verify().unwrap().is_ok(), "{per_record} per record");
        let (reader, _) = open(bytes, ReadCodec::Auto);
        assert_eq!(reader.get(0).unwrap(), b""[..]);
        assert_eq!(reader.get(130).unwrap(), filled[..], "{per_record} per record");
    }
}

#[test]
fn a_panic_in_the_callers_source_is_an_error() {
    struct Panics(Vec<u8>, AtomicUsize);
    impl ReadAt for Panics {
        fn size(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }
        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let number = self.1.fetch_add(1, Ordering::Relaxed);
            assert!(number < 3, "reading panicked");
            io::Cursor::new(&self.0).read_exact_at(buffer, offset)
        }
    }
    let bytes = pack(Writer::options().codec(Plain), 20_000, 1000);
    let open = || {
        let options = Reader::options().threads(2).codec(ReadCodec::Plain);
        options.open_source(Panics(bytes.clone(), AtomicUsize::new(0)), "memory").unwrap()
    };
    let names_the_panic = |error: Error| format!("{error:#}").contains("reading panicked");
    assert!(open().iter().unwrap().any(|item| item.is_err_and(names_the_panic)));
    let positions: Vec<u32> = (0..20_000).step_by(100).collect();
    assert!(names_the_panic(open().get_many(&positions, |_, _| {}).unwrap_err()));
    assert!(names_the_panic(open().verify().unwrap_err()));
}

#[test]
fn the_items_of_a_record_are_taken_from_both_ends() {
    let items: [&[u8]; 5] = [b"first", b"", b"the third item", b"4", b"last"];
    for count in 1..=items.len() {
        let bytes = pack_of(Writer::options().codec(Plain), &items[..count]);
        let (reader, _) = open(bytes, ReadCodec::Auto);
        for from in 0..=count {
            let expected = &items[from..count];
            for order in 0_u32..1 << expected.len() {
                let slot = u32::try_from(from).unwrap();
                let mut taken = reader.record(0).unwrap().into_items(slot);
                let (mut front, mut back) = (0, expected.len());
                while front < back {
                    assert_eq!(taken.len(), back - front);
                    if order >> (back - front - 1) & 1 == 0 {
                        assert_eq!(taken.next().unwrap(), expected[front]);
                        front += 1;
                    } else {
                        back -= 1;
                        assert_eq!(taken.next_back().unwrap(), expected[back]);
                    }
                }
                assert_eq!((taken.len(), taken.next(), taken.next_back()), (0, None, None));
            }
        }
        let slot = u32::try_from(count).unwrap() + 1;
        let mut beyond = reader.record(0).unwrap().into_items(slot);
        assert_eq!((beyond.len(), beyond.next_back(), beyond.next()), (0, None, None));
    }
}
