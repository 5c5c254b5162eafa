//! How long one call takes: the middle one, one in a hundred, the worst.
//!
//! Warm is from the system's page cache; cold is from the disk that `--disk`
//! names, whose pages of the file the system was told to drop before each call.

use std::fs::File;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sealpack::Reader;

use super::Asked;
use super::reading::Subject;
use super::report::{Latencies, Report};

/// Positions of one `get_many`, all over the pack.
const MANY: usize = 16;

/// Calls of each caller.
const WARM: usize = 4_000;
const COLD: usize = 200;

/// One call after another, on so many threads that share the reader; `before`
/// runs before each call and is not timed. The seconds of every call, sorted.
fn times(
    callers: usize,
    calls: usize,
    before: impl Fn() + Sync,
    call: impl Fn(usize) + Sync,
) -> Vec<f64> {
    let start = Barrier::new(callers);
    let mut seconds: Vec<f64> = thread::scope(|scope| {
        let caller = |caller: usize| {
            let (start, before, call) = (&start, &before, &call);
            scope.spawn(move || {
                start.wait();
                let timed = |number| {
                    before();
                    let start = Instant::now();
                    call(caller + number * callers);
                    start.elapsed().as_secs_f64()
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
pub fn rows(asked: &Asked, report: &mut Report, subject: &Subject<'_>, zstd: bool, cold: bool) {
    let codec = if zstd { "zstd" } else { "none" };
    let file = File::open(&subject.path).unwrap();
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
            if !asked.wants(&name) {
                continue;
            }
            // Eight callers are the threads; none of them needs more.
            let reader = subject.open(1);
            reader.get(0).unwrap();
            let positions = subject.scattered(callers * calls * if many { MANY } else { 1 });
            let seconds = times(callers, calls / if many { 4 } else { 1 }, drop_pages, |number| {
                if many {
                    get_many(&reader, subject, &positions[number * MANY..][..MANY]);
                } else {
                    let position = positions[number];
                    assert!(reader.get(position).unwrap() == subject.views[position as usize]);
                }
            });
            let at = |part: f64| seconds[((seconds.len() - 1) as f64 * part) as usize] * 1e6;
            let latencies = Latencies { p50: at(0.5), p99: at(0.99), worst: at(1.0) };
            report.latencies(&name, seconds.len(), latencies);
        }
    }
}

fn get_many(reader: &Reader, subject: &Subject<'_>, positions: &[u32]) {
    let mut seen = 0;
    reader
        .get_many(positions, |request, item| {
            assert!(item == subject.views[positions[request] as usize]);
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, positions.len());
}
