//! Measures wall time, processor time and memory of a piece of work.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::Arguments;
use nix::sys::resource::{UsageWho, getrusage};

/// The measurement of one run.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Wall time, in seconds.
    pub seconds: f64,
    /// Processor time of all threads, user and system, in seconds.
    pub cpu: f64,
    /// The part of `cpu` that the calling thread spent.
    pub caller_cpu: f64,
    /// The peak of resident memory above that before the run, in bytes; `None` if
    /// the allocator reuses freed memory, which makes the peak meaningless.
    pub memory: Option<u64>,
}

/// Runs `work` once.
pub fn once<T>(work: impl FnOnce() -> T) -> (Measurement, T) {
    let before = reset_peak();
    let cpu = cpu_seconds(UsageWho::RUSAGE_SELF);
    let caller = cpu_seconds(UsageWho::RUSAGE_THREAD);
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    let run = Measurement {
        seconds,
        cpu: cpu_seconds(UsageWho::RUSAGE_SELF) - cpu,
        caller_cpu: cpu_seconds(UsageWho::RUSAGE_THREAD) - caller,
        memory: returns_memory().then(|| status("VmHWM:").saturating_sub(before)),
    };
    (run, result)
}

/// The runs of one contender of a row, in the order in which they were made.
pub struct Series(pub Vec<Measurement>);

impl Series {
    /// The run with the median time.
    pub fn median(&self) -> Measurement {
        let mut runs = self.0.clone();
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        runs[runs.len() / 2]
    }

    /// How many times as long as `ours` this took, run by run: minimum, median and
    /// maximum.
    pub fn relative_to(&self, ours: &Self) -> [f64; 3] {
        let pairs = self.0.iter().zip(&ours.0);
        min_median_max(pairs.map(|(run, ours)| run.seconds / ours.seconds).collect())
    }
}

/// Minimum, median and maximum.
pub fn min_median_max(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}

/// What alternates in a row: sealpack, its limit, and an external program.
pub struct Contest {
    pub ours: Series,
    pub limit: Option<Series>,
    pub external: Option<Series>,
}

/// Something that is measured, once for each call.
pub type Contender<'a> = &'a mut dyn FnMut() -> Measurement;

/// Runs each contender once without counting it, then all of them in turn.
pub fn in_turn(
    arguments: &Arguments,
    ours: Contender<'_>,
    mut limit: Option<Contender<'_>>,
    mut external: Option<Contender<'_>>,
) -> Contest {
    let mut contest = Contest {
        ours: Series(Vec::new()),
        limit: limit.as_ref().filter(|_| !arguments.alone).map(|_| Series(Vec::new())),
        external: external.as_ref().map(|_| Series(Vec::new())),
    };
    for counts in std::iter::once(false).chain(vec![true; arguments.runs]) {
        let run = ours();
        contest.ours.0.extend(counts.then_some(run));
        if let (Some(series), Some(limit)) = (&mut contest.limit, &mut limit) {
            let run = limit();
            series.0.extend(counts.then_some(run));
        }
        if let (Some(series), Some(external)) = (&mut contest.external, &mut external) {
            let run = external();
            series.0.extend(counts.then_some(run));
        }
    }
    contest
}

fn cpu_seconds(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Resets the peak of resident memory, and returns the current resident memory.
fn reset_peak() -> u64 {
    // Without permission the peak of the whole process is reported.
    let _ = fs::write("/proc/self/clear_refs", "5");
    status("VmRSS:")
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The peak of memory of opening `path`, measured in a separate process.
pub fn memory_of_opening(path: &Path) -> Option<u64> {
    let output = this_program().arg("--open").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

/// The main function of that process: prints the bytes.
pub fn print_memory_of_opening(path: &Path) {
    let (run, reader) = once(|| sealpack::Reader::open(path).unwrap());
    assert!(reader.item_count() > 0);
    println!("{}", run.memory.unwrap());
}

/// Runs this program again with an allocator that returns freed memory immediately, so that
/// the peak of each run is measured alone. Returns whether it did.
pub fn run_again_for_memory() -> bool {
    if returns_memory() {
        return false;
    }
    assert!(this_program().args(std::env::args_os().skip(1)).status().unwrap().success());
    true
}

const TUNABLES: &str = "GLIBC_TUNABLES";

fn returns_memory() -> bool {
    std::env::var_os(TUNABLES).is_some()
}

fn this_program() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(TUNABLES, "glibc.malloc.trim_threshold=0:glibc.malloc.mmap_threshold=32768");
    command
}
