//! Nothing is allocated because a file says so: every allocation is counted.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use sealpack::core::format::{IndexEncoder, Trailer};
use sealpack::{Plain, ReadCodec, Reader, Writer};
use sealpack_tests::fixtures;

/// The system's allocator, counting what is live and the most that ever was.
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

/// Bytes that `work` had live at most, beyond what was live before it.
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
fn no_broken_pack_costs_more_than_its_own_size_allows() {
    let _alone = alone();
    for broken in fixtures::broken() {
        let path = broken.path();
        let size = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
        let (peak, ()) = peak_of(|| open_and_verify(&path, &broken.codec));
        // The bytes of the file, views and plans of them, and what a frame of
        // these sizes may honestly yield; the one that really yields 32 MiB
        // may have them, once.
        let yields = if broken.file == "zstd-bomb-32m-ipr1.pack" { 34 << 20 } else { 0 };
        let allowed = 6 * size + (1 << 20) + yields;
        assert!(peak < allowed, "{}: {size} bytes cost {peak}", broken.file);
    }
}

/// A file of a hundred bytes that claims as much as a trailer can.
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

/// The most records that an index of a megabyte can hold, all of them empty,
/// every checksum right.
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

/// The writer's memory follows its options, not the number of records.
#[test]
fn a_writer_holds_two_bytes_a_record_and_what_is_under_way() {
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
    let a_record = many.saturating_sub(few) / 3_000_000;
    assert!(a_record < 2, "{few} bytes for a million records, {many} for four");
}

/// Records that expand thirty-thousandfold, many of them in one read: what a
/// reader holds follows its limit and not how many there are.
#[test]
fn small_records_that_expand_do_not_add_up() {
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

/// What the options say that a writer takes, it does not pass.
#[test]
fn a_writer_stays_within_the_bound_that_its_options_tell() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bound.pack");
    for (length, items_per_record) in [(1000, 128), (3_000_000, 1), (10, 1), (30_000, 4)] {
        let item: Vec<u8> = (0..length).map(|at: u32| (at * at >> 7).to_le_bytes()[0]).collect();
        for workers in [0, 1, 3] {
            for zstd in [false, true] {
                let options = Writer::options().items_per_record(items_per_record);
                let options = options.threads(workers).overwrite(true);
                let options = if zstd { options } else { options.codec(Plain) };
                let bound = options.memory_bound(u64::from(length * items_per_record));
                let (peak, ()) = peak_of(|| {
                    let mut writer = options.create(&path).unwrap();
                    let items = (96 << 20) / length;
                    (0..items.min(1_000_000)).for_each(|_| writer.append(&item).unwrap());
                    writer.finish().unwrap();
                });
                let what = format!("{length} B, {workers} workers, zstd {zstd}");
                assert!((peak as u64) < bound, "{what}: {peak} bytes, told {bound}");
            }
        }
    }
}
