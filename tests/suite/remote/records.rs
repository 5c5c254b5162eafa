//! Whole records from a store: each with its own outcome, or only the lengths of its items.

use std::sync::Arc;
use std::thread::ThreadId;

use futures_util::TryStreamExt as _;
use sealpack::core::codec::{Decode, FrameChecksum, Size};
use sealpack::core::error::DecodeError;
use sealpack::remote::RemoteReader;
use sealpack::{Bytes, ErrorKind, Plain, ReadCodec, Writer, WriterOptions, Zstd};

use super::{item, pack, store_with};

/// Packs that store lengths in each of the ways there are.
fn shapes() -> [WriterOptions; 6] {
    let of = |codec: WriterOptions, items| codec.items_per_record(items);
    [
        of(Writer::options().codec(Plain), 16),
        of(Writer::options().codec(Zstd::level(3)), 16),
        of(Writer::options().codec(Plain), 1),
        of(Writer::options().codec(Zstd::level(3)), 1),
        of(Writer::options().codec(Plain).record_checksum(true), 16),
        // One record above the size up to which records are fetched for their lengths.
        of(Writer::options().codec(Plain), 4000),
    ]
}

#[tokio::test]
async fn lengths_are_those_of_the_items() {
    for options in shapes() {
        let (_, location) = store_with(pack(options, 2000, 1000)).await;
        let reader = RemoteReader::open(&location).await.unwrap();
        let records = 0..reader.directory().record_count();
        let found: Vec<_> = reader.record_lengths(records.clone()).try_collect().await.unwrap();
        let numbers: Vec<u32> = found.iter().map(|(place, _)| place.number).collect();
        assert_eq!(numbers, records.collect::<Vec<_>>());
        let lengths: Vec<u64> = found.iter().flat_map(|(_, lengths)| lengths.iter()).collect();
        let expected: Vec<u64> = (0..2000).map(|n| item(n, 1000).len() as u64).collect();
        assert_eq!(lengths, expected);
    }
}

#[tokio::test]
async fn the_lengths_of_a_large_record_cost_its_end_only() {
    let options = Writer::options().codec(Plain).items_per_record(4000);
    let (store, location) = store_with(pack(options, 8000, 1000)).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    reader.codec().await.unwrap();
    store.requests();
    let found: Vec<_> = reader.record_lengths(0..2).try_collect().await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(store.requests().len(), 2);
}

#[tokio::test]
async fn a_damaged_record_is_an_error_in_its_place() {
    let options = Writer::options().codec(Plain).items_per_record(16).record_checksum(true);
    let mut bytes = pack(options, 2000, 1000);
    // In the fourth record.
    bytes[3 * 16_100] ^= 1;
    let (_, location) = store_with(bytes).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    let records: Vec<_> = reader.records(0..u32::MAX).try_collect().await.unwrap();
    let mapped = reader.map_records(0..u32::MAX, |place, _| place.number);
    let mapped: Vec<_> = mapped.try_collect().await.unwrap();
    assert_eq!(mapped.len(), 125);
    for (place, outcome) in mapped {
        assert_eq!(outcome.ok(), (place.number != 3).then_some(place.number));
    }
    assert_eq!(records.len(), 125);
    for (place, record) in records {
        match record {
            Ok(record) => {
                let items: Vec<_> = record.items().collect();
                let expected: Vec<_> =
                    place.positions().map(|position| item(position, 1000)).collect();
                assert_eq!(items, expected);
                assert_ne!(place.number, 3);
            }
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Pack(_)), "{error}");
                assert_eq!(place.number, 3);
            }
        }
    }
}

/// Decodes in a way of its own.
struct Lowered;

impl Decode for Lowered {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        assert_eq!(size, Size::Exactly(encoded.len() as u64));
        Ok(encoded.iter().map(|byte| byte.wrapping_sub(1)).collect())
    }

    fn checksum(&self, _: &[u8]) -> FrameChecksum {
        FrameChecksum::Absent
    }
}

#[tokio::test]
async fn mapped_records_are_those_of_the_pack() {
    let custom = Arc::new(Lowered);
    let codecs = [ReadCodec::Auto, ReadCodec::Plain, ReadCodec::Custom(custom)];
    for (options, codec) in
        shapes().into_iter().flat_map(|shape| codecs.clone().map(|codec| (shape.clone(), codec)))
    {
        let (_, location) = store_with(pack(options, 2000, 1000)).await;
        for memory in [u64::MAX, 32 << 20] {
            let reader = RemoteReader::options().codec(codec.clone()).memory_limit(memory);
            let reader = reader.open(&location).await.unwrap();
            let expected: Vec<_> = reader.records(0..u32::MAX).try_collect().await.unwrap();
            let mapped = reader.map_records(0..u32::MAX, |place, record| {
                let items: Vec<Vec<u8>> = record.items().map(<[u8]>::to_vec).collect();
                (place.clone(), items)
            });
            let mapped: Vec<_> = mapped.try_collect().await.unwrap();
            assert_eq!(mapped.len(), expected.len());
            for ((place, mapped), (expected_place, expected)) in mapped.into_iter().zip(expected) {
                assert_eq!(place, expected_place);
                match (mapped, expected) {
                    (Ok((seen, items)), Ok(record)) => {
                        assert_eq!(seen, place);
                        assert!(items.iter().map(Vec::as_slice).eq(record.slices()));
                    }
                    // Not every pack is of this codec.
                    (Err(one), Err(other)) if !matches!(codec, ReadCodec::Auto) => {
                        assert_eq!(one.to_string(), other.to_string())
                    }
                    (one, other) => panic!("{one:?}, but {other:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_panic_of_the_work_goes_on_in_the_task_that_takes_the_results() {
    let (_, location) = store_with(pack(Writer::options(), 2000, 1000)).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    let mapped = reader.map_records(0..u32::MAX, |place, _| assert!(place.number < 3, "planted"));
    let failed = tokio::spawn(mapped.try_collect::<Vec<_>>()).await.unwrap_err();
    assert_eq!(failed.into_panic().downcast_ref::<&str>(), Some(&"planted"));
}

#[tokio::test]
async fn work_does_not_run_on_the_thread_that_takes_the_results() {
    let own = std::thread::current().id();
    for options in shapes() {
        let (_, location) = store_with(pack(options, 100, 10)).await;
        let reader = RemoteReader::open(&location).await.unwrap();
        let mapped = reader.map_records(0..u32::MAX, |_, _| std::thread::current().id());
        let threads: Vec<_> = mapped.try_collect().await.unwrap();
        assert!(threads.into_iter().all(|(_, thread)| thread.unwrap() != own));
    }
}

/// Refuses to decode on the thread of a task.
struct NotOn(ThreadId);

impl Decode for NotOn {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        assert_ne!(std::thread::current().id(), self.0);
        Lowered.decode(encoded, size)
    }

    fn checksum(&self, _: &[u8]) -> FrameChecksum {
        FrameChecksum::Absent
    }
}

/// It may take any time, however small the record is.
#[tokio::test]
async fn a_decoder_of_the_caller_runs_where_it_delays_no_other_task() {
    let options = Writer::options().codec(Plain).items_per_record(16);
    let (_, location) = store_with(pack(options, 64, 10)).await;
    let codec = ReadCodec::Custom(Arc::new(NotOn(std::thread::current().id())));
    let reader = RemoteReader::options().codec(codec).open(&location).await.unwrap();
    reader.get(3).await.unwrap();
    reader.record(1).await.unwrap();
    reader.get_many(&[1, 40]).await.unwrap();
    let mapped: Vec<_> = reader.map_records(0..4, |_, _| ()).try_collect().await.unwrap();
    assert_eq!(mapped.len(), 4);
    mapped.into_iter().for_each(|(_, outcome)| outcome.unwrap());
}
