//! Nothing is allocated only because a file claims a size: these tests count every
//! allocation.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

#[path = "allocation/failures.rs"]
mod failures;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sealpack::core::codec::Encode;
use sealpack::core::error::{Cause, Limit};
use sealpack::core::format::{IndexEncoder, Trailer};
use sealpack::core::read::Merge;
use sealpack::{Codec, EncoderFactory, Error, ErrorKind, Plain, ReadCodec, Reader, Writer};
use sealpack_tests::fixtures;

/// The system's allocator; it counts the live bytes and their maximum.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[allow(unsafe_code, reason = "a global allocator cannot be written otherwise")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The maximum number of live bytes during `work`, beyond those that were live
/// before it.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = work();
    (PEAK.load(Ordering::Relaxed) - before, result)
}

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn open_and_verify(path: &std::path::Path, codec: &str) {
    let codec = if codec == "none" { ReadCodec::Plain } else { ReadCodec::Zstd };
    let options = Reader::options().codec(codec).threads(1);
    let Ok(reader) = options.open(path) else { return };
    drop(reader.verify());
    for position in [0, reader.item_count() / 2, reader.item_count().saturating_sub(1)] {
        drop(reader.get(position));
    }
}

#[test]
fn reading_a_broken_pack_takes_memory_in_proportion_to_its_size() {
    let _alone = alone();
    for broken in fixtures::broken() {
        let path = broken.path();
        let size = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
        let (peak, ()) = peak_of(|| open_and_verify(&path, &broken.codec));
        // The allowance covers the bytes of the file, views and plans of them, and what
        // a frame of this size may decode to; one pack really decodes to 32 MiB.
        let decoded = if broken.file == "zstd-bomb-32m-ipr1.pack" { 34 << 20 } else { 0 };
        let allowed = 6 * size + (1 << 20) + decoded;
        assert!(peak < allowed, "{}: {size} bytes cost {peak}", broken.file);
    }
}

/// A file of a hundred bytes whose trailer claims as much as possible.
#[test]
fn a_file_of_a_hundred_bytes_that_claims_billions_costs_nothing() {
    let _alone = alone();
    let most = u32::MAX;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.pack");
    for (record_count, total_items, items_per_record, index_size, app_data_size) in [
        (most, most, 1, 24, 0),
        (1, most, most, 24, 0),
        (most, most, 1, most, 0),
        (0, 0, 128, 4, most),
        (2, most, 1 << 31, 24, 0),
    ] {
        let trailer = Trailer {
            format_id: 0,
            record_count,
            total_items,
            items_per_record,
            index_size,
            app_data_size,
            content_hash: Some([0; 32]),
            app_data_crc: 0,
            record_checksum: false,
        };
        let mut bytes = vec![0; 24];
        bytes.extend_from_slice(&trailer.encode());
        std::fs::write(&path, bytes).unwrap();
        let (peak, ()) = peak_of(|| open_and_verify(&path, "none"));
        assert!(peak < 64 << 10, "{trailer:?}: {peak} bytes");
    }
}

/// The maximum number of records that an index of a megabyte can hold, all of them
/// empty and with correct checksums.
#[test]
fn an_index_of_empty_records_costs_what_it_takes_on_disk() {
    let _alone = alone();
    let records: u32 = 21_000_000;
    let mut index = IndexEncoder::new();
    (0..records).for_each(|_| index.push(0).unwrap());
    let index = index.finish();
    let trailer = Trailer {
        format_id: 0,
        record_count: records,
        total_items: records,
        items_per_record: 1,
        index_size: u32::try_from(index.len()).unwrap(),
        app_data_size: 0,
        content_hash: None,
        app_data_crc: 0,
        record_checksum: false,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty-records.pack");
    let size = index.len() + 76;
    std::fs::write(&path, [&index[..], &trailer.encode()].concat()).unwrap();
    drop(index);
    let (peak, reader) = peak_of(|| Reader::open(&path).unwrap());
    assert!(peak < 4 * size, "{size} bytes on disk cost {peak} to open");
    assert!(reader.directory().memory() < 2 * size);
    let (peak, ()) = peak_of(|| assert!(reader.verify().unwrap().is_ok()));
    assert!(peak < 32 << 20, "verifying costs {peak} bytes");
}

/// The writer's memory depends on its options, not on the number of records.
#[test]
fn a_writer_keeps_two_bytes_per_record_and_what_is_in_flight() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.pack");
    let write = |records: u32| {
        let options = Writer::options().codec(Plain).items_per_record(1).overwrite(true);
        let mut writer = options.content_hash(true).threads(2).create(&path).unwrap();
        for number in 0..records {
            writer.append(&number.to_le_bytes()[..(number % 4) as usize]).unwrap();
        }
        writer.finish().unwrap();
    };
    let (few, ()) = peak_of(|| write(1_000_000));
    let (many, ()) = peak_of(|| write(4_000_000));
    let bytes_per_record = many.saturating_sub(few) / 3_000_000;
    assert!(bytes_per_record < 2, "{few} bytes for a million records, {many} for four");
}

/// One read covers many records that each expand thirty-thousandfold: the memory of a
/// reader depends on its limit and not on their number.
#[test]
fn the_memory_of_a_reader_does_not_grow_with_the_number_of_records_that_expand() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bombs.pack");
    const SIZE: usize = 16 << 20;
    let zeros = vec![0; SIZE];
    let mut writer = Writer::options().items_per_record(1).threads(1).create(&path).unwrap();
    (0..60).for_each(|_| writer.append(&zeros).unwrap());
    writer.finish().unwrap();
    drop(zeros);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 1 << 20, "all of it fits one read");
    let options = Reader::options().decoded_limit(SIZE as u64).threads(1);
    let reader = options.open(&path).unwrap();
    let bound = (32 << 20) + 4 * SIZE;
    let (peak, count) = peak_of(|| reader.iter().unwrap().map(Result::unwrap).count());
    assert_eq!(count, 60);
    assert!(peak < bound, "a scan held {peak} bytes");
    let (peak, ()) = peak_of(|| assert!(reader.verify().unwrap().is_ok()));
    assert!(peak < bound, "verifying held {peak} bytes");
    let positions: Vec<u32> = (0..60).collect();
    let (peak, ()) = peak_of(|| reader.get_many(&positions, |_, _| {}).unwrap());
    assert!(peak < bound, "get_many held {peak} bytes");
}

/// The writer does not exceed the memory bound that its options report.
#[test]
fn a_writer_stays_within_the_bound_of_its_options() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bound.pack");
    for (length, items_per_record) in [(1000, 128), (3_000_000, 1), (10, 1), (30_000, 4)] {
        let item: Vec<u8> =
            (0..length).map(|at: u32| (at.wrapping_mul(at) >> 7).to_le_bytes()[0]).collect();
        for workers in [0, 1, 3] {
            for zstd in [false, true] {
                let options = Writer::options().items_per_record(items_per_record);
                let options = options.threads(workers).overwrite(true);
                let options = if zstd { options } else { options.codec(Plain) };
                let bound = options.memory_bound(u64::from(length * items_per_record));
                let (peak, ()) = peak_of(|| {
                    let mut writer = options.create(&path).unwrap();
                    let items = (48 << 20) / length;
                    (0..items.min(300_000)).for_each(|_| writer.append(&item).unwrap());
                    writer.finish().unwrap();
                });
                let what = format!("{length} B, {workers} workers, zstd {zstd}");
                assert!((peak as u64) < bound, "{what}: {peak} bytes, bound {bound}");
            }
        }
    }
}

/// The records of a pack may claim to hold 2^32-1 items each; the memory reserved
/// for their digests depends on the items that exist.
#[test]
fn hashing_records_that_may_hold_four_billion_items_reserves_no_memory() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hash.pack");
    let (peak, ()) = peak_of(|| {
        let options = Writer::options().items_per_record(u32::MAX).content_hash(true).threads(1);
        let mut writer = options.create(&path).unwrap();
        (0..100).for_each(|_| writer.append(b"item").unwrap());
        writer.finish().unwrap();
    });
    assert!(peak < 16 << 20, "{peak} bytes");
}

/// An encoder that delays the first record until the writer has stopped making
/// progress, or everything was appended.
#[derive(Clone)]
struct SlowFirst {
    appended: Arc<AtomicUsize>,
    all: usize,
}

impl EncoderFactory for SlowFirst {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Encoder(Box::new(self.clone())))
    }

    fn format_id(&self) -> u32 {
        77
    }
}

impl Encode for SlowFirst {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        let appended = || self.appended.load(Ordering::Relaxed);
        if payload[0] == 1 {
            let (mut seen, mut idle_rounds) = (appended(), 0);
            while idle_rounds < 20 && seen < self.all {
                std::thread::sleep(Duration::from_millis(10));
                idle_rounds = if appended() == seen { idle_rounds + 1 } else { 0 };
                seen = appended();
            }
        }
        out.extend_from_slice(payload);
        Ok(())
    }
}

/// While one record takes long, the records after it wait in a window, and the
/// writer waits too; the records do not pile up in memory.
#[test]
fn later_records_do_not_pile_up_in_memory_after_a_slow_one() {
    let _alone = alone();
    const SIZE: usize = 1 << 20;
    let slow = SlowFirst { appended: Arc::default(), all: 300 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.pack");
    let (peak, ()) = peak_of(|| {
        let options = Writer::options().codec(slow.clone()).items_per_record(1);
        let mut writer = options.content_hash(false).threads(3).create(&path).unwrap();
        let mut item = vec![1; SIZE];
        for _ in 0..slow.all {
            writer.append(&item).unwrap();
            slow.appended.fetch_add(1, Ordering::Relaxed);
            item[0] = 0;
        }
        writer.finish().unwrap();
    });
    assert!(peak < 64 * SIZE, "{peak} bytes for records of {SIZE}");
}

fn limit_of(error: &Error) -> Limit {
    match error.kind() {
        ErrorKind::Pack(sealpack::core::Error::Limit(limit)) => *limit,
        other => panic!("{other:?}"),
    }
}

/// Writes a sparse file: `zeros` bytes of zeros, and a trailer with these claims.
fn sparse(path: &std::path::Path, zeros: u64, trailer: &Trailer) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut file = std::fs::File::create(path).unwrap();
    file.seek(SeekFrom::Start(zeros)).unwrap();
    file.write_all(&trailer.encode()).unwrap();
}

const EMPTY: Trailer = Trailer {
    format_id: 0,
    record_count: 0,
    total_items: 0,
    items_per_record: 1,
    index_size: 4,
    app_data_size: 0,
    content_hash: None,
    app_data_crc: 0,
    record_checksum: false,
};

/// Sections and records in the holes of a file, which occupy no space on disk.
#[test]
fn sections_and_records_of_a_sparse_file_cost_nothing_above_the_memory_limit() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.pack");
    let limited = || Reader::options().codec(ReadCodec::Plain).memory_limit(64 << 20);
    let most = u32::MAX;
    for (index_size, app_data_size) in [(most, 0), (4, most), (most, most), (16 << 20, 1)] {
        let trailer = Trailer { index_size, app_data_size, ..EMPTY };
        let sections = u64::from(index_size) + u64::from(app_data_size);
        sparse(&path, sections, &trailer);
        let (peak, refused) = peak_of(|| limited().open(&path).err().unwrap());
        assert_eq!(
            limit_of(&refused),
            Limit::SingleAllocation { bytes: sections, limit: 16 << 20 }
        );
        assert!(peak < 1 << 20, "{peak} bytes");
    }
    // A record of 3 GiB in a hole: the pack opens, but the reader refuses the
    // record.
    let mut index = IndexEncoder::new();
    index.push(3 << 30).unwrap();
    let index = index.finish();
    let index_size = u32::try_from(index.len()).unwrap();
    let trailer = Trailer { record_count: 1, total_items: 1, index_size, ..EMPTY };
    sparse(&path, (3 << 30) + index.len() as u64, &trailer);
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&index, 3 << 30).unwrap();
    let (peak, reader) = peak_of(|| limited().open(&path).unwrap());
    assert!(peak < 1 << 20, "{peak} bytes");
    let (peak, refused) = peak_of(|| reader.get(0).unwrap_err());
    assert_eq!(limit_of(&refused), Limit::SingleAllocation { bytes: 3 << 30, limit: 16 << 20 });
    assert!(reader.iter().unwrap().next().unwrap().is_err());
    assert!(peak < 1 << 20, "{peak} bytes");
}

#[test]
fn a_pack_of_more_items_than_the_limit_is_not_opened() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.pack");
    let mut writer = Writer::options().create(&path).unwrap();
    (0..1000).for_each(|_| writer.append(b"item").unwrap());
    writer.finish().unwrap();
    assert!(Reader::options().items_limit(1000).open(&path).is_ok());
    let refused = Reader::options().items_limit(999).open(&path).err().unwrap();
    assert_eq!(limit_of(&refused), Limit::PackItems { items: 1000, limit: 999 });
}

/// The bound holds for any number of threads, any records, and any expansion.
#[test]
fn a_reader_stays_within_its_memory_limit() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("expands.pack");
    const SIZE: usize = 2 << 20;
    let zeros = vec![0; SIZE];
    let mut writer = Writer::options().items_per_record(1).threads(1).create(&path).unwrap();
    (0..50).for_each(|_| writer.append(&zeros).unwrap());
    writer.finish().unwrap();
    drop(zeros);
    let all: Vec<u32> = (0..50).collect();
    for limit in [8 << 20, 16 << 20, 64 << 20] {
        for threads in [1, 4] {
            // Reads of a few kilobytes, so that several threads have work.
            let merge = Merge { gap: 0, max_read: 1000 };
            let options = Reader::options().merge(merge).threads(threads);
            let reader = options.decoded_limit(SIZE as u64).memory_limit(limit);
            let reader = reader.open(&path).unwrap();
            let limit = usize::try_from(limit).unwrap();
            let (peak, count) = peak_of(|| reader.iter().unwrap().map(Result::unwrap).count());
            assert_eq!(count, 50);
            assert!(peak < limit, "{threads} threads, {limit}: a scan held {peak} bytes");
            let (peak, ()) = peak_of(|| assert!(reader.verify().unwrap().is_ok()));
            assert!(peak < limit, "{threads} threads, {limit}: verifying held {peak} bytes");
            let (peak, ()) = peak_of(|| reader.get_many(&all, |_, _| {}).unwrap());
            assert!(peak < limit, "{threads} threads, {limit}: get_many held {peak} bytes");
        }
    }
    let tight = Reader::options().memory_limit(7 << 20).open(&path).unwrap();
    let refused = limit_of(&tight.get(0).unwrap_err());
    assert!(matches!(refused, Limit::Decoded { limit, .. } if limit == 7 << 18));
    let report = tight.verify().unwrap();
    assert_eq!((report.damaged_count, report.unchecked_count), (0, 50));
    assert!(!report.is_ok(), "unchecked records do not count as sound");
}

/// While opening, the reader holds the sections up to four times, as its limit
/// assumes.
#[test]
fn opening_the_largest_index_that_the_memory_limit_allows_stays_within_it() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.pack");
    let records: u32 = 2_000_000;
    for size in [0, 1] {
        let mut index = IndexEncoder::new();
        (0..records).for_each(|number| index.push(number % 2 * size * 10).unwrap());
        let index = index.finish();
        let index_size = u32::try_from(index.len()).unwrap();
        let app_data = vec![1; 100_000];
        let trailer = Trailer {
            record_count: records,
            total_items: records,
            index_size,
            app_data_size: 100_000,
            ..EMPTY
        };
        let zeros = vec![0; (records / 2 * size * 10) as usize];
        std::fs::write(&path, [&zeros, &index, &app_data, &trailer.encode()[..]].concat()).unwrap();
        drop(zeros);
        let limit = 4 * (index.len() + app_data.len());
        drop((index, app_data));
        let open = |limit: usize| Reader::options().memory_limit(limit as u64).open(&path);
        let (peak, opened) = peak_of(|| open(limit));
        assert!(opened.is_ok(), "{:?}", opened.err());
        assert!(peak < limit, "{size}: {peak} bytes of {limit}");
        assert!(open(limit - 4).is_err());
    }
}
