//! Compares queries over packs with `sealpack grep` and with the same items as Parquet, in
//! one run.
//!
//! ```text
//! cargo build --release -p sealpack-tui
//! cargo bench --manifest-path native/datafusion/Cargo.toml --bench queries
//!     -- --items 2000000   items in all packs together
//!     -- --packs 8         packs
//!     -- --rounds 7        rounds; each takes every measurement once
//!     -- --threads 2       partitions of a query, which run at the same time
//!     -- --record 128      items in a record
//!     -- --only 3          only one measurement, by its number: for a profiler
//! ```
//!
//! Rounds alternate between the measurements, so that a change in the machine's speed
//! affects all of them. It prints the median of each, and the median, the least and the
//! greatest ratio of a round. Every measurement checks its answer. `SEALPACK` names the
//! command (default: target/release/sealpack), `SEALPACK_BENCH` the folder of the packs
//! (default: a tmpfs, if there is one).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark that cannot run stops"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{Array as _, AsArray as _};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use sealpack::{Writer, Zstd};
use tempfile::TempDir;

/// One item in so many contains the word `rare`.
const RARE_EVERY: u64 = 5000;
/// The point lookups of a round.
const LOOKUPS: u64 = 100;

/// The rows of each pack that are also in a table in memory.
const IN_MEMORY: u64 = 8;

/// The measurements of a round.
const WORK: [&str; 8] = [
    "scan packs",
    "grep",
    "scan parquet",
    "lookup packs",
    "lookup parquet",
    "lookup memory",
    "prepared packs",
    "prepared parquet",
];

struct Settings {
    items: u64,
    packs: u64,
    rounds: usize,
    threads: usize,
    record: u32,
    only: Option<usize>,
}

impl Settings {
    fn parse() -> Self {
        let mut found = HashMap::new();
        let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(name) = args.next() {
            let value = args.next().and_then(|value| value.parse::<u64>().ok());
            found.insert(name.clone(), value.unwrap_or_else(|| panic!("{name} NUMBER")));
        }
        let get = |name: &str, default| found.get(name).copied().unwrap_or(default);
        Self {
            items: get("--items", 2_000_000),
            packs: get("--packs", 8),
            rounds: usize::try_from(get("--rounds", 7)).unwrap(),
            threads: usize::try_from(get("--threads", 2)).unwrap(),
            record: u32::try_from(get("--record", 128)).unwrap(),
            only: found.get("--only").map(|&number| usize::try_from(number).unwrap()),
        }
    }
}

/// The line of a log: about 150 bytes, of which two thirds vary.
fn item(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    let level = if number.is_multiple_of(RARE_EVERY) { "rare" } else { "info" };
    format!(
        "2026-11-30T{:02}:{:02}:{:02}.{:03}Z {level} request={mixed:016x} user={} path=/v1/objects/{:x} \
         status={} bytes={} duration_ms={}",
        number / 3600 % 24,
        number / 60 % 60,
        number % 60,
        mixed % 1000,
        mixed >> 40,
        mixed >> 17 & 0xf_ffff,
        [200, 200, 200, 304, 404][(mixed % 5) as usize],
        mixed >> 13 & 0xffff,
        mixed >> 7 & 0x3ff,
    )
}

/// The packs, the same items as Parquet, and a session with both as tables.
struct Data {
    folder: TempDir,
    context: SessionContext,
    settings: Settings,
}

impl Data {
    async fn make(settings: Settings) -> Self {
        let folder =
            tempfile::tempdir_in(std::env::var_os("SEALPACK_BENCH").unwrap_or("/dev/shm".into()));
        let folder = folder.or_else(|_| tempfile::tempdir()).unwrap();
        let packs = folder.path().join("packs");
        std::fs::create_dir(&packs).unwrap();
        let each = settings.items / settings.packs;
        for pack in 0..settings.packs {
            let options = Writer::options().codec(Zstd::level(3)).items_per_record(settings.record);
            let mut writer = options.create(packs.join(format!("{pack:03}.pack"))).unwrap();
            (0..each).for_each(|n| writer.append(item(pack * each + n).as_bytes()).unwrap());
            writer.finish().unwrap();
        }
        let mut config = SessionConfig::new().with_target_partitions(settings.threads);
        // Parquet's own way to skip rows that a filter excludes: its lookups profit.
        config.options_mut().execution.parquet.pushdown_filters = true;
        config.options_mut().execution.parquet.reorder_filters = true;
        let context = SessionContext::new_with_config(config);
        sealpack_datafusion::register(&context).unwrap();
        let data = Self { folder, context, settings };
        let parquet = data.path("parquet");
        data.run(&format!(
            "CREATE EXTERNAL TABLE packs STORED AS PACK LOCATION '{}/'",
            packs.display()
        ))
        .await;
        data.run(&format!(
            "COPY (SELECT pack, position, item FROM packs) TO '{}/' STORED AS PARQUET OPTIONS \
             ('compression' 'zstd(3)')",
            parquet.display()
        ))
        .await;
        data.run(&format!(
            "CREATE EXTERNAL TABLE parquet STORED AS PARQUET LOCATION '{}/'",
            parquet.display()
        ))
        .await;
        // What a lookup costs if there is nothing to read.
        data.run(&format!(
            "CREATE TABLE memory AS SELECT pack, position, item FROM packs WHERE position < \
             {IN_MEMORY}"
        ))
        .await;
        data
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn run(&self, sql: &str) {
        self.context.sql(sql).await.unwrap().collect().await.unwrap();
    }

    /// The only number that a query returns.
    async fn number(&self, sql: &str) -> i64 {
        let batches = self.context.sql(sql).await.unwrap().collect().await.unwrap();
        let column = batches[0].column(0);
        assert_eq!(column.len(), 1, "{sql}");
        column.as_primitive::<Int64Type>().value(0)
    }

    /// Counts the items with the word in a table.
    async fn count_rare(&self, table: &str) -> Duration {
        let started = Instant::now();
        let sql = format!("SELECT count(*) FROM {table} WHERE item LIKE '%rare%'");
        assert_eq!(self.number(&sql).await, self.rare());
        started.elapsed()
    }

    fn rare(&self) -> i64 {
        let each = self.settings.items / self.settings.packs;
        (each * self.settings.packs).div_ceil(RARE_EVERY).try_into().unwrap()
    }

    /// Reads single items by position, among the first `rows` of each pack: each with a
    /// statement of its own.
    async fn look_up(&self, table: &str, round: u64, rows: u64) -> Duration {
        let started = Instant::now();
        for lookup in 0..LOOKUPS {
            let (pack, position) = self.place(round * LOOKUPS + lookup, rows);
            let sql = format!(
                "SELECT item FROM {table} WHERE position = {position} AND pack LIKE \
                 '%/{pack:03}.pack'"
            );
            self.check_item(self.context.sql(&sql).await.unwrap(), pack, position).await;
        }
        started.elapsed()
    }

    /// As `look_up`, with a statement that was parsed before.
    async fn look_up_prepared(&self, table: &str, round: u64, rows: u64) -> Duration {
        let sql = format!("SELECT item FROM {table} WHERE position = $1 AND pack LIKE $2");
        let statement = self.context.sql(&sql).await.unwrap();
        let started = Instant::now();
        for lookup in 0..LOOKUPS {
            let (pack, position) = self.place(round * LOOKUPS + lookup, rows);
            let values = vec![
                ScalarValue::UInt64(Some(position)),
                ScalarValue::Utf8View(Some(format!("%/{pack:03}.pack"))),
            ];
            let query = statement.clone().with_param_values(values).unwrap();
            self.check_item(query, pack, position).await;
        }
        started.elapsed()
    }

    /// The pack and the position of a lookup.
    fn place(&self, lookup: u64, rows: u64) -> (u64, u64) {
        let mixed = lookup.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        (mixed % self.settings.packs, mixed / 64 % rows)
    }

    /// Runs the query for an item.
    async fn check_item(&self, query: DataFrame, pack: u64, position: u64) {
        let batches = query.collect().await.unwrap();
        let found = batches.iter().flat_map(|batch| batch.column(0).as_binary_view().iter());
        let found: Vec<_> = found.flatten().collect();
        let each = self.settings.items / self.settings.packs;
        assert_eq!(found, [item(pack * each + position).as_bytes()]);
    }

    /// Counts with the command.
    fn grep(&self, command: &Path) -> Duration {
        let mut packs: Vec<_> = std::fs::read_dir(self.path("packs")).unwrap().collect();
        packs.sort_by_key(|entry| entry.as_ref().unwrap().path());
        let packs = packs.into_iter().map(|entry| entry.unwrap().path());
        let started = Instant::now();
        let output = Command::new(command)
            .args(["grep", "-c", "rare"])
            .args(packs)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", command.display()));
        let time = started.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // A line for each item that matches, which ends with the number of its lines.
        let text = String::from_utf8(output.stdout).unwrap();
        let counts = text.lines().filter_map(|line| line.rsplit(':').next()?.parse::<i64>().ok());
        assert_eq!(counts.sum::<i64>(), self.rare());
        time
    }

    fn size(&self, name: &str) -> u64 {
        let files = std::fs::read_dir(self.path(name)).unwrap();
        files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }
}

/// The times of one measurement, a round each.
fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn report(what: &str, times: &[f64], against: &str, others: &[f64]) {
    let ratios: Vec<f64> = others.iter().zip(times).map(|(other, time)| other / time).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = ratios.iter().copied().fold(0.0, f64::max);
    println!(
        "{what:<22} {:>9.3} ms   {against:<18} {:>9.3} ms   {:>7.2} times as fast ({least:.2} to \
         {greatest:.2})",
        median(times) * 1000.0,
        median(others) * 1000.0,
        median(&ratios),
    );
}

#[tokio::main]
async fn main() {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/release/sealpack");
    let command = std::env::var_os("SEALPACK").map_or_else(|| PathBuf::from(usual), PathBuf::from);
    let data = Data::make(Settings::parse()).await;
    let Settings { items, packs, rounds, threads, only, .. } = data.settings;
    println!(
        "{items} items in {packs} packs of {} bytes together, as Parquet {} bytes; {rounds} \
         rounds, {threads} partitions",
        data.size("packs"),
        data.size("parquet"),
    );
    let mut times: HashMap<&str, Vec<f64>> = HashMap::new();
    // The first round warms the caches of the system.
    for round in 0..=rounds {
        for name in WORK {
            if only.is_some_and(|number| WORK.get(number) != Some(&name)) {
                continue;
            }
            let time = match name {
                "scan packs" => data.count_rare("packs").await,
                "grep" => data.grep(&command),
                "scan parquet" => data.count_rare("parquet").await,
                "lookup packs" => data.look_up("packs", round as u64, items / packs).await,
                "lookup parquet" => data.look_up("parquet", round as u64, items / packs).await,
                "lookup memory" => data.look_up("memory", round as u64, IN_MEMORY).await,
                "prepared packs" => {
                    data.look_up_prepared("packs", round as u64, items / packs).await
                }
                _ => data.look_up_prepared("parquet", round as u64, items / packs).await,
            };
            if round > 0 {
                times.entry(name).or_default().push(time.as_secs_f64());
            }
        }
    }
    if let Some(number) = only {
        println!("{}: {:.1} ms", WORK[number], median(&times[WORK[number]]) * 1000.0);
        return;
    }
    report("LIKE over all items", &times["scan packs"], "sealpack grep -c", &times["grep"]);
    report("LIKE over all items", &times["scan packs"], "Parquet, zstd", &times["scan parquet"]);
    let each =
        |name: &str| times[name].iter().map(|time| time / LOOKUPS as f64).collect::<Vec<_>>();
    let lookups = each("lookup packs");
    report("an item by position", &lookups, "Parquet, zstd", &each("lookup parquet"));
    report("an item by position", &lookups, "rows in memory", &each("lookup memory"));
    let (packs, parquet) = (each("prepared packs"), each("prepared parquet"));
    report("the same, prepared", &packs, "Parquet, zstd", &parquet);
}
