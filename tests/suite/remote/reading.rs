//! Reading from a store: the number of requests, pinned versions, and the same results
//! as from a file.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use sealpack::core::Error as PackError;
use sealpack::core::error::Limit;
use sealpack::core::read::{Merge, Report, plan};
use sealpack::remote::{Location, ReaderCache, RemoteReader, StoreFault, StoreSource, Version};
use sealpack::{Error, ErrorKind, Plain, ReadCodec, Reader, RecordCache, Writer, Zstd};
use sealpack_tests::fixtures;
use tokio::runtime::Runtime;

use super::store::{RecordingStore, Request};
use super::{PATH, item, pack, store_with};

fn fault(error: &Error) -> Option<StoreFault> {
    error.store().map(|error| error.fault())
}

#[tokio::test]
async fn opening_costs_one_request_and_an_item_one_more() {
    for options in [Writer::options(), Writer::options().codec(Plain)] {
        let (store, location) = store_with(pack(options, 20_000, 1000)).await;
        let reader = RemoteReader::open(&location).await.unwrap();
        assert_eq!(store.requests(), [Request::Get], "open");
        assert_eq!(reader.get(7777).await.unwrap(), item(7777, 1000));
        assert_eq!(store.requests(), [Request::Get], "get");
        let version = reader.version().clone();
        RemoteReader::options().open_version(&location, version).await.unwrap();
        assert_eq!(store.requests(), [Request::Get], "open a known version");
    }
}

#[tokio::test]
async fn a_small_pack_costs_one_request_in_all() {
    let (store, location) = store_with(pack(Writer::options(), 100, 1000)).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    reader.get_many(&[1, 99, 50]).await.unwrap();
    assert!(reader.verify().await.unwrap().is_ok());
    assert_eq!(store.requests(), [Request::Get]);
}

#[tokio::test]
async fn an_item_of_a_large_plain_record_costs_two_requests_and_few_bytes() {
    let options = Writer::options().codec(Plain).items_per_record(10_000);
    let (store, location) = store_with(pack(options, 20_000, 1000)).await;
    for (codec, requests) in [(ReadCodec::Plain, 2), (ReadCodec::Auto, 3)] {
        let reader = RemoteReader::options().codec(codec).open(&location).await.unwrap();
        store.requests();
        assert_eq!(reader.get(12_345).await.unwrap(), item(12_345, 1000));
        assert_eq!(store.requests().len(), requests, "one more to detect the codec");
        reader.get(2345).await.unwrap();
        assert_eq!(store.requests().len(), 2);
    }
}

#[tokio::test]
async fn scattered_positions_cost_no_more_requests_than_planned() {
    let options = Writer::options().items_per_record(50);
    let (store, location) = store_with(pack(options, 60_000, 1000)).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    let positions: Vec<u32> = (0..1000u32).map(|i| i.wrapping_mul(48_271) % 60_000).collect();
    let merge = Merge::for_requests(reader.directory());
    assert_eq!(merge, reader.merge());
    let planned = plan(reader.directory(), &positions, merge).unwrap();
    assert!(planned.len() < 800 && planned.len() > 10, "{} reads", planned.len());
    let wanted: u64 =
        planned.iter().flat_map(|read| read.records.iter().map(|record| record.place.size())).sum();
    let fetched: u64 = planned.iter().map(|read| read.range.end - read.range.start).sum();
    assert!(fetched <= 3 * wanted, "{fetched} bytes for {wanted}");

    store.requests();
    let items = reader.get_many(&positions).await.unwrap();
    assert!(store.requests().len() <= planned.len(), "at most one request per planned read");
    for (position, found) in positions.iter().zip(items) {
        assert_eq!(found, item(*position, 1000));
    }
}

#[tokio::test]
async fn a_range_yields_the_same_items_as_from_a_file_with_few_requests() {
    let options = Writer::options().items_per_record(50);
    let (store, location) = store_with(pack(options, 20_000, 1000)).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    for range in [0..20_000, 49..51, 7..7, 19_999..20_000, 120..4321] {
        store.requests();
        let items: Vec<_> = reader.range(range.clone()).unwrap().try_collect().await.unwrap();
        let expected: Vec<_> = range.clone().map(|number| item(number, 1000)).collect();
        assert_eq!(items, expected, "{range:?}");
        let max = range.len().div_ceil(4000) + 1;
        assert!(store.requests().len() <= max, "{range:?}");
    }
    assert!(reader.range(5..20_001).is_err());
    assert_eq!(reader.range(..).unwrap().count().await, 20_000);
    assert_eq!(reader.range(..=7).unwrap().count().await, 8);
    assert_eq!(reader.range(19_990..).unwrap().count().await, 10);
    assert!(reader.range(..=20_000).is_err());
}

#[tokio::test]
async fn an_item_of_a_cached_record_costs_no_request() {
    for codec in [ReadCodec::Plain, ReadCodec::Zstd] {
        let options = match codec {
            ReadCodec::Plain => Writer::options().codec(Plain),
            _ => Writer::options(),
        };
        let (store, location) = store_with(pack(options, 20_000, 1000)).await;
        let cache = RecordCache::new(8 << 20);
        let options = RemoteReader::options().codec(codec).cache(cache.clone());
        let reader = options.open(&location).await.unwrap();
        store.requests();
        for position in 256..384 {
            assert_eq!(reader.get(position).await.unwrap(), item(position, 1000));
        }
        assert_eq!(reader.record(2).await.unwrap().item(127).unwrap(), item(383, 1000));
        assert_eq!((store.requests().len(), cache.stats().misses), (1, 1));
        assert_eq!(cache.stats().hits, 128);
    }
}

#[tokio::test]
async fn reference_packs_are_read_and_verified_as_from_files() {
    for fixture in fixtures::all() {
        let bytes = std::fs::read(fixture.path()).unwrap();
        let (_, location) = store_with(bytes).await;
        let options = RemoteReader::options().codec(ReadCodec::AutoOrPlain);
        let reader = options.open(&location).await.unwrap();
        let items: Vec<_> =
            reader.range(0..reader.item_count()).unwrap().try_collect().await.unwrap();
        assert_eq!(items, fixture.items(), "{}", fixture.name);
        assert_eq!(reader.app_data(), &fixture.app_data());
        let options = Reader::options().codec(ReadCodec::AutoOrPlain);
        let remote = format!("{:?}", reader.verify().await.unwrap());
        let local = format!("{:?}", options.open(fixture.path()).unwrap().verify().unwrap());
        assert_eq!(remote, local, "{}", fixture.name);
    }
}

#[tokio::test]
async fn records_of_an_unknown_codec_are_refused_as_from_files() {
    // The second pack's records are large enough to be read in part.
    for items_per_record in [100, 10_000] {
        let options = Writer::options().codec(Plain).items_per_record(items_per_record);
        let (_, location) = store_with(pack(options.format_id(0x77), 20_000, 1000)).await;
        let open = |codec| RemoteReader::options().codec(codec).open(&location);
        let reader = open(ReadCodec::Auto).await.unwrap();
        let is_refused = |error: Error| {
            assert!(matches!(error.kind(), ErrorKind::UnknownCodec { format_id: 0x77 }), "{error}");
        };
        is_refused(reader.get(12_345).await.unwrap_err());
        is_refused(reader.record(0).await.unwrap_err());
        is_refused(reader.get_many(&[1, 12_345]).await.unwrap_err());
        is_refused(reader.range(5..7).unwrap().try_next().await.unwrap_err());
        is_refused(reader.verify().await.unwrap_err());
        for chosen in [ReadCodec::Plain, ReadCodec::AutoOrPlain] {
            let reader = open(chosen).await.unwrap();
            assert_eq!(reader.get(12_345).await.unwrap(), item(12_345, 1000));
            assert!(reader.verify().await.unwrap().is_ok());
        }
    }
}

#[tokio::test]
async fn broken_packs_are_refused_as_from_files() {
    for broken in fixtures::broken() {
        let bytes = std::fs::read(broken.path()).unwrap();
        let (_, location) = store_with(bytes).await;
        let remote = match RemoteReader::open(&location).await {
            Ok(reader) => reader.verify().await,
            Err(error) => Err(error),
        };
        let local = Reader::open(broken.path()).and_then(|reader| reader.verify());
        // Of a frame with several faults, decoders may report different ones.
        let damaged = |report: Report| {
            let records = report.damaged.iter().map(|damage| damage.record.number);
            (report.is_ok(), records.collect::<Vec<_>>())
        };
        let kind = |error: Error| format!("{:?}", error.kind());
        let (remote, local) = (remote.map(damaged), local.map(damaged));
        assert_eq!(remote.map_err(kind), local.map_err(kind), "{}", broken.file);
    }
}

/// After the object was replaced, every call returns an error that says so.
#[tokio::test]
async fn a_change_between_two_requests_is_an_error() {
    for same_size in [true, false] {
        let first = pack(Writer::options(), 20_000, 1000);
        let mut second = first.clone();
        if !same_size {
            second = pack(Writer::options(), 20_001, 1000);
        }
        let (store, location) = store_with(first).await;
        let reader = RemoteReader::open(&location).await.unwrap();
        assert!(reader.get(3).await.is_ok());
        store.inner.put(&PATH.into(), second.into()).await.unwrap();
        let changed = Some(StoreFault::Changed);
        assert_eq!(fault(&reader.get(3).await.unwrap_err()), changed);
        assert_eq!(fault(&reader.get_many(&[3, 15_000]).await.unwrap_err()), changed);
        assert_eq!(fault(&reader.verify().await.unwrap_err()), changed);
        let range = reader.range(0..10).unwrap().try_collect::<Vec<_>>().await;
        assert_eq!(fault(&range.unwrap_err()), changed);
        let old = reader.version().clone();
        let opened = RemoteReader::options().open_version(&location, old).await;
        assert_eq!(fault(&opened.unwrap_err()), changed);
    }
}

/// If a server ignores `If-Match`, the reader compares the size in its response.
#[tokio::test]
async fn a_version_without_an_etag_is_recognized_by_its_size() {
    let bytes = pack(Writer::options(), 20_000, 1000);
    let size = bytes.len() as u64;
    let (_, location) = store_with(bytes).await;
    let open = |size| RemoteReader::options().open_version(&location, Version::new(size, None));
    assert!(open(size).await.unwrap().get(1).await.is_ok());
    assert_eq!(fault(&open(size - 1).await.unwrap_err()), Some(StoreFault::Changed));
}

/// Each request fails once: the call returns the error, and the next call succeeds.
#[tokio::test]
async fn a_failed_request_is_reported_and_later_calls_succeed() {
    let (store, location) = store_with(pack(Writer::options(), 20_000, 1000)).await;
    let reader = RemoteReader::options().requests(3).open(&location).await.unwrap();
    reader.codec().await.unwrap();
    store.requests();
    reader.verify().await.unwrap();
    let requests = store.requests().len();
    assert!(requests > 4);
    for number in 0..requests {
        store.fail(number);
        let error = reader.verify().await.unwrap_err();
        assert_eq!(fault(&error), Some(StoreFault::Other));
        assert!(error.to_string().contains(PATH), "{error}");
        store.fail(usize::MAX);
        assert_eq!(reader.get(9).await.unwrap(), item(9, 1000));
    }
    store.fail(0);
    let error = reader.get(9).await.unwrap_err();
    assert!(format!("{error:#}").contains("a failure injected by a test"), "{error:#}");
    // If a store refuses a request for the last bytes of an object, the reader requests
    // the size.
    store.fail(0);
    assert!(RemoteReader::open(&location).await.is_ok());
    assert_eq!(store.requests(), [Request::Get, Request::Head, Request::Get]);
}

#[tokio::test]
async fn a_missing_object_is_reported_as_not_found() {
    let location =
        Location::new(RecordingStore::new(), "none.pack".into()).named("s3://bucket/none.pack");
    let error = RemoteReader::open(&location).await.unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::NotFound));
    assert!(error.to_string().starts_with("s3://bucket/none.pack: "), "{error}");
    let (_, empty) = store_with(Vec::new()).await;
    let error = RemoteReader::open(&empty).await.unwrap_err();
    assert!(error.corruption().is_some(), "{error}");
}

/// Dropping the future cancels it.
#[tokio::test]
async fn a_cancelled_read_leaves_the_reader_as_it_was() {
    let (store, location) = store_with(pack(Writer::options(), 20_000, 1000)).await;
    let reader = RemoteReader::open(&location).await.unwrap();
    let mut range = Box::pin(reader.range(0..20_000).unwrap());
    assert_eq!(range.try_next().await.unwrap().unwrap(), item(0, 1000));
    drop(range);
    store.requests();
    assert_eq!(reader.get(19_999).await.unwrap(), item(19_999, 1000));
    assert_eq!(store.requests(), [Request::Get]);
}

/// A limit of 1 MiB allows two reads in flight. Each may take 1/8 of it for the bytes as
/// stored, 1/8 for decoded items that wait, and 1/4 for the record being decoded.
#[tokio::test]
async fn a_memory_limit_bounds_the_reads_in_flight() {
    let options = Writer::options().items_per_record(64);
    let (store, location) = store_with(pack(options, 6000, 1000)).await;
    store.slow_down();
    let positions: Vec<u32> = (0..6000).step_by(300).collect();
    for (limit, max) in [(u64::MAX, 8), (1 << 20, 2), (512 << 10, 2)] {
        let options =
            RemoteReader::options().memory_limit(limit).merge(Merge { gap: 0, max_read: 1 });
        let reader = options.open(&location).await.unwrap();
        store.max_gets();
        let all: Vec<_> = reader.range(0..6000).unwrap().try_collect().await.unwrap();
        assert!((0..6000).all(|number| all[number as usize] == item(number, 1000)));
        assert_eq!(store.max_gets(), max, "range, {limit}");
        reader.get_many(&positions).await.unwrap();
        assert_eq!(store.max_gets(), max, "get_many, {limit}");
        assert!(reader.verify().await.unwrap().is_ok());
        assert_eq!(store.max_gets(), max, "verify, {limit}");
    }
    let options =
        RemoteReader::options().memory_limit(200 << 10).merge(Merge { gap: 0, max_read: 1 });
    let reader = options.open(&location).await.unwrap();
    let refused = reader.get(0).await.unwrap_err();
    let ErrorKind::Pack(PackError::Limit(Limit::SingleAllocation { limit, .. })) = refused.kind()
    else {
        panic!("{refused}");
    };
    assert_eq!(*limit, 50 << 10, "a quarter of the memory limit");
}

#[tokio::test]
async fn a_cached_reader_costs_the_requests_that_its_documentation_states() {
    let (store, location) = store_with(pack(Writer::options(), 20_000, 1000)).await;
    let cache = ReaderCache::new(1 << 20, RemoteReader::options());
    cache.open(&location).await.unwrap();
    assert_eq!(store.requests(), [Request::Head, Request::Get]);
    let reader = cache.open(&location).await.unwrap();
    assert_eq!(store.requests(), [Request::Head]);
    cache.open_version(&location, reader.version().clone()).await.unwrap();
    assert!(cache.last(&location).is_some());
    assert_eq!(store.requests(), []);

    store.inner.put(&PATH.into(), pack(Writer::options(), 9, 9).into()).await.unwrap();
    assert_eq!(cache.open(&location).await.unwrap().item_count(), 9, "the new version");
    assert_eq!(cache.len(), 2, "readers of both versions");
    assert_eq!(cache.last(&location).unwrap().item_count(), 9);
}

#[tokio::test]
async fn a_cache_stays_within_its_bound_and_drops_the_least_recently_used() {
    let store = RecordingStore::new();
    let mut locations = Vec::new();
    for number in 0..4 {
        let path = format!("{number}.pack");
        let bytes = pack(Writer::options().items_per_record(1), 3000, 100);
        store.inner.put(&path.clone().into(), bytes.into()).await.unwrap();
        locations.push(Location::new(store.clone(), path.into()));
    }
    let one = RemoteReader::open(&locations[0]).await.unwrap().memory();
    let cache = ReaderCache::new(one * 5 / 2, RemoteReader::options());
    for location in &locations[..2] {
        cache.open(location).await.unwrap();
    }
    cache.last(&locations[0]).unwrap();
    cache.open(&locations[2]).await.unwrap();
    assert!(cache.memory() <= one * 5 / 2 && cache.len() == 2);
    assert!(cache.last(&locations[0]).is_some(), "used since");
    assert!(cache.last(&locations[1]).is_none(), "the least recently used");
    let small = ReaderCache::new(one / 2, RemoteReader::options());
    small.open(&locations[0]).await.unwrap();
    assert!(small.is_empty(), "larger than the bound");
}

/// The blocking source, with the reader of files, makes as many requests.
#[test]
fn a_blocking_reader_costs_one_request_to_open_and_one_for_an_item() {
    let runtime = Runtime::new().unwrap();
    for options in [Writer::options().codec(Zstd::level(1)), Writer::options().codec(Plain)] {
        let (store, location) = runtime.block_on(store_with(pack(options, 20_000, 1000)));
        let source = Arc::new(StoreSource::open(&location, runtime.handle()).unwrap());
        let reader = Reader::options().open_source(source, location.name()).unwrap();
        assert_eq!(store.requests(), [Request::Get], "open");
        reader.codec().unwrap();
        store.requests();
        assert_eq!(reader.get(42).unwrap(), item(42, 1000));
        assert_eq!(store.requests(), [Request::Get], "get");
        assert!(reader.verify().unwrap().is_ok());
        runtime.block_on(store.inner.put(&PATH.into(), Vec::new().into())).unwrap();
        let error = reader.get(42).unwrap_err();
        assert_eq!(fault(&error), Some(StoreFault::Changed), "{error}");
    }
}

#[test]
fn a_runtime_without_worker_threads_is_refused_instead_of_blocking() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let location = Location::new(RecordingStore::new(), PATH.into());
    let error = StoreSource::open(&location, runtime.handle()).unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::NoWorkers));
}
