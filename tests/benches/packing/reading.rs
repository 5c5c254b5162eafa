//! The packs that the rows read, and which rows read which.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sealpack::{Plain, ReadCodec, Reader, ReaderOptions, Writer, Zstd};

use super::Arguments;
use super::external::{ExternalProgram, ExternalWork};
use super::inputs::{self, InputItems};
use super::latency;
use super::report::ResultTable;
use super::retrieving;
use super::scanning;

/// A pack to read from, and the items that it must return.
pub struct SourcePack<'a> {
    pub items: &'a InputItems,
    /// The same items, indexed by position.
    pub views: Vec<sealpack::Bytes>,
    pub path: PathBuf,
    pub zstd: bool,
    /// The external program that reads the same pack, if there is one.
    external: Option<&'a str>,
}

impl<'a> SourcePack<'a> {
    fn new(arguments: &'a Arguments, items: &'a InputItems, zstd: bool, folder: &Path) -> Self {
        let path = folder.join("read.pack");
        let options = Writer::options().items_per_record(items.per_record).overwrite(true);
        let options = if zstd { options.codec(Zstd::level(3)) } else { options.codec(Plain) };
        let mut writer = options.create(&path).unwrap();
        items.slices().for_each(|item| writer.append(item).unwrap());
        writer.finish().unwrap();
        let external = arguments.external.as_deref();
        Self { items, views: items.views().collect(), path, zstd, external }
    }

    pub fn options(&self, threads: usize) -> ReaderOptions {
        let codec = if self.zstd { ReadCodec::Zstd } else { ReadCodec::Plain };
        Reader::options().codec(codec).threads(threads)
    }

    pub fn open(&self, threads: usize) -> Reader {
        self.options(threads).open(&self.path).unwrap()
    }

    /// Positions spread over the pack; documented for external programs.
    pub fn scattered(&self, count: usize) -> Vec<u32> {
        inputs::scattered_positions(self.items.lengths.len() as u64, count as u64)
    }

    /// The same positions in ascending order, each once.
    pub fn ascending(&self, count: usize) -> Vec<u32> {
        let mut positions = self.scattered(count);
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// The size of the items at these positions.
    pub fn size_of(&self, positions: &[u32]) -> usize {
        positions.iter().map(|&position| self.views[position as usize].len()).sum()
    }

    /// The name of a row.
    pub fn row(&self, row: &str) -> String {
        format!("{row} {}", if self.zstd { "zstd" } else { "none" })
    }

    /// The same work done by the external program. Each of `times` repetitions has
    /// items of `bytes` bytes.
    pub fn external(
        &self,
        mode: &str,
        count: usize,
        threads: usize,
        times: usize,
        bytes: usize,
    ) -> Option<ExternalWork<'_>> {
        let command = self.external?;
        let path = self.path.to_str().unwrap();
        let codec = if self.zstd { "zstd" } else { "none" };
        let (count, threads) = (count.to_string(), threads.to_string());
        let program =
            ExternalProgram::start(command, &["read", path, codec, mode, &count, &threads]);
        let bytes = (bytes * times) as u64;
        Some(ExternalWork {
            program,
            times,
            bytes,
            before: Box::new(|| ()),
            after: Box::new(|| ()),
        })
    }

    /// Drops the pages of the pack from the system's cache.
    pub fn drop_pages(&self) {
        let file = File::open(&self.path).unwrap();
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    }
}

/// Whether to run any of the rows of an input.
fn wants_any(arguments: &Arguments, input: &str, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| arguments.wants_some(&format!("{kind}-{input}")))
}

pub fn rows(arguments: &Arguments, folder: &Path, report: &mut ResultTable) {
    const ALL: [&str; 9] =
        ["open", "get", "many", "unordered", "cached", "scan", "lent", "verify", "latency"];
    let size = arguments.size;
    if wants_any(arguments, "e", &ALL) || arguments.wants_some("cold-e") {
        let items = inputs::events(size);
        for zstd in [false, true] {
            let source = SourcePack::new(arguments, &items, zstd, folder);
            retrieving::open(arguments, report, &source);
            retrieving::rows(arguments, report, &source, "e");
            scanning::rows(arguments, report, &source, "e");
            if arguments.wants_some("latency-e") {
                latency::rows(arguments, report, &source, zstd, false);
            }
            if let Some(disk) = &arguments.disk {
                let folder = tempfile::tempdir_in(disk).unwrap();
                let source = SourcePack::new(arguments, &items, zstd, folder.path());
                retrieving::cold(arguments, report, &source, "e");
                if arguments.wants_some("latency-e") {
                    latency::rows(arguments, report, &source, zstd, true);
                }
            }
        }
    }
    if wants_any(arguments, "r", &["scan", "lent", "verify"]) {
        let items = inputs::records_of_50_kb(size / 2);
        for zstd in [false, true] {
            let source = SourcePack::new(arguments, &items, zstd, folder);
            scanning::rows(arguments, report, &source, "r");
        }
    }
    if wants_any(arguments, "l", &["scan", "lent", "verify"]) {
        let items = inputs::ledgers(size);
        for zstd in [false, true] {
            let source = SourcePack::new(arguments, &items, zstd, folder);
            scanning::rows(arguments, report, &source, "l");
        }
    }
    if wants_any(arguments, "single", &ALL) {
        let mut items = inputs::events(size / 4);
        items.per_record = 1;
        for zstd in [false, true] {
            let source = SourcePack::new(arguments, &items, zstd, folder);
            retrieving::rows(arguments, report, &source, "single");
            scanning::rows(arguments, report, &source, "single");
        }
    }
    if arguments.wants_some("open-t") {
        retrieving::open_tiny(arguments, folder, report);
    }
}
