//! Prints the results: a table, or JSON.

use super::Arguments;
use super::dictionaries::DictionaryForm;
use super::measure::Measurement;

/// A row of the table.
pub struct TableRow {
    /// Its name, as on the command line.
    pub name: String,
    /// The measurement of sealpack.
    pub ours: Measurement,
    /// The measurement of the limit, and what the limit is.
    pub limit: Option<(Measurement, &'static str)>,
    /// How much was processed; determines the unit.
    pub amount: Quantity,
    /// The figure of the Go library on a 2-core x86-64 machine with AVX-512, in the unit
    /// of the row, and the target for sealpack's ratio to it.
    pub reference: Option<(f64, f64)>,
    /// The external packer's seconds.
    pub external: Option<f64>,
    /// The bound on the memory of sealpack, in bytes.
    pub bound: Option<u64>,
}

/// How much a row processes.
#[derive(Clone, Copy)]
pub enum Quantity {
    Bytes(u64),
    Operations(u64),
    Once,
}

impl Quantity {
    fn unit(self) -> &'static str {
        match self {
            Self::Bytes(_) => "MB/s",
            Self::Operations(_) => "µs",
            Self::Once => "ms",
        }
    }

    /// The figure of a measurement: a rate or a time.
    fn figure(self, seconds: f64) -> f64 {
        match self {
            Self::Bytes(bytes) => bytes as f64 / seconds / 1e6,
            Self::Operations(count) => seconds / count as f64 * 1e6,
            Self::Once => seconds * 1e3,
        }
    }

    /// How many times as fast `figure` is as `other`.
    fn ratio(self, figure: f64, other: f64) -> f64 {
        if matches!(self, Self::Bytes(_)) { figure / other } else { other / figure }
    }
}

/// The latencies of single calls, in microseconds.
#[derive(Clone, Copy)]
pub struct Latencies {
    pub p50: f64,
    pub p99: f64,
    pub worst: f64,
}

/// The times of several runs, in seconds: of the whole, and of its last step.
pub struct Spread {
    name: &'static str,
    bytes: usize,
    whole: Vec<f64>,
    last: Vec<f64>,
}

impl Spread {
    pub fn new(name: &'static str, bytes: usize, runs: Vec<(f64, f64)>) -> Self {
        let (mut whole, mut last): (Vec<f64>, Vec<f64>) = runs.into_iter().unzip();
        whole.sort_by(f64::total_cmp);
        last.sort_by(f64::total_cmp);
        Self { name, bytes, whole, last }
    }
}

/// Minimum, median and maximum.
fn min_median_max(sorted: &[f64]) -> [f64; 3] {
    [sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]]
}

fn spread_of(runs: &[f64]) -> [f64; 3] {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    min_median_max(&sorted)
}

pub struct ResultTable {
    json: bool,
    quick: bool,
    rows: usize,
}

impl ResultTable {
    pub fn new(arguments: &Arguments) -> Self {
        if !arguments.json {
            println!(
                "{:<30} {:>10} {:>5} {:>10} {:>6}  {:>10} {:>6} {:>5}  {:>7} {:>15}  limit",
                "", "sealpack", "", "limit", "ratio", "Go", "ratio", "target", "cpu s", "memory"
            );
        }
        Self { json: arguments.json, quick: arguments.quick, rows: 0 }
    }

    pub fn row(&mut self, row: &TableRow) {
        self.rows += 1;
        let amount = row.amount;
        let ours = amount.figure(row.ours.seconds);
        let limit = row.limit.map(|(run, _)| amount.figure(run.seconds));
        let ratio_to_limit = limit.map(|limit| amount.ratio(ours, limit));
        // The time for a whole input is comparable only at the full size.
        let comparable = !(self.quick && matches!(amount, Quantity::Once));
        let reference = row.reference.filter(|_| comparable);
        let ratio_to_reference = reference.map(|(figure, _)| amount.ratio(ours, figure));
        if self.json {
            let line = serde_json::json!({
                "row": row.name, "unit": amount.unit(), "ours": ours, "limit": limit,
                "limit_is": row.limit.map(|(_, what)| what), "ratio_to_limit": ratio_to_limit,
                "reference": reference.map(|(figure, _)| figure),
                "ratio_to_reference": ratio_to_reference, "goal": reference.map(|(_, goal)| goal),
                "external": row.external.map(|seconds| amount.figure(seconds)),
                "seconds": row.ours.seconds, "cpu_seconds": row.ours.cpu,
                "caller_cpu_seconds": row.ours.caller_cpu,
                "memory_bytes": row.ours.memory, "memory_bound": row.bound,
            });
            println!("{line}");
            return;
        }
        let text =
            |figure: Option<f64>| figure.map_or("–".into(), |figure| format!("{figure:.1}"));
        let ratio = |ratio: Option<f64>| ratio.map_or("–".into(), |ratio| format!("{ratio:.2}"));
        println!(
            "{:<30} {:>10} {:>5} {:>10} {:>6}  {:>10} {:>6} {:>5}  {:>7.2} {:>15}  {}{}",
            row.name,
            text(Some(ours)),
            amount.unit(),
            text(limit),
            ratio(ratio_to_limit),
            text(reference.map(|(figure, _)| figure)),
            ratio(ratio_to_reference),
            ratio(reference.map(|(_, goal)| goal)),
            row.ours.cpu,
            {
                let bound = row
                    .bound
                    .map_or(String::new(), |bound| format!(" of {:.0}", bound as f64 / 1e6));
                let memory = text(row.ours.memory.map(|memory| memory as f64 / 1e6));
                format!("{memory}{bound} MB")
            },
            row.limit.map_or("", |(_, what)| what),
            row.external.map_or(String::new(), |seconds| {
                let figure = amount.figure(seconds);
                format!("; external {figure:.1}, ratio {:.2}", amount.ratio(ours, figure))
            }),
        );
    }

    /// Prints a row of latencies.
    pub fn latencies(&mut self, name: &str, calls: usize, times: Latencies) {
        self.rows += 1;
        let Latencies { p50, p99, worst } = times;
        if self.json {
            let line = serde_json::json!({
                "row": name, "unit": "µs", "calls": calls, "p50": p50, "p99": p99, "worst": worst,
            });
            println!("{line}");
        } else {
            println!(
                "{name:<42} p50 {p50:>9.1}  p99 {p99:>9.1}  worst {worst:>9.1} µs  ({calls} calls)"
            );
        }
    }

    /// Prints a row with the times of several runs.
    pub fn spread(&mut self, spread: &Spread) {
        self.rows += 1;
        let (whole, last) = (min_median_max(&spread.whole), min_median_max(&spread.last));
        if self.json {
            let line = serde_json::json!({
                "row": spread.name, "unit": "s", "bytes": spread.bytes,
                "seconds": whole, "finish_seconds": last,
            });
            println!("{line}");
        } else {
            println!(
                "{:<42} all {:>6.2} {:>6.2} {:>6.2}  finish {:>6.2} {:>6.2} {:>6.2} s (min, median, max)",
                spread.name, whole[0], whole[1], whole[2], last[0], last[1], last[2],
            );
        }
    }

    /// Prints the forms of packs with and without a dictionary; ratios are to the first.
    pub fn dictionaries(&mut self, name: &str, forms: &[DictionaryForm]) {
        self.rows += 1;
        let Some(first) = forms.first() else { return };
        for form in forms {
            let (write, get) = (spread_of(&form.write), spread_of(&form.get));
            let (first_write, first_get) = (spread_of(&first.write)[1], spread_of(&first.get)[1]);
            let DictionaryForm { items_per_record, dictionary_kib, file_size, .. } = form;
            if self.json {
                let line = serde_json::json!({
                    "row": name, "quick": self.quick, "items_per_record": items_per_record,
                    "dictionary_kib": dictionary_kib, "file_size": file_size,
                    "bytes_per_second": write, "get_seconds": get,
                });
                println!("{line}");
                continue;
            }
            println!(
                "{name:<14} {items_per_record:>4} items, {dictionary_kib:>4} KiB  {:>8.2} MB {:>5.2}   write {:>6.0} MB/s ({:.0} to {:.0}) {:>5.2}   get {:>7.2} us ({:.2} to {:.2}) {:>6.2}",
                *file_size as f64 / 1e6,
                *file_size as f64 / first.file_size as f64,
                write[1] / 1e6,
                write[0] / 1e6,
                write[2] / 1e6,
                write[1] / first_write,
                get[1] * 1e6,
                get[0] * 1e6,
                get[2] * 1e6,
                first_get / get[1],
            );
        }
    }

    pub fn finish(self) {
        assert!(self.rows > 0, "no row has a name that contains one of these words");
        if !self.json {
            println!(
                "\n{} rows. Rates in MB/s (10^6). A ratio above 1: sealpack is faster.\n\
                 Go: the Go library on another machine (2-core x86-64 with AVX-512, tmpfs, November 2026).",
                self.rows
            );
        }
    }
}
