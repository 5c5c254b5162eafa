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

/// The run with the median time.
pub fn median(mut runs: Vec<Measurement>) -> Measurement {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    runs[runs.len() / 2]
}

/// Alternates `ours` and `limit`, and returns the median of each.
pub fn in_turn(
    arguments: &Arguments,
    mut ours: impl FnMut() -> Measurement,
    mut limit: impl FnMut() -> Measurement,
) -> (Measurement, Option<Measurement>) {
    let (mut our_runs, mut limit_runs) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        if !arguments.alone {
            limit_runs.push(limit());
        }
        our_runs.push(ours());
    }
    (median(our_runs), (!arguments.alone).then(|| median(limit_runs)))
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
