//! Rows that read every item: as views, lent, and to verify them.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use sealpack::{Bytes, Reader};

use super::Arguments;
use super::limits;
use super::measure::{Measurement, once};
use super::reading::SourcePack;
use super::report::{Quantity, ResultTable, TableRow};

pub fn rows(arguments: &Arguments, report: &mut ResultTable, source: &SourcePack<'_>, input: &str) {
    let row = |kind: &str, threads: usize| {
        format!("{} {threads}t", source.row(&format!("{kind}-{input}")))
    };
    for threads in [1, 2] {
        let (views, lent) = (row("scan", threads), row("lent", threads));
        if arguments.wants(&views) {
            scan(arguments, report, source, views, threads, all_as_views);
        }
        if arguments.wants(&lent) {
            scan(arguments, report, source, lent, threads, all_lent);
        }
    }
    // Records of one item are hashed as those of E are.
    for threads in [1, 2] {
        let name = row("verify", threads);
        if input != "single" && arguments.wants(&name) {
            verify(arguments, report, source, name, threads);
        }
    }
}

fn all_as_views(reader: &Reader) -> usize {
    reader.iter().unwrap().map(|item| item.unwrap().len()).sum()
}

fn all_lent(reader: &Reader) -> usize {
    let mut sum = 0;
    reader.for_each(.., |_, item| sum += item.len()).unwrap();
    sum
}

fn scan(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    name: String,
    threads: usize,
    read_all: fn(&Reader) -> usize,
) {
    let reader = source.open(threads);
    let bytes = source.items.bytes.len();
    let mut ours = || {
        let (run, sum) = once(|| read_all(&reader));
        assert_eq!(sum, bytes);
        run
    };
    let frames = all_frames(&reader, source);
    let mut limit = || match source.zstd {
        true => once(|| limits::spread(&frames, threads, |frame| limits::decode(frame))).0,
        false => bare_scan(&source.path),
    };
    let limit_is = match source.zstd {
        true => "bare decoding, buffers reused",
        false => "pread of 1 MiB, one thread",
    };
    let row = TableRow::new(name, Quantity::Bytes(bytes as u64), limit_is);
    let external = source.external("scan", 0, threads, 1, bytes);
    report.compare(arguments, &row, &mut ours, Some(&mut limit), external);
}

fn all_frames(reader: &Reader, source: &SourcePack<'_>) -> Vec<Bytes> {
    match source.zstd {
        true => limits::stored_payloads(reader, 0..reader.directory().record_count()),
        false => Vec::new(),
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
    name: String,
    threads: usize,
) {
    let reader = source.open(threads);
    let payloads = source.items.payloads();
    let frames = all_frames(&reader, source);
    let mut ours = || {
        let (run, report) = once(|| reader.verify().unwrap());
        assert!(report.is_ok());
        run
    };
    let mut limit = || {
        once(|| {
            limits::spread(&frames, threads, |frame| limits::decode(frame));
            limits::spread(&payloads, threads, |payload| limits::sha_once(payload));
        })
        .0
    };
    let row = TableRow::new(name, Quantity::Once, "decoding and SHA-256 (sha2), as many threads");
    let external = source.external("verify", 0, threads, 1, 0);
    report.compare(arguments, &row, &mut ours, Some(&mut limit), external);
}
