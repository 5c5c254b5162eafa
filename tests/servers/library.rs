//! The requests of the library to servers, and their results.

use std::sync::Once;

use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use sealpack::ErrorKind;
use sealpack::remote::{
    Location, PartSize, RemoteReader, RemoteWriter, RemoteWriterOptions, StoreFault,
};
use tokio::runtime::Runtime;

use super::flaky::FlakyConnector;
use super::start::{BUCKET, KEY, SECRET, SERVER_KINDS, Server, ServerKind};
use super::{item, pack, plain};

const PATH: &str = "folder/a.pack";

fn store(server: &Server, secret: &str, connector: &FlakyConnector) -> AmazonS3 {
    static TLS: Once = Once::new();
    TLS.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id(KEY)
        .with_secret_access_key(secret)
        .with_http_connector(connector.clone())
        .build()
        .unwrap()
}

fn at(server: &Server, connector: &FlakyConnector) -> Location {
    Location::new(store(server, SECRET, connector), PATH.into())
}

fn small_parts(replace: bool) -> RemoteWriterOptions {
    RemoteWriter::options(plain().overwrite(replace)).part_size(PartSize::SMALLEST)
}

fn write(location: &Location, runtime: &Runtime, options: RemoteWriterOptions, count: u32) {
    let mut writer = options.create(location, runtime.handle()).unwrap();
    (0..count).for_each(|number| writer.append(&item(number, 10_000)).unwrap());
    writer.finish().unwrap();
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn a_pack_is_uploaded_and_its_items_are_read() {
    let runtime = Runtime::new().unwrap();
    for kind in SERVER_KINDS {
        let (server, connector) = (Server::start(kind), FlakyConnector::new(false));
        let location = at(&server, &connector);
        // One part, and four.
        for (count, requests) in [(3, 2), (2000, 8)] {
            let before = connector.count();
            write(&location, &runtime, small_parts(count > 3), count);
            let overwriting = if count > 3 { 2 } else { 0 };
            assert_eq!(connector.count() - before, requests - overwriting, "{kind:?}");
            let stored = runtime
                .block_on(async { location.store().get(location.path()).await?.bytes().await })
                .unwrap();
            assert!(stored == pack(plain(), count, 10_000), "{kind:?}");
        }
        assert_eq!(server.open_uploads(), 0);
        runtime.block_on(async {
            let before = connector.count();
            let reader = RemoteReader::open(&location).await.unwrap();
            assert_eq!(connector.count() - before, 1, "{kind:?}: open");
            assert_eq!(reader.get(1234).await.unwrap(), item(1234, 10_000));
            assert_eq!(connector.count() - before, 2, "{kind:?}: an item");
            let range: Vec<_> = reader.range(1500..1600).unwrap().try_collect().await.unwrap();
            assert!(range.iter().zip(1500..).all(|(found, n)| *found == item(n, 10_000)));
            assert!(reader.verify().await.unwrap().is_ok());
            let folder = Location::new(store(&server, SECRET, &connector), "folder".into());
            let folder = folder.list().await.unwrap();
            assert_eq!(folder.len(), 1, "{kind:?}");
            // Listings of s3s-fs have no ETags, so their versions differ.
            let same = folder[0].1.id() == reader.version().id();
            assert!(same || kind == ServerKind::S3sFs, "{kind:?}: the listed version differs");
            let (location, version) = folder[0].clone();
            let reader = RemoteReader::options().open_version(&location, version).await.unwrap();
            assert_eq!(reader.get(5).await.unwrap(), item(5, 10_000));
        });
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn an_existing_object_stays_unless_overwriting_is_allowed() {
    let runtime = Runtime::new().unwrap();
    for kind in SERVER_KINDS {
        let (server, connector) = (Server::start(kind), FlakyConnector::new(false));
        let location = at(&server, &connector);
        write(&location, &runtime, small_parts(false), 3);
        let refused = small_parts(false).create(&location, runtime.handle());
        assert!(matches!(refused.unwrap_err().kind(), ErrorKind::Exists), "{kind:?}");
        write(&location, &runtime, small_parts(true), 4);
        runtime.block_on(location.store().delete(location.path())).unwrap();

        // Another writer creates the object first, for one part and for several. (s3s-fs
        // does not support conditional puts.)
        for count in [3, 2000] {
            if kind == ServerKind::S3sFs && count == 3 {
                continue;
            }
            let mut writer = small_parts(false).create(&location, runtime.handle()).unwrap();
            (0..count).for_each(|number| writer.append(&item(number, 10_000)).unwrap());
            let put = location.store().put(location.path(), "theirs".into());
            runtime.block_on(put).unwrap();
            let error = writer.finish().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Exists), "{kind:?}: {error}");
            assert_eq!(server.open_uploads(), 0, "{kind:?}");
            let stored = async { location.store().get(location.path()).await?.bytes().await };
            assert_eq!(runtime.block_on(stored).unwrap(), b"theirs"[..]);
            runtime.block_on(location.store().delete(location.path())).unwrap();
        }
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn an_aborted_upload_leaves_no_parts() {
    let runtime = Runtime::new().unwrap();
    for kind in SERVER_KINDS {
        let (server, connector) = (Server::start(kind), FlakyConnector::new(false));
        let location = at(&server, &connector);
        for count in [600, 1100, 2100] {
            let mut writer = small_parts(false).create(&location, runtime.handle()).unwrap();
            (0..count).for_each(|number| writer.append(&item(number, 10_000)).unwrap());
            drop(writer);
            assert_eq!(server.open_uploads(), 0, "{kind:?} after {count} items");
            let stored = runtime.block_on(location.store().head(location.path()));
            assert!(matches!(stored, Err(object_store::Error::NotFound { .. })), "{kind:?}");
        }
    }
}

/// Each request fails once; the store retries it.
#[test]
#[ignore = "needs servers: tests/run remote"]
fn a_request_that_fails_once_is_retried() {
    let runtime = Runtime::new().unwrap();
    for kind in SERVER_KINDS {
        let (server, connector) = (Server::start(kind), FlakyConnector::new(true));
        let location = at(&server, &connector);
        write(&location, &runtime, small_parts(false), 1100);
        runtime.block_on(async {
            let reader = RemoteReader::open(&location).await.unwrap();
            assert!(reader.verify().await.unwrap().is_ok());
            assert_eq!(reader.get(77).await.unwrap(), item(77, 10_000));
        });
        assert!(connector.fewest() >= 2, "{kind:?}: every request failed once");
        assert_eq!(server.open_uploads(), 0);
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn a_changed_object_is_reported() {
    let runtime = Runtime::new().unwrap();
    for kind in SERVER_KINDS {
        let (server, connector) = (Server::start(kind), FlakyConnector::new(false));
        let location = at(&server, &connector);
        write(&location, &runtime, small_parts(false), 600);
        runtime.block_on(async {
            let reader = RemoteReader::open(&location).await.unwrap();
            // The size is the same: only one byte of one item differs.
            let mut other = pack(plain(), 600, 10_000);
            other[77] ^= 1;
            location.store().put(location.path(), other.into()).await.unwrap();
            for error in [
                reader.get(599).await.unwrap_err(),
                reader.get_many(&[0, 300]).await.unwrap_err(),
                reader.verify().await.unwrap_err(),
            ] {
                let fault = error.store().map(|error| error.fault());
                // Two writes within the same second have the same date.
                let changed = [Some(StoreFault::Changed), Some(StoreFault::ETagChanged)];
                assert!(changed.contains(&fault), "{kind:?}: {error}");
            }
        });
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn wrong_credentials_are_reported() {
    let (server, connector) = (Server::start(ServerKind::S3sFs), FlakyConnector::new(false));
    let location = Location::new(store(&server, "guessed", &connector), PATH.into());
    let error = Runtime::new().unwrap().block_on(RemoteReader::open(&location)).unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::Denied), "{error}");
}
