//! A write whose answer is lost is looked up, and not guessed.

use object_store::ObjectStoreExt as _;
use sealpack::remote::{Location, PartSize, RemoteWriter, StoreFault, StoreSource};
use sealpack::{Error, ErrorKind, Plain, Writer, WriterOptions};
use tokio::runtime::Runtime;

use super::store::{Lost, Request, Watched};
use super::{PATH, item, pack};

/// Items of one part, and of three.
const SIZES: [u32; 2] = [10, 12_000];

fn options(replace: bool) -> WriterOptions {
    Writer::options().codec(Plain).overwrite(replace)
}

fn write(
    store: &Watched,
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

fn at(store: &Watched, runtime: &Runtime, path: &str) -> Option<Vec<u8>> {
    let got = runtime.block_on(async { store.inner.get(&path.into()).await?.bytes().await });
    got.ok().map(|bytes| bytes.to_vec())
}

fn fault(error: &Error) -> Option<StoreFault> {
    error.store().map(|error| error.fault())
}

#[test]
fn a_write_whose_answer_is_lost_has_succeeded() {
    let runtime = Runtime::new().unwrap();
    for count in SIZES {
        for lost in [Lost::Connection, Lost::Retried] {
            for (replace, drops_metadata) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let store = Watched::new();
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
fn another_writers_object_is_not_taken_for_this_one() {
    let runtime = Runtime::new().unwrap();
    for count in SIZES {
        for drops_metadata in [false, true] {
            let store = Watched::new();
            if drops_metadata {
                store.drop_metadata();
            }
            store.lose(Lost::Beaten);
            let error = write(&store, &runtime, options(false), count).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Exists), "{error}");
            store.lose(Lost::Beaten);
            let error = write(&store, &runtime, options(true), count).unwrap_err();
            assert_eq!(fault(&error), Some(StoreFault::Other), "{error}");
            assert_eq!(at(&store, &runtime, PATH).unwrap(), b"another writer's");
            assert_eq!(store.open_uploads(), 0);
        }
    }
}

/// A store answers 409 while another request for the name is in progress.
#[test]
fn a_conflict_is_tried_again_and_is_never_called_an_object_that_exists() {
    let runtime = Runtime::new().unwrap();
    let store = Watched::new();
    store.lose(Lost::Conflict);
    write(&store, &runtime, options(false), 10).unwrap();
    let requests = store.requests();
    let puts = requests.iter().filter(|request| matches!(request, Request::Put { .. })).count();
    assert_eq!(puts, 2, "{requests:?}");

    // An upload of several parts cannot be completed again by its client.
    let store = Watched::new();
    store.lose(Lost::Conflict);
    let error = write(&store, &runtime, options(false), 12_000).unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::Conflict), "{error}");
    assert_eq!(store.open_uploads(), 0);
}

#[test]
fn a_lost_answer_leaves_pack_and_digest_list_together() {
    let runtime = Runtime::new().unwrap();
    let listed = options(false).digest_list(true);
    for count in SIZES {
        let store = Watched::new();
        // The list is written first, so this is the list's answer.
        store.lose(Lost::Connection);
        write(&store, &runtime, listed.clone(), count).unwrap();
        assert!(at(&store, &runtime, PATH).is_some());
        assert!(at(&store, &runtime, &format!("{PATH}.digests")).is_some());
    }
}

#[test]
fn an_outcome_that_cannot_be_looked_up_is_said_to_be_unknown() {
    let runtime = Runtime::new().unwrap();
    let store = Watched::new();
    let location = Location::new(store.clone(), PATH.into());
    let options = RemoteWriter::options(options(false));
    let mut writer = options.create(&location, runtime.handle()).unwrap();
    writer.append(b"an item").unwrap();
    store.lose(Lost::Connection);
    store.fail(1);
    let error = writer.finish().unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::Unknown), "{error}");
    assert!(format!("{error:#}").contains("not known whether"), "{error:#}");
}

#[test]
fn an_abort_that_fails_is_part_of_the_error() {
    let runtime = Runtime::new().unwrap();
    let store = Watched::new();
    store.keep_parts();
    store.lose(Lost::Beaten);
    let error = write(&store, &runtime, options(true), 12_000).unwrap_err();
    assert!(error.store().unwrap().abort_failure().is_some());
    assert!(
        format!("{error:#}").contains("could not be aborted: credentials expired"),
        "{error:#}"
    );

    let store = Watched::new();
    store.keep_parts();
    let location = Location::new(store.clone(), PATH.into());
    let small = RemoteWriter::options(options(true)).part_size(PartSize::SMALLEST);
    let mut writer = small.create(&location, runtime.handle()).unwrap();
    // More than wait in memory, so the upload has begun.
    (0..60_000).for_each(|number| writer.append(&item(number, 1000)).unwrap());
    assert!(!writer.abort_handle().abort(), "parts are left");
}

#[test]
fn a_store_without_conditional_puts_is_asked_before_instead() {
    let runtime = Runtime::new().unwrap();
    let store = Watched::new();
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

/// A client that panics, as some do at settings that they do not expect.
#[test]
fn a_panic_of_the_store_is_an_error_and_no_abort() {
    let runtime = Runtime::new().unwrap();
    for (write_first, count) in [(false, 0), (true, 10), (true, 12_000)] {
        let store = Watched::new();
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
        assert!(format!("{error:#}").contains("a task panicked: out of order"), "{error:#}");
    }
    let store = Watched::new();
    store.panic();
    let location = Location::new(store, PATH.into());
    let error = StoreSource::open(&location, runtime.handle()).unwrap_err();
    assert_eq!(fault(&error), Some(StoreFault::Panicked), "{error}");
}
