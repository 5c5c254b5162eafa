//! What the output stream costs, beside what else one would use, in one run.
//!
//! `cargo bench -p sealpack-core --bench stream`
//!
//! The times of one run stand beside each other: each candidate runs in turn,
//! round after round, and the fastest round counts. Trust the ratios, not the
//! nanoseconds. The sinks add up sizes and do nothing else.
#![allow(
    unsafe_code,
    reason = "an allocator that counts is an unsafe impl; only in this benchmark"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark ends by panicking")]
#![allow(clippy::cast_precision_loss, reason = "figures to print")]
#![allow(missing_docs, reason = "a program")]

use bytes::{Bytes, BytesMut};
use sealpack_core::stream::{BufferSize, Outcome, Output, Rules, Shape, Stream};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const ROUNDS: usize = 25;
/// Writes of one round of small ones.
const WRITES: usize = 1 << 19;
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
struct Sum(u64);

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += black_box(bytes).len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[inline(always)]
fn drive<R: Rules>(stream: &mut Stream<R>, sum: &mut Sum) {
    while let Some(output) = stream.next_output() {
        carry_out(stream, sum, output);
    }
}

#[inline(never)]
fn carry_out<R: Rules>(stream: &mut Stream<R>, sum: &mut Sum, output: Output) {
    if let Output::Put(put) = output {
        sum.0 += black_box(&put).len() as u64;
        stream.recycle(put);
    }
    stream.completed(Outcome::Done);
}

/// The same decisions without trim and without a failure, by hand and without
/// `Rules`: what the type parameter is measured against.
struct Plain {
    buffer: Option<BytesMut>,
    left: usize,
    pending: Vec<Bytes>,
    waiting: usize,
    size: usize,
}

impl Plain {
    fn new(size: usize) -> Self {
        Plain { buffer: None, left: 0, pending: Vec::new(), waiting: 0, size }
    }

    #[inline]
    fn write(&mut self, bytes: &[u8], sum: &mut Sum) {
        if let Some(buffer) = &mut self.buffer
            && bytes.len() <= self.left
        {
            buffer.extend_from_slice(bytes);
            self.left -= bytes.len();
        } else {
            self.overflow(bytes, sum);
        }
    }

    #[inline(never)]
    fn overflow(&mut self, bytes: &[u8], sum: &mut Sum) {
        if self.buffer.is_none() {
            self.buffer = Some(BytesMut::with_capacity(self.size));
            self.left = self.size;
        }
        let (now, rest) = bytes.split_at(self.left.min(bytes.len()));
        if let Some(buffer) = &mut self.buffer {
            buffer.extend_from_slice(now);
            self.left -= now.len();
        }
        if rest.is_empty() {
            return;
        }
        self.seal();
        if self.waiting == self.size {
            self.put(sum);
            self.write(rest, sum);
        } else {
            self.waiting += rest.len();
            self.pending.push(Bytes::copy_from_slice(rest));
            self.emit(sum);
        }
    }

    fn write_owned(&mut self, extent: Bytes, sum: &mut Sum) {
        self.seal();
        self.waiting += extent.len();
        self.pending.push(extent);
        self.emit(sum);
    }

    fn seal(&mut self) {
        if let Some(buffer) = &mut self.buffer
            && !buffer.is_empty()
        {
            self.waiting += buffer.len();
            self.pending.push(buffer.split().freeze());
            if self.left == 0 {
                self.buffer = None;
            }
        }
    }

    fn emit(&mut self, sum: &mut Sum) {
        if self.waiting >= self.size {
            self.put(sum);
        }
    }

    fn put(&mut self, sum: &mut Sum) {
        sum.0 += black_box(&self.pending).iter().map(|e| e.len() as u64).sum::<u64>();
        self.pending.clear();
        self.waiting = 0;
    }
}

/// One way to do the same work. It is given the payloads, views of memory that no
/// cache holds, and returns the bytes that reached the sink.
struct Candidate<'a> {
    name: &'a str,
    run: Box<dyn FnMut(Vec<Bytes>) -> u64 + 'a>,
}

/// Runs all candidates in turn and prints them beside the first.
fn compare(title: &str, writes: usize, payloads: usize, mut candidates: Vec<Candidate<'_>>) {
    println!("\n{title}");
    // Never freed: letting go of a payload is its owner's cost, and no candidate's.
    let memory: &'static [u8] = Box::leak(vec![3; payloads * PAYLOAD].into_boxed_slice());
    let mut best = vec![(Duration::MAX, 0); candidates.len()];
    for _ in 0..ROUNDS {
        for (candidate, (fastest, allocations)) in candidates.iter_mut().zip(&mut best) {
            let given = memory.chunks(PAYLOAD).map(Bytes::from_static).collect();
            let before = ALLOCATIONS.load(Relaxed);
            let start = Instant::now();
            black_box((candidate.run)(given));
            *fastest = start.elapsed().min(*fastest);
            *allocations = ALLOCATIONS.load(Relaxed) - before;
        }
    }
    let first = best.first().expect("there are candidates").0.as_nanos() as f64;
    for (candidate, (fastest, allocations)) in candidates.iter().zip(&best) {
        let nanos = fastest.as_nanos() as f64;
        println!(
            "  {:<34}{:>8.2} ns a write  {:>6.2} × the first  {allocations:>7} allocations",
            candidate.name,
            nanos / writes as f64,
            nanos / first,
        );
    }
}

fn shape(size: usize, trim: bool) -> Shape {
    Shape { buffer_size: BufferSize::new(size).expect("a size"), trim }
}

/// Writes of 16 bytes, with the length known where they are compiled (a number) or
/// not (a slice that comes from elsewhere).
fn small_writes<B: ?Sized + AsRef<[u8]>>(size: usize, bytes: &B, what: &str) {
    let stream = |trim| {
        move |_| {
            let (mut stream, mut sum) = (Stream::new(shape(size, trim)), Sum::default());
            for _ in 0..WRITES {
                stream.write(black_box(bytes).as_ref()).expect("nothing fails");
                drive(&mut stream, &mut sum);
            }
            stream.close().expect("nothing fails");
            drive(&mut stream, &mut sum);
            sum.0
        }
    };
    let plain = move |_| {
        let (mut plain, mut sum) = (Plain::new(size), Sum::default());
        for _ in 0..WRITES {
            plain.write(black_box(bytes).as_ref(), &mut sum);
        }
        plain.seal();
        plain.put(&mut sum);
        sum.0
    };
    let std = move |_| {
        let mut writer = BufWriter::with_capacity(size, Sum::default());
        for _ in 0..WRITES {
            writer.write_all(black_box(bytes).as_ref()).expect("nothing fails");
        }
        writer.flush().expect("nothing fails");
        writer.get_ref().0
    };
    let copy = move |_| {
        let (mut buffer, mut at, mut sum) = (vec![0_u8; size], 0, 0);
        for _ in 0..WRITES {
            if at + bytes.as_ref().len() > size {
                sum += black_box(&buffer).len() as u64;
                at = 0;
            }
            if let Some(place) = buffer.get_mut(at..at + bytes.as_ref().len()) {
                place.copy_from_slice(black_box(bytes).as_ref());
            }
            at += bytes.as_ref().len();
        }
        sum
    };
    compare(
        &format!("16-byte buffered writes, {what}; S = {size}"),
        WRITES,
        0,
        vec![
            Candidate { name: "Stream", run: Box::new(stream(false)) },
            Candidate { name: "Stream, trim", run: Box::new(stream(true)) },
            Candidate { name: "by hand, no type parameter", run: Box::new(plain) },
            Candidate { name: "std::io::BufWriter", run: Box::new(std) },
            Candidate { name: "a bare copy loop", run: Box::new(copy) },
        ],
    );
}

/// 32 bytes buffered, 4,096 handed over, 8 buffered, again and again.
fn mixed_writes(size: usize) {
    let (head, tail) = ([1_u8; 32], [2_u8; 8]);
    let stream = |trim| {
        move |payloads: Vec<Bytes>| {
            let (mut stream, mut sum) = (Stream::new(shape(size, trim)), Sum::default());
            for payload in payloads {
                stream.write(black_box::<&[u8; 32]>(&head)).expect("nothing fails");
                drive(&mut stream, &mut sum);
                stream.write_owned(payload).expect("nothing fails");
                drive(&mut stream, &mut sum);
                stream.write(black_box::<&[u8; 8]>(&tail)).expect("nothing fails");
                drive(&mut stream, &mut sum);
            }
            stream.close().expect("nothing fails");
            drive(&mut stream, &mut sum);
            sum.0
        }
    };
    let plain = move |payloads: Vec<Bytes>| {
        let (mut plain, mut sum) = (Plain::new(size), Sum::default());
        for payload in payloads {
            plain.write(black_box::<&[u8; 32]>(&head), &mut sum);
            plain.write_owned(payload, &mut sum);
            plain.write(black_box::<&[u8; 8]>(&tail), &mut sum);
        }
        plain.seal();
        plain.put(&mut sum);
        sum.0
    };
    let std = move |payloads: Vec<Bytes>| {
        let mut writer = BufWriter::with_capacity(size, Sum::default());
        for payload in payloads {
            writer.write_all(black_box::<&[u8; 32]>(&head)).expect("nothing fails");
            writer.write_all(&payload).expect("nothing fails");
            writer.write_all(black_box::<&[u8; 8]>(&tail)).expect("nothing fails");
        }
        writer.flush().expect("nothing fails");
        writer.get_ref().0
    };
    compare(
        &format!("32 B buffered, 4,096 B handed over, 8 B buffered in turn, S = {size}"),
        3 * PAYLOADS,
        PAYLOADS,
        vec![
            Candidate { name: "Stream", run: Box::new(stream(false)) },
            Candidate { name: "Stream, trim", run: Box::new(stream(true)) },
            Candidate { name: "by hand, no type parameter", run: Box::new(plain) },
            Candidate { name: "std::io::BufWriter", run: Box::new(std) },
        ],
    );
}

fn main() {
    // `cargo test --benches` calls this too, and wants no benchmark.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    for size in [8192, 131_072] {
        small_writes(size, &[7_u8; 16], "length known");
        small_writes::<[u8]>(size, &[7_u8; 16], "length not known");
        mixed_writes(size);
    }
}
