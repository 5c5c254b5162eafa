//! The inputs: real data that any machine with a Rust toolchain has.
//!
//! | input | items | records |
//! | --- | --- | --- |
//! | E, events-like | ~1 KB of HTML: the toolchain's own documentation | 128 items |
//! | R, records of 50 KB | the same text, 400 B per item | 128 items |
//! | L, ledgers-like | ~28 KB, alternating text and machine code | 1 item |
//! | F, freeze | L's items, each already a zstd frame, passed as owned buffers | 1 item, plain |
//! | T, tiny | 10 B, 20 million of them | 1 item, plain |
//! | J, JSON | events of ~250 B, made up: few kinds, some accounts far more often than others | 128 items |
//! | S | 12,800 items of 400 B, the Go library's own benchmark | 128 items |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealpack::Bytes;

/// The items of an input, concatenated in one buffer.
pub struct InputItems {
    pub bytes: Bytes,
    pub lengths: Vec<u32>,
    pub per_record: u32,
}

impl InputItems {
    fn cut(bytes: Vec<u8>, per_record: u32, mut length: impl FnMut(usize) -> usize) -> Self {
        let mut lengths = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let length = length(lengths.len()).min(bytes.len() - at);
            lengths.push(u32::try_from(length).unwrap());
            at += length;
        }
        Self { bytes: bytes.into(), lengths, per_record }
    }

    /// The items as slices.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        self.lengths.iter().map(move |&length| {
            let (item, after) = rest.split_at(length as usize);
            rest = after;
            item
        })
    }

    /// The items as owned views.
    pub fn views(&self) -> impl Iterator<Item = Bytes> + '_ {
        let mut at = 0;
        self.lengths.iter().map(move |&length| {
            let start = at;
            at += length as usize;
            self.bytes.slice(start..at)
        })
    }

    /// The payloads of the records.
    pub fn payloads(&self) -> Vec<&[u8]> {
        let mut rest = &self.bytes[..];
        let sizes = self.lengths.chunks(self.per_record as usize);
        sizes
            .map(|lengths| {
                let size = lengths.iter().map(|&length| length as usize).sum();
                let (payload, after) = rest.split_at(size);
                rest = after;
                payload
            })
            .collect()
    }
}

/// Positions spread over a pack of so many items. Other programs compute the same ones.
pub fn scattered_positions(items: u64, count: u64) -> Vec<u32> {
    let position = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % items;
    (1..=count).map(|n| u32::try_from(position(n)).unwrap()).collect()
}

/// A pseudo-random number, the same in every run.
fn scatter(number: usize) -> usize {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) as usize
}

/// `size` bytes from the files below `folders` that have one of `endings`.
fn gather(folders: &[PathBuf], endings: &[&str], size: usize) -> Vec<u8> {
    let mut files = Vec::new();
    folders.iter().for_each(|folder| walk(folder, endings, &mut files));
    files.sort();
    let mut bytes = Vec::with_capacity(size);
    for file in files {
        if bytes.len() >= size {
            break;
        }
        bytes.extend(fs::read(file).unwrap_or_default());
    }
    assert!(!bytes.is_empty(), "no {endings:?} below {folders:?}: install the rust-docs component");
    // If the machine has less text, it is repeated from different offsets.
    let found = bytes.len();
    while bytes.len() < size {
        let start = scatter(bytes.len()) % found;
        let length = (found - start).min(size - bytes.len());
        bytes.extend_from_within(start..start + length);
    }
    bytes.truncate(size);
    bytes
}

fn walk(folder: &Path, endings: &[&str], files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            walk(&path, endings, files);
        } else if kind.is_file() && endings.iter().any(|end| path.to_string_lossy().ends_with(end))
        {
            files.push(path);
        }
    }
}

fn toolchain() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
    PathBuf::from(String::from_utf8(printed.stdout).unwrap().trim())
}

fn html(size: usize) -> Vec<u8> {
    let toolchain = toolchain();
    gather(
        &[toolchain.join("share/doc"), toolchain.join("lib/rustlib/src")],
        &[".html", ".rs"],
        size,
    )
}

/// E: ~1 KB of HTML per item, 128 items per record.
pub fn events(size: usize) -> InputItems {
    InputItems::cut(html(size), 128, |number| 512 + scatter(number) % 1024)
}

/// J: `size` bytes of JSON events of ~250 B. Amounts and hashes are random; accounts and
/// assets are a few common ones, and many rare ones.
pub fn json_events(size: usize) -> InputItems {
    const KINDS: [&str; 6] = ["transfer", "swap", "mint", "burn", "approve", "clawback"];
    let mut bytes = Vec::with_capacity(size + 300);
    let mut lengths = Vec::new();
    while bytes.len() < size {
        let number = lengths.len();
        let random = scatter(number);
        // The cube makes small numbers common.
        let skewed = |salt: usize, below: usize| {
            let unit = (scatter(random ^ salt) >> 11) as f64 / (1u64 << 53) as f64;
            (unit * unit * unit * below as f64) as usize
        };
        let account = |salt| format!("G{:016X}{:08X}", scatter(skewed(salt, 100_000)), salt * 7);
        let event = format!(
            "{{\"ledger\":{},\"tx\":\"{:016x}\",\"type\":\"{}\",\"asset\":\"{:05X}:{}\",\"from\":\"{}\",\
             \"to\":\"{}\",\"amount\":\"{}.0000000\",\"fee\":{},\"successful\":{}}}",
            50_000_000 + number / 90,
            random,
            KINDS[skewed(1, KINDS.len())],
            skewed(2, 500) * 7919,
            account(3),
            account(4),
            account(5),
            random % 1_000_000,
            100 * (1 + skewed(6, 9)),
            !random.is_multiple_of(29),
        );
        lengths.push(u32::try_from(event.len()).unwrap());
        bytes.extend_from_slice(event.as_bytes());
    }
    InputItems { bytes: bytes.into(), lengths, per_record: 128 }
}

/// R: records of 50 KB.
pub fn records_of_50_kb(size: usize) -> InputItems {
    InputItems::cut(html(size), 128, |number| 300 + scatter(number) % 200)
}

/// S: 12,800 items of 400 B.
pub fn small() -> InputItems {
    InputItems::cut(html(12_800 * 400), 128, |_| 400)
}

/// L: ~28 KB per item, alternating text and machine code, one item per record.
pub fn ledgers(size: usize) -> InputItems {
    let text = html(size / 2);
    let code = gather(&[toolchain().join("lib"), toolchain().join("bin")], &["", ".so"], size / 2);
    let mut mixed = Vec::with_capacity(size);
    for (text, code) in text.chunks(6 << 10).zip(code.chunks(6 << 10)) {
        mixed.extend_from_slice(text);
        mixed.extend_from_slice(code);
    }
    InputItems::cut(mixed, 1, |number| (14 << 10) + scatter(number) % (28 << 10))
}

/// F: L's items, already compressed.
pub fn frozen(ledgers: &InputItems) -> Vec<Bytes> {
    ledgers.slices().map(|item| zstd::bulk::compress(item, 3).unwrap().into()).collect()
}

/// T: items of 10 B.
pub fn tiny(count: usize) -> InputItems {
    let bytes = (0..count * 10).map(|at| (scatter(at / 10) >> (at % 10)) as u8).collect();
    InputItems::cut(bytes, 1, |_| 10)
}
