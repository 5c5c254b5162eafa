#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that fails"
)]
//! The promises of this crate without its JavaScript: the codec, the errors,
//! and that the instance stays usable after each.

#[path = "../reference/mod.rs"]
mod reference;

use bytes::Bytes;
use js_sys::{Array, BigUint64Array, Reflect, Uint8Array, Uint32Array, WebAssembly};
use sealpack_core::codec::zstd_frame::FrameHeader;
use sealpack_core::codec::{Decode, Encode, FrameChecksum, Size};
use sealpack_core::error::DecodeError;
use sealpack_wasm::build::{BuildOptions, PackBuilder};
use sealpack_wasm::decode::CheckedDecoder;
use sealpack_wasm::error::{ErrorRow, ModuleRefusal};
use sealpack_wasm::read::{PackHandle, PackOpening};
use sealpack_wasm::verify::{ReportBuilder, RunExaminer};
use sealpack_wasm::{decode, encode, lab};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

/// Bytes that compress a little; the same seed gives the same bytes.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    core::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0] & 0x3f
    })
    .take(length)
    .collect()
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::RuzstdEncoder::default().encode(payload, &mut out).unwrap();
    out
}

fn property(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap()
}

/// The row of an error in `js/errors.js`, the section (0 for none), the record.
fn row(error: &JsValue) -> [u64; 3] {
    let numbers = BigUint64Array::new(&Array::from(error).get(0)).to_vec();
    *numbers.first_chunk().unwrap()
}

/// The code of an error of the lab.
fn code(error: &JsValue) -> String {
    property(error, "code").as_string().unwrap()
}

fn build(codec: &str, items: &[Vec<u8>]) -> Vec<u8> {
    let mut options = BuildOptions::new(codec, 4, 100).unwrap();
    options.record_checksum(true);
    let mut builder = PackBuilder::new(options);
    for item in items {
        builder.append(item.clone()).unwrap();
    }
    builder.finish(b"app".to_vec(), None).unwrap();
    core::iter::from_fn(|| builder.next_part()).flat_map(|part| part.to_vec()).collect()
}

fn open(bytes: &[u8], codec: &str) -> Result<PackHandle, JsValue> {
    let mut opening = PackOpening::new(bytes.len() as f64, 1e9)?;
    loop {
        let wanted = opening.wanted();
        let part = bytes[wanted[0] as usize..wanted[1] as usize].to_vec();
        if let Some(pack) = opening.supply(part)? {
            pack.set_codec(codec, None)?;
            return Ok(pack);
        }
    }
}

fn get(pack: &PackHandle, position: u32) -> Result<Vec<u8>, JsValue> {
    let slot = (position % 4) as usize;
    let mut read = pack.plan(&[position], 0.0, 1e6)?.remove(0);
    read.supply(None);
    let place = read.decode_next()?.unwrap();
    let memory = WebAssembly::Memory::from(wasm_bindgen::memory()).buffer();
    let [payload, size, ends, items] = *place.first_chunk().unwrap();
    let payload = Uint8Array::new_with_byte_offset_and_length(&memory, payload, size).to_vec();
    let ends = Uint32Array::new_with_byte_offset_and_length(&memory, ends, items).to_vec();
    let start = if slot == 0 { 0 } else { ends[slot - 1] as usize };
    Ok(payload[start..ends[slot] as usize].to_vec())
}

/// Runs a promise of the decoders with each of them.
fn with_each_decoder(promise: fn(&dyn Decode)) {
    promise(&CheckedDecoder::<decode::zstd_rs::ZstdRs>::default());
    #[cfg(feature = "fast")]
    promise(&CheckedDecoder::<decode::c_zstd::CZstd>::default());
}

#[wasm_bindgen_test]
fn frames_carry_size_and_checksum_and_decode() {
    with_each_decoder(sized_and_checked);
}

fn sized_and_checked(decoder: &dyn Decode) {
    for length in [1, 255, 256, 257, 65_791, 65_792, 300_000] {
        for payload in [noise(7, length), vec![9; length]] {
            let frame = frame(&payload);
            let header = FrameHeader::parse(&frame).unwrap();
            assert_eq!(header.content_size, Some(length as u64));
            assert_eq!(decoder.checksum(&frame), FrameChecksum::Present);
            let decoded = decoder.decode(frame.into(), Size::Exactly(length as u64)).unwrap();
            assert_eq!(decoded, payload);
        }
    }
}

#[wasm_bindgen_test]
fn flipping_any_bit_of_a_frame_never_changes_the_payload() {
    with_each_decoder(unchanged_by_flipped_bits);
}

fn unchanged_by_flipped_bits(decoder: &dyn Decode) {
    let payload = noise(3, 700);
    let sound = frame(&payload);
    for bit in 0..sound.len() * 8 {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(decoded) = decoder.decode(damaged.into(), Size::AtMost(1 << 20)) {
            assert_eq!(decoded, payload, "bit {bit}");
        }
        let again = decoder.decode(sound.clone().into(), Size::Exactly(700)).unwrap();
        assert_eq!(again, payload, "after bit {bit}");
    }
}

#[wasm_bindgen_test]
fn a_frame_that_claims_a_terabyte_is_refused_without_allocating() {
    with_each_decoder(refuses_a_terabyte);
}

fn refuses_a_terabyte(decoder: &dyn Decode) {
    let mut frame = 0xFD2F_B528u32.to_le_bytes().to_vec();
    frame.push(0xe4);
    frame.extend_from_slice(&(1u64 << 40).to_le_bytes());
    frame.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0]);
    let refused = decoder.decode(Bytes::from(frame), Size::AtMost(1 << 30));
    assert!(matches!(refused, Err(DecodeError::AboveLimit { .. })));
}

#[wasm_bindgen_test]
fn memory_grows_with_what_a_frame_yields_and_not_with_its_claims() {
    with_each_decoder(allocates_for_what_is_yielded);
}

fn allocates_for_what_is_yielded(decoder: &dyn Decode) {
    let pages = || core::arch::wasm32::memory_size(0);
    let block = [0x19, 0, 0, b'a', b'b', b'c'];
    let magic = 0xFD2F_B528u32.to_le_bytes();
    // A content size of 256 MiB; a window of 128 MiB and no content size.
    let sized = [&magic[..], &[0xa0], &(256u32 << 20).to_le_bytes(), &block].concat();
    let windowed = [&magic[..], &[0, 17 << 3], &block].concat();
    let before = pages();
    let refused = decoder.decode(sized.into(), Size::AtMost(1 << 30));
    assert!(matches!(refused, Err(DecodeError::Length { found: 3, .. })));
    assert_eq!(decoder.decode(windowed.into(), Size::AtMost(1 << 30)).unwrap(), "abc");
    assert!(pages() - before < 64, "{} pages", pages() - before);
}

#[wasm_bindgen_test]
fn damaged_frames_decode_as_in_the_reference_or_are_refused() {
    with_each_decoder(as_in_the_reference);
}

fn as_in_the_reference(decoder: &dyn Decode) {
    for (seed, length) in [(11, 90), (12, 900), (13, 9000)] {
        let mut sound = frame(&noise(seed, length));
        // Without the checksum, so that damage to the blocks reaches the comparison.
        sound.truncate(sound.len() - 4);
        sound[4] &= !0b100;
        for bit in (0..sound.len() * 8).step_by(3) {
            let mut damaged = sound.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let size = Size::AtMost(1 << 20);
            let Ok(decoded) = decoder.decode(damaged.clone().into(), size) else { continue };
            if let Some(expected) = reference::decoded(&damaged, size) {
                assert!(decoded == expected, "bit {bit}");
            }
        }
    }
}

#[wasm_bindgen_test]
fn packs_are_built_opened_read_and_verified() {
    let items: Vec<Vec<u8>> = (0..50u8).map(|at| noise(at.into(), usize::from(at) * 30)).collect();
    for codec in ["none", "zstd"] {
        let bytes = build(codec, &items);
        let pack = open(&bytes, codec).unwrap();
        for (position, item) in (0..).zip(&items) {
            assert_eq!(&get(&pack, position).unwrap(), item);
        }
        let mut examiner = RunExaminer::new(&pack, u32::MAX, None, false);
        let mut builder = ReportBuilder::new(&pack, &[]);
        examiner.load(0, 13, 0.0, bytes).unwrap();
        while examiner.next().unwrap().is_some() {
            builder.examined(&mut examiner).unwrap();
        }
        let report = Array::from(&builder.finish().unwrap());
        let (failures, damaged) = (Array::from(&report.get(1)), Array::from(&report.get(2)));
        assert_eq!((failures.length(), damaged.length()), (0, 0));
    }
}

#[wasm_bindgen_test]
fn errors_have_rows_and_the_instance_stays_usable() {
    let items = vec![noise(1, 500); 9];
    let sound = build("zstd", &items);
    let pack = open(&sound, "zstd").unwrap();
    assert_eq!(row(&get(&pack, 9).unwrap_err()), [ErrorRow::Position as u64, 0, 0], "no such item");
    for short in [&sound[..70], b""] {
        assert_eq!(
            row(&open(short, "zstd").err().unwrap()),
            [ErrorRow::Truncated as u64, 1, 0],
            "no room for a trailer"
        );
    }
    assert_eq!(row(&PackOpening::new(0.5, 1.0).err().unwrap())[0], ModuleRefusal::NotWhole as u64);
    let mut damaged = sound.clone();
    damaged[3] ^= 1;
    let refused = get(&open(&damaged, "zstd").unwrap(), 0).unwrap_err();
    assert_eq!(row(&refused), [ErrorRow::Checksum as u64, 4, 0], "the checksum of record 0");
    assert_eq!(get(&pack, 8).unwrap(), items[8]);
}

#[wasm_bindgen_test]
fn the_lab_replays_a_case_and_finds_a_seeded_bug() {
    let steps = lab::replay("trim=1 writes=z4,b4,f", 5, None).unwrap();
    assert!(steps.contains("\"puts\":\"4+1|3\""), "{steps}");
    let proof = lab::prove(5, true, Some("split-trusts-remnant".into())).unwrap();
    assert!(proof.contains("\"holds\":false"), "{proof}");
    assert_eq!(code(&lab::replay("b4", 5, None).unwrap_err()), "invalid-argument");
    assert_eq!(code(&lab::prove(99, true, None).unwrap_err()), "invalid-argument");
}
