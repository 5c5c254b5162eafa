//! Lent items are the items that the other calls return, and undergo the same checks.

use std::ops::ControlFlow;
use std::sync::Arc;

use sealpack::core::codec::{Decode, FrameChecksum, Size};
use sealpack::core::error::DecodeError;
use sealpack::{
    Bytes, Plain, ReadCodec, Reader, ReaderOptions, Trust, Writer, WriterOptions, Zstd,
};
use sealpack_tests::incompressible::{item, pack};

const COUNT: u32 = 5000;
const LENGTH: usize = 150;

/// Reads zstd frames as a codec of the program would.
struct ProgramCodec;

impl Decode for ProgramCodec {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let decoded = zstd::decode_all(&encoded[..]).map_err(|_| DecodeError::NotAFrame)?;
        size.check(decoded.len() as u64)?;
        Ok(decoded.into())
    }

    fn checksum(&self, _: &[u8]) -> FrameChecksum {
        FrameChecksum::Unsupported
    }
}

/// Every kind of record, in packs that need many reads.
fn packs() -> Vec<(WriterOptions, ReaderOptions)> {
    let reading = Reader::options;
    vec![
        (Writer::options().codec(Plain), reading()),
        (Writer::options().codec(Plain).items_per_record(1), reading()),
        (Writer::options().codec(Plain).items_per_record(1).record_checksum(true), reading()),
        (Writer::options().codec(Plain).items_per_record(7).record_checksum(true), reading()),
        (Writer::options().codec(Zstd::level(1)), reading()),
        (Writer::options().codec(Zstd::level(1)).items_per_record(1), reading()),
        (
            Writer::options().codec(Zstd::level(1)),
            reading().codec(ReadCodec::Custom(Arc::new(ProgramCodec))),
        ),
    ]
}

#[test]
fn lent_items_are_the_items_of_the_pack() {
    for (number, (writing, reading)) in packs().into_iter().enumerate() {
        let bytes = pack(writing, COUNT, LENGTH);
        for threads in [1, 3] {
            let reading = reading.clone().threads(threads);
            let reader = reading.open_source(bytes.clone(), "memory").unwrap();
            let ranges = [0..COUNT, 0..0, 1..2, 126..131, COUNT - 1..COUNT, 777..4321];
            for range in ranges {
                let mut next = range.start;
                let check = |position, lent: &[u8]| {
                    assert_eq!(position, next, "pack {number}");
                    assert_eq!(lent, item(position, LENGTH), "pack {number}");
                    next += 1;
                };
                reader.for_each(range.clone(), check).unwrap();
                assert_eq!(next, range.end, "pack {number}");
            }
            for position in [0, 1, 127, 128, COUNT - 1] {
                let lent = reader.get_with(position, <[u8]>::to_vec).unwrap();
                assert_eq!(lent, item(position, LENGTH), "pack {number}");
            }
            assert!(reader.get_with(COUNT, |_| panic!("no such item")).is_err());
            assert!(reader.for_each(0..=COUNT, |_, _| panic!("no such range")).is_err());
        }
    }
}

#[test]
fn lending_stops_when_the_callback_does() {
    let bytes = pack(Writer::options().codec(Plain), COUNT, LENGTH);
    for threads in [1, 3] {
        let reader = Reader::options().threads(threads);
        let reader = reader.open_source(bytes.clone(), "memory").unwrap();
        let mut calls = 0;
        let stopped = reader.for_each_with(.., |position, _| {
            calls += 1;
            if position == 1234 { ControlFlow::Break(position) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((stopped.unwrap(), calls), (ControlFlow::Break(1234), 1235));
    }
}

#[test]
fn a_lent_item_may_be_read_within_the_callback_of_another() {
    let reader = pack(Writer::options(), COUNT, LENGTH);
    let reader = Reader::options().open_source(reader, "memory").unwrap();
    let both = reader.get_with(7, |seven| {
        let nine = reader.get_with(9, <[u8]>::to_vec).unwrap();
        (seven.to_vec(), nine)
    });
    assert_eq!(both.unwrap(), (item(7, LENGTH), item(9, LENGTH)));
}

/// Damages one byte at each of many offsets: lending refuses what `get` and `range`
/// refuse, with the same error, after the same items.
#[test]
fn lending_makes_every_check_that_the_other_calls_make() {
    for (number, (writing, reading)) in packs().into_iter().enumerate() {
        let bytes = pack(writing.content_hash(false), 600, 40);
        for at in (0..bytes.len() - 200).step_by(997) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x11;
            let Ok(reader) = reading.clone().threads(1).open_source(damaged, "memory") else {
                continue;
            };
            let mut given = Vec::new();
            let mut failed = None;
            for found in reader.iter().unwrap() {
                match found {
                    Ok(found) => given.push(found),
                    Err(error) => failed = Some(format!("{error:#}")),
                }
            }
            let mut lent = Vec::new();
            let outcome = reader.for_each(.., |_, item| lent.push(Bytes::copy_from_slice(item)));
            let refused = outcome.err().map(|error| format!("{error:#}"));
            assert_eq!((lent, refused), (given, failed), "pack {number}, byte {at}");
            for position in (0..600).step_by(41) {
                let got = reader.get(position).map_err(|error| format!("{error:#}"));
                let lent = reader.get_with(position, Bytes::copy_from_slice);
                let lent = lent.map_err(|error| format!("{error:#}"));
                assert_eq!(lent, got, "pack {number}, byte {at}, item {position}");
            }
        }
    }
}

#[test]
fn lent_items_are_authenticated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let options = Writer::options().codec(Plain);
    let mut writer = options.digest_list(true).create(&path).unwrap();
    (0..1000).for_each(|n| writer.append(&item(n, LENGTH)).unwrap());
    let root = writer.finish().unwrap().digests.unwrap().root;
    let trust = || Trust::root(root);
    let reader = Reader::open_trusted(&path, trust()).unwrap();
    let mut count = 0;
    reader.for_each(.., |_, _| count += 1).unwrap();
    assert_eq!(count, 1000);
    // No checksum covers the payload of these records.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[300 * LENGTH] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    for threads in [1, 3] {
        let reader = Reader::options().threads(threads).trust(trust()).open(&path).unwrap();
        let refused = reader.for_each(.., |position, _| assert!(position < 256)).unwrap_err();
        assert!(refused.untrusted().is_some(), "{refused:#}");
        assert!(reader.get_with(300, |_| ()).unwrap_err().untrusted().is_some());
        assert!(reader.get_with(0, |_| ()).is_ok());
    }
}
