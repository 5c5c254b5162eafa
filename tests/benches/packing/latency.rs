//! Measures how long a single call takes: median, 99th percentile and maximum.
//!
//! Warm calls read from the system's page cache. Cold calls read from the disk
//! given by `--disk`, after the pages of the file were dropped from the cache.

use std::fs::File;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sealpack::{Bytes, Reader};

use super::Arguments;
use super::reading::SourcePack;
use super::report::{Latencies, ResultTable};

/// Positions of one `get_many`, spread over the pack.
const MANY: usize = 16;

/// Calls of each caller.
const WARM: usize = 4_000;
const COLD: usize = 200;

/// Times `calls` calls on each of `callers` threads that share the reader.
/// `before` runs before each call and `check` after it; neither is timed. Returns
/// the seconds of all calls, sorted.
fn time_calls<T>(
    callers: usize,
    calls: usize,
    before: impl Fn() + Sync,
    call: impl Fn(usize) -> T + Sync,
    check: impl Fn(usize, T) + Sync,
) -> Vec<f64> {
    let start = Barrier::new(callers);
    let mut seconds: Vec<f64> = thread::scope(|scope| {
        let caller = |caller: usize| {
            let (start, before, call, check) = (&start, &before, &call, &check);
            scope.spawn(move || {
                start.wait();
                let timed = |number| {
                    before();
                    let number = caller + number * callers;
                    let start = Instant::now();
                    let result = call(number);
                    let seconds = start.elapsed().as_secs_f64();
                    check(number, result);
                    seconds
                };
                (0..calls).map(timed).collect::<Vec<_>>()
            })
        };
        let callers: Vec<_> = (0..callers).map(caller).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    seconds.sort_by(f64::total_cmp);
    seconds
}

/// Rows for a pack of the input E.
pub fn rows(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    zstd: bool,
    cold: bool,
) {
    let codec = if zstd { "zstd" } else { "none" };
    let file = File::open(&source.path).unwrap();
    let drop_pages = || {
        if cold {
            posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
        }
    };
    let (warmth, calls) = if cold { ("cold", COLD) } else { ("warm", WARM) };
    for callers in [1, 8] {
        for many in [false, true] {
            let call = if many { "get_many 16" } else { "get" };
            let name = format!("latency-e {codec} {call} {warmth} {callers}c");
            if !arguments.wants(&name) {
                continue;
            }
            // The callers are the threads; the reader needs no others.
            let reader = source.open(1);
            reader.get(0).unwrap();
            let positions = source.scattered(callers * calls * if many { MANY } else { 1 });
            let positions_per_call = if many { MANY } else { 1 };
            let requested =
                |number: usize| &positions[number * positions_per_call..][..positions_per_call];
            let call = |number: usize| match requested(number) {
                &[position] => vec![(0, reader.get(position).unwrap())],
                positions => get_many(&reader, positions),
            };
            let check = |number: usize, result: Vec<(usize, Bytes)>| {
                let requested = requested(number);
                assert_eq!(result.len(), requested.len());
                for (request, item) in result {
                    assert!(item == source.views[requested[request] as usize]);
                }
            };
            let calls = calls / if many { 4 } else { 1 };
            let seconds = time_calls(callers, calls, drop_pages, call, check);
            let percentile =
                |part: f64| seconds[((seconds.len() - 1) as f64 * part) as usize] * 1e6;
            let latencies =
                Latencies { p50: percentile(0.5), p99: percentile(0.99), worst: percentile(1.0) };
            report.latencies(&name, seconds.len(), latencies);
        }
    }
}

fn get_many(reader: &Reader, positions: &[u32]) -> Vec<(usize, Bytes)> {
    let mut items = Vec::with_capacity(positions.len());
    reader.get_many(positions, |request, item| items.push((request, item))).unwrap();
    items
}
