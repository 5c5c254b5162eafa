#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that fails"
)]
//! The decoders, and frames that need a dictionary: the bytes that C zstd decodes, or an
//! error. Of the modules of the npm package only the fast one decodes these frames
//! (`Backend::DICTIONARIES`); for the small decoder this holds for the crate.

#[macro_use]
mod each_decoder;
mod random;

use sealpack_core::codec::dictionary::ZstdDictionary;
use sealpack_core::codec::zstd_frame::FrameHeader;
use sealpack_core::codec::{Decode as _, Size};
use sealpack_core::error::{DecodeError, DictionaryFault};
use sealpack_wasm::decode::{Backend, CheckedDecoder, DictionaryOrigin};

use random::Random;

for_each_decoder! {
    frames_decode_as_in_c_zstd_and_damaged_ones_never_to_other_bytes,
    a_missing_another_or_a_damaged_dictionary_is_named,
    a_forged_dictionary_is_an_error_and_never_other_bytes,
    records_that_compress_beyond_the_plausible_decode_with_a_dictionary,
}

const LIMIT: Size = Size::AtMost(1 << 20);

/// Each damages a frame four times.
const ROUNDS: usize = 15_000;

impl Random {
    fn event(&mut self) -> Vec<u8> {
        let kind = ["transfer", "mint", "burn", "approve"][self.below(4)];
        let (from, amount) = (self.below(500), self.next() >> 40);
        format!("{{\"type\":\"{kind}\",\"from\":\"G{from:08}\",\"amount\":\"{amount}\"}}").into()
    }
}

fn trained(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let samples: Vec<Vec<u8>> = (0..2000).map(|_| random.event()).collect();
    zstd::dict::from_samples(&samples, 4 << 10).unwrap()
}

fn frame(payload: &[u8], dictionary: &[u8], checksum: bool, sized: bool) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(3, dictionary).unwrap();
    compressor.include_checksum(checksum).unwrap();
    compressor.include_contentsize(sized).unwrap();
    compressor.compress(payload).unwrap()
}

fn by_c_zstd(frame: &[u8], dictionary: &[u8]) -> Option<Vec<u8>> {
    let mut decompressor = zstd::bulk::Decompressor::with_dictionary(dictionary).unwrap();
    decompressor.decompress(frame, 1 << 20).ok()
}

fn decoder<B: Backend>(dictionary: &[u8]) -> CheckedDecoder<B> {
    CheckedDecoder::with_dictionary(Some(DictionaryOrigin::Stored(dictionary.to_vec().into())))
}

fn frames_decode_as_in_c_zstd_and_damaged_ones_never_to_other_bytes<B: Backend>() {
    let dictionary = trained(1);
    let mut random = Random(2);
    let mut decoder = decoder::<B>(&dictionary);
    let (mut refused, mut accepted) = (0, 0);
    for round in 0..ROUNDS {
        let events = 1 + random.below(6);
        let payload: Vec<u8> = (0..events).flat_map(|_| random.event()).collect();
        let (checksum, sized) = (round % 3 != 0, round % 4 != 0);
        let sound = frame(&payload, &dictionary, checksum, sized);
        let fits = sized || payload.len() <= 4 * sound.len();
        for size in [Size::Exactly(payload.len() as u64), LIMIT] {
            let decoded = decoder.decode(sound.clone().into(), size);
            assert!(!fits || decoded.unwrap() == payload, "round {round}");
        }
        for _ in 0..4 {
            let mut damaged = sound.clone();
            let at = random.below(damaged.len());
            match random.below(8) {
                0 => damaged.truncate(at),
                1 => damaged[at] = random.next() as u8,
                _ => damaged[at] ^= 1 << random.below(8),
            }
            match decoder.decode(damaged.clone().into(), LIMIT) {
                Ok(decoded) => {
                    let header = FrameHeader::parse(&damaged).unwrap();
                    let by_c = match header.dictionary {
                        Some(_) => by_c_zstd(&damaged, &dictionary),
                        None => zstd::bulk::decompress(&damaged, 1 << 20).ok(),
                    };
                    assert!(by_c.as_deref() == Some(&decoded), "round {round}");
                    assert!(!header.checksum || decoded == payload, "round {round}");
                    accepted += 1;
                }
                Err(_) => refused += 1,
            }
        }
        if round % 1000 == 0 {
            decoder = self::decoder::<B>(&dictionary);
        }
    }
    assert!(refused > accepted, "{refused} refused, {accepted} accepted");
}

fn a_missing_another_or_a_damaged_dictionary_is_named<B: Backend>() {
    let (dictionary, other) = (trained(1), trained(3));
    let id = |bytes: &[u8]| ZstdDictionary::parse(bytes.to_vec().into()).unwrap().id().get();
    let payload = Random(4).event();
    let sound = frame(&payload, &dictionary, true, true);
    let refused =
        |decoder: CheckedDecoder<B>| decoder.decode(sound.clone().into(), LIMIT).unwrap_err();
    let named = id(&dictionary);
    let missing = refused(CheckedDecoder::<B>::default());
    assert!(matches!(missing, DecodeError::MissingDictionary { id, given: None } if id == named));
    let given = |bytes: &[u8]| {
        let given = DictionaryOrigin::Given(bytes.to_vec().into());
        CheckedDecoder::<B>::with_dictionary(Some(given))
    };
    assert_eq!(given(&dictionary).decode(sound.clone().into(), LIMIT).unwrap(), payload);
    let missing = refused(given(&other));
    let expected = Some(id(&other));
    assert!(
        matches!(missing, DecodeError::MissingDictionary { id, given } if id == named && given == expected)
    );
    let mut large = dictionary.clone();
    large.resize((1 << 20) + 1, 0);
    for (stored, expected) in [
        (&other[..], DictionaryFault::Differs { named, stored: id(&other) }),
        (b"text", DictionaryFault::NotADictionary),
        (&dictionary[..30], DictionaryFault::Tables),
        (&large, DictionaryFault::TooLarge { size: (1 << 20) + 1 }),
    ] {
        let error = refused(decoder::<B>(stored));
        let same = matches!(error, DecodeError::Dictionary(fault) if fault == expected);
        assert!(same, "{error} instead of {expected}");
        // A frame that names none needs none.
        let plain = zstd::bulk::compress(&payload, 3).unwrap();
        assert_eq!(decoder::<B>(stored).decode(plain.into(), LIMIT).unwrap(), payload);
    }
}

fn a_forged_dictionary_is_an_error_and_never_other_bytes<B: Backend>() {
    let dictionary = trained(1);
    let mut random = Random(5);
    let payloads: Vec<Vec<u8>> = (0..20).map(|_| random.event()).collect();
    let frames: Vec<Vec<u8>> =
        payloads.iter().map(|payload| frame(payload, &dictionary, true, true)).collect();
    let mut errors = 0;
    for at in 8..dictionary.len() {
        let mut forged = dictionary.clone();
        forged[at] ^= 1 << random.below(8);
        let decoder = decoder::<B>(&forged);
        for (payload, frame) in payloads.iter().zip(&frames) {
            match decoder.decode(frame.clone().into(), LIMIT) {
                Ok(decoded) => assert!(decoded == payload, "byte {at}"),
                Err(_) => errors += 1,
            }
        }
    }
    assert!(errors > 1000, "{errors}");
}

fn records_that_compress_beyond_the_plausible_decode_with_a_dictionary<B: Backend>() {
    let dictionary = trained(1);
    for length in [100_000, 1_000_000] {
        let payload = [&Random(6).event()[..], &vec![7; length]].concat();
        let sound = frame(&payload, &dictionary, true, true);
        assert_eq!(FrameHeader::parse(&sound).unwrap().content_size, Some(payload.len() as u64));
        for size in [Size::Exactly(payload.len() as u64), LIMIT] {
            assert!(
                decoder::<B>(&dictionary).decode(sound.clone().into(), size).unwrap() == payload
            );
        }
    }
}
