//! Packing, mutating and reading yields an error or the same items.

use sealpack::core::read::{LayerName, Verdict};
use sealpack::{Bytes, Reader};

use super::{CodecChoice, Input, LIMIT, Packing, agree};

/// Creates a pack chosen by the input, damages the file, and reads it. Where the
/// format protects the items, reading yields an error or the same items:
///
/// - with a content hash that is compared with the original one, for any change of
///   the file;
/// - with the record checksum or the checksum of frames, and in trailer, index
///   and item lengths, for a burst of at most 32 bits, which a CRC of 32 bits always
///   detects.
pub fn round_trip(data: &[u8]) {
    let mut input = Input::new(data);
    let packing = Packing::choose(&mut input);
    let original = packing.file();
    let reader = open(&packing, original.clone()).unwrap();
    assert_eq!(read(&reader).unwrap(), packing.items, "the original reads back");
    assert!(reader.verify().unwrap().is_ok());
    let original_hash = reader.trailer().content_hash;
    let mut file = original.clone();
    let bursts = damage(&mut file, &mut input);
    let Ok(reader) = open(&packing, file.clone()) else { return };
    agree(&reader);
    let got = read(&reader);
    let report = reader.verify().unwrap();
    if original_hash.is_some() && reader.trailer().content_hash == original_hash && report.is_ok() {
        assert_eq!(got.unwrap(), packing.items, "verified against the original hash");
        return;
    }
    let protected = packing.record_checksum || packing.codec == CodecChoice::Zstd;
    let Ok(items) = got else { return };
    if bursts <= 1 {
        assert_eq!(items.len(), packing.items.len());
        let same_lengths = items.iter().map(Bytes::len).eq(packing.items.iter().map(Vec::len));
        assert!(same_lengths, "the structure is protected in every layout");
    }
    if bursts <= 1 && protected {
        assert_eq!(items, packing.items, "protected by a checksum");
    }
    if items != packing.items && report.is_ok() {
        let hash = report.verdict(LayerName::ContentHash);
        assert!(
            !report.items_are_protected() || bursts > 1 || matches!(hash, Verdict::Passed),
            "different items, although the report says that they are protected: {report:?}"
        );
    }
}

fn open(packing: &Packing, file: Vec<u8>) -> Result<Reader, sealpack::Error> {
    let options = Reader::options().codec(packing.codec.read()).decoded_limit(LIMIT).threads(1);
    options.open_source(std::io::Cursor::new(file), "memory")
}

fn read(reader: &Reader) -> Result<Vec<Bytes>, sealpack::Error> {
    reader.iter().unwrap().collect()
}

/// Damages a file as chosen by the input. Returns a lower bound of the number of
/// 32-bit bursts; more than one if bytes were moved.
fn damage(file: &mut Vec<u8>, input: &mut Input<'_>) -> usize {
    let mut bursts = 0;
    for _ in 0..=input.byte() % 3 {
        let at = input.below(file.len());
        let mask = input.number().to_le_bytes();
        match input.byte() % 8 {
            0 => {
                file.truncate(at);
                bursts += 2;
            }
            1 => {
                file.splice(at..at, mask);
                bursts += 2;
            }
            2 => {
                file.drain(at..(at + usize::from(mask[0])).min(file.len()));
                bursts += 2;
            }
            3 => {
                file.rotate_left(at);
                bursts += 2;
            }
            _ => {
                file.iter_mut().skip(at).zip(mask).for_each(|(byte, flip)| *byte ^= flip);
                bursts += 1;
            }
        }
        if file.is_empty() {
            return bursts;
        }
    }
    bursts
}
