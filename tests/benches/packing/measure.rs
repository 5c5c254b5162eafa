//! Wall time, processor time and memory of a piece of work.

use std::fs;
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
    /// The most memory resident beyond what was before, in bytes.
    pub memory: u64,
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
        memory: status("VmHWM:").saturating_sub(before),
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

/// Runs this program again with an allocator that gives memory back at once, so
/// that the peak of a run is that run's own; whether it did.
pub fn run_again_for_memory() -> bool {
    const TUNABLES: &str = "GLIBC_TUNABLES";
    if std::env::var_os(TUNABLES).is_some() {
        return false;
    }
    let program = std::env::current_exe().unwrap();
    let mut again = std::process::Command::new(program);
    again.args(std::env::args_os().skip(1));
    again.env(TUNABLES, "glibc.malloc.trim_threshold=0:glibc.malloc.mmap_threshold=32768");
    assert!(again.status().unwrap().success());
    true
}
