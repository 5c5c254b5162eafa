//! Rows that write.

use std::path::Path;

use sealpack::{Bytes, Plain, ReadCodec, Reader, SealedPack, Writer, WriterOptions, Zstd};

use super::Arguments;
use super::external::{self, ExternalProgram, ExternalWork};
use super::inputs::{self, InputItems};
use super::limits;
use super::measure::{Measurement, once};
use super::report::{Quantity, ResultTable, TableRow};

/// The options of a row that writes.
#[derive(Clone, Copy)]
struct WriteCase {
    zstd: bool,
    hash: bool,
    workers: usize,
}

/// Every combination, but for a second worker where there is no work for it.
fn cases() -> impl Iterator<Item = WriteCase> {
    [(false, false), (false, true), (true, false), (true, true)].into_iter().flat_map(
        |(zstd, hash)| {
            let most = if zstd || hash { 2 } else { 1 };
            (1..=most).map(move |workers| WriteCase { zstd, hash, workers })
        },
    )
}

pub fn rows(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    let size = arguments.size;
    if arguments.wants_some("write-e") {
        let items = inputs::events(size);
        cases().for_each(|case| row(arguments, folder, report, "write-e", &items, case));
    }
    if arguments.wants_some("write-r") {
        let items = inputs::records_of_50_kb(size / 2);
        cases().for_each(|case| row(arguments, folder, report, "write-r", &items, case));
    }
    if arguments.wants_some("write-l") || arguments.wants_some("write-f") {
        let items = inputs::ledgers(size);
        if arguments.wants_some("write-l") {
            cases().for_each(|case| row(arguments, folder, report, "write-l", &items, case));
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
        let case = WriteCase { zstd: true, hash: false, workers: 2 };
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
    let WriteCase { zstd, hash, workers } = case;
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
    let (limit_is, limit): (&'static str, Box<dyn Fn()>) = match (zstd, hash) {
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
    let mut ours = || write(options(case, items.per_record), items, &path);
    let mut limit = || run_limit(&limit, &limit_path);
    let largest = payloads.iter().map(|payload| payload.len() as u64).max();
    let bound = largest.map(|record| options(case, items.per_record).memory_bound(record));
    let amount = Quantity::Bytes(items.bytes.len() as u64);
    let row = TableRow { bound, ..TableRow::new(name, amount, limit_is) };
    let command = arguments.external.as_deref();
    let external = command.map(|command| external(command, folder, items, case));
    report.compare(arguments, &row, &mut ours, Some(&mut limit), external);
}

/// The external packer. Its first pack is compared with the items, of the others their
/// number.
fn external<'a>(
    command: &str,
    folder: &Path,
    items: &'a InputItems,
    case: WriteCase,
) -> ExternalWork<'a> {
    let (file, path) = (folder.join("bench.items"), folder.join("external.pack"));
    external::write_items(items, &file);
    let codec = if case.zstd { "zstd" } else { "none" };
    let numbers = [case.workers.to_string(), items.per_record.to_string()];
    let hash = case.hash.to_string();
    let (from, to) = (file.to_str().unwrap(), path.to_str().unwrap());
    let line = ["write", from, to, codec, &hash, &numbers[0], &numbers[1]];
    let program = ExternalProgram::start(command, &line);
    let mut compared = false;
    let after = move || {
        let codec = if case.zstd { ReadCodec::Zstd } else { ReadCodec::Plain };
        let reader = Reader::options().codec(codec).open(&path).unwrap();
        assert_eq!(reader.item_count() as usize, items.lengths.len());
        if !std::mem::replace(&mut compared, true) {
            let mut expected = items.slices();
            reader.for_each(.., |_, item| assert_eq!(Some(item), expected.next())).unwrap();
            assert!(reader.verify().unwrap().is_ok());
            // The program has read the items by now.
            std::fs::remove_file(&file).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
    };
    let bytes = items.bytes.len() as u64;
    ExternalWork { program, times: 1, bytes, before: Box::new(|| ()), after: Box::new(after) }
}

/// F: items that are already compressed, passed as owned buffers.
fn freeze(arguments: &Arguments, folder: &Path, report: &mut ResultTable, ledgers: &InputItems) {
    let frozen = inputs::frozen(ledgers);
    let bytes: u64 = frozen.iter().map(|item| item.len() as u64).sum();
    let (path, limit_path) = (folder.join("bench.pack"), folder.join("bench.raw"));
    for hash in [false, true] {
        let name = format!("write-f owned{} 1w", if hash { "+hash" } else { "" });
        if !arguments.wants(&name) {
            continue;
        }
        let case = WriteCase { zstd: false, hash, workers: 1 };
        let mut ours = || {
            let items: Vec<Bytes> = frozen.clone();
            let (run, sealed) = once(|| {
                let mut writer = options(case, 1).format_id(1).create(&path).unwrap();
                items.into_iter().for_each(|item| writer.append_owned(item).unwrap());
                writer.finish().unwrap()
            });
            check(&sealed, frozen.len(), &path);
            run
        };
        let mut limit = || match hash {
            false => run_limit(|| limits::write_vectored(&frozen, &limit_path), &limit_path),
            true => once(|| limits::spread(&frozen, 1, |item| limits::sha_once(item))).0,
        };
        let limit_is =
            if hash { "SHA-256 of each item (sha2)" } else { "writev of the same buffers" };
        let row = TableRow::new(name, Quantity::Bytes(bytes), limit_is);
        report.compare(arguments, &row, &mut ours, Some(&mut limit), None);
    }
}

/// T: twenty million items of ten bytes.
fn tiny(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    let items = inputs::tiny(arguments.tiny());
    let (path, limit_path) = (folder.join("bench.pack"), folder.join("bench.raw"));
    let case = WriteCase { zstd: false, hash: false, workers: 1 };
    let mut plain = || write(options(case, 1), &items, &path);
    let mut limit =
        || run_limit(|| limits::copy_and_write(items.slices(), &limit_path), &limit_path);
    let limit_is = "the same bytes through a 1 MiB buffer";
    let amount = Quantity::Bytes(items.bytes.len() as u64);
    let row = |name: &str| TableRow::new(name.into(), amount, limit_is);
    let command = arguments.external.as_deref();
    let external = command.map(|command| external(command, folder, &items, case));
    report.compare(arguments, &row("write-t none"), &mut plain, Some(&mut limit), external);
    let hashed = WriteCase { hash: true, ..case };
    let mut hashed = || write(options(hashed, 1), &items, &path);
    report.compare(arguments, &row("write-t none+hash 1w"), &mut hashed, None, None);
}
