//! sealpack's side of a comparison with other formats; `run.py` runs it next to the others.
//!
//! ```text
//! peers items e|j MIB FILE             writes an input: [u32 LE length][bytes] for each item
//! peers serve PER_RECORD DICTIONARY ITEMS PACK
//!     works with PACK, zstd level 3, with a dictionary of so many KiB (0: none);
//!     reads commands from standard input, one a line, and answers each with one line
//!     of JSON (`serve.py` lists them)
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a benchmark that cannot run stops"
)]

#[allow(dead_code, reason = "the inputs of the other benchmark are not all used")]
#[path = "../packing/inputs.rs"]
mod inputs;

use std::fs::{self, File};
use std::io::{BufRead as _, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sealpack::{DictionaryTraining, ReadCodec, Reader, Writer, Zstd};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Bytes of items that a dictionary is trained with.
const SAMPLE: usize = 8 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["items", input, mib, file] => {
            let size = mib.parse::<usize>().expect("a number of MiB") << 20;
            let items = match input {
                "e" => inputs::events(size),
                "j" => inputs::json_events(size),
                other => panic!("no input {other}"),
            };
            let mut out = BufWriter::with_capacity(1 << 20, File::create(file).unwrap());
            for item in items.slices() {
                out.write_all(&u32::try_from(item.len()).unwrap().to_le_bytes()).unwrap();
                out.write_all(item).unwrap();
            }
            out.flush().unwrap();
        }
        ["serve", per_record, dictionary, items, pack] => {
            let per_record = per_record.parse().expect("items per record");
            let dictionary = dictionary.parse::<usize>().expect("KiB of a dictionary");
            Server::new(per_record, dictionary << 10, Path::new(items), Path::new(pack)).run();
        }
        _ => eprintln!("run tests/benches/peers/run.py"),
    }
}

/// Answers the commands.
struct Server {
    per_record: u32,
    /// The size of the dictionary in bytes; 0 for none.
    dictionary: usize,
    /// All items, as the file has them.
    input: PathBuf,
    pack: PathBuf,
    reader: Option<Reader>,
}

impl Server {
    fn new(per_record: u32, dictionary: usize, input: &Path, pack: &Path) -> Self {
        Self { per_record, dictionary, input: input.into(), pack: pack.into(), reader: None }
    }

    fn run(&mut self) {
        for line in std::io::stdin().lock().lines() {
            let line = line.unwrap();
            let mut words = line.split_whitespace();
            let command = words.next().unwrap_or_default();
            let count = words.next().map_or(0, |word| word.parse().expect("a number"));
            let answer = match command {
                "write" => self.write(),
                "open" => self.open(),
                "get" => self.get(count),
                "cold" => self.cold(count),
                "many" => self.many(count),
                "scan" => self.scan(),
                "check" => self.check(count),
                "memory" => json!({ "bytes": peak_memory() }),
                other => panic!("no command {other}"),
            };
            println!("{answer}");
        }
    }

    /// Packs all items, including the training of the dictionary.
    fn write(&self) -> Value {
        let input = fs::read(&self.input).unwrap();
        let items = framed(&input);
        let started = Instant::now();
        let mut codec = Zstd::level(3);
        if self.dictionary > 0 {
            let step = (input.len() / SAMPLE).max(1);
            let sample = items.iter().step_by(step);
            let training = DictionaryTraining::of_size(self.dictionary).unwrap();
            codec = codec.dictionary(training.train(sample).unwrap());
        }
        let options = Writer::options().items_per_record(self.per_record).codec(codec).threads(1);
        let mut writer = options.overwrite(true).create(&self.pack).unwrap();
        items.iter().for_each(|item| writer.append(item).unwrap());
        writer.finish().unwrap();
        json!({ "seconds": started.elapsed().as_secs_f64() })
    }

    fn open(&mut self) -> Value {
        self.reader = None;
        let started = Instant::now();
        let reader = Reader::options().codec(ReadCodec::Zstd).threads(1).open(&self.pack);
        self.reader = Some(reader.unwrap());
        json!({ "seconds": started.elapsed().as_secs_f64() })
    }

    fn reader(&self) -> &Reader {
        self.reader.as_ref().expect("the command `open` first")
    }

    /// Positions scattered over the pack.
    fn positions(&self, count: u64) -> Vec<u32> {
        inputs::scattered_positions(self.reader().item_count().into(), count)
    }

    fn get(&self, count: u64) -> Value {
        let reader = self.reader();
        let times = self.positions(count).into_iter().map(|position| {
            let started = Instant::now();
            assert!(reader.get_with(position, <[u8]>::len).unwrap() > 0);
            started.elapsed().as_secs_f64()
        });
        percentiles(times.collect())
    }

    /// As `get`, each from a newly opened pack whose pages are not in the cache.
    fn cold(&mut self, count: u64) -> Value {
        let mut times = Vec::new();
        for position in self.positions(count) {
            self.reader = None;
            let file = File::open(&self.pack).unwrap();
            posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
            self.open();
            let started = Instant::now();
            assert!(self.reader().get_with(position, <[u8]>::len).unwrap() > 0);
            times.push(started.elapsed().as_secs_f64());
        }
        percentiles(times)
    }

    fn many(&self, count: u64) -> Value {
        let positions = self.positions(count);
        let started = Instant::now();
        let mut bytes = 0;
        self.reader().get_many(&positions, |_, item| bytes += item.len()).unwrap();
        json!({ "seconds": started.elapsed().as_secs_f64(), "bytes": bytes })
    }

    fn scan(&self) -> Value {
        let started = Instant::now();
        let mut bytes = 0;
        self.reader().for_each(.., |_, item| bytes += item.len()).unwrap();
        json!({ "seconds": started.elapsed().as_secs_f64(), "bytes": bytes })
    }

    /// A digest of some items, which must be the same for every program.
    fn check(&self, count: u64) -> Value {
        let mut hash = Sha256::new();
        for position in self.positions(count) {
            hash.update(self.reader().get(position).unwrap());
        }
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "sha256": digest })
    }
}

fn framed(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (item, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        items.push(item);
        rest = after;
    }
    items
}

fn percentiles(mut times: Vec<f64>) -> Value {
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    json!({ "seconds": times.iter().sum::<f64>(), "p50": at(0.5), "p99": at(0.99) })
}

/// The largest resident memory of this process so far, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib << 10
}
