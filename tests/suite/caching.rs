//! A cache of decoded records: the reads that it saves, its memory limit, and that it
//! holds checked records only.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealpack::{
    ErrorKind, Plain, ReadAt, Reader, ReaderOptions, RecordCache, Trust, Writer, WriterOptions,
    Zstd,
};
use sealpack_tests::incompressible::{item, pack};

const COUNT: u32 = 20_000;
const LENGTH: usize = 100;

/// Bytes in memory that count the reads.
struct Counted {
    bytes: Vec<u8>,
    reads: AtomicUsize,
}

impl Counted {
    fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

impl ReadAt for Counted {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.read_exact_at(buffer, offset)
    }
}

fn zstd() -> WriterOptions {
    Writer::options().codec(Zstd::level(1))
}

fn open(options: ReaderOptions, bytes: Vec<u8>) -> (Reader, Arc<Counted>) {
    let source = Arc::new(Counted { bytes, reads: AtomicUsize::new(0) });
    let reader = options.open_source(Arc::clone(&source), "memory").unwrap();
    source.reads();
    (reader, source)
}

#[test]
fn items_of_a_cached_record_cost_no_read() {
    let cache = RecordCache::new(32 << 20);
    let (reader, source) =
        open(Reader::options().cache(cache.clone()), pack(zstd(), COUNT, LENGTH));
    let clone = reader.clone();
    for position in 256..384 {
        assert_eq!(reader.get(position).unwrap(), item(position, LENGTH));
        assert_eq!(clone.get_with(position, <[u8]>::to_vec).unwrap(), item(position, LENGTH));
    }
    assert_eq!(reader.record(2).unwrap().item(0).unwrap(), item(256, LENGTH));
    assert_eq!(source.reads(), 1, "of 257 calls");
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.hits, stats.records), (1, 256, 1));
    assert!(stats.bytes > 2 * 128 * LENGTH as u64, "the record as stored counts too");
}

#[test]
fn lent_items_fill_the_cache_too() {
    let cache = RecordCache::new(32 << 20);
    let (reader, source) =
        open(Reader::options().cache(cache.clone()), pack(zstd(), COUNT, LENGTH));
    for position in 256..384 {
        assert_eq!(reader.get_with(position, <[u8]>::to_vec).unwrap(), item(position, LENGTH));
    }
    assert_eq!((source.reads(), cache.stats().misses, cache.stats().hits), (1, 1, 127));
}

#[test]
fn without_a_cache_nothing_is_kept() {
    let (reader, source) = open(Reader::options(), pack(zstd(), COUNT, LENGTH));
    (0..3).for_each(|_| drop(reader.get(7).unwrap()));
    assert_eq!(source.reads(), 3);
}

#[test]
fn scans_and_plain_records_leave_the_cache_as_it_is() {
    let cache = RecordCache::new(1 << 20);
    let (reader, _) = open(Reader::options().cache(cache.clone()), pack(zstd(), COUNT, LENGTH));
    reader.get(7).unwrap();
    let before = cache.stats();
    assert_eq!(reader.iter().unwrap().count(), COUNT as usize);
    reader.for_each(.., |_, _| ()).unwrap();
    reader.get_many(&[1, 19_000], |_, _| ()).unwrap();
    assert!(reader.verify().unwrap().is_ok());
    assert_eq!(cache.stats(), before);
    let plain = pack(Writer::options().codec(Plain), COUNT, LENGTH);
    let (reader, _) = open(Reader::options().cache(cache.clone()), plain);
    (0..300).for_each(|position| drop(reader.get(position).unwrap()));
    assert_eq!(cache.stats().records, before.records);
}

#[test]
fn readers_that_share_a_cache_share_its_bytes_and_no_record() {
    let cache = RecordCache::new(1 << 20);
    let options = || Reader::options().cache(cache.clone());
    let (one, _) = open(options(), pack(zstd(), COUNT, LENGTH));
    let (other, _) = open(options(), pack(zstd(), COUNT, 2 * LENGTH));
    for position in (0..COUNT).step_by(61) {
        assert_eq!(one.get(position).unwrap(), item(position, LENGTH));
        assert_eq!(other.get(position).unwrap(), item(position, 2 * LENGTH));
        assert!(cache.stats().bytes <= cache.capacity());
    }
    assert!(cache.stats().bytes > cache.capacity() / 2, "{cache:?}");
    let clone = one.clone();
    drop((one, other));
    assert!(cache.stats().records > 0, "a clone is left");
    drop(clone);
    assert_eq!((cache.stats().records, cache.stats().bytes), (0, 0));
}

#[test]
fn threads_that_share_a_cache_get_the_right_items() {
    let cache = RecordCache::new(200 << 10);
    let (reader, _) = open(Reader::options().cache(cache.clone()), pack(zstd(), COUNT, LENGTH));
    thread::scope(|scope| {
        for thread in 0..4 {
            let reader = reader.clone();
            scope.spawn(move || {
                for step in 0..3000 {
                    let position = (step * 131 + thread * 977) % 2000;
                    assert_eq!(reader.get(position).unwrap(), item(position, LENGTH));
                }
            });
        }
    });
    let stats = cache.stats();
    assert_eq!(stats.hits + stats.misses, 4 * 3000);
    assert!(stats.bytes <= cache.capacity());
}

#[test]
fn a_damaged_record_never_enters_the_cache() {
    let mut bytes = pack(zstd(), COUNT, LENGTH);
    bytes[100] ^= 1;
    let cache = RecordCache::new(1 << 20);
    let (reader, source) = open(Reader::options().cache(cache.clone()), bytes);
    for _ in 0..3 {
        assert!(matches!(reader.get(0).unwrap_err().kind(), ErrorKind::Pack(_)));
        assert!(reader.get_with(0, |_| panic!("an item")).is_err());
    }
    assert_eq!((source.reads(), cache.stats().records), (6, 0));
}

/// A reader of another file, without trust, shares the cache: a reader with trust takes
/// only the records that it authenticated itself.
#[test]
fn a_forged_record_never_enters_the_cache_of_a_reader_that_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a.pack"), folder.path().join("b.pack"));
    let write = |path, first: u32| {
        let mut writer = zstd().digest_list(true).create(path).unwrap();
        (first..first + 5000).for_each(|n| writer.append(&item(n, LENGTH)).unwrap());
        writer.finish().unwrap().digests.unwrap().root
    };
    let root = write(&path, 0);
    write(&other, 5000);
    let cache = RecordCache::new(8 << 20);
    let forged = Reader::options().cache(cache.clone()).open(&other).unwrap();
    forged.get(300).unwrap();
    let reader = Reader::options().cache(cache.clone()).trust(Trust::root(root)).open(&path);
    let reader = reader.unwrap();
    assert_eq!(reader.get(300).unwrap(), item(300, LENGTH));
    // The bytes of another record of the same size: sound, but not authentic.
    let (mut bytes, other_bytes) = (std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());
    let place = reader.directory().record(1).unwrap().range;
    let other_range = forged.directory().record(1).unwrap().range;
    assert_eq!(place, other_range, "the records have one size");
    let offset = |at: u64| usize::try_from(at).unwrap();
    let range = offset(place.start)..offset(place.end);
    bytes[range.clone()].copy_from_slice(&other_bytes[range]);
    std::fs::write(&path, bytes).unwrap();
    let before = cache.stats().records;
    for _ in 0..2 {
        let refused = reader.get(130).unwrap_err();
        assert!(refused.untrusted().is_some(), "{refused:#}");
        assert!(reader.get_with(130, |_| panic!("an item")).is_err());
    }
    assert_eq!(cache.stats().records, before);
    assert_eq!(
        reader.get(300).unwrap(),
        item(300, LENGTH),
        "records that were checked before stay"
    );
}

#[test]
fn unordered_reads_lend_every_item_once_for_each_request() {
    let positions: Vec<u32> = (0..30_000).map(|n: u32| n.wrapping_mul(7919) % COUNT).collect();
    let kinds = [zstd(), Writer::options().codec(Plain), zstd().items_per_record(1)];
    for options in kinds {
        let bytes = pack(options, COUNT, LENGTH);
        for threads in [1, 2, 5] {
            let (reader, _) = open(Reader::options().threads(threads), bytes.clone());
            let seen: Vec<AtomicUsize> = positions.iter().map(|_| AtomicUsize::new(0)).collect();
            let take = |request: usize, lent: &[u8]| {
                assert_eq!(lent, item(positions[request], LENGTH));
                seen[request].fetch_add(1, Ordering::Relaxed);
            };
            reader.get_many_unordered(&positions, take).unwrap();
            assert!(seen.iter().all(|times| times.load(Ordering::Relaxed) == 1));
            reader.get_many_unordered(&[], |_, _| panic!("an item")).unwrap();
            assert!(reader.get_many_unordered(&[0, COUNT], |_, _| panic!("an item")).is_err());
        }
    }
}

#[test]
fn unordered_reads_end_on_the_first_error_and_on_a_panic() {
    let mut bytes = pack(zstd().items_per_record(1), COUNT, LENGTH);
    bytes[3 * LENGTH] ^= 0x11;
    let positions: Vec<u32> = (0..COUNT).collect();
    for threads in [1, 4] {
        let (reader, _) = open(Reader::options().threads(threads), bytes.clone());
        assert!(reader.get_many_unordered(&positions, |_, _| ()).is_err());
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            reader.get_many_unordered(&positions[100..], |request, _| assert!(request < 5000))
        }));
        assert!(panicked.is_err());
    }
}
