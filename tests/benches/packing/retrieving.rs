//! Rows that open a pack, and that read single items and many scattered ones.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealpack::core::wire::crc;
use sealpack::{Plain, Reader, RecordCache, Writer};

use super::Arguments;
use super::inputs;
use super::limits;
use super::measure::{Measurement, in_turn, memory_of_opening, once};
use super::reading::SourcePack;
use super::report::{Quantity, ResultTable, TableRow};

/// Positions of one `get_many`.
const MANY: usize = 1000;

/// The rows of one pack, but for opening it.
pub fn rows(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>, input: &str) {
    get(arguments, report, source, &source.row(&format!("get-{input}")));
    for threads in [1, 2, 8] {
        many(arguments, report, source, input, threads);
    }
    cached(arguments, report, source, &source.row(&format!("cached-{input}")));
}

pub fn open(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>) {
    let name = source.row("open-e");
    if !arguments.wants(&name) {
        return;
    }
    const TIMES: usize = 200;
    let size = std::fs::metadata(&source.path).unwrap().len();
    let tail = size.min(256 << 10);
    let mut ours = || once(|| (0..TIMES).for_each(|_| assert!(source.open(1).item_count() > 0))).0;
    let mut limit = || {
        let read = || {
            let mut buffer = vec![0; tail as usize];
            let file = File::open(&source.path).unwrap();
            file.read_exact_at(&mut buffer, size - tail).unwrap();
            std::hint::black_box(&buffer);
        };
        once(|| (0..TIMES).for_each(|_| read())).0
    };
    let amount = Quantity::Operations(TIMES as u64);
    let row = TableRow::new(name, amount, "open and one pread of 256 KiB");
    let external = source.external("open", TIMES, 1, 1, 0);
    report.compare(arguments, &row, &mut ours, Some(&mut limit), external);
}

/// Compares every item with the expected one. This is not timed: the expected item is in
/// no processor cache, and loading it takes as long as a `get`.
fn compare(reader: &Reader, source: &SourcePack<'_>, positions: &[u32]) {
    for &position in positions {
        assert!(reader.get(position).unwrap() == source.views[position as usize]);
    }
}

fn get(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>, name: &str) {
    if !arguments.wants(name) {
        return;
    }
    let reader = source.open(1);
    let positions = source.scattered(if arguments.quick { 2_000 } else { 20_000 });
    let bytes = source.size_of(&positions);
    compare(&reader, source, &positions);
    let mut ours = || {
        let get = |&position: &u32| reader.get(position).unwrap().len();
        let (run, sum) = once(|| positions.iter().map(get).sum::<usize>());
        assert_eq!(sum, bytes);
        run
    };
    let mut limit = || bare_gets(&reader, source, &positions);
    let limit_is = match (source.zstd, source.items.per_record) {
        (true, _) => "pread of the record and bare decoding, buffers reused",
        (false, 1) => "one pread",
        (false, _) => "two small preads",
    };
    let amount = Quantity::Operations(positions.len() as u64);
    let row = TableRow::new(name.into(), amount, limit_is);
    let external = source.external("get", positions.len(), 1, 1, bytes);
    report.compare(arguments, &row, &mut ours, Some(&mut limit), external);
}

/// Reads what a `get` has to, and decodes it, without any check.
fn bare_gets(reader: &Reader, source: &SourcePack<'_>, positions: &[u32]) -> Measurement {
    let file = File::open(&source.path).unwrap();
    let places: Vec<_> = positions.iter().map(|&p| reader.directory().place(p).unwrap()).collect();
    let mut decompressor = zstd::bulk::Decompressor::new().unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut out = Vec::with_capacity(1 << 20);
    let get = |place: &sealpack::core::read::ItemPlace| {
        let range = &place.record.range;
        let stored = &mut buffer[..(range.end - range.start) as usize];
        if source.zstd {
            file.read_exact_at(stored, range.start).unwrap();
            decompressor.decompress_to_buffer(limits::frame_of(stored), &mut out).unwrap();
        } else if place.record.item_count > 1 {
            let tail = 525.min(stored.len());
            file.read_exact_at(&mut stored[..tail], range.end - tail as u64).unwrap();
            file.read_exact_at(&mut stored[..1024], range.start).unwrap();
        } else {
            file.read_exact_at(stored, range.start).unwrap();
        }
    };
    once(|| places.iter().for_each(get)).0
}

/// `get_many`, and the same on many threads without an order.
fn many(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    input: &str,
    threads: usize,
) {
    let row = |kind: &str| format!("{} {MANY} {threads}t", source.row(&format!("{kind}-{input}")));
    let (ordered, unordered) = (row("many"), row("unordered"));
    if !arguments.wants(&ordered) && !arguments.wants(&unordered) {
        return;
    }
    // A single call takes a millisecond or less if each item has a record of its own.
    let times = if source.items.per_record == 1 { 20 } else { 2 };
    let reader = source.open(threads);
    let positions = source.ascending(MANY);
    let bytes = source.size_of(&positions);
    check_many(&reader, source, &positions);
    let mut limit = limit_of_many(&reader, source, &positions, threads, times);
    let limit_is =
        if source.zstd { "bare decoding of the same records" } else { "pread of the same records" };
    let amount = Quantity::Operations(times as u64);
    let external = || source.external("many", MANY, threads, times, bytes);
    if arguments.wants(&ordered) {
        let mut ours = || get_many(&reader, &positions, times, bytes);
        let row = TableRow::new(ordered, amount, limit_is);
        report.compare(arguments, &row, &mut ours, Some(&mut limit), external());
    }
    if arguments.wants(&unordered) {
        let mut ours = || get_many_unordered(&reader, &positions, times, bytes);
        let row = TableRow::new(unordered, amount, limit_is);
        report.compare(arguments, &row, &mut ours, Some(&mut limit), external());
    }
}

fn check_many(reader: &Reader, source: &SourcePack<'_>, positions: &[u32]) {
    let seen = AtomicUsize::new(0);
    let check = |request: usize, item: &[u8]| {
        assert!(item == source.views[positions[request] as usize]);
        seen.fetch_add(1, Ordering::Relaxed);
    };
    reader.get_many(positions, |request, item| check(request, &item)).unwrap();
    reader.get_many_unordered(positions, check).unwrap();
    assert_eq!(seen.into_inner(), 2 * positions.len());
}

fn get_many(reader: &Reader, positions: &[u32], times: usize, bytes: usize) -> Measurement {
    let mut sum = 0;
    let mut read = || reader.get_many(positions, |_, item| sum += item.len()).unwrap();
    let (run, ()) = once(|| (0..times).for_each(|_| read()));
    assert_eq!(sum, bytes * times);
    run
}

fn get_many_unordered(
    reader: &Reader,
    positions: &[u32],
    times: usize,
    bytes: usize,
) -> Measurement {
    let sizes: Vec<AtomicUsize> = positions.iter().map(|_| AtomicUsize::new(0)).collect();
    let store = |request: usize, item: &[u8]| sizes[request].store(item.len(), Ordering::Relaxed);
    let mut sum = 0;
    let mut read = || {
        reader.get_many_unordered(positions, store).unwrap();
        sum += sizes.iter().map(|size| size.load(Ordering::Relaxed)).sum::<usize>();
    };
    let (run, ()) = once(|| (0..times).for_each(|_| read()));
    assert_eq!(sum, bytes * times);
    run
}

fn limit_of_many<'a>(
    reader: &Reader,
    source: &'a SourcePack<'_>,
    positions: &[u32],
    threads: usize,
    times: usize,
) -> Box<dyn FnMut() -> Measurement + 'a> {
    if source.zstd {
        let records = records_of(source, positions).into_iter();
        let frames = limits::stored_payloads(reader, records);
        let decode_all = move || limits::spread(&frames, threads, |frame| limits::decode(frame));
        return Box::new(move || once(|| (0..times).for_each(|_| decode_all())).0);
    }
    let ranges = ranges_of(reader, source, positions);
    let read_all = move || {
        let file = File::open(&source.path).unwrap();
        let mut buffer = vec![0; 1 << 20];
        for range in &ranges {
            let part = &mut buffer[..(range.end - range.start) as usize];
            file.read_exact_at(part, range.start).unwrap();
        }
    };
    Box::new(move || once(|| (0..times).for_each(|_| read_all())).0)
}

/// The records of these positions, which are in ascending order, each once.
fn records_of(source: &SourcePack<'_>, positions: &[u32]) -> Vec<u32> {
    let mut records: Vec<u32> =
        positions.iter().map(|position| position / source.items.per_record).collect();
    records.dedup();
    records
}

/// Where they are in the file.
fn ranges_of(reader: &Reader, source: &SourcePack<'_>, positions: &[u32]) -> Vec<Range<u64>> {
    let place = |number| reader.directory().record(number).unwrap().range;
    records_of(source, positions).into_iter().map(place).collect()
}

/// `get_many_unordered` from a disk, without the system's cache, on as many threads as reads are
/// to be in flight.
pub fn cold(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>, input: &str) {
    for depth in [1, 8, 32] {
        let name = format!("{} {MANY} {depth}d", source.row(&format!("cold-{input}")));
        if !arguments.wants(&name) {
            continue;
        }
        let reader = source.open(depth);
        let positions = source.ascending(MANY);
        let bytes = source.size_of(&positions);
        let mut ours = || {
            source.drop_pages();
            get_many_unordered(&reader, &positions, 1, bytes)
        };
        let mut external = source.external("many", MANY, depth, 1, bytes);
        if let Some(work) = &mut external {
            work.before = Box::new(|| source.drop_pages());
        }
        let mut limit = limit_of_cold(&reader, source, &positions, depth);
        let limit_is = match source.zstd {
            true => "pread and bare decoding of the same records, on as many threads",
            false => "pread of the same records, on as many threads",
        };
        let row = TableRow::new(name, Quantity::Once, limit_is);
        report.compare(arguments, &row, &mut ours, Some(&mut limit), external);
    }
}

/// Reads the records of these positions from the disk, in ascending order, on `threads` threads.
fn limit_of_cold<'a>(
    reader: &Reader,
    source: &'a SourcePack<'_>,
    positions: &[u32],
    threads: usize,
) -> impl FnMut() -> Measurement + 'a {
    let ranges = ranges_of(reader, source, positions);
    move || {
        source.drop_pages();
        let file = File::open(&source.path).unwrap();
        let read = |range: &Range<u64>| {
            let mut stored = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut stored, range.start).unwrap();
            if source.zstd {
                limits::decode(limits::frame_of(&stored));
            }
        };
        once(|| limits::spread(&ranges, threads, read)).0
    }
}

fn cached(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>, name: &str) {
    if !arguments.wants(name) {
        return;
    }
    let positions = skewed(&source.scattered(20_000));
    let cache = RecordCache::new(32 << 20);
    let cached = source.options(1).cache(cache).open(&source.path).unwrap();
    let uncached = source.open(1);
    let get = |reader: &Reader| {
        let get = |&position: &u32| assert!(reader.get_with(position, <[u8]>::len).is_ok());
        once(|| positions.iter().for_each(get)).0
    };
    let amount = Quantity::Operations(positions.len() as u64);
    let row = TableRow::new(name.into(), amount, "without the cache");
    let (mut ours, mut limit) = (|| get(&cached), || get(&uncached));
    report.compare(arguments, &row, &mut ours, Some(&mut limit), None);
}

/// Positions of which the n-th most frequent is requested 1/n as often as the first.
fn skewed(scattered: &[u32]) -> Vec<u32> {
    let mut state = 1_u64;
    let ranks = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        (scattered.len() as f64).powf(uniform) as usize - 1
    });
    ranks.take(scattered.len()).map(|rank| scattered[rank]).collect()
}

/// T: opening a pack of twenty million records.
pub fn open_tiny(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    let items = inputs::tiny(arguments.tiny());
    let path = folder.join("tiny.pack");
    let options = Writer::options().items_per_record(1).codec(Plain).content_hash(false);
    let mut writer = options.overwrite(true).create(&path).unwrap();
    // Different sizes, like those of real records.
    for (number, item) in items.slices().enumerate() {
        writer.append(&item[..1 + number * 7 % 10]).unwrap();
    }
    writer.finish().unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let index = u64::from(Reader::open(&path).unwrap().trailer().index_size) + 76;
    let mut ours = || once(|| Reader::open(&path).unwrap()).0;
    let mut limit = || {
        once(|| {
            let mut buffer = vec![0; index as usize];
            File::open(&path).unwrap().read_exact_at(&mut buffer, size - index).unwrap();
            std::hint::black_box(crc::crc32c(&buffer));
        })
        .0
    };
    let bound = 2 * u64::from(Reader::open(&path).unwrap().directory().record_count());
    let row = TableRow {
        bound: Some(bound),
        ..TableRow::new("open-t".into(), Quantity::Once, "one read of the index, and its CRC")
    };
    let mut contest = in_turn(arguments, &mut ours, Some(&mut limit), None);
    let memory = memory_of_opening(&path);
    contest.ours.0.iter_mut().for_each(|run| run.memory = memory);
    // With a small input, the memory of the process itself dominates.
    assert!(arguments.size < 1 << 30 || memory.unwrap() <= bound, "{memory:?}");
    report.row(&row, &contest);
}
