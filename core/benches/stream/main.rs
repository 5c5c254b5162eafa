//! What the output stream costs, beside what else one would use, in one run.
//!
//! `cargo bench -p sealpack-core --bench stream [-- WORDS]`, where only the
//! comparisons run whose title has WORDS in it.
//!
//! The times of one run stand beside each other: each candidate runs in turn,
//! round after round, and the fastest round counts. Trust the ratios, not the
//! nanoseconds. All write to the same sink, which adds up sizes and does nothing
//! else; it is never inlined, and each writer is a place in memory that others
//! know of, as it is in a program: a compiler that sees both ends of a writer
//! keeps its numbers in registers.
//!
//! One round more is not timed, and counts: the allocations; and of the bytes
//! that reach the sink those that lie elsewhere than where they were handed over,
//! which somebody has copied.
#![allow(
    unsafe_code,
    reason = "an allocator that counts is an unsafe impl; only in this benchmark"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark ends by panicking")]
#![allow(clippy::cast_precision_loss, reason = "figures to print")]
#![allow(missing_docs, reason = "a program")]

mod plain;

use bytes::Bytes;
use plain::Plain;
use sealpack_core::stream::{BufferSize, Outcome, Output, Shape, Stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const ROUNDS: usize = 25;
/// Writes of one round of small ones.
const WRITES: usize = 1 << 21;
/// Payloads of one round of mixed ones, 32 MiB of them.
const PAYLOADS: usize = 8192;
const PAYLOAD: usize = 4096;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator with the same arguments, and
// its answer is returned as it is; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above; `place` came from `System` by way of `alloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A sink that adds up sizes.
#[derive(Default)]
struct Sink {
    taken: u64,
    /// Of those, the ones that are not where they were handed over.
    copied: u64,
    /// What was handed over, by its addresses; nothing while the time is taken.
    handed_over: Option<Range<usize>>,
}

impl Sink {
    #[inline(never)]
    fn put<'a>(&mut self, len: usize, extents: impl Iterator<Item = &'a [u8]>) {
        self.taken += len as u64;
        if let Some(handed_over) = &self.handed_over {
            let copied = extents.filter(|extent| !handed_over.contains(&extent.as_ptr().addr()));
            self.copied += copied.map(|extent| extent.len() as u64).sum::<u64>();
        }
    }
}

impl Write for &mut Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.put(bytes.len(), std::iter::once(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is measured: writes, and a close at the end.
trait Writer {
    fn write(&mut self, bytes: &[u8]);
    fn write_owned(&mut self, extent: Bytes);
    fn close(&mut self);
}

/// The stream and its driver's loop.
struct Driven<'a> {
    stream: Stream,
    sink: &'a mut Sink,
}

impl Driven<'_> {
    #[inline(always)]
    fn drive(&mut self) {
        while let Some(output) = self.stream.next_output() {
            self.carry_out(output);
        }
    }

    #[inline(never)]
    fn carry_out(&mut self, output: Output) {
        if let Output::Put(put) = output {
            self.sink.put(put.len(), put.extents());
            self.stream.recycle(put);
        }
        self.stream.completed(Outcome::Done);
    }
}

impl Writer for Driven<'_> {
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

impl Writer for BufWriter<&mut Sink> {
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

/// A loop that copies, and gives its buffer on when it is full.
struct Copying<'a> {
    buffer: Vec<u8>,
    at: usize,
    sink: &'a mut Sink,
}

impl Writer for Copying<'_> {
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
        let filled = self.buffer.get(..self.at).expect("what was copied");
        self.sink.put(filled.len(), std::iter::once(filled));
        self.at = 0;
    }
}

/// The same work for each candidate: given a writer and the payloads, views of
/// memory that no cache holds.
trait Work {
    fn run(&self, writer: &mut impl Writer, payloads: Vec<Bytes>);
}

/// Writes of 16 bytes, with the length known where they are compiled (an array) or
/// not (a slice that comes from elsewhere).
struct Small<'a, B: ?Sized>(&'a B);

impl<B: ?Sized + AsRef<[u8]>> Work for Small<'_, B> {
    #[inline(always)]
    fn run(&self, writer: &mut impl Writer, _: Vec<Bytes>) {
        for _ in 0..WRITES {
            writer.write(black_box(self.0).as_ref());
        }
        writer.close();
    }
}

/// 32 bytes buffered, 4,096 handed over, 8 buffered, again and again.
struct Mixed;

impl Work for Mixed {
    #[inline(always)]
    fn run(&self, writer: &mut impl Writer, payloads: Vec<Bytes>) {
        let (head, tail) = ([1_u8; 32], [2_u8; 8]);
        for payload in payloads {
            writer.write(black_box::<&[u8; 32]>(&head));
            writer.write_owned(payload);
            writer.write(black_box::<&[u8; 8]>(&tail));
        }
        writer.close();
    }
}

type Run<'a> = dyn Fn(&mut Sink, Vec<Bytes>) + 'a;

/// One way to do the work.
struct Candidate<'a> {
    name: &'a str,
    run: Box<Run<'a>>,
    fastest: Duration,
    allocations: u64,
    copied: f64,
}

fn candidate<'a>(name: &'a str, run: impl Fn(&mut Sink, Vec<Bytes>) + 'a) -> Candidate<'a> {
    let run = Box::new(run);
    Candidate { name, run, fastest: Duration::MAX, allocations: 0, copied: 0.0 }
}

/// All candidates in turn, each beside the first.
fn compare(title: &str, size: usize, writes: usize, payloads: usize, work: &impl Work) {
    let title = format!("{title}, S = {size}");
    let words: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if !words.iter().all(|word| title.contains(word.as_str())) {
        return;
    }
    let stream = |trim| {
        let shape = Shape { buffer_size: BufferSize::new(size).expect("a size"), trim };
        move |sink: &mut Sink, payloads| {
            let mut driven = Driven { stream: Stream::new(shape), sink };
            work.run(black_box(&mut driven), payloads);
        }
    };
    let mut candidates = [
        candidate("Stream", stream(false)),
        candidate("Stream, trim", stream(true)),
        candidate("the same without Rules", |sink, payloads| {
            work.run(black_box(&mut Plain::new(size, sink)), payloads);
        }),
        candidate("std::io::BufWriter", |sink, payloads| {
            work.run(black_box(&mut BufWriter::with_capacity(size, sink)), payloads);
        }),
        candidate("a bare copy loop", |sink, payloads| {
            let mut copying = Copying { buffer: vec![0; size], at: 0, sink };
            work.run(black_box(&mut copying), payloads);
        }),
    ];
    // Never freed: letting go of a payload is its owner's cost, and no candidate's.
    let memory: &'static [u8] = Box::leak(vec![3; payloads * PAYLOAD].into_boxed_slice());
    let given = || memory.chunks(PAYLOAD).map(Bytes::from_static).collect::<Vec<_>>();
    for candidate in &mut candidates {
        let handed_over = memory.as_ptr_range();
        let addresses = handed_over.start.addr()..handed_over.end.addr();
        let mut sink = Sink { handed_over: Some(addresses), ..Sink::default() };
        let (payloads, before) = (given(), ALLOCATIONS.load(Relaxed));
        (candidate.run)(&mut sink, payloads);
        candidate.allocations = ALLOCATIONS.load(Relaxed) - before;
        candidate.copied = sink.copied as f64 / sink.taken as f64 * 100.0;
    }
    for _ in 0..ROUNDS {
        for candidate in &mut candidates {
            let (mut sink, payloads) = (Sink::default(), given());
            let start = Instant::now();
            (candidate.run)(&mut sink, payloads);
            candidate.fastest = start.elapsed().min(candidate.fastest);
        }
    }
    println!("\n{title}");
    let first = candidates[0].fastest.as_nanos() as f64;
    for Candidate { name, fastest, allocations, copied, .. } in &candidates {
        let nanos = fastest.as_nanos() as f64;
        println!(
            "  {name:<24}{:>8.2} ns a write  {:>6.2} × the first  {allocations:>5} allocations  \
             {copied:>6.2}% copied",
            nanos / writes as f64,
            nanos / first,
        );
    }
}

fn main() {
    // `cargo test --benches` calls this too, and wants no benchmark.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    for size in [8192, 131_072] {
        compare("16 B buffered, length known", size, WRITES, 0, &Small(&[7; 16]));
        compare("16 B buffered, length not known", size, WRITES, 0, &Small::<[u8]>(&[7; 16]));
        let mixed = "32 B buffered, 4,096 B handed over, 8 B buffered in turn";
        compare(mixed, size, 3 * PAYLOADS, PAYLOADS, &Mixed);
    }
}
