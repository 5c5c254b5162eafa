//! Prints the results: a table, or JSON.

use super::Arguments;
use super::dictionaries::DictionaryForm;
use super::external::ExternalWork;
use super::machine;
use super::measure::{Contender, Contest, in_turn, min_median_max};

/// A row of the table.
pub struct TableRow {
    /// Its name, as on the command line.
    pub name: String,
    /// How much was processed; determines the unit.
    pub amount: Quantity,
    /// What the limit is.
    pub limit_is: &'static str,
    /// The bound on the memory of sealpack, in bytes.
    pub bound: Option<u64>,
}

impl TableRow {
    pub fn new(name: String, amount: Quantity, limit_is: &'static str) -> Self {
        Self { name, amount, limit_is, bound: None }
    }
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
        let (whole, last) = runs.into_iter().unzip();
        Self { name, bytes, whole, last }
    }
}

pub struct ResultTable {
    json: bool,
    quick: bool,
    rows: usize,
}

impl ResultTable {
    pub fn new(arguments: &Arguments) -> Self {
        if arguments.json {
            println!("{}", machine::as_json());
        } else {
            println!("{}\n", machine::as_text());
            println!(
                "{:<28} {:>9} {:>19} {:>5}  {:>9} {:>6}  {:>9} {:>6} {:>13}  {:>6} {:>6}  {:>15}  limit",
                "",
                "sealpack",
                "min to max",
                "",
                "limit",
                "ratio",
                "external",
                "ratio",
                "min to max",
                "cpu s",
                "ext.",
                "memory"
            );
        }
        Self { json: arguments.json, quick: arguments.quick, rows: 0 }
    }

    /// Runs the contenders of a row in turn, and prints it.
    pub fn compare(
        &mut self,
        arguments: &Arguments,
        row: &TableRow,
        ours: Contender<'_>,
        limit: Option<Contender<'_>>,
        mut external: Option<ExternalWork<'_>>,
    ) {
        let mut external = external.as_mut().map(|work| || work.measure());
        let external = external.as_mut().map(|measure| measure as Contender<'_>);
        self.row(row, &in_turn(arguments, ours, limit, external));
    }

    pub fn row(&mut self, row: &TableRow, contest: &Contest) {
        self.rows += 1;
        let TableRow { name, amount, limit_is, bound } = row;
        let ours = contest.ours.median();
        let spread =
            min_median_max(contest.ours.0.iter().map(|run| amount.figure(run.seconds)).collect());
        let limit = contest.limit.as_ref();
        let external = contest.external.as_ref();
        let limit_figure = limit.map(|limit| amount.figure(limit.median().seconds));
        let external_figure = external.map(|external| amount.figure(external.median().seconds));
        let ratio_to_limit = limit.map(|limit| limit.relative_to(&contest.ours));
        let ratio_to_external = external.map(|external| external.relative_to(&contest.ours));
        let external_cpu = external.map(|external| external.median().cpu);
        if self.json {
            let line = serde_json::json!({
                "row": name, "unit": amount.unit(), "quick": self.quick,
                "ours": spread[1], "ours_min": spread[0], "ours_max": spread[2],
                "limit": limit_figure, "limit_is": limit.map(|_| limit_is),
                "ratio_to_limit": ratio_to_limit.map(|ratio| ratio[1]),
                "external": external_figure,
                "ratio_to_external": ratio_to_external.map(|ratio| ratio[1]),
                "ratio_to_external_min": ratio_to_external.map(|ratio| ratio[0]),
                "ratio_to_external_max": ratio_to_external.map(|ratio| ratio[2]),
                "seconds": ours.seconds, "cpu_seconds": ours.cpu,
                "caller_cpu_seconds": ours.caller_cpu, "external_cpu_seconds": external_cpu,
                "memory_bytes": ours.memory, "memory_bound": bound,
            });
            println!("{line}");
            return;
        }
        let text = |figure: Option<f64>, digits: usize| {
            figure.map_or("–".into(), |figure| format!("{figure:.digits$}"))
        };
        let memory = text(ours.memory.map(|memory| memory as f64 / 1e6), 1);
        let bound = bound.map_or(String::new(), |bound| format!(" of {:.0}", bound as f64 / 1e6));
        println!(
            "{name:<28} {:>9.1} {:>19} {:>5}  {:>9} {:>6}  {:>9} {:>6} {:>13}  {:>6} {:>6}  {:>15}  {}",
            spread[1],
            format!("{:.1} to {:.1}", spread[0], spread[2]),
            amount.unit(),
            text(limit_figure, 1),
            text(ratio_to_limit.map(|ratio| ratio[1]), 2),
            text(external_figure, 1),
            text(ratio_to_external.map(|ratio| ratio[1]), 2),
            ratio_to_external
                .map_or(String::new(), |ratio| format!("{:.2} to {:.2}", ratio[0], ratio[2])),
            text(Some(ours.cpu), 3),
            text(external_cpu, 3),
            format!("{memory}{bound} MB"),
            limit.map_or("", |_| limit_is),
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
        let (whole, last) =
            (min_median_max(spread.whole.clone()), min_median_max(spread.last.clone()));
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
            let (write, get) =
                (min_median_max(form.write.clone()), min_median_max(form.get.clone()));
            let (first_write, first_get) =
                (min_median_max(first.write.clone())[1], min_median_max(first.get.clone())[1]);
            let DictionaryForm { items_per_record, dictionary_kib, level, file_size, .. } = form;
            let decode = min_median_max(form.decode.clone());
            if self.json {
                let line = serde_json::json!({
                    "row": name, "quick": self.quick, "decode_seconds": decode, "items_per_record": items_per_record,
                    "dictionary_kib": dictionary_kib, "level": level, "file_size": file_size,
                    "bytes_per_second": write, "get_seconds": get,
                });
                println!("{line}");
                continue;
            }
            println!(
                "{name:<14} {items_per_record:>4} items, {dictionary_kib:>4} KiB, level {level}  {:>8.2} MB {:>5.2}   write {:>6.0} MB/s ({:.0} to {:.0}) {:>5.2}   get {:>7.2} us ({:.2} to {:.2}) {:>6.2}   decoding alone {:>7.2} us {:>6.2}",
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
                decode[1] * 1e6,
                first_get / decode[1],
            );
        }
    }

    pub fn finish(self) {
        assert!(self.rows > 0, "no row has a name that contains one of these words");
        if !self.json {
            println!(
                "\n{} rows. Rates in MB/s (10^6). A ratio is the median of the ratios of the runs; \
                 above 1, sealpack is faster.",
                self.rows
            );
        }
    }
}
