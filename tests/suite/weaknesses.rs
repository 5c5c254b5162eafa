//! The weaknesses of the Go library that sealpack avoids, one test each, named
//! after the promise.
//!
//! Tests of memory are in `tests/allocation.rs`, because an allocator counts for
//! all threads of its process; tests of publication are in `publication.rs`. The
//! last test checks that all tests of the list exist.

use std::collections::HashSet;
use std::io::{self, Cursor};
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use std::time::Duration;

use sealpack::core::error::{DecodeError, Fault, Section};
use sealpack::core::format::trailer;
use sealpack::core::read::{LayerName, Merge, Report, Verdict};
use sealpack::{Bytes, Error, ErrorKind, Plain, ReadAt, ReadCodec, Reader, Writer, WriterOptions};
use sealpack_tests::fixtures;
use sealpack_tests::hostile::{CodecChoice, Packing};
use sealpack_tests::incompressible::pack_of;

fn broken(file: &str) -> Vec<u8> {
    std::fs::read(fixtures::folder().join("corrupt").join(file)).unwrap()
}

fn open(file: Vec<u8>, codec: ReadCodec) -> Result<Reader, Error> {
    Reader::options().codec(codec).threads(2).open_source(Cursor::new(file), "memory")
}

fn cannot_be_decoded(error: &Error) -> bool {
    let limit = matches!(error.kind(), ErrorKind::Pack(sealpack::core::Error::Limit(_)));
    let fault = error.corruption();
    limit || matches!(fault, Some((Section::Record(_), Fault::Decode(_) | Fault::Sum { .. })))
}

/// "A tiny file kills the process": a frame that claims 1 TiB, 2^62, 2^63 bytes.
#[test]
fn a_tiny_file_that_claims_terabytes_is_an_error_on_every_thread() {
    for name in ["2g", "1tib", "2p62", "2p63"] {
        let file = broken(&format!("zstd-fcs-{name}-ipr1.pack"));
        let options = Reader::options().codec(ReadCodec::Zstd).threads(3);
        // Small reads, so that other threads than the caller take part.
        let reader = options.merge(Merge { gap: 0, max_read: 1 });
        let reader = reader.open_source(Cursor::new(file), "memory").unwrap();
        let report = reader.verify().unwrap();
        assert_eq!(report.damaged_count, 1, "{name}");
        let claims = report.damaged[0].record.number;
        assert!(cannot_be_decoded(&reader.get(claims).unwrap_err()));
        assert!(reader.iter().unwrap().any(|item| item.is_err_and(|e| cannot_be_decoded(&e))));
        let all: Vec<u32> = (0..reader.item_count()).collect();
        assert!(cannot_be_decoded(&reader.get_many(&all, |_, _| {}).unwrap_err()));
    }
}

/// A zstd frame of 4 GiB + 10 zeros in 131 KB: blocks that repeat one byte.
fn frame_of_four_gibibytes(claimed: Option<u64>) -> Vec<u8> {
    let mut frame = 0xFD2F_B528_u32.to_le_bytes().to_vec();
    match claimed {
        // A window of 2 MiB, the content size in eight bytes.
        Some(size) => frame.extend([&[0xC0, 0x58][..], &size.to_le_bytes()].concat()),
        None => frame.extend([0x00, 0x58]),
    }
    let block = |size: u32, last: u32| (size << 3 | 1 << 1 | last).to_le_bytes();
    for _ in 0..1 << 15 {
        frame.extend_from_slice(&block(128 << 10, 0)[..3]);
        frame.push(0);
    }
    frame.extend_from_slice(&block(10, 1)[..3]);
    frame.push(0);
    frame
}

/// "No limit on a decoded size, and silent truncation": 4 GiB + 10 became 10.
#[test]
fn an_item_above_four_gibibytes_is_an_error_and_never_cut_short() {
    let size = (1 << 32) + 10;
    for claimed in [Some(size), Some(10), None] {
        let frame = frame_of_four_gibibytes(claimed);
        assert!(frame.len() < 140_000);
        let sound = Packing::of(CodecChoice::Plain, 1, vec![frame]).file();
        let reader = open(sound, ReadCodec::Zstd).unwrap();
        let error = reader.get(0).unwrap_err();
        assert!(cannot_be_decoded(&error), "{error}");
        let text = error.to_string();
        assert!(claimed != Some(size) || text.contains("4294967306"), "{text}");
    }
}

/// "Items claimed without items per record: an index out of range."
#[test]
fn items_without_items_per_record_are_refused_on_opening() {
    let error = open(broken("ipr-zero-items-no-records.pack"), ReadCodec::Plain).err().unwrap();
    let (section, fault) = error.corruption().unwrap();
    assert_eq!(section, Section::Trailer);
    assert!(matches!(fault, Fault::ItemCount { items: 5, per_record: 0, records: 0 }));
}

fn layer(report: &Report, name: LayerName) -> &Verdict {
    report.verdict(name)
}

/// Bytes in memory that record which threads read them.
struct Watched {
    bytes: Vec<u8>,
    readers: Mutex<HashSet<ThreadId>>,
    ranges: Mutex<Vec<(u64, u64)>>,
}

impl Watched {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, readers: Mutex::default(), ranges: Mutex::default() }
    }
}

impl ReadAt for Watched {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.readers.lock().unwrap().insert(thread::current().id());
        self.ranges.lock().unwrap().push((offset, buffer.len() as u64));
        // Gives another thread the time to start the next read.
        thread::sleep(Duration::from_millis(2));
        Cursor::new(&self.bytes).read_exact_at(buffer, offset)
    }
}

fn pack(options: WriterOptions, count: u32, length: usize) -> Vec<u8> {
    pack_of(options, (0..count).map(|number| vec![number.to_le_bytes()[0]; length]))
}

/// "Verifying without a stored hash succeeds and reads nothing; otherwise it runs on one
/// thread."
#[test]
fn verifying_without_a_hash_reads_everything_on_several_threads_and_reports_what_was_not_checked() {
    let plain = || Writer::options().codec(Plain).content_hash(false);
    let watched = std::sync::Arc::new(Watched::new(pack(plain(), 20_000, 1000)));
    let options = Reader::options().codec(ReadCodec::Plain).threads(3);
    let reader = options.open_source(std::sync::Arc::clone(&watched), "memory").unwrap();
    watched.readers.lock().unwrap().clear();
    let report = reader.verify().unwrap();
    let mut ranges = watched.ranges.lock().unwrap().clone();
    ranges.sort_unstable();
    let end = ranges
        .iter()
        .fold(0, |end, &(at, length)| if at <= end { end.max(at + length) } else { end });
    assert!(end >= reader.directory().records_end(), "read up to {end}");
    assert!(watched.readers.lock().unwrap().len() > 1);
    assert!(report.is_ok() && !report.items_are_protected());
    assert_eq!(report.record_count, reader.directory().record_count());
    assert!(matches!(layer(&report, LayerName::ContentHash), Verdict::NotPresent));
    assert!(matches!(layer(&report, LayerName::RecordChecksum), Verdict::NotPresent));
    assert!(matches!(layer(&report, LayerName::Lengths), Verdict::Passed));

    let mut flipped = pack(Writer::options().content_hash(false), 1000, 1000);
    flipped[40] ^= 1;
    let report = open(flipped, ReadCodec::Zstd).unwrap().verify().unwrap();
    assert_eq!(report.damaged_count, 1, "everything except the hash is checked");
}

/// "Undetected: a flipped passthrough payload."
#[test]
fn a_flipped_bit_in_a_plain_payload_is_detected_or_reported_as_undetectable() {
    for file in ["rec-payload-flip.pack", "rec-payload-flip-ipr1.pack"] {
        let report = open(broken(file), ReadCodec::Plain).unwrap().verify().unwrap();
        assert!(report.is_ok() && !report.items_are_protected(), "{file}");
    }
    let report = open(broken("rec-payload-flip-hash.pack"), ReadCodec::Plain).unwrap();
    assert!(!report.verify().unwrap().is_ok());
    for file in ["rc-payload-flip.pack", "rc-payload-flip-ipr1.pack"] {
        let reader = open(broken(file), ReadCodec::Plain).unwrap();
        assert!(reader.iter().unwrap().any(|item| item.is_err()), "{file}: reading reports it");
    }
}

/// "Undetected: moved item boundaries with a recomputed CRC."
#[test]
fn moved_item_boundaries_are_found_by_the_hash_or_reported_as_unprotected() {
    let report = open(broken("rec-for-swap.pack"), ReadCodec::Plain).unwrap().verify().unwrap();
    assert!(matches!(layer(&report, LayerName::ContentHash), Verdict::NotPresent));
    assert!(!report.items_are_protected());
    // The same bytes with another boundary, and with valid checksums.
    let packing = |items: [&str; 2]| {
        let items = items.map(|item| item.as_bytes().to_vec()).into();
        Packing { content_hash: true, ..Packing::of(CodecChoice::Plain, 2, items) }
    };
    let (original, mut moved) = (packing(["ab", "cde"]).file(), packing(["abc", "de"]).file());
    let hash = original.len() - trailer::SIZE + 36..original.len() - trailer::SIZE + 68;
    moved[hash.clone()].copy_from_slice(&original[hash]);
    let crc_at = moved.len() - 4;
    let crc = sealpack::core::wire::crc::crc32c(&moved[crc_at - 72..crc_at]);
    moved[crc_at..].copy_from_slice(&crc.to_le_bytes());
    let reader = open(moved, ReadCodec::Plain).unwrap();
    assert_eq!(reader.get(0).unwrap(), b"abc"[..]);
    let report = reader.verify().unwrap();
    assert!(matches!(layer(&report, LayerName::ContentHash), Verdict::Failed(_)));
}

/// "Undetected: the wrong codec at one item per record."
#[test]
fn the_codec_is_detected_and_a_wrong_one_is_an_error() {
    let items = vec![b"item".to_vec(), vec![7; 300]];
    for codec in [CodecChoice::Plain, CodecChoice::Zstd] {
        for per_record in [1, 2] {
            let file = Packing::of(codec, per_record, items.clone()).file();
            let reader = open(file.clone(), ReadCodec::Auto).unwrap();
            let read: Vec<Bytes> = reader.iter().unwrap().map(Result::unwrap).collect();
            assert_eq!(read, items, "no option names the codec");
            if codec == CodecChoice::Plain {
                let wrong = open(file, ReadCodec::Zstd).unwrap().get(0).unwrap_err();
                let (section, fault) = wrong.corruption().unwrap();
                assert_eq!(section, Section::Record(0));
                assert!(matches!(fault, Fault::Decode(DecodeError::NotAFrame)));
            }
        }
    }
}

/// "Errors name neither path nor record; 'checksum mismatch' for trailer and
/// index alike."
#[test]
fn an_error_names_the_file_and_the_section() {
    for (file, names) in [
        ("index-crc-flip.pack", "offset index: "),
        ("trailer-crc.pack", "trailer: "),
        ("rec-for-crc-flip.pack", "record "),
        ("app-data-flip-rc.pack", "app data: "),
    ] {
        let path = fixtures::folder().join("corrupt").join(file);
        let Ok(()) = path.metadata().map(drop) else { panic!("{file}") };
        let opened = Reader::options().codec(ReadCodec::Plain).open(&path);
        let scan = |reader: Reader| reader.iter().unwrap().find_map(Result::err).unwrap();
        let error = opened.map_or_else(|error| error, scan).to_string();
        let start = format!("{}: {names}", path.display());
        assert!(error.starts_with(&start), "{error}");
    }
}

/// "One `write` per record": the kernel counts the calls of this thread.
#[cfg(target_os = "linux")]
#[test]
fn tiny_records_are_written_a_mebibyte_at_a_time() {
    let calls = || -> u64 {
        let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        let line = io.lines().find_map(|line| line.strip_prefix("syscw: ")).unwrap();
        line.parse().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.pack");
    let options = Writer::options().codec(Plain).items_per_record(1).content_hash(false);
    // Without workers everything happens on the thread that appends.
    let mut writer = options.threads(0).create(&path).unwrap();
    let before = calls();
    (0..1_000_000_u32).for_each(|number| writer.append(&number.to_le_bytes()[..3]).unwrap());
    writer.finish().unwrap();
    let written = path.metadata().unwrap().len();
    let calls = calls() - before;
    assert!(
        calls <= written / (1 << 20) + 4,
        "{calls} calls for a million records, {written} bytes"
    );
}

/// "1,000 items in neighbouring records, 1,000 reads."
#[test]
fn neighbouring_records_are_read_together() {
    let options = Writer::options().codec(Plain).items_per_record(1);
    let watched = std::sync::Arc::new(Watched::new(pack(options, 10_000, 500)));
    let options = Reader::options().codec(ReadCodec::Plain);
    let reader = options.open_source(std::sync::Arc::clone(&watched), "memory").unwrap();
    let before = watched.ranges.lock().unwrap().len();
    let positions: Vec<u32> = (3000..4000).collect();
    reader.get_many(&positions, |_, item| assert_eq!(item.len(), 500)).unwrap();
    assert_eq!(watched.ranges.lock().unwrap().len() - before, 1, "1,000 items of 500 bytes");
}

/// The weaknesses that tests in other files cover.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "an index that is small on disk and large in memory",
        "allocation.rs",
        "an_index_of_empty_records_costs_what_it_takes_on_disk",
    ),
    (
        "memory for the items that a record claims, allocated before its CRC is checked",
        "allocation.rs",
        "reading_a_broken_pack_takes_memory_in_proportion_to_its_size",
    ),
    (
        "16 GiB for the hash of records of 2^32-1 items",
        "allocation.rs",
        "hashing_records_that_may_hold_four_billion_items_reserves_no_memory",
    ),
    (
        "published in place",
        "suite/publication.rs",
        "with_overwrite_the_old_file_stays_whole_until_the_new_one_is",
    ),
    (
        "a full disk destroys the old file",
        "disk/real.rs",
        "a_full_file_system_is_an_error_that_keeps_the_old_file_and_frees_the_space",
    ),
    (
        "a kill leaves half a file at the final name",
        "disk/kills.rs",
        "a_writer_killed_at_any_moment_leaves_whole_packs_and_every_reported_one",
    ),
    (
        "the folder is never synced",
        "disk/crash_points.rs",
        "after_a_crash_at_any_call_the_pack_is_absent_old_or_new",
    ),
    (
        "the buffer that restores order has no bound",
        "allocation.rs",
        "later_records_do_not_pile_up_in_memory_after_a_slow_one",
    ),
    (
        "opening a pipe hangs",
        "suite/reading.rs",
        "pipes_folders_and_devices_are_refused_without_waiting",
    ),
    (
        "671 MB for tiny records",
        "allocation.rs",
        "a_writer_keeps_two_bytes_per_record_and_what_is_in_flight",
    ),
    (
        "a file that fits the first read is read again",
        "suite/reading.rs",
        "a_file_that_fits_the_first_read_is_never_read_again",
    ),
];

#[test]
fn the_tests_in_other_files_exist() {
    for (row, file, test) in ELSEWHERE {
        let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("#[test]\nfn {test}()")), "{row}: {file}: {test}");
    }
}
