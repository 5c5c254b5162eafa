//! Whole records from a store: each with its own outcome, or only the lengths of its items.

use futures_util::TryStreamExt as _;
use sealpack::remote::RemoteReader;
use sealpack::{ErrorKind, Plain, Writer, WriterOptions, Zstd};

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
