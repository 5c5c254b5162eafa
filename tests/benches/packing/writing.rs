//! Rows that write.

use std::path::Path;

use sealpack::{Bytes, Plain, SealedPack, Writer, WriterOptions, Zstd};

use super::Arguments;
use super::external;
use super::inputs::{self, InputItems};
use super::limits;
use super::measure::{Measurement, in_turn, median, once};
use super::report::{Quantity, ResultTable, TableRow};

/// The options of a row that writes.
#[derive(Clone, Copy)]
struct WriteCase {
    zstd: bool,
    hash: bool,
    workers: usize,
    /// The rate of the Go library in MB/s, and the target for the ratio to it.
    reference: Option<(f64, f64)>,
}

const fn case(zstd: bool, hash: bool, workers: usize, reference: f64, goal: f64) -> WriteCase {
    WriteCase { zstd, hash, workers, reference: Some((reference, goal)) }
}

const EVENTS: [WriteCase; 7] = [
    case(false, false, 1, 2136.0, 1.6),
    case(false, true, 1, 1164.0, 2.0),
    case(false, true, 2, 1496.0, 2.0),
    case(true, false, 1, 592.0, 1.0),
    case(true, false, 2, 1087.0, 1.0),
    case(true, true, 1, 504.0, 1.1),
    case(true, true, 2, 741.0, 1.25),
];

const LEDGERS: [WriteCase; 5] = [
    case(false, false, 1, 2003.0, 1.6),
    case(false, true, 1, 860.0, 2.2),
    case(false, true, 2, 1390.0, 2.0),
    case(true, false, 2, 445.0, 1.0),
    case(true, true, 2, 313.0, 1.3),
];

pub fn rows(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    let size = arguments.size;
    if arguments.wants_some("write-e") {
        let items = inputs::events(size);
        EVENTS.iter().for_each(|&case| row(arguments, folder, report, "write-e", &items, case));
    }
    if arguments.wants_some("write-r") {
        let items = inputs::records_of_50_kb(size / 2);
        for zstd in [false, true] {
            for hash in [false, true] {
                for workers in [1, 2] {
                    let case = WriteCase { zstd, hash, workers, reference: None };
                    row(arguments, folder, report, "write-r", &items, case);
                }
            }
        }
    }
    if arguments.wants_some("write-l") || arguments.wants_some("write-f") {
        let items = inputs::ledgers(size);
        if arguments.wants_some("write-l") {
            LEDGERS
                .iter()
                .for_each(|&case| row(arguments, folder, report, "write-l", &items, case));
        }
        if arguments.wants_some("write-f") {
            freeze(arguments, folder, report, &items);
        }
    }
    if arguments.wants_some("write-t") {
        tiny(arguments, folder, report);
    }
    if arguments.wants_some("write-s") {
        let items = inputs::small();
        let case = WriteCase { zstd: true, hash: false, workers: 2, reference: None };
        row(arguments, folder, report, "write-s", &items, case);
    }
}

fn options(case: WriteCase, per_record: u32) -> WriterOptions {
    let options = Writer::options()
        .items_per_record(per_record)
        .content_hash(case.hash)
        .threads(case.workers);
    if case.zstd { options.codec(Zstd::level(3)) } else { options.codec(Plain) }
}

/// Writes all items, checks their number, and removes the pack.
fn write(options: WriterOptions, items: &InputItems, path: &Path) -> Measurement {
    let (run, sealed) = once(|| {
        let mut writer = options.create(path).unwrap();
        items.slices().for_each(|item| writer.append(item).unwrap());
        writer.finish().unwrap()
    });
    check(&sealed, items.lengths.len(), path);
    run
}

/// Runs a limit, and removes the file that it may have written.
fn run_limit(limit: impl Fn(), limit_path: &Path) -> Measurement {
    let (run, ()) = once(limit);
    let _ = std::fs::remove_file(limit_path);
    run
}

fn check(sealed: &SealedPack, items: usize, path: &Path) {
    assert_eq!(sealed.trailer.total_items as usize, items);
    assert_eq!(std::fs::metadata(path).unwrap().len(), sealed.file_size);
    std::fs::remove_file(path).unwrap();
}

fn row(
    arguments: &Arguments,
    folder: &Path,
    report: &mut ResultTable,
    input: &str,
    items: &InputItems,
    case: WriteCase,
) {
    let WriteCase { zstd, hash, workers, reference } = case;
    let name = format!(
        "{input} {}{} {workers}w",
        if zstd { "zstd" } else { "none" },
        if hash { "+hash" } else { "" }
    );
    if !arguments.wants(&name) {
        return;
    }
    let payloads = items.payloads();
    let path = folder.join("bench.pack");
    let limit_path = folder.join("bench.raw");
    let (limit_name, limit): (&'static str, Box<dyn Fn()>) = match (zstd, hash) {
        (false, false) => (
            "one copy into 1 MiB buffers, and write",
            Box::new(|| limits::copy_and_write(items.slices(), &limit_path)),
        ),
        (false, true) => (
            "SHA-256 of each record (sha2) on the workers",
            Box::new(|| limits::spread(&payloads, workers, |payload| limits::sha_once(payload))),
        ),
        (true, false) => (
            "the bare zstd loop on the workers",
            Box::new(|| limits::spread(&payloads, workers, |payload| limits::zstd_once(payload))),
        ),
        (true, true) => (
            "SHA-256 (sha2) and zstd of each record on the workers",
            Box::new(|| {
                limits::spread(&payloads, workers, |payload| {
                    limits::sha_once(payload);
                    limits::zstd_once(payload);
                });
            }),
        ),
    };
    let (ours, limit) = in_turn(
        arguments,
        || write(options(case, items.per_record), items, &path),
        || run_limit(&limit, &limit_path),
    );
    let external = arguments.external.as_ref().map(|command| {
        let file = folder.join("bench.items");
        external::write_items(items, &file);
        let run = || external::run(command, &file, &path, zstd, hash, workers);
        let mut seconds: Vec<f64> = (0..arguments.runs).map(|_| run()).collect();
        std::fs::remove_file(&file).unwrap();
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    });
    let amount = Quantity::Bytes(items.bytes.len() as u64);
    let limit = limit.map(|limit| (limit, limit_name));
    let largest = payloads.iter().map(|payload| payload.len() as u64).max();
    let bound = largest.map(|record| options(case, items.per_record).memory_bound(record));
    report.row(&TableRow { name, ours, limit, amount, reference, external, bound });
}

/// F: items that are already compressed, passed as owned buffers.
fn freeze(arguments: &Arguments, folder: &Path, report: &mut ResultTable, ledgers: &InputItems) {
    let frozen = inputs::frozen(ledgers);
    let bytes: u64 = frozen.iter().map(|item| item.len() as u64).sum();
    let (path, limit_path) = (folder.join("bench.pack"), folder.join("bench.raw"));
    for (hash, reference) in [(false, (2003.0, 2.5)), (true, (860.0, 2.2))] {
        let name = format!("write-f owned{} 1w", if hash { "+hash" } else { "" });
        if !arguments.wants(&name) {
            continue;
        }
        let case = WriteCase { zstd: false, hash, workers: 1, reference: None };
        let ours = || {
            let items: Vec<Bytes> = frozen.clone();
            let (run, sealed) = once(|| {
                let mut writer = options(case, 1).format_id(1).create(&path).unwrap();
                items.into_iter().for_each(|item| writer.append_owned(item).unwrap());
                writer.finish().unwrap()
            });
            check(&sealed, frozen.len(), &path);
            run
        };
        let limit = || match hash {
            false => run_limit(|| limits::write_vectored(&frozen, &limit_path), &limit_path),
            true => once(|| limits::spread(&frozen, 1, |item| limits::sha_once(item))).0,
        };
        let limit_name =
            if hash { "SHA-256 of each item (sha2)" } else { "writev of the same buffers" };
        let (ours, limit) = in_turn(arguments, ours, limit);
        let amount = Quantity::Bytes(bytes);
        let reference = Some(reference);
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

/// T: twenty million items of ten bytes.
fn tiny(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    let items = inputs::tiny(arguments.tiny());
    let (path, limit_path) = (folder.join("bench.pack"), folder.join("bench.raw"));
    let case = WriteCase { zstd: false, hash: false, workers: 1, reference: None };
    let (ours, limit) = in_turn(
        arguments,
        || write(options(case, 1), &items, &path),
        || run_limit(|| limits::copy_and_write(items.slices(), &limit_path), &limit_path),
    );
    let limit_name = "the same bytes through a 1 MiB buffer";
    report.row(&TableRow {
        name: "write-t none".into(),
        ours,
        limit: limit.map(|limit| (limit, limit_name)),
        amount: Quantity::Bytes(items.bytes.len() as u64),
        reference: Some((16.0, 12.0)),
        external: None,
        bound: None,
    });
    let hashed = WriteCase { hash: true, ..case };
    let runs = (0..arguments.runs).map(|_| write(options(hashed, 1), &items, &path)).collect();
    report.row(&TableRow {
        name: "write-t none+hash 1w".into(),
        ours: median(runs),
        limit: None,
        amount: Quantity::Bytes(items.bytes.len() as u64),
        reference: None,
        external: None,
        bound: None,
    });
}
