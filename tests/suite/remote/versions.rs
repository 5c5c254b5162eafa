//! Versions are compared by their meaning: quotes and weak ETags make no difference.

use object_store::ObjectStoreExt as _;
use sealpack::Writer;
use sealpack::remote::{Location, RemoteReader, StoreFault, Version};

use super::store::{RecordingStore, Request};
use super::{PATH, item, pack, store_with};

/// A store whose listing has ETags without quotes, and the listed location and version.
async fn listed_version() -> (RecordingStore, Location, Version) {
    let (store, _) = store_with(pack(Writer::options(), 20_000, 1000)).await;
    store.unquote_listings();
    let folder = Location::new(store.clone(), "folder".into());
    let (location, version) = folder.list().await.unwrap().remove(0);
    (store, location, version)
}

#[tokio::test]
async fn an_e_tag_without_quotes_is_the_same_version_and_costs_no_request() {
    let (store, location, version) = listed_version().await;
    store.requests();
    let reader = RemoteReader::options().open_version(&location, version.clone()).await.unwrap();
    assert_eq!(reader.get(77).await.unwrap(), item(77, 1000));
    assert_eq!(store.requests(), [Request::Get, Request::Get]);
    let current = location.version().await.unwrap();
    assert_eq!((current.id(), &current), (version.id(), &version));

    let weak = current.e_tag().map(|e_tag| format!("W/{e_tag}"));
    let weak = Version::new(current.size(), weak);
    let reader = RemoteReader::options().open_version(&location, weak).await.unwrap();
    assert_eq!(reader.get(77).await.unwrap(), item(77, 1000));
    let unquoted = Version::new(current.size(), Some(version.id().trim_matches('"').into()));
    assert!(RemoteReader::options().open_version(&location, unquoted).await.is_ok());
}

#[tokio::test]
async fn a_change_is_an_error_with_and_without_quotes() {
    let (store, location, version) = listed_version().await;
    let reader = RemoteReader::options().open_version(&location, version).await.unwrap();
    let other = pack(Writer::options(), 20_000, 1000);
    store.inner.put(&PATH.into(), other.into()).await.unwrap();
    let error = reader.get(77).await.unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::Changed), "{error}");
}

/// If a proxy refuses every condition, the reader looks up the version once, and then
/// reads without conditions.
#[tokio::test]
async fn a_failed_condition_is_reported_as_a_change_only_after_a_lookup() {
    let (store, location) = store_with(pack(Writer::options(), 20_000, 1000)).await;
    store.refuse_conditions();
    let reader = RemoteReader::open(&location).await.unwrap();
    store.requests();
    assert_eq!(reader.get(3).await.unwrap(), item(3, 1000));
    assert_eq!(store.requests(), [Request::Get, Request::Head, Request::Get]);
    assert_eq!(reader.get(3).await.unwrap(), item(3, 1000));
    assert_eq!(store.requests(), [Request::Get], "the reader no longer sends conditions");
    let other = pack(Writer::options(), 20_001, 1000);
    store.inner.put(&PATH.into(), other.into()).await.unwrap();
    let error = reader.get(3).await.unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::Changed), "{error}");
    store.inner.delete(&PATH.into()).await.unwrap();
    let error = reader.get(3).await.unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::NotFound), "{error}");
}

/// Several servers under one name that compute different ETags.
#[tokio::test]
async fn e_tags_that_differ_by_server_are_reported_and_can_be_ignored() {
    let (store, location) = store_with(pack(Writer::options(), 20_000, 1000)).await;
    store.vary_e_tags(100);
    let reader = RemoteReader::open(&location).await.unwrap();
    let error = reader.get(3).await.unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::ETagChanged), "{error}");
    let location = location.without_e_tags();
    let reader = RemoteReader::open(&location).await.unwrap();
    assert_eq!(reader.get(3).await.unwrap(), item(3, 1000));
    assert!(reader.verify().await.unwrap().is_ok());
    store.vary_e_tags(0);
    let other = pack(Writer::options(), 20_001, 1000);
    store.inner.put(&PATH.into(), other.into()).await.unwrap();
    let error = reader.get(3).await.unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::Changed), "{error}");
}
