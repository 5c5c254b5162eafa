//! Names that are too large for a pack in a store: the object next to it.

use object_store::ObjectStoreExt as _;
use sealpack::remote::{Location, RemoteReader, RemoteWriter, StoreSource};
use sealpack::{Error, ErrorKind, Reader, Writer};
use tokio::runtime::Runtime;

use super::PATH;
use super::store::{RecordingStore, Request};

const NAMES: &str = "folder/a.pack.names";

fn exists(store: &RecordingStore, runtime: &Runtime, path: &str) -> bool {
    runtime.block_on(store.inner.head(&path.into())).is_ok()
}

fn write(location: &Location, runtime: &Runtime, overwrite: bool) -> Result<(), Error> {
    let options = Writer::options().max_names_in_pack(0).overwrite(overwrite);
    let mut writer = RemoteWriter::options(options).create(location, runtime.handle())?;
    for number in 0..1000 {
        writer.append_named(format!("name {number}").as_bytes(), b"an item")?;
    }
    let sealed = writer.finish()?;
    assert_eq!(sealed.names_file.unwrap().path().as_ref(), NAMES);
    Ok(())
}

#[test]
fn names_are_an_object_next_to_the_pack_that_one_request_reads() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    write(&location, &runtime, false).unwrap();
    let puts = |request: &Request| matches!(request, Request::Put { .. });
    assert_eq!(store.requests().iter().filter(|request| puts(request)).count(), 2);
    let reader = runtime.block_on(RemoteReader::open(&location)).unwrap();
    store.requests();
    for _ in 0..2 {
        let names = runtime.block_on(reader.names()).unwrap().unwrap();
        assert_eq!(names.find(b"name 77").unwrap(), [77]);
    }
    assert_eq!(store.requests().len(), 1);
    // The blocking reader reads them too.
    let source = StoreSource::open(&location, runtime.handle()).unwrap();
    let reader = Reader::options().open_source(source, location.name()).unwrap();
    assert_eq!(reader.names().unwrap().unwrap().find(b"name 999").unwrap(), [999]);
}

#[test]
fn a_wrong_names_object_is_refused_with_an_error_that_names_it() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    write(&location, &runtime, false).unwrap();
    for content in [None, Some("short"), Some(&"x".repeat(1 << 20))] {
        match content {
            Some(content) => {
                let content = content.to_string().into();
                runtime.block_on(store.inner.put(&NAMES.into(), content)).unwrap();
            }
            None => runtime.block_on(store.inner.delete(&NAMES.into())).unwrap(),
        }
        let names = async { RemoteReader::open(&location).await?.names().await };
        let error = runtime.block_on(names).unwrap_err();
        let ErrorKind::NamesFile(error) = error.kind() else { panic!("{error}") };
        assert_eq!(error.path(), location.names_file().name());
    }
}

#[test]
fn names_are_never_left_without_their_pack_and_replace_no_others() {
    let runtime = Runtime::new().unwrap();
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    runtime.block_on(store.inner.put(&NAMES.into(), "mine".into())).unwrap();
    let error = write(&location, &runtime, false).unwrap_err();
    let ErrorKind::NamesFile(error) = error.kind() else { panic!("{error}") };
    assert!(matches!(error.kind(), ErrorKind::Exists));
    assert!(!exists(&store, &runtime, PATH));
    write(&location, &runtime, true).unwrap();
    assert!(exists(&store, &runtime, PATH));

    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    let options = RemoteWriter::options(Writer::options().max_names_in_pack(0));
    let mut writer = options.create(&location, runtime.handle()).unwrap();
    writer.append_named(b"a name", b"an item").unwrap();
    // Another writer creates the pack first.
    runtime.block_on(store.inner.put(&PATH.into(), "another".into())).unwrap();
    assert!(matches!(writer.finish().unwrap_err().kind(), ErrorKind::Exists));
    assert!(!exists(&store, &runtime, NAMES), "the names are removed again");
}
