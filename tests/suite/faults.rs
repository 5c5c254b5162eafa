//! Codecs and limits of the caller: each failure is reported with the right kind of
//! error.

use std::error::Error as _;
use std::sync::Arc;

use sealpack::core::Error as PackError;
use sealpack::core::codec::{Decode, Encode, FrameChecksum, Size};
use sealpack::core::error::{Cause, DecodeError, Limit};
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{Bytes, Codec, EncoderFactory, Error, ErrorKind, Plain, ReadCodec, Reader, Writer};

/// What an encoder does to its buffer instead of appending.
#[derive(Clone, Copy, Debug)]
enum Violation {
    Clears,
    Truncates,
    ReplacesWithMore,
    AppendsNothing,
}

#[derive(Clone)]
enum TestCodec {
    /// The factory fails.
    Fails,
    /// The factory panics.
    Panics,
    Violates(Violation),
    /// Inverts each byte: the result is as long as the payload, but differs.
    Inverts,
}

impl EncoderFactory for TestCodec {
    fn encoder(&self) -> Result<Codec, Cause> {
        match self {
            Self::Fails => Err(Cause::text("no licence for this codec")),
            Self::Panics => panic!("the factory panicked"),
            own => Ok(Codec::Encoder(Box::new(own.clone()))),
        }
    }

    fn format_id(&self) -> u32 {
        0x77
    }
}

impl Encode for TestCodec {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        match self {
            Self::Inverts => out.extend(payload.iter().map(|byte| !byte)),
            Self::Violates(Violation::Clears) => {
                out.clear();
                out.extend_from_slice(payload);
            }
            Self::Violates(Violation::Truncates) => {
                out.truncate(out.len().saturating_sub(3));
                out.extend_from_slice(payload);
            }
            Self::Violates(Violation::ReplacesWithMore) => {
                let length = out.len();
                out.clear();
                out.resize(length + 10, 7);
            }
            _ => {}
        }
        Ok(())
    }
}

fn pack_with(codec: TestCodec, threads: usize) -> Result<Vec<u8>, Error> {
    let options = Writer::options().codec(codec).items_per_record(2).threads(threads);
    let mut writer = options.write_to(Vec::new())?;
    for number in 0..100u32 {
        writer.append(&number.to_le_bytes())?;
    }
    Ok(writer.finish()?.sink)
}

#[test]
fn a_codec_that_cannot_make_an_encoder_is_reported() {
    for threads in 0..3 {
        for (codec, says) in [
            (TestCodec::Fails, "no licence for this codec"),
            (TestCodec::Panics, "the factory panicked"),
        ] {
            let error = pack_with(codec, threads).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Encoder(_)), "{error:#}");
            assert!(error.to_string().ends_with("the codec cannot make an encoder"), "{error}");
            assert!(format!("{error:#}").ends_with(says), "{error:#}");
        }
    }
}

#[test]
fn an_encoder_that_does_not_append_is_an_error_of_its_record() {
    for threads in 0..3 {
        for violation in [
            Violation::Clears,
            Violation::Truncates,
            Violation::ReplacesWithMore,
            Violation::AppendsNothing,
        ] {
            let error = pack_with(TestCodec::Violates(violation), threads).unwrap_err();
            let ErrorKind::Pack(PackError::Encode { record: Some(_), .. }) = error.kind() else {
                panic!("{violation:?}: {error:#}");
            };
            assert!(format!("{error:#}").contains("must append"), "{error:#}");
        }
    }
}

#[test]
fn any_number_of_threads_may_be_requested() {
    let options = Writer::options().threads(usize::MAX);
    assert!(options.memory_bound(1 << 20) < 1 << 40);
    let mut writer = options.codec(Plain).write_to(Vec::new()).unwrap();
    writer.append(b"an item").unwrap();
    let pack = writer.finish().unwrap().sink;
    let reader = Reader::options().threads(usize::MAX).open_source(pack, "memory").unwrap();
    assert!(reader.verify().unwrap().is_ok());
}

#[test]
fn records_of_an_unknown_codec_are_refused_until_the_caller_chooses() {
    struct Inverts;
    impl Decode for Inverts {
        fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
            size.check(encoded.len() as u64)?;
            Ok(encoded.iter().map(|byte| !byte).collect())
        }

        fn checksum(&self, _: &[u8]) -> FrameChecksum {
            FrameChecksum::Unsupported
        }
    }
    let pack = pack_with(TestCodec::Inverts, 1).unwrap();
    let open = |codec| Reader::options().codec(codec).open_source(pack.clone(), "memory").unwrap();
    let reader = open(ReadCodec::Auto);
    let is_refused = |error: Error| {
        assert!(matches!(error.kind(), ErrorKind::UnknownCodec { format_id: 0x77 }), "{error:#}");
    };
    is_refused(reader.get(3).unwrap_err());
    is_refused(reader.get_many(&[3, 90], |_, _| panic!("an item")).unwrap_err());
    is_refused(reader.iter().unwrap().next().unwrap().unwrap_err());
    is_refused(reader.verify().unwrap_err());
    is_refused(reader.record_digests(0..3).unwrap().next().unwrap().unwrap_err());
    let reader = open(ReadCodec::Custom(Arc::new(Inverts)));
    assert_eq!(reader.get(3).unwrap(), 3u32.to_le_bytes()[..]);
    assert!(reader.verify().unwrap().is_ok());
    assert!(!open(ReadCodec::Plain).verify().unwrap().is_ok(), "the content hash differs");
}

/// Records without a payload do not decide the codec, however many there are.
#[test]
fn an_unknown_codec_is_refused_after_any_number_of_empty_records_too() {
    let options = Writer::options().codec(TestCodec::Inverts).threads(1).items_per_record(1);
    let mut writer = options.content_hash(false).write_to(Vec::new()).unwrap();
    (0..200).for_each(|_| writer.append(b"").unwrap());
    (0..200).for_each(|_| writer.append(b"an item").unwrap());
    let pack = writer.finish().unwrap().sink;
    let open = |codec| Reader::options().codec(codec).open_source(pack.clone(), "memory").unwrap();
    let is_refused = |error: Error| {
        assert!(matches!(error.kind(), ErrorKind::UnknownCodec { format_id: 0x77 }), "{error:#}");
    };
    is_refused(open(ReadCodec::Auto).get(300).unwrap_err());
    is_refused(open(ReadCodec::Auto).verify().unwrap_err());
    let read: Vec<_> = open(ReadCodec::Auto).iter().unwrap().collect();
    assert_eq!(read.iter().filter(|item| item.is_ok()).count(), 200, "the empty ones");
    is_refused(read.last().unwrap().clone().unwrap_err());
    let plain = open(ReadCodec::AutoOrPlain).get(300).unwrap();
    assert_eq!(plain, b"an item".map(|byte| !byte)[..]);
}

#[test]
fn records_that_a_limit_leaves_unchecked_are_not_reported_as_damaged() {
    let mut writer = Writer::options().write_to(Vec::new()).unwrap();
    (0..1000).for_each(|n| writer.append(format!("item {n}").as_bytes()).unwrap());
    let pack = writer.finish().unwrap().sink;
    for options in [Reader::options().memory_limit(4000), Reader::options().decoded_limit(1000)] {
        let report = options.open_source(pack.clone(), "memory").unwrap().verify().unwrap();
        assert!(!report.is_ok());
        assert_eq!((report.damaged_count, report.damaged.len()), (0, 0));
        // The first record and the last one are small enough.
        assert_eq!((report.unchecked_count, report.record_count), (6, 8));
        let limit = &report.unchecked[0].error;
        assert!(matches!(limit, PackError::Limit(Limit::Decoded { .. })), "{limit}");
        for layer in [LayerName::Decoding, LayerName::Lengths, LayerName::ContentHash] {
            assert!(matches!(report.verdict(layer), Verdict::NotChecked(_)), "{layer:?}");
        }
        assert!(matches!(report.verdict(LayerName::Index), Verdict::Passed));
    }
    // Damage is reported as damage, even if other records were not checked.
    let mut damaged = pack.clone();
    damaged[10] ^= 1;
    let reader = Reader::options().memory_limit(16_000).open_source(damaged, "memory").unwrap();
    assert_eq!(reader.verify().unwrap().damaged_count, 1);
}

#[test]
fn an_error_names_each_cause_once() {
    let reader = Reader::open("/no/such/folder/in.pack").unwrap_err();
    let encoder = pack_with(TestCodec::Fails, 1).unwrap_err();
    let violation = pack_with(TestCodec::Violates(Violation::Clears), 1).unwrap_err();
    for error in [reader, encoder, violation] {
        let mut chain = vec![error.to_string()];
        let mut next = error.source();
        while let Some(cause) = next {
            chain.push(cause.to_string());
            next = cause.source();
        }
        assert!(chain.len() > 1, "{chain:?}");
        assert_eq!(format!("{error:#}"), chain.join(": "));
        for (at, text) in chain.iter().enumerate() {
            assert!(!chain[..at].concat().contains(text), "{chain:?}");
        }
    }
}
