//! If the response to a write is lost, the writer looks up whether the write took place.

use object_store::ObjectStoreExt as _;
use sealpack::remote::{Location, PartSize, RemoteWriter, StoreFault, StoreSource};
use sealpack::{Error, ErrorKind, Plain, Writer, WriterOptions};
use tokio::runtime::Runtime;

use super::store::{LostResponse, RecordingStore, Request};
use super::{PATH, item, pack};

/// Numbers of items that make one part, and three.
const SIZES: [u32; 2] = [10, 12_000];

fn options(replace: bool) -> WriterOptions {
    Writer::options().codec(Plain).overwrite(replace)
}

fn write(
    store: &RecordingStore,
    runtime: &Runtime,
    options: WriterOptions,
    count: u32,
) -> Result<(), Error> {
    let location = Location::new(store.clone(), PATH.into());
    let options = RemoteWriter::options(options).part_size(PartSize::SMALLEST);
    let mut writer = options.create(&location, runtime.handle())?;
    (0..count).try_for_each(|number| writer.append(&item(number, 1000)))?;
    writer.finish().map(drop)
}

fn at(store: &RecordingStore, runtime: &Runtime, path: &str) -> Option<Vec<u8>> {
    let got = runtime.block_on(async { store.inner.get(&path.into()).await?.bytes().await });
    got.ok().map(|bytes| bytes.to_vec())
}

fn fault(error: &Error) -> Option<StoreFault> {
    error.store().map(|error| error.fault())
}

#[test]
fn a_write_whose_response_is_lost_succeeds() {
    let runtime = Runtime::new().unwrap();
    for count in SIZES {
        for lost in [LostResponse::Connection, LostResponse::Retried] {
            for (replace, drops_metadata) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let store = RecordingStore::new();
                if replace {
                    runtime.block_on(store.inner.put(&PATH.into(), "before".into())).unwrap();
                }
                if drops_metadata {
                    store.drop_metadata();
                }
                store.lose(lost);
                write(&store, &runtime, options(replace), count)
                    .unwrap_or_else(|error| panic!("{count} {lost:?} {replace}: {error}"));
                assert!(at(&store, &runtime, PATH).unwrap() == pack(options(false), count, 1000));
                assert_eq!(store.open_uploads(), 0);
            }
        }
    }
}

#[test]
fn another_writers_object_is_not_mistaken_for_this_one() {
    let runtime = Runtime::new().unwrap();
    for count in SIZES {
        for drops_metadata in [false, true] {
            let store = RecordingStore::new();
            if drops_metadata {
                store.drop_metadata();
            }
            store.lose(LostResponse::OtherWriterFirst);
            let error = write(&store, &runtime, options(false), count).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Exists), "{error}");
            store.lose(LostResponse::OtherWriterFirst);
            let error = write(&store, &runtime, options(true), count).unwrap_err();
            assert_eq!(fault(&error), Some(StoreFault::Other), "{error}");
            assert_eq!(at(&store, &runtime, PATH).unwrap(), b"another writer's");
            assert_eq!(store.open_uploads(), 0);
        }
    }
}

/// A store responds with 409 while another request for the path is in progress.
#[test]
fn a_conflict_is_retried_and_never_reported_as_an_existing_object() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    store.lose(LostResponse::Conflict);
    write(&store, &runtime, options(false), 10).unwrap();
    let requests = store.requests();
    let puts = requests.iter().filter(|request| matches!(request, Request::Put { .. })).count();
    assert_eq!(puts, 2, "{requests:?}");

    // An upload of several parts cannot be completed again by its client.
    let store = RecordingStore::new();
    store.lose(LostResponse::Conflict);
    let error = write(&store, &runtime, options(false), 12_000).unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::Conflict), "{error}");
    assert_eq!(store.open_uploads(), 0);
}

#[test]
fn a_lost_response_leaves_pack_and_digest_list_together() {
    let runtime = Runtime::new().unwrap();
    let with_list = options(false).digest_list(true);
    for count in SIZES {
        let store = RecordingStore::new();
        // The list is written first, so this is the response to the list's write.
        store.lose(LostResponse::Connection);
        write(&store, &runtime, with_list.clone(), count).unwrap();
        assert!(at(&store, &runtime, PATH).is_some());
        assert!(at(&store, &runtime, &format!("{PATH}.digests")).is_some());
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_is_reported_as_unknown() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    let options = RemoteWriter::options(options(false));
    let mut writer = options.create(&location, runtime.handle()).unwrap();
    writer.append(b"an item").unwrap();
    store.lose(LostResponse::Connection);
    store.fail(1);
    let error = writer.finish().unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::Unknown), "{error}");
    assert!(format!("{error:#}").contains("not known whether"), "{error:#}");
}

#[test]
fn an_abort_that_fails_is_part_of_the_error() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    store.keep_parts();
    store.lose(LostResponse::OtherWriterFirst);
    let error = write(&store, &runtime, options(true), 12_000).unwrap_err();
    assert!(error.store().unwrap().abort_failure().is_some());
    assert!(
        format!("{error:#}").contains("could not be aborted: credentials expired"),
        "{error:#}"
    );

    let store = RecordingStore::new();
    store.keep_parts();
    let location = Location::new(store.clone(), PATH.into());
    let small = RemoteWriter::options(options(true)).part_size(PartSize::SMALLEST);
    let mut writer = small.create(&location, runtime.handle()).unwrap();
    // More than the writer buffers, so the upload has begun.
    (0..60_000).for_each(|number| writer.append(&item(number, 1000)).unwrap());
    assert!(!writer.abort_handle().abort(), "abort reports that parts are left");
}

#[test]
fn without_conditional_puts_the_writer_checks_before_each_put() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    store.refuse_if_none_match();
    write(&store, &runtime, options(false), 10).unwrap();
    let requests = store.requests();
    let [Request::Head, Request::Put { .. }, Request::Head, Request::Put { .. }] = requests[..]
    else {
        panic!("{requests:?}");
    };
    let error = write(&store, &runtime, options(false), 10).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Exists), "{error}");
}

/// A store client that panics, as some do with settings that they do not expect.
#[test]
fn a_panic_of_the_store_is_an_error_and_does_not_abort_the_process() {
    let runtime = Runtime::new().unwrap();
    for (write_first, count) in [(false, 0), (true, 10), (true, 12_000)] {
        let store = RecordingStore::new();
        if !write_first {
            store.panic();
        }
        let location = Location::new(store.clone(), PATH.into());
        let small = RemoteWriter::options(options(false)).part_size(PartSize::SMALLEST);
        let written = small.create(&location, runtime.handle()).and_then(|mut writer| {
            store.panic();
            (0..count).try_for_each(|number| writer.append(&item(number, 1000)))?;
            writer.finish().map(drop)
        });
        let error = written.unwrap_err();
        assert_eq!(fault(&error), Some(StoreFault::Panicked), "{error}");
        assert!(format!("{error:#}").contains("a task panicked: the store panicked"), "{error:#}");
    }
    let store = RecordingStore::new();
    store.panic();
    let location = Location::new(store, PATH.into());
    let error = StoreSource::open(&location, runtime.handle()).unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::Panicked), "{error}");
}
