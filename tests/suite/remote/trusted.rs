//! A reader of a store that authenticates what it reads against a trusted hash.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use sealpack::core::error::Untrusted;
use sealpack::core::format::RecordContent;
use sealpack::core::read::{LayerName, Verdict};
use sealpack::remote::{Location, ReaderCache, RemoteReader, RemoteReaderOptions, RemoteTrust};
use sealpack::{Error, ErrorKind, OptionsError, Plain, SealedDigests, Writer};

use super::store::{RecordingStore, Request};
use super::{PATH, item};
use crate::trusted::ListedPack;
use crate::trusted::forged::Forger;

const COUNT: u32 = 3000;
const LENGTH: usize = 1000;

fn listed(options: sealpack::WriterOptions) -> ListedPack {
    ListedPack::new(options, (0..COUNT).map(|number| item(number, LENGTH)).collect())
}

async fn store_with(pack: Vec<u8>, list: Vec<u8>) -> (RecordingStore, Location) {
    let store = RecordingStore::new();
    store.inner.put(&PATH.into(), pack.into()).await.unwrap();
    let location = Location::new(store.clone(), PATH.into());
    store.inner.put(location.digest_list().path(), list.into()).await.unwrap();
    (store, location)
}

fn trusting_options(sealed: &SealedDigests) -> [RemoteReaderOptions; 2] {
    let root = RemoteTrust::root(sealed.root);
    let content_hash = RemoteTrust::content_hash(sealed.content_hash);
    [root, content_hash].map(|trust| RemoteReader::options().trust(trust))
}

fn copied(record: RecordContent<'_>) -> Vec<Vec<u8>> {
    record.items().map(<[u8]>::to_vec).collect()
}

fn untrusted(error: &Error) -> bool {
    matches!(error.untrusted(), Some(Untrusted::Record { .. }))
}

#[tokio::test]
async fn every_way_of_reading_yields_the_items_of_a_sound_pack() {
    for options in [Writer::options(), Writer::options().codec(Plain)] {
        for items_per_record in [1, 7, 128] {
            let listed = listed(options.clone().items_per_record(items_per_record));
            let (_, location) = store_with(listed.pack.clone(), listed.list.clone()).await;
            for options in trusting_options(&listed.sealed) {
                let reader = options.open(&location).await.unwrap();
                assert_eq!(reader.trusted().unwrap().header().root(), listed.sealed.root);
                assert_eq!(reader.get(2999).await.unwrap(), listed.items[2999]);
                let positions = [17, 2999, 0, 17, 1500];
                let many = reader.get_many(&positions).await.unwrap();
                let expected = positions.map(|position| &listed.items[position as usize][..]);
                assert_eq!(many, expected);
                let all: Vec<_> = reader.range(0..COUNT).unwrap().try_collect().await.unwrap();
                assert_eq!(all, listed.items);
                let mapped = reader.map_records(0..u32::MAX, |_, record| copied(record));
                let mapped: Vec<_> = mapped.try_collect().await.unwrap();
                let mapped = mapped.into_iter().flat_map(|(_, items)| items.unwrap());
                assert!(mapped.eq(listed.items.iter().map(|item| item.to_vec())));
                assert!(reader.verify().await.unwrap().is_ok());
            }
        }
    }
}

/// A caller that goes on after damaged records must not go on after this.
#[tokio::test]
async fn a_request_for_digests_that_fails_is_no_damage_of_a_record() {
    // One read of records, whose digests are in several blocks of the list.
    let listed = listed(Writer::options().codec(Plain).items_per_record(1));
    for is_mapped in [false, true] {
        let mut number = 0;
        loop {
            let (store, location) = store_with(listed.pack.clone(), listed.list.clone()).await;
            let [options, _] = trusting_options(&listed.sealed);
            let reader = options.open(&location).await.unwrap();
            store.fail(number);
            let all = 0..u32::MAX;
            let ended: Result<Vec<()>, _> = match is_mapped {
                true => reader.map_records(all, |_, _| ()).map_ok(drop).try_collect().await,
                false => reader.records(all).map_ok(drop).try_collect().await,
            };
            if store.requests().len() <= number {
                ended.unwrap();
                break;
            }
            let Err(error) = ended else { panic!("request {number} failed unnoticed") };
            let is_of_store =
                matches!(error.kind(), ErrorKind::Io { .. } | ErrorKind::DigestList(_));
            assert!(is_of_store, "{error}");
            number += 1;
        }
        assert!(number > 3, "{number} requests");
    }
}

/// Neither checksum nor content hash covers the items of this pack.
#[tokio::test]
async fn a_changed_item_that_no_checksum_covers_is_refused_in_every_way_of_reading() {
    let mut listed = listed(Writer::options().codec(Plain).items_per_record(10));
    listed.pack[1_000_500] ^= 1;
    let (_, location) = store_with(listed.pack.clone(), listed.list.clone()).await;
    for options in trusting_options(&listed.sealed) {
        let reader = options.open(&location).await.unwrap();
        assert!(untrusted(&reader.get(995).await.unwrap_err()));
        assert_eq!(reader.get(5).await.unwrap(), listed.items[5]);
        assert!(untrusted(&reader.get_many(&[5, 995]).await.unwrap_err()));
        let mut range = std::pin::pin!(reader.range(900..COUNT).unwrap());
        let mut yielded = 0;
        let refused = loop {
            match range.try_next().await {
                Ok(Some(_)) => yielded += 1,
                Ok(None) => panic!("the damaged item was yielded"),
                Err(error) => break error,
            }
        };
        assert!(untrusted(&refused) && yielded < 100, "{refused} after {yielded}");
        // The result of the work on it is dropped.
        let mapped: Vec<_> =
            reader.map_records(0..u32::MAX, |_, _| ()).try_collect().await.unwrap();
        assert_eq!(mapped.len(), 300);
        for (place, outcome) in mapped {
            assert_eq!(outcome.is_err_and(|error| untrusted(&error)), place.number == 99);
        }
        let report = reader.verify().await.unwrap();
        assert_eq!(report.damaged_count, 1);
        assert!(matches!(report.verdict(LayerName::ContentHash), Verdict::Failed(_)));
    }
}

#[tokio::test]
async fn a_missing_list_or_one_of_another_pack_is_refused_on_opening() {
    let listed = listed(Writer::options());
    let (store, location) = store_with(listed.pack.clone(), Vec::new()).await;
    for options in trusting_options(&listed.sealed) {
        let error = options.open(&location).await.unwrap_err();
        let ErrorKind::DigestList(list_error) = error.kind() else { panic!("{error}") };
        assert_eq!(list_error.path(), location.digest_list().name());
    }
    let other = ListedPack::new(Writer::options(), vec![b"another".to_vec()]);
    store.inner.put(location.digest_list().path(), other.list.into()).await.unwrap();
    for options in trusting_options(&listed.sealed) {
        let error = options.open(&location).await.unwrap_err();
        assert!(error.untrusted().is_some(), "{error}");
    }
}

#[tokio::test]
async fn under_the_root_trust_costs_one_request_to_open_and_one_for_128_records() {
    let listed = listed(Writer::options().codec(Plain).items_per_record(2));
    let (store, location) = store_with(listed.pack.clone(), listed.list.clone()).await;
    let [by_root, _] = trusting_options(&listed.sealed);
    let reader = by_root.open(&location).await.unwrap();
    assert_eq!(store.requests(), [Request::Get; 2], "the end of the pack, the header of the list");
    reader.get(0).await.unwrap();
    assert_eq!(store.requests(), [Request::Get; 2], "a record and a block of the list");
    reader.get(255).await.unwrap();
    assert_eq!(store.requests(), [Request::Get], "a record whose digest is in the same block");
    // Concurrent calls of one block: the first requests it, and the others wait.
    try_join_all((256..266).step_by(2).map(|position| reader.get(position))).await.unwrap();
    assert_eq!(store.requests(), [Request::Get; 6], "five records and one block");
}

#[tokio::test]
async fn a_block_whose_request_failed_is_requested_again() {
    let listed = listed(Writer::options().codec(Plain).items_per_record(2));
    let (store, location) = store_with(listed.pack.clone(), listed.list.clone()).await;
    let [by_root, _] = trusting_options(&listed.sealed);
    let reader = by_root.open(&location).await.unwrap();
    for request in 0..2 {
        store.fail(request);
        assert!(reader.get(9).await.is_err());
    }
    store.fail(usize::MAX);
    assert_eq!(reader.get(9).await.unwrap(), listed.items[9]);
}

#[tokio::test]
async fn readers_of_a_cache_authenticate_as_their_options_say() {
    let mut listed = listed(Writer::options().codec(Plain).items_per_record(10));
    listed.pack[500] ^= 1;
    let (_, location) = store_with(listed.pack.clone(), listed.list.clone()).await;
    for options in trusting_options(&listed.sealed) {
        let cache = ReaderCache::new(1 << 24, options);
        let opened = cache.open(&location).await;
        // With a trusted content hash, opening already checks the first record.
        let Ok(reader) = opened else { continue };
        assert!(untrusted(&reader.get(0).await.unwrap_err()));
        assert!(untrusted(&cache.last(&location).unwrap().get(0).await.unwrap_err()));
    }
}

#[tokio::test]
async fn trust_together_with_an_extract_is_refused() {
    let listed = listed(Writer::options());
    let (_, location) = store_with(listed.pack, listed.list).await;
    let options = RemoteReader::options().hash_extract(|item: &[u8]| Ok(item.to_vec()));
    let error = options.trust(RemoteTrust::root([0; 32])).open(&location).await.unwrap_err();
    let refused = ErrorKind::Options(OptionsError::DigestsWithExtract);
    assert_eq!(format!("{:?}", error.kind()), format!("{refused:?}"));
}

/// `trusted/forged.rs` tests the reader of files with twenty thousand.
#[tokio::test]
async fn forgeries_in_a_store_yield_authentic_items_or_errors() {
    let mut forger = Forger::new(88);
    let store = Arc::new(InMemory::new());
    let location = Location::shared(store.clone(), PATH.into());
    let (mut opened, mut yielded, mut refused) = (0, 0, 0);
    for turn in 0..3000 {
        let (pack, list, original) = forger.forge();
        store.put(&PATH.into(), pack.into()).await.unwrap();
        store.put(location.digest_list().path(), list.into()).await.unwrap();
        let [by_root, by_content_hash] = trusting_options(&original.sealed);
        let options = if turn % 2 == 0 { by_root } else { by_content_hash };
        let Ok(reader) = options.open(&location).await else { continue };
        opened += 1;
        let items = &original.items;
        let count = u32::try_from(items.len()).unwrap();
        assert_eq!(reader.item_count(), count, "the number of items is authentic");
        for _ in 0..4 {
            let position = forger.below(items.len());
            match reader.get(u32::try_from(position).unwrap()).await {
                Ok(item) => {
                    assert_eq!(item, items[position], "item {position}");
                    yielded += 1;
                }
                Err(_) => refused += 1,
            }
        }
        let scanned: Result<Vec<_>, _> = reader.range(0..count).unwrap().try_collect().await;
        let positions: Vec<u32> = (0..count).rev().collect();
        let many = reader.get_many(&positions).await;
        let sound = reader.verify().await.is_ok_and(|report| report.is_ok());
        assert_eq!(
            (scanned.is_ok(), many.is_ok()),
            (sound, sound),
            "all calls agree with the verification"
        );
        if let (Ok(scanned), Ok(many)) = (scanned, many) {
            assert_eq!(&scanned, items);
            assert!(many.iter().eq(items.iter().rev()));
        }
    }
    println!("{opened} opened, {yielded} items, {refused} refused");
    assert!(opened > 300 && yielded > 300 && refused > 50);
}
