//! Sets in stores: the same items, counted requests, and members that fail.

use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use sealpack::core::error::Untrusted;
use sealpack::remote::{Location, RemotePackSet, RemoteReader, StoreFault};
use sealpack::{Bytes, ErrorKind, RecordCache, SetFault, SetManifest, digest_list_path};
use sealpack_tests::hostile::Random;

use super::{COUNTS, Packs, any_form, with_lists};
use crate::remote::store::{RecordingStore, Request};

/// Puts the packs, their lists and their manifest into a store, below a prefix.
async fn uploaded(packs: &Packs) -> (RecordingStore, Location) {
    let store = RecordingStore::new();
    for name in &packs.names {
        put(&store, name, std::fs::read(packs.at(name)).unwrap()).await;
        if let Ok(list) = std::fs::read(digest_list_path(packs.at(name))) {
            put(&store, &format!("{name}.digests"), list).await;
        }
    }
    put(&store, "set.json", packs.manifest().to_json().into()).await;
    let location = Location::new(store.clone(), "logs/set.json".into());
    (store, location.named("mem://logs/set.json"))
}

fn key(name: &str) -> Path {
    format!("logs/{name}").into()
}

async fn put(store: &RecordingStore, name: &str, bytes: Vec<u8>) {
    store.inner.put(&key(name), bytes.into()).await.unwrap();
}

async fn assert_reads_as(set: &RemotePackSet, items: &[Vec<u8>], seed: u64) {
    let mut random = Random::new(seed);
    assert_eq!(set.item_count(), items.len() as u64);
    for _ in 0..60 {
        let position = random.below(items.len());
        assert_eq!(set.get(position as u64).await.unwrap(), items[position][..]);
        let start = random.below(items.len() + 1);
        let end = start + random.below(items.len() + 1 - start);
        let range = set.range(start as u64..end as u64).unwrap();
        assert_eq!(range.try_collect::<Vec<Bytes>>().await.unwrap(), items[start..end]);
        let positions: Vec<usize> =
            (0..random.below(50)).map(|_| random.below(items.len())).collect();
        let wanted: Vec<u64> = positions.iter().map(|at| *at as u64).collect();
        let found = set.get_many(&wanted).await.unwrap();
        assert_eq!(found.len(), positions.len());
        assert!(positions.iter().zip(found).all(|(at, item)| item == items[*at][..]));
    }
    assert_eq!(set.range(..).unwrap().try_collect::<Vec<Bytes>>().await.unwrap(), items);
}

#[tokio::test]
async fn a_set_in_a_store_reads_as_its_members_in_order() {
    for (seed, form) in [any_form, with_lists].into_iter().enumerate() {
        let packs = Packs::new(&COUNTS, form);
        let (_, location) = uploaded(&packs).await;
        for max_open in [1, 3, 64] {
            let options = RemotePackSet::options().max_open(max_open);
            let set = options.clone().open(&location).await.unwrap();
            assert_reads_as(&set, &packs.items, seed as u64).await;
            assert!(set.verify().await.is_ok() && set.open_count() <= max_open);
            if seed == 1 {
                let trusted = options.trust_root(packs.manifest().root());
                let set = trusted.open(&location).await.unwrap();
                assert_reads_as(&set, &packs.items, 5).await;
            }
        }
        let prefix = Location::new(location.store().clone(), "logs".into());
        let set = RemotePackSet::options().open_prefix(&prefix).await.unwrap();
        // The folder `sub` sorts after the names that are digits.
        let expected: Vec<&String> = {
            let mut names: Vec<_> = packs.names.iter().collect();
            names.sort();
            names
        };
        let found: Vec<String> = set
            .members()
            .iter()
            .map(|it| it.location.path().as_ref().trim_start_matches("logs/").to_string())
            .collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        assert_eq!(set.item_count(), packs.items.len() as u64);
        assert!(set.verify().await.is_ok());
    }
}

#[tokio::test]
async fn a_set_costs_one_request_and_each_member_one_more_when_it_is_needed() {
    let packs = Packs::new(&[50; 20], |_| sealpack::Writer::options());
    let (store, location) = uploaded(&packs).await;
    let set = RemotePackSet::open(&location).await.unwrap();
    assert_eq!(store.requests(), [Request::Get], "the manifest");
    set.get(500).await.unwrap();
    assert_eq!(store.requests(), [Request::Get], "one member, which is small");
    set.get(501).await.unwrap();
    assert_eq!(store.requests(), []);
    // Forty positions in four members.
    let positions: Vec<u64> = (0..40).map(|at| 100 + at * 5).collect();
    set.get_many(&positions).await.unwrap();
    assert_eq!(store.requests(), [Request::Get; 4]);
    set.range(0..100).unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(store.requests(), [Request::Get; 2]);
    set.locate(999).unwrap();
    assert!(set.get(1000).await.is_err() && set.get_many(&[0, 1000]).await.is_err());
    assert_eq!(store.requests(), [], "positions beyond the set cost no request");
}

#[tokio::test]
async fn concurrent_calls_share_the_opening_of_a_member() {
    let packs = Packs::new(&[50, 50], |_| sealpack::Writer::options());
    let (store, location) = uploaded(&packs).await;
    let set = RemotePackSet::open(&location).await.unwrap();
    store.requests();
    let items = futures_util::future::join_all((50..70).map(|at| set.get(at))).await;
    assert!(items.into_iter().zip(&packs.items[50..]).all(|(got, item)| got.unwrap() == item[..]));
    assert_eq!(store.requests(), [Request::Get]);
}

#[tokio::test]
async fn a_set_keeps_no_more_members_open_than_it_may_and_shares_one_cache() {
    let packs = Packs::new(&[10; 30], with_lists);
    let (_, location) = uploaded(&packs).await;
    let cache = RecordCache::new(8 << 20);
    let reading = RemoteReader::options().cache(cache.clone());
    let set = RemotePackSet::options().max_open(4).reading(reading).open(&location).await.unwrap();
    let mut random = Random::new(9);
    for _ in 0..200 {
        let position = random.below(packs.items.len());
        assert_eq!(set.get(position as u64).await.unwrap(), packs.items[position][..]);
        assert!(set.open_count() <= 4 && cache.stats().records <= 4);
    }
}

#[tokio::test]
async fn a_member_that_is_missing_truncated_or_another_pack_is_an_error_with_its_name() {
    for lists in [true, false] {
        let options = move |_| {
            sealpack::Writer::options()
                .codec(sealpack::Plain)
                .items_per_record(10)
                .digest_list(lists)
        };
        let packs = Packs::new(&[50, 50, 50], options);
        let whole = std::fs::read(packs.at("1.pack")).unwrap();
        let mut changed = whole.clone();
        changed[20] ^= 1;
        let cases = [None, Some(whole[1..].to_vec()), Some(Vec::new()), Some(changed)];
        for (case, bytes) in cases.into_iter().enumerate() {
            let (store, location) = uploaded(&packs).await;
            match bytes {
                None => store.inner.delete(&key("1.pack")).await.unwrap(),
                Some(bytes) => put(&store, "1.pack", bytes).await,
            }
            let set = RemotePackSet::open(&location).await.unwrap();
            assert_eq!(set.get(149).await.unwrap(), packs.items[149][..]);
            let got = set.get(50).await;
            match (case, got) {
                // Without a list a plain record has no check of its own.
                (3, Ok(_)) => assert!(!lists),
                (_, Ok(_)) => panic!("case {case}"),
                (_, Err(error)) => {
                    assert_eq!(error.path().to_str(), Some("mem://logs/1.pack"), "{error}");
                    let missing = error.store().map(|store| store.fault());
                    assert_eq!(missing == Some(StoreFault::NotFound), case == 0, "{error}");
                    let is_size =
                        matches!(error.kind(), ErrorKind::Set(SetFault::MemberSize { .. }));
                    assert_eq!(is_size, case == 1 || case == 2, "{error}");
                    let record = matches!(error.untrusted(), Some(Untrusted::Record { .. }));
                    assert_eq!(record, case == 3, "{error}");
                    assert!(set.get_many(&[3, 50, 149]).await.is_err());
                    let mut items = set.range(..).unwrap();
                    let mut before = 0;
                    while items.next().await.unwrap().is_ok() {
                        before += 1;
                    }
                    assert!((50..100).contains(&before), "{before}");
                    assert!(items.next().await.is_none(), "nothing follows an error");
                }
            }
            let sound: Vec<bool> =
                set.verify().await.members.iter().map(|member| member.is_ok()).collect();
            assert_eq!(sound, [true, false, true], "case {case}");
        }
    }
}

#[tokio::test]
async fn a_pack_without_a_stored_hash_is_verified_against_the_manifest() {
    let options = |_| sealpack::Writer::options().codec(sealpack::Plain).content_hash(false);
    let packs = Packs::new(&[50], options);
    let (store, location) = uploaded(&packs).await;
    let set = RemotePackSet::open(&location).await.unwrap();
    assert!(set.verify().await.is_ok());
    let mut changed = std::fs::read(packs.at("0.pack")).unwrap();
    changed[20] ^= 1;
    put(&store, "0.pack", changed).await;
    let set = RemotePackSet::open(&location).await.unwrap();
    assert!(!set.verify().await.is_ok());
}

#[tokio::test]
async fn a_pack_of_a_prefix_that_is_replaced_is_an_error() {
    let packs = Packs::new(&[50, 50], |_| sealpack::Writer::options());
    let (store, location) = uploaded(&packs).await;
    let prefix = Location::new(location.store().clone(), "logs".into());
    let set = RemotePackSet::options().open_prefix(&prefix).await.unwrap();
    put(&store, "1.pack", std::fs::read(packs.at("0.pack")).unwrap()).await;
    let error = set.get(60).await.unwrap_err();
    assert_eq!(error.store().map(|store| store.fault()), Some(StoreFault::Changed), "{error}");
    assert_eq!(set.get(7).await.unwrap(), packs.items[7][..]);
}

#[tokio::test]
async fn a_manifest_that_is_damaged_too_large_or_not_trusted_is_refused() {
    let packs = Packs::new(&[5], with_lists);
    let (store, location) = uploaded(&packs).await;
    let fault = |error: sealpack::Error| {
        assert_eq!(error.path().to_str(), Some("mem://logs/set.json"));
        match error.kind() {
            ErrorKind::Set(fault) => fault.clone(),
            _ => panic!("{error}"),
        }
    };
    let untrusted = RemotePackSet::options().trust_root([1; 32]).open(&location).await;
    assert!(matches!(fault(untrusted.unwrap_err()), SetFault::Untrusted { .. }));
    let large = vec![b' '; usize::try_from(SetManifest::MAX_SIZE).unwrap() + 1];
    put(&store, "set.json", large).await;
    let large = RemotePackSet::open(&location).await.unwrap_err();
    assert!(matches!(fault(large), SetFault::ManifestSize { size: 67_108_865, .. }));
    put(&store, "set.json", b"{\"sealpack_set\":1}".to_vec()).await;
    let damaged = RemotePackSet::open(&location).await.unwrap_err();
    assert!(matches!(fault(damaged), SetFault::Syntax(_)));
    store.inner.delete(&key("set.json")).await.unwrap();
    let missing = RemotePackSet::open(&location).await.unwrap_err();
    assert_eq!(missing.store().map(|store| store.fault()), Some(StoreFault::NotFound));
}
