//! Lent items, unordered reads and cached records. Each alternates with its counterpart:
//! items as views, reads in order, reads without a cache.

use std::sync::atomic::{AtomicUsize, Ordering};

use sealpack::{Reader, RecordCache};

use super::Arguments;
use super::measure::{Measurement, in_turn, once};
use super::reading::SourcePack;
use super::report::{Quantity, ResultTable, TableRow};

pub fn rows(
    arguments: &Arguments,
    report: &mut ResultTable,
    source: &SourcePack<'_>,
    input: &str,
    zstd: bool,
) {
    let codec = if zstd { "zstd" } else { "none" };
    let mut row = |name: &str,
                   amount: Quantity,
                   ours: &mut dyn FnMut() -> Measurement,
                   baseline: &mut dyn FnMut() -> Measurement,
                   what: &'static str| {
        let (ours, limit) = in_turn(arguments, ours, baseline);
        let limit = limit.map(|limit| (limit, what));
        let (reference, external, bound) = (None, None, None);
        let name = name.to_owned();
        report.row(&TableRow { name, ours, limit, amount, reference, external, bound });
    };
    let bytes: usize = source.views.iter().map(|item| item.len()).sum();
    for threads in [1, 2] {
        let name = format!("lent-{input} {codec} {threads}t");
        if arguments.wants(&name) {
            let reader = source.open(threads);
            let (mut lent, mut yielded) = (|| lent(&reader, bytes), || yielded(&reader, bytes));
            let amount = Quantity::Bytes(bytes as u64);
            row(&name, amount, &mut lent, &mut yielded, "the same items as views");
        }
    }
    let positions = source.scattered(1000);
    for threads in [1, 2, 8] {
        let name = format!("unordered-{input} {codec} 1000 {threads}t");
        if arguments.wants(&name) {
            let reader = source.open(threads);
            let checked = AtomicUsize::new(0);
            let check = |request: usize, item: &[u8]| {
                assert!(item == source.views[positions[request] as usize]);
                checked.fetch_add(1, Ordering::Relaxed);
            };
            let mut unordered = || once(|| reader.get_many_unordered(&positions, check).unwrap()).0;
            let mut ordered =
                || once(|| reader.get_many(&positions, |at, item| check(at, &item)).unwrap()).0;
            row(&name, Quantity::Once, &mut unordered, &mut ordered, "get_many of the same");
            assert_eq!(checked.into_inner() % 1000, 0);
        }
    }
    let name = format!("cached-{input} {codec}");
    if arguments.wants(&name) {
        let positions = skewed(&source.scattered(20_000));
        let cache = RecordCache::new(32 << 20);
        let cached = source.options(1).cache(cache).open(&source.path).unwrap();
        let uncached = source.open(1);
        let get = |reader: &Reader| {
            let get = |&position: &u32| assert!(reader.get_with(position, <[u8]>::len).is_ok());
            once(|| positions.iter().for_each(get)).0
        };
        let amount = Quantity::Operations(positions.len() as u64);
        row(&name, amount, &mut || get(&cached), &mut || get(&uncached), "without the cache");
    }
}

fn lent(reader: &Reader, bytes: usize) -> Measurement {
    let mut sum = 0;
    let (run, ()) = once(|| reader.for_each(.., |_, item| sum += item.len()).unwrap());
    assert_eq!(sum, bytes);
    run
}

fn yielded(reader: &Reader, bytes: usize) -> Measurement {
    let sum = || reader.iter().unwrap().map(|item| item.unwrap().len()).sum::<usize>();
    let (run, sum) = once(sum);
    assert_eq!(sum, bytes);
    run
}

/// Positions of which the n-th most frequent is requested 1/n as often as the first.
fn skewed(scattered: &[u32]) -> Vec<u32> {
    let mut state = 1_u64;
    let ranks = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        (scattered.len() as f64).powf(uniform) as usize - 1
    });
    ranks.take(scattered.len()).map(|rank| scattered[rank]).collect()
}
