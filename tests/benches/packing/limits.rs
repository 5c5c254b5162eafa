//! The limits: what the machine achieves with the same bytes without sealpack.

use std::fs::File;
use std::io::{IoSlice, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealpack::{Bytes, Reader};
use sha2::{Digest as _, Sha256};

/// Copies the items into buffers of 1 MiB and writes each full buffer. The caller
/// removes the file, because that is not part of writing.
pub fn copy_and_write<'a>(items: impl Iterator<Item = &'a [u8]>, path: &Path) {
    const BUFFER: usize = 1 << 20;
    let mut file = File::create(path).unwrap();
    let mut buffer = Vec::with_capacity(BUFFER);
    for mut item in items {
        while buffer.len() + item.len() >= BUFFER {
            let (fits, rest) = item.split_at(BUFFER - buffer.len());
            buffer.extend_from_slice(fits);
            file.write_all(&buffer).unwrap();
            buffer.clear();
            item = rest;
        }
        buffer.extend_from_slice(item);
    }
    file.write_all(&buffer).unwrap();
}

/// Writes buffers in place with `writev`, about 1 MiB per call. The caller removes
/// the file.
pub fn write_vectored(items: &[Bytes], path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut rest = items;
    while !rest.is_empty() {
        let mut bytes = 0;
        let count = rest.iter().take(1024).take_while(|item| {
            bytes += item.len();
            bytes <= 1 << 20
        });
        let (current, remaining) = rest.split_at(count.count().max(1));
        let mut slices: Vec<_> = current.iter().map(|item| IoSlice::new(item)).collect();
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            let written = file.write_vectored(slices).unwrap();
            IoSlice::advance_slices(&mut slices, written);
        }
        rest = remaining;
    }
}

/// Calls `work` for each of `jobs`, on this many threads.
pub fn spread<T: Sync>(jobs: &[T], threads: usize, work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(job);
                }
            });
        }
    });
}

thread_local! {
    static ZSTD: std::cell::RefCell<(zstd::bulk::Compressor<'static>, Vec<u8>)> = {
        let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
        compressor.include_checksum(true).unwrap();
        std::cell::RefCell::new((compressor, Vec::with_capacity(4 << 20)))
    };
}

/// Compresses one payload and discards the result.
pub fn zstd_once(payload: &[u8]) {
    ZSTD.with_borrow_mut(|(compressor, out)| {
        out.reserve(zstd::zstd_safe::compress_bound(payload.len()));
        std::hint::black_box(compressor.compress_to_buffer(payload, out).unwrap());
    });
}

/// Computes the SHA-256 of one message.
pub fn sha_once(message: &[u8]) {
    std::hint::black_box(Sha256::digest(message));
}

/// The frame at the start of a stored record.
pub fn frame_of(stored: &[u8]) -> &[u8] {
    &stored[..zstd::zstd_safe::find_frame_compressed_size(stored).unwrap()]
}

/// The frames of some records.
pub fn stored_payloads(reader: &Reader, records: impl Iterator<Item = u32>) -> Vec<Bytes> {
    records
        .map(|number| {
            let stored = reader.stored_record(number).unwrap();
            stored.slice(..frame_of(&stored).len())
        })
        .collect()
}

thread_local! {
    static DECODER: std::cell::RefCell<(zstd::bulk::Decompressor<'static>, Vec<u8>)> =
        std::cell::RefCell::new((zstd::bulk::Decompressor::new().unwrap(), Vec::with_capacity(1 << 20)));
}

/// Decodes one frame and discards the result.
pub fn decode(frame: &[u8]) {
    DECODER.with_borrow_mut(|(decoder, out)| {
        std::hint::black_box(decoder.decompress_to_buffer(frame, out).unwrap());
    });
}
