//! Compares packing and reading with the machine's limits, in one run.
//!
//! ```text
//! cargo bench --bench packing                       every row, inputs of 1 GiB
//! cargo bench --bench packing -- --quick            inputs of 64 MiB: for a quick impression, not for figures
//! cargo bench --bench packing -- write-e get        rows whose names contain one of these words
//! cargo bench --bench packing -- --json             one JSON object per row
//! cargo bench --bench packing -- --runs 5           runs of each row; the median is reported
//! cargo bench --bench packing -- --size 256         size of each input in MiB
//! cargo bench --bench packing -- --alone            without the limits, for a profiler
//! cargo bench --bench packing -- --folder DIR       where packs are written; default: a tmpfs, if there is one
//! cargo bench --bench packing -- --disk DIR         a folder on a disk, for the rows that need one
//! cargo bench --bench packing -- --memory           measures memory, which makes the rows slower
//! cargo bench --bench packing -- --chart FILE SVG   draws the lines of --json; runs nothing
//! cargo bench --bench packing -- --table FILE       prints the lines of --json as Markdown; runs nothing
//! cargo bench --bench packing -- --external 'CMD'   adds another program to the table (below)
//! ```
//!
//! A limit is what the machine achieves with the same bytes without sealpack: a loop
//! over zstd, SHA-256 over the same messages, a plain write. It alternates with the row
//! in the same run, so that a change in the machine's speed affects both. Each row checks
//! what it wrote or read.
//!
//! `--external` alternates in the same way with a program of yours that writes and reads
//! packs. It is started once for each row and works once for each number of repetitions
//! that it reads, one a line, until its input ends:
//!
//! ```text
//! CMD write ITEMS OUT CODEC HASH WORKERS PER_RECORD
//!     packs ITEMS, a file of [u32 LE length][bytes], to OUT; it may load them first
//! CMD read PACK CODEC MODE N THREADS
//!     open    opens PACK N times, everything else once, before the first run
//!     scan    every item, in order
//!     get     N positions, one call each: position n, from 1 to N, is
//!             (n * 0x9e3779b97f4a7c15 mod 2^64 >> 20) mod the number of items
//!     many    the same positions in one call, in ascending order, each once
//!     verify  every record, and the content hash
//! ```
//!
//! CODEC is `none` or `zstd`, HASH `true` or `false`. After each run it prints one line
//! `{"seconds": …, "cpu_seconds": …, "bytes": …}`: wall time, processor time of all
//! threads, and the size of the items that it wrote or passed to its caller (0 for `open`
//! and `verify`). Its packs are read and compared with the items.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a benchmark that cannot run stops"
)]

mod chart;
mod dictionaries;
mod durable;
mod external;
mod inputs;
mod latency;
mod limits;
mod machine;
mod measure;
mod reading;
mod report;
mod retrieving;
mod scanning;
mod table;
mod writing;

use std::path::PathBuf;

/// The arguments of the command line.
pub struct Arguments {
    pub quick: bool,
    pub json: bool,
    /// Skip the limits.
    pub alone: bool,
    /// The size of each input, in bytes.
    pub size: usize,
    pub runs: usize,
    pub folder: PathBuf,
    /// A folder on a disk, for the rows that need one.
    pub disk: Option<PathBuf>,
    pub memory: bool,
    /// Print the memory that opening this pack takes. The benchmark calls itself
    /// with this option.
    pub open: Option<PathBuf>,
    pub chart: Option<(PathBuf, PathBuf)>,
    pub table: Option<PathBuf>,
    pub external: Option<String>,
    pub rows: Vec<String>,
}

impl Arguments {
    fn parse() -> Self {
        let shm = PathBuf::from("/dev/shm");
        let mut parsed = Self {
            quick: false,
            json: false,
            alone: false,
            size: 0,
            runs: 0,
            folder: if shm.is_dir() { shm } else { std::env::temp_dir() },
            disk: None,
            memory: false,
            open: None,
            chart: None,
            table: None,
            external: None,
            rows: Vec::new(),
        };
        let mut remaining = std::env::args().skip(1);
        while let Some(argument) = remaining.next() {
            let mut value = || remaining.next().expect("a value after the option");
            match argument.as_str() {
                "--bench" => {}
                "--quick" => parsed.quick = true,
                "--json" => parsed.json = true,
                "--alone" => parsed.alone = true,
                "--size" => parsed.size = value().parse::<usize>().expect("a number of MiB") << 20,
                "--runs" => parsed.runs = value().parse().expect("a number of runs"),
                "--folder" => parsed.folder = value().into(),
                "--disk" => parsed.disk = Some(value().into()),
                "--memory" => parsed.memory = true,
                "--open" => parsed.open = Some(value().into()),
                "--chart" => parsed.chart = Some((value().into(), value().into())),
                "--table" => parsed.table = Some(value().into()),
                "--external" => parsed.external = Some(value()),
                option if option.starts_with("--") => panic!("no option {option}: see the source"),
                row => parsed.rows.push(row.to_string()),
            }
        }
        if parsed.size == 0 {
            parsed.size = if parsed.quick { 64 << 20 } else { 1 << 30 };
        }
        if parsed.runs == 0 {
            parsed.runs = if parsed.quick { 3 } else { 5 };
        }
        parsed
    }

    /// Whether to run a row.
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| row.contains(part.as_str()))
    }

    /// Whether to run any row whose name starts with `start`.
    pub fn wants_some(&self, start: &str) -> bool {
        self.wants(start) || self.rows.iter().any(|part| part.starts_with(start))
    }

    /// The number of records of the input T.
    pub fn tiny(&self) -> usize {
        (self.size >> 20) * 20_000_000 / 1024
    }
}

fn main() {
    let arguments = Arguments::parse();
    if let Some((results, out)) = &arguments.chart {
        return chart::write(results, out);
    }
    if let Some(results) = &arguments.table {
        return table::print(results);
    }
    if let Some(path) = &arguments.open {
        return measure::print_memory_of_opening(path);
    }
    if arguments.memory && measure::run_again_for_memory() {
        return;
    }
    let folder = tempfile::tempdir_in(&arguments.folder).unwrap();
    let mut report = report::ResultTable::new(&arguments);
    writing::rows(&arguments, folder.path(), &mut report);
    reading::rows(&arguments, folder.path(), &mut report);
    dictionaries::rows(&arguments, folder.path(), &mut report);
    durable::rows(&arguments, &mut report);
    report.finish();
}
