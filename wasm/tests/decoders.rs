#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that fails"
)]
//! Compares both decoders of the npm package with C zstd and ruzstd: they return the same
//! bytes for every sound frame, and never different ones for a damaged frame.

#[macro_use]
mod each_decoder;
mod random;
mod reference;

use std::fs;
use std::path::{Path, PathBuf};

use sealpack_core::codec::zstd_frame::{FrameHeader, FrameLayout, MAGIC};
use sealpack_core::codec::{Decode as _, Size};
use sealpack_core::error::DecodeError;
use sealpack_wasm::decode::{Backend, CheckedDecoder};

use random::Random;

for_each_decoder! {
    frames_of_every_kind_decode_to_the_same_bytes_in_three_decoders,
    damaged_frames_never_decode_to_other_bytes,
    frames_of_the_fixtures_and_the_fuzz_corpora_decode_to_the_same_bytes_damaged_or_not,
    every_flipped_bit_of_a_checksum_is_refused,
    a_content_size_that_the_blocks_do_not_yield_is_refused,
    highly_compressed_records_decode,
}

/// The number of frames, each of which is damaged four times.
const ROUNDS: u32 = 15_000;
const LIMIT: Size = Size::AtMost(1 << 20);

impl Random {
    /// Text, noise, runs, or repetitions far apart.
    fn payload(&mut self) -> Vec<u8> {
        const WORDS: [&str; 8] =
            ["ledger ", "event ", "offset ", "{\"seq\": ", "0", "1729", "}, ", "\n"];
        let magnitude = 1 + self.below(17);
        let length = 1 + self.below(1 << magnitude);
        let kind = self.below(5);
        let mut out = Vec::new();
        while out.len() < length {
            match kind {
                0 | 1 => out.extend_from_slice(WORDS[self.below(8)].as_bytes()),
                2 => out.push(self.next() as u8),
                3 => out.extend(std::iter::repeat_n(self.next() as u8, 1 + self.below(400))),
                _ => {
                    let start = self.below(out.len());
                    let end = (start + self.below(60)).min(out.len());
                    out.extend_from_within(start..end);
                    out.push((self.next() % 40) as u8);
                }
            }
        }
        out.truncate(length);
        out
    }

    fn damage(&mut self, sound: &[u8]) -> Vec<u8> {
        let mut damaged = sound.to_vec();
        let at = self.below(damaged.len());
        match self.below(10) {
            0..6 => damaged[at] ^= 1 << self.below(8),
            6..8 => damaged[at] = self.next() as u8,
            8 => damaged[at..].iter_mut().take(16).for_each(|byte| *byte = self.next() as u8),
            _ => damaged.truncate(at),
        }
        damaged
    }
}

/// A frame by C zstd.
fn frame(payload: &[u8], level: i32, checksum: bool, sized: bool) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(level).unwrap();
    compressor.include_checksum(checksum).unwrap();
    compressor.include_contentsize(sized).unwrap();
    compressor.compress(payload).unwrap()
}

fn by_c_zstd(frame: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::decompress(frame, 1 << 20).ok()
}

/// Compares the three decoders on one frame. Where two of them accept it, they
/// must agree; C zstd and ruzstd may accept more.
fn compare<B: Backend>(decoder: &CheckedDecoder<B>, frame: &[u8], size: Size) -> Option<Vec<u8>> {
    let ours = decoder.decode(frame.to_vec().into(), size).ok()?;
    let layout = FrameLayout::parse(frame, size).unwrap();
    let by_c = by_c_zstd(&frame[..layout.length]).expect("C zstd refuses what the reader accepts");
    assert!(ours == by_c, "different bytes than C zstd");
    if let Some(reference) = reference::decoded(frame, size) {
        assert!(ours == reference, "different bytes than ruzstd");
    }
    Some(ours.to_vec())
}

fn frames_of_every_kind_decode_to_the_same_bytes_in_three_decoders<B: Backend>() {
    let mut random = Random(1);
    let decoder = CheckedDecoder::<B>::default();
    for round in 0..1500 {
        let payload = random.payload();
        for level in [-5, 1, 3, 9, 19] {
            if level == 19 && round % 10 != 0 {
                continue;
            }
            let (checksum, sized) = (random.below(2) == 0, random.below(4) != 0);
            let frame = frame(&payload, level, checksum, sized);
            let fits = sized || payload.len() <= 4 * frame.len();
            for size in [Size::Exactly(payload.len() as u64), LIMIT] {
                let decoded = compare(&decoder, &frame, size);
                assert!(!fits || decoded.as_ref() == Some(&payload), "round {round}, {level}");
                let reference = reference::decoded(&frame, size);
                assert!(!fits || reference.as_ref() == Some(&payload), "round {round}, {level}");
            }
        }
    }
}

fn damaged_frames_never_decode_to_other_bytes<B: Backend>() {
    let mut random = Random(2);
    let mut decoder = CheckedDecoder::<B>::default();
    let (mut refused, mut accepted) = (0, 0);
    for round in 0..ROUNDS {
        let payload = random.payload();
        let checksum = round % 3 != 0;
        let level = [1, 3, 3, 6][random.below(4)];
        let sound = frame(&payload[..payload.len().min(4000)], level, checksum, round % 4 != 0);
        for _ in 0..4 {
            let damaged = random.damage(&sound);
            match compare(&decoder, &damaged, LIMIT) {
                Some(decoded) if checksum => {
                    assert!(decoded == payload[..payload.len().min(4000)], "round {round}");
                    accepted += 1;
                }
                Some(_) => accepted += 1,
                None => refused += 1,
            }
        }
        if round % 1000 == 0 {
            decoder = CheckedDecoder::<B>::default();
        }
    }
    println!("{refused} refused, {accepted} accepted");
    assert!(refused > accepted);
}

/// The frames in a file: from every occurrence of the magic to the end of the frame or, if
/// its blocks are damaged, of the file.
fn frames_in(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = bytes.windows(4).enumerate().filter(|(_, four)| *four == MAGIC.to_le_bytes());
    starts.map(|(at, _)| only_frame(&bytes[at..])).collect()
}

fn only_frame(bytes: &[u8]) -> Vec<u8> {
    let Ok(header) = FrameHeader::parse(bytes) else { return bytes.to_vec() };
    let mut at = header.length;
    while let Some(&[a, b, c]) = bytes.get(at..at + 3) {
        let word = u32::from_le_bytes([a, b, c, 0]);
        at += 3 + if word >> 1 & 3 == 1 { 1 } else { (word >> 3) as usize };
        if word & 1 == 1 {
            let end = at + if header.checksum { 4 } else { 0 };
            return bytes.get(..end).unwrap_or(bytes).to_vec();
        }
    }
    bytes.to_vec()
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

fn frames_of_the_fixtures_and_the_fuzz_corpora_decode_to_the_same_bytes_damaged_or_not<
    B: Backend,
>() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut files = Vec::new();
    files_below(&tests.join("fixtures"), &mut files);
    files_below(&tests.join("fuzz/corpus"), &mut files);
    let mut random = Random(3);
    let decoder = CheckedDecoder::<B>::default();
    let mut decoded = 0;
    for file in files {
        for frame in frames_in(&fs::read(&file).unwrap()).into_iter().take(40) {
            decoded += u32::from(compare(&decoder, &frame, LIMIT).is_some());
            for _ in 0..40 {
                let damaged = random.damage(&frame);
                compare(&decoder, &damaged, LIMIT);
            }
        }
    }
    assert!(decoded > 100, "{decoded} frames");
}

fn every_flipped_bit_of_a_checksum_is_refused<B: Backend>() {
    let payload = Random(4).payload();
    let sound = frame(&payload, 3, true, true);
    let decoder = CheckedDecoder::<B>::default();
    for bit in 0..32 {
        let mut damaged = sound.clone();
        let at = damaged.len() - 4 + bit / 8;
        damaged[at] ^= 1 << (bit % 8);
        let refused = decoder.decode(damaged.into(), LIMIT);
        assert!(matches!(refused, Err(DecodeError::FrameChecksum)), "bit {bit}: {refused:?}");
    }
}

/// A frame that claims this content size, of raw (0) and run (1) blocks; a run has
/// 100,000 bytes.
fn frame_claiming(content_size: u32, blocks: &[(u8, &[u8])]) -> Vec<u8> {
    let mut frame = MAGIC.to_le_bytes().to_vec();
    frame.push(0xa0);
    frame.extend_from_slice(&content_size.to_le_bytes());
    for (at, (kind, body)) in blocks.iter().enumerate() {
        let size = if *kind == 1 { 100_000 } else { body.len() as u32 };
        let last = u32::from(at + 1 == blocks.len());
        let header = (size << 3) | (u32::from(*kind) << 1) | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(body);
    }
    frame
}

fn a_content_size_that_the_blocks_do_not_yield_is_refused<B: Backend>() {
    let decoder = CheckedDecoder::<B>::default();
    for (claimed, accepted) in [(5, false), (6, true), (7, false)] {
        let frame = frame_claiming(claimed, &[(0, &b"abc"[..]), (0, &b"def"[..])]);
        let decoded = decoder.decode(frame.into(), Size::AtMost(100));
        assert_eq!(decoded.is_ok(), accepted, "{claimed}: {decoded:?}");
    }
    // Too large to allocate in advance: decoded without the claim.
    for (claimed, accepted) in [(999_999, false), (1_000_000, true), (200_000_000, false)] {
        let frame = frame_claiming(claimed, &[(1, &b"x"[..]); 10]);
        let decoded = decoder.decode(frame.into(), Size::AtMost(1 << 30));
        assert_eq!(decoded.is_ok(), accepted, "{claimed}");
        assert!(
            accepted || matches!(decoded, Err(DecodeError::Length { .. })),
            "{claimed}: {decoded:?}"
        );
    }
}

fn highly_compressed_records_decode<B: Backend>() {
    let decoder = CheckedDecoder::<B>::default();
    for length in [100_000, 300_000, 20_000_000] {
        let payload = vec![7; length];
        let frame = frame(&payload, 3, true, true);
        for size in [Size::Exactly(length as u64), Size::AtMost(1 << 28)] {
            assert!(decoder.decode(frame.clone().into(), size).unwrap() == payload);
        }
        let short = decoder.decode(frame.clone().into(), Size::Exactly(length as u64 - 1));
        assert!(matches!(short, Err(DecodeError::Length { .. })));
    }
}
