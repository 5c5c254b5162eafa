//! Wall time, processor time and memory of a piece of work.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::Asked;
use nix::sys::resource::{UsageWho, getrusage};

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Seconds on the wall.
    pub seconds: f64,
    /// Seconds of all processors, user and system.
    pub cpu: f64,
    /// Those of the thread that called: the part that workers do not share.
    pub caller_cpu: f64,
    /// The most memory resident beyond what was before, in bytes; `None` where
    /// freed memory is used again, so that this would say nothing.
    pub memory: Option<u64>,
}

/// Runs `work` once.
pub fn once<T>(work: impl FnOnce() -> T) -> (Run, T) {
    let before = reset_peak();
    let cpu = cpu_seconds(UsageWho::RUSAGE_SELF);
    let caller = cpu_seconds(UsageWho::RUSAGE_THREAD);
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    let run = Run {
        seconds,
        cpu: cpu_seconds(UsageWho::RUSAGE_SELF) - cpu,
        caller_cpu: cpu_seconds(UsageWho::RUSAGE_THREAD) - caller,
        memory: gives_memory_back().then(|| status("VmHWM:").saturating_sub(before)),
    };
    (run, result)
}

/// The run whose time is in the middle.
pub fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    runs[runs.len() / 2]
}

/// Runs `ours` and `limit` in turn, and tells the median of each.
pub fn in_turn(
    asked: &Asked,
    mut ours: impl FnMut() -> Run,
    mut limit: impl FnMut() -> Run,
) -> (Run, Option<Run>) {
    let (mut our_runs, mut limit_runs) = (Vec::new(), Vec::new());
    for _ in 0..asked.runs {
        if !asked.alone {
            limit_runs.push(limit());
        }
        our_runs.push(ours());
    }
    (median(our_runs), (!asked.alone).then(|| median(limit_runs)))
}

fn cpu_seconds(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Forgets the peak of the memory resident; the memory resident now.
fn reset_peak() -> u64 {
    // Where that is not allowed the peak of the process is told.
    let _ = fs::write("/proc/self/clear_refs", "5");
    status("VmRSS:")
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The most memory that opening `path` took, in a process of its own.
pub fn memory_of_opening(path: &Path) -> Option<u64> {
    let output = again().arg("--open").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

/// What that process does: prints the bytes.
pub fn open_and_tell(path: &Path) {
    let (run, reader) = once(|| sealpack::Reader::open(path).unwrap());
    assert!(reader.item_count() > 0);
    println!("{}", run.memory.unwrap());
}

/// Runs this program again with an allocator that gives memory back at once, so
/// that the peak of a run is that run's own; whether it did.
pub fn run_again_for_memory() -> bool {
    if gives_memory_back() {
        return false;
    }
    assert!(again().args(std::env::args_os().skip(1)).status().unwrap().success());
    true
}

const TUNABLES: &str = "GLIBC_TUNABLES";

fn gives_memory_back() -> bool {
    std::env::var_os(TUNABLES).is_some()
}

fn again() -> Command {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.env(TUNABLES, "glibc.malloc.trim_threshold=0:glibc.malloc.mmap_threshold=32768");
    again
}
