//! Packing and reading beside their limits, in one run.
//!
//! ```text
//! cargo bench --bench packing                       every row, inputs of 1 GiB
//! cargo bench --bench packing -- --quick            inputs of 64 MiB: a look, not a figure
//! cargo bench --bench packing -- write-e get        rows whose names contain one of these
//! cargo bench --bench packing -- --json             one JSON object a row
//! cargo bench --bench packing -- --runs 5           runs of each row; the median is told
//! cargo bench --bench packing -- --size 256         MiB of each input
//! cargo bench --bench packing -- --alone            without the limits: for a profiler
//! cargo bench --bench packing -- --folder DIR       where packs go (a tmpfs, if there is one)
//! cargo bench --bench packing -- --disk DIR         a disk: rows that need one are run too
//! cargo bench --bench packing -- --memory           memory as it is used, at the cost of time
//! cargo bench --bench packing -- --chart FILE SVG   draws the lines of --json; runs nothing
//! cargo bench --bench packing -- --external 'CMD'   your own packer in the same table:
//!     CMD ITEMS OUT CODEC HASH WORKERS is run, where ITEMS is a file of
//!     [u32 LE length][bytes] and OUT where the pack goes; it prints one JSON
//!     line {"seconds": …}
//! ```
//!
//! A limit is what the machine can do with the same bytes and none of our
//! code: the bare zstd loop, SHA-256 over the same messages, a bare write. It
//! runs in turn with what it limits, so that a machine that changes its speed
//! changes both. Each row checks what it made or read.

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
mod durable;
mod external;
mod inputs;
mod latency;
mod limits;
mod measure;
mod reading;
mod report;
mod writing;

use std::path::PathBuf;

/// What the command line asks for.
pub struct Asked {
    pub quick: bool,
    pub json: bool,
    /// The limits are not run.
    pub alone: bool,
    /// Bytes of each input.
    pub size: usize,
    pub runs: usize,
    pub folder: PathBuf,
    /// A folder on a disk.
    pub disk: Option<PathBuf>,
    pub memory: bool,
    /// A pack whose opening's memory is asked for, by this program itself.
    pub open: Option<PathBuf>,
    pub chart: Option<(PathBuf, PathBuf)>,
    pub external: Option<String>,
    pub rows: Vec<String>,
}

impl Asked {
    fn parse() -> Self {
        let shm = PathBuf::from("/dev/shm");
        let mut asked = Self {
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
            external: None,
            rows: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value behind the option");
            match argument.as_str() {
                "--bench" => {}
                "--quick" => asked.quick = true,
                "--json" => asked.json = true,
                "--alone" => asked.alone = true,
                "--size" => asked.size = value().parse::<usize>().expect("a number of MiB") << 20,
                "--runs" => asked.runs = value().parse().expect("a number of runs"),
                "--folder" => asked.folder = value().into(),
                "--disk" => asked.disk = Some(value().into()),
                "--memory" => asked.memory = true,
                "--open" => asked.open = Some(value().into()),
                "--chart" => asked.chart = Some((value().into(), value().into())),
                "--external" => asked.external = Some(value()),
                option if option.starts_with("--") => panic!("no option {option}: see the source"),
                row => asked.rows.push(row.to_string()),
            }
        }
        if asked.size == 0 {
            asked.size = if asked.quick { 64 << 20 } else { 1 << 30 };
        }
        if asked.runs == 0 {
            asked.runs = if asked.quick { 3 } else { 5 };
        }
        asked
    }

    /// Whether a row was asked for.
    pub fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| row.contains(part.as_str()))
    }

    /// Whether a row whose name begins like this may have been asked for.
    pub fn wants_some(&self, start: &str) -> bool {
        self.wants(start) || self.rows.iter().any(|part| part.starts_with(start))
    }

    /// The records of the tiny input.
    pub fn tiny(&self) -> usize {
        (self.size >> 20) * 20_000_000 / 1024
    }
}

fn main() {
    let asked = Asked::parse();
    if let Some((results, out)) = &asked.chart {
        return chart::write(results, out);
    }
    if let Some(path) = &asked.open {
        return measure::open_and_tell(path);
    }
    if asked.memory && measure::run_again_for_memory() {
        return;
    }
    let folder = tempfile::tempdir_in(&asked.folder).unwrap();
    let mut report = report::Report::new(&asked);
    writing::rows(&asked, folder.path(), &mut report);
    reading::rows(&asked, folder.path(), &mut report);
    durable::rows(&asked, &mut report);
    report.finish();
}
