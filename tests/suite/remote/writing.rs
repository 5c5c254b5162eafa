//! Uploads: parts of equal size, all or nothing, and no parts left over.

use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use sealpack::remote::{
    Location, PartSize, RemoteReader, RemoteTrust, RemoteWriter, RemoteWriterOptions, StoreFault,
};
use sealpack::{Error, ErrorKind, Plain, Writer, WriterOptions, Zstd};
use tokio::runtime::Runtime;

use super::store::{RecordingStore, Request};
use super::{PATH, item, pack};

const PART: usize = 5 << 20;
const LIST: &str = "folder/a.pack.digests";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn small_parts(options: WriterOptions) -> RemoteWriterOptions {
    RemoteWriter::options(options).part_size(PartSize::SMALLEST)
}

/// Writes `count` items of `length` bytes.
fn write(
    options: RemoteWriterOptions,
    location: &Location,
    runtime: &Runtime,
    count: u32,
    length: usize,
) -> Result<u64, Error> {
    let mut writer = options.create(location, runtime.handle())?;
    for number in 0..count {
        writer.append(&item(number, length))?;
    }
    Ok(writer.finish()?.size)
}

fn bytes(store: &InMemory, runtime: &Runtime) -> Option<Vec<u8>> {
    bytes_at(PATH, store, runtime)
}

fn bytes_at(path: &str, store: &InMemory, runtime: &Runtime) -> Option<Vec<u8>> {
    let got = runtime.block_on(async { store.get(&path.into()).await?.bytes().await });
    got.ok().map(|bytes| bytes.to_vec())
}

#[test]
fn progress_adds_up_and_a_cancelled_upload_leaves_nothing() {
    let runtime = runtime();
    for cancelled_at in [None, Some(1000), Some(2999)] {
        for with_list in [false, true] {
            let store = RecordingStore::new();
            let location = Location::new(store.clone(), PATH.into());
            let options = small_parts(Writer::options().codec(Plain).digest_list(with_list));
            let mut writer = options.create(&location, runtime.handle()).unwrap();
            let monitor = writer.monitor();
            let mut appended = Ok(());
            for number in 0..3000 {
                appended = appended.and_then(|()| writer.append(&item(number, 5000)));
                let progress = monitor.progress();
                assert!(progress.bytes_in_flight <= progress.bytes_in);
                if Some(number) == cancelled_at {
                    monitor.cancel();
                }
            }
            let finished = writer.finish();
            let progress = monitor.progress();
            match (cancelled_at, finished) {
                (None, Ok(sealed)) => {
                    assert_eq!((progress.bytes_in, progress.bytes_in_flight), (15_000_000, 0));
                    assert_eq!(progress.bytes_out, sealed.size);
                    assert!(bytes(&store.inner, &runtime).is_some());
                }
                (Some(_), Err(error)) => {
                    assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error:#}");
                    assert!(bytes(&store.inner, &runtime).is_none());
                    assert!(bytes_at(LIST, &store.inner, &runtime).is_none());
                }
                (_, finished) => panic!("{cancelled_at:?}: {finished:?}"),
            }
            appended.err().inspect(|error| assert!(matches!(error.kind(), ErrorKind::Cancelled)));
        }
    }
}

/// The list is the only object that is put in one request; its pack has parts.
#[test]
fn an_upload_that_is_cancelled_while_its_digest_list_is_sent_leaves_neither() {
    let runtime = runtime();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    let options = small_parts(Writer::options().codec(Plain).digest_list(true));
    let mut writer = options.create(&location, runtime.handle()).unwrap();
    for number in 0..3000 {
        writer.append(&item(number, 5000)).unwrap();
    }
    store.cancel_at_put(writer.monitor());
    let error = writer.finish().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error:#}");
    assert!(store.requests().iter().any(|request| matches!(request, Request::Put { .. })));
    assert!(bytes(&store.inner, &runtime).is_none());
    assert!(bytes_at(LIST, &store.inner, &runtime).is_none());
    assert_eq!(store.open_uploads(), 0);
}

/// With any options, the object has the same bytes as the file.
#[test]
fn a_pack_in_a_store_is_the_pack_in_a_file() {
    let runtime = runtime();
    let both = [
        Writer::options(),
        Writer::options().codec(Plain).items_per_record(1),
        Writer::options().codec(Plain).content_hash(false).items_per_record(3),
        Writer::options().codec(Zstd::level(1)).record_checksum(true).threads(0),
        Writer::options().threads(3).app_data(vec![7; 6 << 20]),
    ];
    for options in both {
        for (count, length) in [(0, 0), (1, 10), (12_000, 1000), (3, 9 << 20)] {
            let store = RecordingStore::new();
            let location = Location::new(store.clone(), PATH.into());
            let size = write(small_parts(options.clone()), &location, &runtime, count, length);
            let found = bytes(&store.inner, &runtime).unwrap();
            assert_eq!(size.unwrap(), found.len() as u64);
            assert!(found == pack(options.clone(), count, length), "{count} of {length}");
            assert_eq!(store.open_uploads(), 0);
        }
    }
}

/// `RecordingUpload` asserts the sizes of all uploads; this test compares them with the
/// expected ones.
#[test]
fn every_part_but_the_last_is_exactly_as_large() {
    let runtime = runtime();
    // Packs of a multiple of 5 MiB, and of one byte more or less.
    let options = || Writer::options().codec(Plain).items_per_record(1).content_hash(false);
    let overhead = pack(options(), 1, 0).len();
    for parts in 1..4 {
        for difference in [-1isize, 0, 1] {
            let length = (parts * PART - overhead).checked_add_signed(difference).unwrap();
            let store = RecordingStore::new();
            let location = Location::new(store.clone(), PATH.into());
            let size = write(small_parts(options()), &location, &runtime, 1, length).unwrap();
            let size = usize::try_from(size).unwrap();
            let sizes: Vec<usize> = store
                .requests()
                .into_iter()
                .filter_map(|request| match request {
                    Request::Part { size } | Request::Put { size } => Some(size),
                    _ => None,
                })
                .collect();
            let mut expected = vec![PART; size / PART];
            expected.extend((size % PART > 0).then_some(size % PART));
            assert_eq!(sizes, expected, "{size} bytes");
        }
    }
}

#[test]
fn a_pack_of_one_part_is_one_request_that_creates() {
    let runtime = runtime();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    let size = write(small_parts(Writer::options()), &location, &runtime, 10, 10).unwrap();
    let size = usize::try_from(size).unwrap();
    assert_eq!(store.requests(), [Request::Head, Request::Put { size }]);
}

#[test]
fn an_existing_object_is_replaced_only_on_request() {
    let runtime = runtime();
    for (count, length) in [(10, 10), (8000, 1000)] {
        let store = RecordingStore::new();
        let location = Location::new(store.clone(), PATH.into());
        runtime.block_on(store.inner.put(&PATH.into(), "before".into())).unwrap();
        let refused = small_parts(Writer::options()).create(&location, runtime.handle());
        assert!(matches!(refused.unwrap_err().kind(), ErrorKind::Exists));
        let forced = Writer::options().overwrite(true);
        let mut writer = small_parts(forced.clone()).create(&location, runtime.handle()).unwrap();
        writer.append(b"an item").unwrap();
        drop(writer);
        assert_eq!(
            bytes(&store.inner, &runtime).unwrap(),
            b"before",
            "dropping the writer keeps the old object"
        );
        write(small_parts(forced), &location, &runtime, count, length).unwrap();
        assert!(bytes(&store.inner, &runtime).unwrap() == pack(Writer::options(), count, length));
    }
}

/// Another client creates the object after this writer checked that there is none.
#[test]
fn an_object_that_appears_meanwhile_is_not_replaced() {
    let runtime = runtime();
    for (count, length) in [(10, 10), (12_000, 1000)] {
        let store = RecordingStore::new();
        let location = Location::new(store.clone(), PATH.into());
        let options = small_parts(Writer::options());
        let mut writer = options.create(&location, runtime.handle()).unwrap();
        (0..count).for_each(|number| writer.append(&item(number, length)).unwrap());
        runtime.block_on(store.inner.put(&PATH.into(), "other".into())).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Exists), "{error}");
        assert_eq!(bytes(&store.inner, &runtime).unwrap(), b"other");
        assert_eq!(store.open_uploads(), 0);
    }
}

/// Each request of an upload fails once: the error names the pack, and no object and no
/// parts are left.
#[test]
fn a_request_that_fails_ends_the_upload_and_leaves_nothing() {
    let runtime = runtime();
    for with_list in [false, true] {
        let options = Writer::options().codec(Plain).digest_list(with_list);
        let upload = |store: &RecordingStore| {
            let location = Location::new(store.clone(), PATH.into());
            write(small_parts(options.clone()), &location, &runtime, 24_000, 1000)
        };
        let store = RecordingStore::new();
        upload(&store).unwrap();
        let requests = store.requests();
        assert_eq!(requests.iter().filter(|r| matches!(r, Request::Part { .. })).count(), 5);
        for number in 0..requests.len() {
            let store = RecordingStore::new();
            store.fail(number);
            let error = upload(&store).unwrap_err();
            assert!(error.to_string().contains(PATH), "{error}");
            assert!(format!("{error:#}").contains("a failure injected by a test"), "{error:#}");
            assert_eq!(bytes(&store.inner, &runtime), None, "request {number}");
            assert_eq!(bytes_at(LIST, &store.inner, &runtime), None, "request {number}");
            assert_eq!(store.open_uploads(), 0, "request {number}: {:?}", store.requests());
        }
    }
}

/// The list in the store equals the list in a file, with one part and with several.
#[test]
fn a_digest_list_is_uploaded_before_its_pack() {
    let runtime = runtime();
    for (count, puts) in [(1000, 2), (500_000, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pack");
        let options = Writer::options().codec(Plain).items_per_record(1).digest_list(true);
        let mut file_writer = options.clone().create(&path).unwrap();
        (0..count).for_each(|number| file_writer.append(&item(number, 20)).unwrap());
        let expected = file_writer.finish().unwrap().digests.unwrap();

        let store = RecordingStore::new();
        let location = Location::new(store.clone(), PATH.into());
        let mut writer = small_parts(options).create(&location, runtime.handle()).unwrap();
        (0..count).for_each(|number| writer.append(&item(number, 20)).unwrap());
        let sealed = writer.finish().unwrap().digests.unwrap();
        assert_eq!((sealed.root, sealed.file_size), (expected.root, expected.file_size));
        assert_eq!(sealed.path, location.digest_list().name());
        let list = bytes_at(LIST, &store.inner, &runtime).unwrap();
        assert!(list == std::fs::read(expected.path).unwrap());

        let mut requests = store.requests();
        requests.retain(|request| matches!(request, Request::Put { .. } | Request::Complete));
        assert_eq!(requests.len(), 2);
        let list_error = |request: &Request| *request == Request::Put { size: list.len() };
        assert_eq!(requests.iter().position(list_error), (puts == 2).then_some(0), "{requests:?}");
        let options = RemoteReader::options().trust(RemoteTrust::root(sealed.root));
        let read = async { options.open(&location).await?.get(count - 1).await };
        assert_eq!(runtime.block_on(read).unwrap(), item(count - 1, 20));
    }
}

#[test]
fn an_existing_digest_list_is_replaced_only_on_request() {
    let runtime = runtime();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    runtime.block_on(store.inner.put(&LIST.into(), "before".into())).unwrap();
    let options = Writer::options().digest_list(true);
    let refused = write(small_parts(options.clone()), &location, &runtime, 9, 9).unwrap_err();
    let ErrorKind::DigestList(list_error) = refused.kind() else { panic!("{refused}") };
    assert!(matches!(list_error.kind(), ErrorKind::Exists));
    assert_eq!(bytes_at(LIST, &store.inner, &runtime).unwrap(), b"before");
    write(small_parts(options.overwrite(true)), &location, &runtime, 9, 9).unwrap();
    assert_ne!(bytes_at(LIST, &store.inner, &runtime).unwrap(), b"before");
    let no_digests = Writer::options().content_hash(false).digest_list(true);
    let refused = small_parts(no_digests).create(&location, runtime.handle()).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Options(_)), "{refused}");
}

/// After any number of parts, the writer is dropped, or the upload aborted.
#[test]
fn an_upload_abandoned_at_any_point_leaves_nothing() {
    let runtime = runtime();
    for megabytes in 0..18 {
        for dropped in [true, false] {
            let store = RecordingStore::new();
            store.slow_down();
            let location = Location::new(store.clone(), PATH.into());
            let options = Writer::options().codec(Plain).items_per_record(1);
            let options = small_parts(options.digest_list(megabytes % 2 == 0));
            let mut writer = options.create(&location, runtime.handle()).unwrap();
            for number in 0..megabytes {
                writer.append(&item(number, 1 << 20)).unwrap();
            }
            if dropped {
                drop(writer);
            } else {
                writer.abort_handle().abort();
                let error = writer.finish().unwrap_err();
                let fault = error.store().map(|error| error.fault());
                assert_eq!(fault, Some(StoreFault::Aborted), "{error}");
            }
            assert_eq!(bytes(&store.inner, &runtime), None);
            assert_eq!(bytes_at(LIST, &store.inner, &runtime), None);
            assert_eq!(store.open_uploads(), 0, "after {megabytes} MiB");
        }
    }
}

#[test]
fn no_more_parts_are_in_flight_than_allowed() {
    let runtime = runtime();
    for max in [1, 2, 4] {
        let store = RecordingStore::new();
        store.slow_down();
        let location = Location::new(store.clone(), PATH.into());
        let options = small_parts(Writer::options().codec(Plain)).parts_in_flight(max);
        write(options, &location, &runtime, 60, 1 << 20).unwrap();
        assert!(store.max_parts() <= max + 1, "{} of {max}", store.max_parts());
        assert!(max == 1 || store.max_parts() > 1, "in parallel");
    }
}

/// 0 counts as 1, and any large number as 10,000.
#[test]
fn any_number_of_parts_in_flight_is_allowed() {
    let runtime = runtime();
    for parts in [0, 1, usize::MAX] {
        let store = RecordingStore::new();
        let location = Location::new(store.clone(), PATH.into());
        let options = small_parts(Writer::options().codec(Plain)).parts_in_flight(parts);
        write(options, &location, &runtime, 12, 1 << 20).unwrap();
        assert_eq!(store.open_uploads(), 0);
    }
}

#[test]
fn a_runtime_that_ends_ends_the_upload() {
    let runtime = runtime();
    let store = RecordingStore::new();
    let location = Location::new(store, PATH.into());
    let options = small_parts(Writer::options().codec(Plain).items_per_record(1));
    let mut writer = options.create(&location, runtime.handle()).unwrap();
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    let appended = (0..40).try_for_each(|number| writer.append(&item(number, 1 << 20)));
    let error = appended.and_then(|()| writer.finish().map(drop)).unwrap_err();
    assert_eq!(error.store().map(|error| error.fault()), Some(StoreFault::Aborted));
}

#[test]
fn the_part_size_grows_with_the_announced_size() {
    let size = |hint| RemoteWriter::options(Writer::options()).size_hint(hint).chosen_part_size();
    assert_eq!(size(0), PartSize::default());
    assert_eq!(size(80_000_000_000), PartSize::default());
    for hint in [84_000_000_000, 1 << 40, 5 << 40] {
        assert!(size(hint).largest_pack() >= hint, "{hint}");
        assert!(size(hint).largest_pack() < 2 * hint, "{hint}");
    }
    assert_eq!(size(u64::MAX), PartSize::LARGEST);
}
