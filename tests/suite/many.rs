//! Many scattered items: from any kind of record, with any number of threads and reads
//! in flight.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use sealpack::{Plain, ReadAt, Reader, ReaderOptions, Writer, WriterOptions, Zstd};
use sealpack_tests::incompressible::{item, pack};

const COUNT: u32 = 6000;
const LENGTH: usize = 300;

/// Scattered positions with repetitions, and whole records.
fn requests() -> Vec<Vec<u32>> {
    let scattered = |count: u32| (0..count).map(|n| n.wrapping_mul(2_654_435_761) % COUNT);
    let mut mixed: Vec<u32> = scattered(100).chain(1000..1300).chain(scattered(100)).collect();
    mixed.extend([0, COUNT - 1, 0]);
    vec![vec![], vec![17], vec![5999, 0, 3], scattered(1000).collect(), mixed, (0..COUNT).collect()]
}

fn packs() -> Vec<WriterOptions> {
    let (plain, zstd) =
        (|| Writer::options().codec(Plain), || Writer::options().codec(Zstd::level(1)));
    vec![
        plain(),
        plain().items_per_record(1),
        plain().items_per_record(1).record_checksum(true),
        plain().items_per_record(400),
        plain().items_per_record(400).record_checksum(true),
        zstd(),
        zstd().items_per_record(1),
        zstd().items_per_record(9),
    ]
}

/// Reads the requests in every way, and compares the items.
fn check(reader: &Reader, positions: &[u32], context: &(dyn std::fmt::Debug + Sync)) {
    let expected: Vec<Vec<u8>> = positions.iter().map(|&at| item(at, LENGTH)).collect();
    let mut got = vec![None; positions.len()];
    let mut last = 0;
    let take = |request: usize, item: sealpack::Bytes| {
        assert!(positions[request] >= last, "{context:?}: in file order");
        last = positions[request];
        assert!(got[request].replace(item).is_none(), "{context:?}: once");
    };
    reader.get_many(positions, take).unwrap();
    let got: Vec<_> = got.into_iter().map(|item| item.expect("an item")).collect();
    assert!(got.iter().zip(&expected).all(|(got, expected)| got == expected), "{context:?}");
    let seen = Mutex::new(vec![0; positions.len()]);
    let take = |request: usize, item: &[u8]| {
        assert_eq!(item, expected[request], "{context:?}");
        seen.lock().unwrap()[request] += 1;
    };
    reader.get_many_unordered(positions, take).unwrap();
    assert!(seen.into_inner().unwrap().iter().all(|&times| times == 1), "{context:?}");
}

#[test]
fn every_request_gets_its_item_with_any_number_of_threads_and_reads_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pack");
    for (number, options) in packs().into_iter().enumerate() {
        let bytes = pack(options, COUNT, LENGTH);
        std::fs::write(&path, &bytes).unwrap();
        for (threads, depth) in [(1, 1), (1, 16), (2, 1), (8, 1), (3, 40)] {
            let options = || Reader::options().threads(threads).io_depth(depth);
            let file = options().open(&path).unwrap();
            let memory = options().open_source(bytes.clone(), "memory").unwrap();
            let limited = options().decoded_limit(1 << 20).memory_limit(8 << 20);
            let limited = limited.open(&path).unwrap();
            for positions in requests() {
                let context = (number, threads, depth, positions.len());
                for reader in [&file, &memory, &limited] {
                    check(reader, &positions, &context);
                }
            }
        }
    }
}

/// Bytes in memory whose reads wait until so many of them are in flight, or a while.
struct Slow {
    bytes: Vec<u8>,
    wanted: usize,
    in_flight: AtomicUsize,
    most: AtomicUsize,
    read: AtomicUsize,
    threads: Mutex<HashSet<ThreadId>>,
    /// The ranges that were announced, if the source fetches them ahead.
    announced: Option<Mutex<Vec<(u64, u64)>>>,
}

impl Slow {
    fn open(
        options: ReaderOptions,
        bytes: &[u8],
        wanted: usize,
        ahead: bool,
    ) -> (Reader, Arc<Self>) {
        let source = Arc::new(Self {
            bytes: bytes.to_vec(),
            wanted,
            in_flight: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            threads: Mutex::default(),
            announced: ahead.then(Mutex::default),
        });
        (options.open_source(Arc::clone(&source), "memory").unwrap(), source)
    }
}

impl ReadAt for Slow {
    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(in_flight, Ordering::Relaxed);
        self.read.fetch_add(buffer.len(), Ordering::Relaxed);
        self.threads.lock().unwrap().insert(thread::current().id());
        let deadline = Instant::now() + Duration::from_millis(20);
        while self.most.load(Ordering::Relaxed) < self.wanted && Instant::now() < deadline {
            thread::yield_now();
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.bytes.read_exact_at(buffer, offset)
    }

    fn will_read(&self, offset: u64, length: u64) -> bool {
        if let Some(announced) = &self.announced
            && length > 0
        {
            announced.lock().unwrap().push((offset, length));
        }
        self.announced.is_some()
    }
}

#[test]
fn a_source_that_cannot_announce_reads_gets_a_thread_for_each_read_in_flight() {
    let bytes = pack(Writer::options().codec(Plain).items_per_record(1), COUNT, LENGTH);
    let positions: Vec<u32> = (0..COUNT).step_by(100).collect();
    for (depth, most) in [(1, 1), (6, 6)] {
        let options = Reader::options().threads(1).io_depth(depth);
        let (reader, source) = Slow::open(options, &bytes, depth, false);
        reader.get_many(&positions, |_, _| ()).unwrap();
        reader.get_many_unordered(&positions, |_, _| ()).unwrap();
        assert_eq!(source.most.load(Ordering::Relaxed), most);
    }
}

#[test]
fn reads_of_a_source_that_fetches_ahead_are_announced_up_to_the_depth() {
    let bytes = pack(Writer::options().codec(Plain).items_per_record(1), COUNT, LENGTH);
    let positions: Vec<u32> = (0..3000).step_by(100).collect();
    for depth in [1, 6] {
        let options = Reader::options().threads(1).io_depth(depth);
        let (reader, source) = Slow::open(options, &bytes, 1, true);
        let announced = || source.announced.as_ref().unwrap().lock().unwrap().len();
        let mut taken = 0;
        let take = |_, _| {
            taken += 1;
            let expected = if depth == 1 { 0 } else { positions.len().min(taken - 1 + depth) };
            assert_eq!(announced(), expected, "depth {depth}, after {taken}");
        };
        reader.get_many(&positions, take).unwrap();
        assert_eq!(source.threads.lock().unwrap().len(), 1, "no thread is needed");
    }
}

#[test]
fn a_large_plain_record_is_not_read_whole_for_one_of_its_items() {
    let bytes = pack(Writer::options().codec(Plain).items_per_record(200), COUNT, LENGTH);
    let positions: Vec<u32> = (0..COUNT).step_by(400).collect();
    for unordered in [false, true] {
        let (reader, source) = Slow::open(Reader::options(), &bytes, 0, false);
        reader.get(0).unwrap();
        let before = source.read.load(Ordering::Relaxed);
        match unordered {
            false => reader.get_many(&positions, |_, _| ()).unwrap(),
            true => reader.get_many_unordered(&positions, |_, _| ()).unwrap(),
        }
        let read = source.read.load(Ordering::Relaxed) - before;
        assert!(read < positions.len() * 2000, "{read} bytes for items of {LENGTH}");
    }
}

/// The time after which a test has failed, and does not wait any longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test that fails if it does not end.
#[track_caller]
fn ends(test: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        test();
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(PATIENCE).expect("the calls end, and pass");
}

#[test]
fn calls_use_the_same_threads_again() {
    ends(use_the_same_threads);
}

fn use_the_same_threads() {
    let bytes = pack(Writer::options().codec(Plain).items_per_record(1), COUNT, LENGTH);
    let positions: Vec<u32> = (0..COUNT).collect();
    let options = Reader::options().threads(3);
    let (first, source) = Slow::open(options.clone(), &bytes, 3, false);
    let (second, other) = Slow::open(options, &bytes, 3, false);
    for reader in [&first, &second] {
        for _ in 0..5 {
            reader.get_many(&positions, |_, _| ()).unwrap();
            reader.get_many_unordered(&positions, |_, _| ()).unwrap();
            assert_eq!(reader.iter().unwrap().count(), COUNT as usize);
        }
    }
    let mut threads = source.threads.lock().unwrap().clone();
    threads.extend(other.threads.lock().unwrap().iter());
    assert_eq!(threads.len(), 3, "of two readers, and thirty calls");
}

/// A scan that is not advanced must not keep other calls from working.
#[test]
fn calls_within_a_scan_and_within_each_other_end() {
    ends(call_within_calls);
}

fn call_within_calls() {
    let bytes = pack(Writer::options().codec(Plain).items_per_record(10), COUNT, LENGTH);
    let options = Reader::options().threads(2);
    let reader = options.open_source(bytes, "memory").unwrap();
    let positions: Vec<u32> = (0..COUNT).step_by(7).collect();
    let mut scans: Vec<_> = (0..4).map(|_| reader.iter().unwrap()).collect();
    for scan in &mut scans {
        assert_eq!(scan.next().unwrap().unwrap(), item(0, LENGTH));
        let nested = AtomicUsize::new(0);
        let take = |request: usize, _: &[u8]| {
            if request.is_multiple_of(200) {
                let count = |_, _: &[u8]| {
                    nested.fetch_add(1, Ordering::Relaxed);
                };
                reader.get_many_unordered(&positions[..50], count).unwrap();
            }
        };
        reader.get_many_unordered(&positions, take).unwrap();
        assert_eq!(nested.into_inner(), 50 * positions.len().div_ceil(200));
    }
    assert!(scans.into_iter().all(|scan| scan.count() == COUNT as usize - 1));
}
