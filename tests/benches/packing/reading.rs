//! Rows that read.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sealpack::core::wire::crc;
use sealpack::{Plain, ReadCodec, Reader, ReaderOptions, Writer, Zstd};

use super::Arguments;
use super::inputs::{self, InputItems};
use super::latency;
use super::lending;
use super::limits;
use super::measure::{Measurement, in_turn, memory_of_opening, once};
use super::report::{Quantity, ResultTable, TableRow};

/// A pack to read from, and the items that it must return.
pub struct SourcePack<'a> {
    items: &'a InputItems,
    /// The same items, indexed by position.
    pub views: Vec<sealpack::Bytes>,
    pub path: PathBuf,
    codec: ReadCodec,
}

impl<'a> SourcePack<'a> {
    fn new(items: &'a InputItems, zstd: bool, folder: &Path) -> Self {
        let path = folder.join("read.pack");
        let options = Writer::options().items_per_record(items.per_record).overwrite(true);
        let options = if zstd { options.codec(Zstd::level(3)) } else { options.codec(Plain) };
        let mut writer = options.create(&path).unwrap();
        items.slices().for_each(|item| writer.append(item).unwrap());
        writer.finish().unwrap();
        let codec = if zstd { ReadCodec::Zstd } else { ReadCodec::Plain };
        Self { items, views: items.views().collect(), path, codec }
    }

    pub fn options(&self, threads: usize) -> ReaderOptions {
        Reader::options().codec(self.codec.clone()).threads(threads)
    }

    pub fn open(&self, threads: usize) -> Reader {
        self.options(threads).open(&self.path).unwrap()
    }

    /// Positions spread over the pack.
    pub fn scattered(&self, count: usize) -> Vec<u32> {
        let items = self.items.lengths.len() as u64;
        let position = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % items;
        (0..count as u64).map(|n| u32::try_from(position(n + 1)).unwrap()).collect()
    }
}

pub fn rows(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    let size = arguments.size;
    const EVENTS: [&str; 9] = [
        "open-e",
        "get-e",
        "many-e",
        "scan-e",
        "lent-e",
        "unordered-e",
        "cached-e",
        "verify-e",
        "latency-e",
    ];
    if EVENTS.iter().any(|row| arguments.wants_some(row)) {
        let items = inputs::events(size);
        for zstd in [false, true] {
            let source = SourcePack::new(&items, zstd, folder);
            open_events(arguments, report, &source, zstd);
            get(
                arguments,
                report,
                &source,
                "get-e",
                zstd,
                if zstd { (72.0, 1.3) } else { (19.6, 4.0) },
            );
            if zstd {
                get_many(arguments, report, &source);
            }
            scan(arguments, report, &source, "scan-e", zstd);
            lending::rows(arguments, report, &source, "e", zstd);
            verify(arguments, report, &source, "verify-e", zstd);
            if arguments.wants_some("latency-e") {
                latency::rows(arguments, report, &source, zstd, false);
                if let Some(disk) = &arguments.disk {
                    let folder = tempfile::tempdir_in(disk).unwrap();
                    let source = SourcePack::new(&items, zstd, folder.path());
                    latency::rows(arguments, report, &source, zstd, true);
                }
            }
        }
    }
    if ["scan-r", "verify-r"].iter().any(|row| arguments.wants_some(row)) {
        let items = inputs::records_of_50_kb(size / 2);
        for zstd in [false, true] {
            let source = SourcePack::new(&items, zstd, folder);
            scan(arguments, report, &source, "scan-r", zstd);
            verify(arguments, report, &source, "verify-r", zstd);
        }
    }
    if ["get-single", "lent-single", "unordered-single", "cached-single", "scan-small"]
        .iter()
        .any(|row| arguments.wants_some(row))
    {
        let mut items = inputs::events(size / 4);
        items.per_record = 1;
        for zstd in [false, true] {
            let source = SourcePack::new(&items, zstd, folder);
            let reference = if zstd { (5.3, 1.2) } else { (1.3, 1.2) };
            get(arguments, report, &source, "get-single", zstd, reference);
            lending::rows(arguments, report, &source, "single", zstd);
            if zstd {
                scan(arguments, report, &source, "scan-small", zstd);
            }
        }
    }
    if arguments.wants_some("open-t") {
        open_tiny(arguments, folder, report);
    }
}

fn name(row: &str, zstd: bool) -> String {
    format!("{row} {}", if zstd { "zstd" } else { "none" })
}

fn open_events(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    zstd: bool,
) {
    let name = name("open-e", zstd);
    if !arguments.wants(&name) {
        return;
    }
    const TIMES: u64 = 200;
    let size = std::fs::metadata(&source.path).unwrap().len();
    let tail = size.min(256 << 10);
    let (ours, limit) = in_turn(
        arguments,
        || once(|| (0..TIMES).for_each(|_| assert!(source.open(1).item_count() > 0))).0,
        || {
            let read = || {
                let mut buffer = vec![0; tail as usize];
                let file = File::open(&source.path).unwrap();
                file.read_exact_at(&mut buffer, size - tail).unwrap();
                std::hint::black_box(&buffer);
            };
            once(|| (0..TIMES).for_each(|_| read())).0
        },
    );
    let amount = Quantity::Operations(TIMES);
    let limit = limit.map(|limit| (limit, "open and one pread of 256 KiB"));
    report.row(&TableRow {
        name,
        ours,
        limit,
        amount,
        reference: Some((27.0, 1.0)),
        external: None,
        bound: None,
    });
}

/// Compares every item with the expected one, and returns the size of all items. This is
/// not timed: the expected item is in no processor cache, and loading it takes as long as
/// a `get`.
fn compare(reader: &Reader, source: &SourcePack<'_>, positions: &[u32]) -> usize {
    let checked_size = |&position: &u32| {
        let expected = &source.views[position as usize];
        assert!(reader.get(position).unwrap() == expected);
        expected.len()
    };
    positions.iter().map(checked_size).sum()
}

fn get(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    row: &str,
    zstd: bool,
    reference: (f64, f64),
) {
    let name = name(row, zstd);
    if !arguments.wants(&name) {
        return;
    }
    let reader = source.open(1);
    let positions = source.scattered(if arguments.quick { 2_000 } else { 20_000 });
    let file = File::open(&source.path).unwrap();
    let records: Vec<_> = positions.iter().map(|&p| reader.directory().place(p).unwrap()).collect();
    let bytes = compare(&reader, source, &positions);
    let (ours, limit) = in_turn(
        arguments,
        || {
            let get = |&position: &u32| reader.get(position).unwrap().len();
            let (run, sum) = once(|| positions.iter().map(get).sum::<usize>());
            assert_eq!(sum, bytes);
            run
        },
        || {
            let mut decompressor = zstd::bulk::Decompressor::new().unwrap();
            let mut buffer = vec![0; 1 << 20];
            let mut out = Vec::with_capacity(1 << 20);
            once(|| {
                for place in &records {
                    let range = &place.record.range;
                    let stored = &mut buffer[..(range.end - range.start) as usize];
                    if zstd {
                        file.read_exact_at(stored, range.start).unwrap();
                        let frame = zstd::zstd_safe::find_frame_compressed_size(stored).unwrap();
                        decompressor.decompress_to_buffer(&stored[..frame], &mut out).unwrap();
                    } else if place.record.item_count > 1 {
                        let tail = 525.min(stored.len());
                        file.read_exact_at(&mut stored[..tail], range.end - tail as u64).unwrap();
                        file.read_exact_at(&mut stored[..1024], range.start).unwrap();
                    } else {
                        file.read_exact_at(stored, range.start).unwrap();
                    }
                }
            })
            .0
        },
    );
    let limit_name = match (zstd, source.items.per_record) {
        (true, _) => "pread of the record and bare decoding, buffers reused",
        (false, 1) => "one pread",
        (false, _) => "two small preads",
    };
    let amount = Quantity::Operations(positions.len() as u64);
    let limit = limit.map(|limit| (limit, limit_name));
    report.row(&TableRow {
        name,
        ours,
        limit,
        amount,
        reference: Some(reference),
        external: None,
        bound: None,
    });
}

fn get_many(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>) {
    for (threads, reference) in [(1, (64.0, 1.2)), (2, (35.0, 1.3))] {
        let name = format!("many-e zstd 1000 {threads}t");
        if !arguments.wants(&name) {
            continue;
        }
        let reader = source.open(threads);
        let positions = source.scattered(1000);
        let frames = stored_payloads(&reader, positions.iter().map(|p| p / 128));
        let ours = || {
            let mut seen = 0;
            let (run, ()) = once(|| {
                reader
                    .get_many(&positions, |request, item| {
                        assert!(item == source.views[positions[request] as usize]);
                        seen += 1;
                    })
                    .unwrap();
            });
            assert_eq!(seen, positions.len());
            run
        };
        let limit = || once(|| limits::spread(&frames, threads, |frame| decode(frame))).0;
        let (ours, limit) = in_turn(arguments, ours, limit);
        let limit = limit.map(|limit| (limit, "bare decoding of the same records"));
        let reference = Some(reference);
        report.row(&TableRow {
            name,
            ours,
            limit,
            amount: Quantity::Once,
            reference,
            external: None,
            bound: None,
        });
    }
}

/// The frames of some records.
fn stored_payloads(reader: &Reader, records: impl Iterator<Item = u32>) -> Vec<sealpack::Bytes> {
    records
        .map(|number| {
            let stored = reader.stored_record(number).unwrap();
            let length = zstd::zstd_safe::find_frame_compressed_size(&stored).unwrap();
            stored.slice(..length)
        })
        .collect()
}

thread_local! {
    static DECODER: std::cell::RefCell<(zstd::bulk::Decompressor<'static>, Vec<u8>)> =
        std::cell::RefCell::new((zstd::bulk::Decompressor::new().unwrap(), Vec::with_capacity(1 << 20)));
}

fn decode(frame: &[u8]) {
    DECODER.with_borrow_mut(|(decoder, out)| {
        std::hint::black_box(decoder.decompress_to_buffer(frame, out).unwrap());
    });
}

fn scan(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    row: &str,
    zstd: bool,
) {
    for threads in [1, 2] {
        let name = format!("{} {threads}t", name(row, zstd));
        if !arguments.wants(&name) {
            continue;
        }
        let reader = source.open(threads);
        let bytes = source.items.bytes.len();
        let ours = || {
            let count = || reader.iter().unwrap().map(|item| item.unwrap().len()).sum::<usize>();
            let (run, sum) = once(count);
            assert_eq!(sum, bytes);
            run
        };
        let frames = match zstd {
            true => stored_payloads(&reader, 0..reader.directory().record_count()),
            false => Vec::new(),
        };
        let limit = || match zstd {
            true => once(|| limits::spread(&frames, threads, |frame| decode(frame))).0,
            false => bare_scan(&source.path),
        };
        let (ours, limit) = in_turn(arguments, ours, limit);
        let limit_name =
            if zstd { "bare decoding, buffers reused" } else { "pread of 1 MiB, one thread" };
        let reference = match (row, zstd, threads) {
            ("scan-e", false, _) => Some((6000.0, 1.2)),
            ("scan-e", true, 1) => Some((1900.0, 1.0)),
            ("scan-e", true, 2) => Some((1900.0, 1.8)),
            ("scan-small", true, _) => Some((254.0, 1.5)),
            _ => None,
        };
        let amount = Quantity::Bytes(bytes as u64);
        report.row(&TableRow {
            name,
            ours,
            limit: limit.map(|limit| (limit, limit_name)),
            amount,
            reference,
            external: None,
            bound: None,
        });
    }
}

fn bare_scan(path: &Path) -> Measurement {
    let file = File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    let mut buffer = vec![0; 1 << 20];
    let mut read = || {
        let mut at = 0;
        while at < size {
            let length = (size - at).min(1 << 20) as usize;
            file.read_exact_at(&mut buffer[..length], at).unwrap();
            at += length as u64;
        }
    };
    once(&mut read).0
}

fn verify(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    row: &str,
    zstd: bool,
) {
    let name = format!("{} 2t", name(row, zstd));
    if !arguments.wants(&name) {
        return;
    }
    let reader = source.open(2);
    let payloads = source.items.payloads();
    let frames = match zstd {
        true => stored_payloads(&reader, 0..reader.directory().record_count()),
        false => Vec::new(),
    };
    let ours = || {
        let (run, report) = once(|| reader.verify().unwrap());
        assert!(report.is_ok());
        run
    };
    let limit = || {
        once(|| {
            limits::spread(&frames, 2, |frame| decode(frame));
            limits::spread(&payloads, 2, |payload| limits::sha_once(payload));
        })
        .0
    };
    let (ours, limit) = in_turn(arguments, ours, limit);
    let reference = match (row, zstd) {
        ("verify-e", true) => Some((1440.0, 2.0)),
        ("verify-e", false) => Some((950.0, 2.5)),
        _ => None,
    };
    let limit_name = "decoding and SHA-256 (sha2), 2 threads";
    report.row(&TableRow {
        name,
        ours,
        limit: limit.map(|limit| (limit, limit_name)),
        amount: Quantity::Once,
        reference,
        external: None,
        bound: None,
    });
}

/// T: opening a pack of twenty million records.
fn open_tiny(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
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
    let (ours, limit) = in_turn(
        arguments,
        || once(|| Reader::open(&path).unwrap()).0,
        || {
            once(|| {
                let mut buffer = vec![0; index as usize];
                File::open(&path).unwrap().read_exact_at(&mut buffer, size - index).unwrap();
                std::hint::black_box(crc::crc32c(&buffer));
            })
            .0
        },
    );
    let limit_name = "one read of the index, and its CRC";
    let bound = 2 * u64::from(Reader::open(&path).unwrap().directory().record_count());
    let ours = Measurement { memory: memory_of_opening(&path), ..ours };
    // With a small input, the memory of the process itself dominates.
    assert!(arguments.size < 1 << 30 || ours.memory.unwrap() <= bound, "{:?}", ours.memory);
    report.row(&TableRow {
        name: "open-t".into(),
        ours,
        limit: limit.map(|limit| (limit, limit_name)),
        amount: Quantity::Once,
        reference: Some((193.0, 5.0)),
        external: None,
        bound: Some(bound),
    });
}
