//! Compares the cost of the output stream with its alternatives, in one run.
//!
//! `cargo bench -p sealpack-core --bench stream [-- WORDS]` runs only the
//! comparisons whose title contains WORDS.
//!
//! The candidates alternate round after round, and the fastest round of each
//! counts. Trust the ratios, not the nanoseconds: the last column has the median and
//! the quartiles of a candidate's ratio to the first candidate in the same round. All
//! candidates write to the same sink, which only adds up sizes. The sink is never
//! inlined, and `black_box` hides each writer from the optimiser, as in a real program:
//! a compiler that sees all uses of a writer keeps its fields in registers.
//!
//! One more round is not timed. It counts the allocations, and the bytes that were
//! copied: those that reach the sink at another address than the one at which they
//! were passed to the writer.
#![allow(
    unsafe_code,
    reason = "an allocator that counts is an unsafe impl; only in this benchmark"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark ends by panicking")]
#![allow(clippy::cast_precision_loss, reason = "figures to print")]
#![allow(missing_docs, reason = "a program")]

mod plain;

use bytes::Bytes;
use plain::PlainStream;
use sealpack_core::check::FlightRecorder;
use sealpack_core::stream::{BufferSize, Outcome, Output, Shape, Stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const ROUNDS: usize = 51;
/// The number of writes in one round of small writes.
const WRITES: usize = 1 << 21;
/// The number of payloads in one round of mixed writes, 32 MiB in all.
const PAYLOADS: usize = 8192;
const PAYLOAD: usize = 4096;

struct CountingAllocator;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator with the same arguments, and
// its answer is returned as it is; counting touches no memory of it.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller guarantees what `System` requires.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above; `place` was allocated by `System` in `alloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A sink that adds up sizes.
#[derive(Default)]
struct CountingSink {
    /// Bytes written to the sink.
    taken: u64,
    /// How many of those bytes were copied.
    copied: u64,
    /// The addresses of the payloads; `None` in timed rounds.
    payloads: Option<Range<usize>>,
}

impl CountingSink {
    #[inline(never)]
    fn put<'a>(&mut self, len: usize, extents: impl Iterator<Item = &'a [u8]>) {
        self.taken += len as u64;
        if let Some(payloads) = &self.payloads {
            let copied = extents.filter(|extent| !payloads.contains(&extent.as_ptr().addr()));
            self.copied += copied.map(|extent| extent.len() as u64).sum::<u64>();
        }
    }
}

impl Write for &mut CountingSink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.put(bytes.len(), std::iter::once(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The operations that are measured: writes, followed by a close.
trait StreamWriter {
    fn write(&mut self, bytes: &[u8]);
    fn write_owned(&mut self, extent: Bytes);
    fn close(&mut self);
}

/// The stream and its driver's loop, once without and once with a recorder.
macro_rules! driven {
    ($driven:ident, $stream:ty) => {
        struct $driven<'a> {
            stream: $stream,
            sink: &'a mut CountingSink,
        }

        impl $driven<'_> {
            #[inline(always)]
            fn drive(&mut self) {
                while let Some(output) = self.stream.next_output() {
                    self.execute(output);
                }
            }

            #[inline(never)]
            fn execute(&mut self, output: Output) {
                if let Output::Put(put) = output {
                    self.sink.put(put.len(), put.extents());
                    self.stream.recycle(put);
                }
                self.stream.completed(Outcome::Done);
            }
        }

        impl StreamWriter for $driven<'_> {
            #[inline(always)]
            fn write(&mut self, bytes: &[u8]) {
                self.stream.write(bytes).expect("nothing fails");
                self.drive();
            }
            #[inline(always)]
            fn write_owned(&mut self, extent: Bytes) {
                self.stream.write_owned(extent).expect("nothing fails");
                self.drive();
            }
            fn close(&mut self) {
                self.stream.close().expect("nothing fails");
                self.drive();
            }
        }
    };
}

driven!(Driven, Stream);
driven!(Recorded, FlightRecorder);

impl StreamWriter for BufWriter<&mut CountingSink> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        self.write_all(bytes).expect("nothing fails");
    }
    #[inline(always)]
    fn write_owned(&mut self, extent: Bytes) {
        self.write_all(&extent).expect("nothing fails");
    }
    fn close(&mut self) {
        self.flush().expect("nothing fails");
    }
}

/// A loop that copies into a buffer and passes each full buffer on.
struct Copying<'a> {
    buffer: Vec<u8>,
    at: usize,
    sink: &'a mut CountingSink,
}

impl StreamWriter for Copying<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() > self.buffer.len().wrapping_sub(self.at) {
            self.close();
        }
        if let Some(place) = self.buffer.get_mut(self.at..self.at.wrapping_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
        self.at = self.at.wrapping_add(bytes.len());
    }
    #[inline(always)]
    fn write_owned(&mut self, extent: Bytes) {
        self.write(&extent);
    }
    #[inline(never)]
    fn close(&mut self) {
        let filled = self.buffer.get(..self.at).expect("the copied bytes");
        self.sink.put(filled.len(), std::iter::once(filled));
        self.at = 0;
    }
}

/// The work that each candidate does. The payloads are views of memory that is in
/// no cache.
trait Workload {
    fn run(&self, writer: &mut impl StreamWriter, payloads: Vec<Bytes>);
}

/// Writes of 16 bytes, whose length is known at compile time (an array) or only at
/// run time (a slice).
struct SmallWrites<'a, B: ?Sized>(&'a B);

impl<B: ?Sized + AsRef<[u8]>> Workload for SmallWrites<'_, B> {
    #[inline(always)]
    fn run(&self, writer: &mut impl StreamWriter, _: Vec<Bytes>) {
        for _ in 0..WRITES {
            writer.write(black_box(self.0).as_ref());
        }
        writer.close();
    }
}

/// Repeats 32 buffered bytes, 4,096 passed on without a copy, and 8 buffered bytes.
struct MixedWrites;

impl Workload for MixedWrites {
    #[inline(always)]
    fn run(&self, writer: &mut impl StreamWriter, payloads: Vec<Bytes>) {
        let (head, tail) = ([1_u8; 32], [2_u8; 8]);
        for payload in payloads {
            writer.write(black_box::<&[u8; 32]>(&head));
            writer.write_owned(payload);
            writer.write(black_box::<&[u8; 8]>(&tail));
        }
        writer.close();
    }
}

type RunCandidate<'a> = dyn Fn(&mut CountingSink, Vec<Bytes>) + 'a;

/// One way to do the work, and its results.
struct Candidate<'a> {
    name: &'a str,
    run: Box<RunCandidate<'a>>,
    fastest: Duration,
    rounds: Vec<Duration>,
    allocations: u64,
    copied: f64,
}

fn candidate<'a>(name: &'a str, run: impl Fn(&mut CountingSink, Vec<Bytes>) + 'a) -> Candidate<'a> {
    let run = Box::new(run);
    Candidate { name, run, fastest: Duration::MAX, rounds: Vec::new(), allocations: 0, copied: 0.0 }
}

/// Compares all candidates with the first one.
fn compare(title: &str, size: usize, writes: usize, payloads: usize, work: &impl Workload) {
    let title = format!("{title}, S = {size}");
    let words: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if !words.iter().all(|word| title.contains(word.as_str())) {
        return;
    }
    let stream = |trim| {
        let shape = Shape { buffer_size: BufferSize::new(size).expect("a size"), trim };
        move |sink: &mut CountingSink, payloads| {
            let mut driven = Driven { stream: Stream::new(shape), sink };
            work.run(black_box(&mut driven), payloads);
        }
    };
    let recorded = |sink: &mut CountingSink, payloads| {
        let shape = Shape::at_least(BufferSize::new(size).expect("a size"));
        let stream = FlightRecorder::new(Stream::new(shape), 1000);
        work.run(black_box(&mut Recorded { stream, sink }), payloads);
    };
    let mut candidates = [
        candidate("Stream", stream(false)),
        candidate("Stream, recorded", recorded),
        candidate("Stream, trim", stream(true)),
        candidate("the same without Rules", |sink, payloads| {
            work.run(black_box(&mut PlainStream::new(size, sink)), payloads);
        }),
        candidate("std::io::BufWriter", |sink, payloads| {
            work.run(black_box(&mut BufWriter::with_capacity(size, sink)), payloads);
        }),
        candidate("a bare copy loop", |sink, payloads| {
            let mut copying = Copying { buffer: vec![0; size], at: 0, sink };
            work.run(black_box(&mut copying), payloads);
        }),
    ];
    // Leaked, so that freeing a payload is not measured as a candidate's cost.
    let memory: &'static [u8] = Box::leak(vec![3; payloads * PAYLOAD].into_boxed_slice());
    let payloads_of_round = || memory.chunks(PAYLOAD).map(Bytes::from_static).collect::<Vec<_>>();
    for candidate in &mut candidates {
        let memory = memory.as_ptr_range();
        let addresses = memory.start.addr()..memory.end.addr();
        let mut sink = CountingSink { payloads: Some(addresses), ..CountingSink::default() };
        let (payloads, before) = (payloads_of_round(), ALLOCATIONS.load(Relaxed));
        (candidate.run)(&mut sink, payloads);
        candidate.allocations = ALLOCATIONS.load(Relaxed) - before;
        candidate.copied = sink.copied as f64 / sink.taken as f64 * 100.0;
    }
    for _ in 0..ROUNDS {
        for candidate in &mut candidates {
            let (mut sink, payloads) = (CountingSink::default(), payloads_of_round());
            let start = Instant::now();
            (candidate.run)(&mut sink, payloads);
            candidate.rounds.push(start.elapsed());
            candidate.fastest = start.elapsed().min(candidate.fastest);
        }
    }
    print_results(&title, writes, &candidates);
}

/// Prints a line for each candidate.
fn print_results(title: &str, writes: usize, candidates: &[Candidate<'_>]) {
    println!("\n{title}");
    let first_candidate = candidates.first().expect("a candidate");
    let first = first_candidate.fastest.as_nanos() as f64;
    for Candidate { name, fastest, allocations, copied, rounds, .. } in candidates {
        let nanos = fastest.as_nanos() as f64;
        let pairs = rounds.iter().zip(&first_candidate.rounds);
        let mut ratios: Vec<f64> =
            pairs.map(|(own, first)| own.as_secs_f64() / first.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        let quarter = |n: usize| ratios.get(ratios.len() * n / 4).expect("a round");
        println!(
            "  {name:<24}{:>8.2} ns a write  {:>6.2} × the first  {allocations:>5} allocations  \
             {copied:>6.2}% copied  median {:.3} × ({:.3}–{:.3})",
            nanos / writes as f64,
            nanos / first,
            quarter(2),
            quarter(1),
            quarter(3),
        );
    }
}

fn main() {
    // `cargo test --benches` runs this too; skip the benchmark then.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    for size in [8192, 131_072] {
        compare("16 B buffered, length known", size, WRITES, 0, &SmallWrites(&[7; 16]));
        compare("16 B buffered, length not known", size, WRITES, 0, &SmallWrites::<[u8]>(&[7; 16]));
        let mixed = "32 B buffered, 4,096 B zero-copy, 8 B buffered";
        compare(mixed, size, 3 * PAYLOADS, PAYLOADS, &MixedWrites);
    }
}
