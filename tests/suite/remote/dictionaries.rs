//! Packs in a store whose records need a dictionary.

use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use sealpack::core::error::{DecodeError, Fault};
use sealpack::remote::{Location, RemoteReader, RemoteWriter, StoreSource};
use sealpack::{Dictionary, DictionaryTraining, Error, Reader, Writer, WriterOptions, Zstd};
use tokio::runtime::Runtime;

use super::PATH;
use super::store::{RecordingStore, Request};
use crate::dictionary_fixtures::event;

const COUNT: u32 = 40_000;

fn dictionary() -> Dictionary {
    DictionaryTraining::of_size(4 << 10).unwrap().train((0..3000).map(event)).unwrap()
}

/// Writes a pack of events to a store.
fn write(runtime: &Runtime, codec: Zstd) -> (RecordingStore, Location) {
    let store = RecordingStore::new();
    let location = Location::new(store.clone(), PATH.into());
    let options: WriterOptions = Writer::options().codec(codec).items_per_record(4);
    let mut writer = RemoteWriter::options(options).create(&location, runtime.handle()).unwrap();
    (0..COUNT).for_each(|number| writer.append(event(number).as_bytes()).unwrap());
    writer.finish().unwrap();
    store.requests();
    (store, location)
}

#[test]
fn a_stored_dictionary_costs_no_request_of_its_own() {
    let runtime = Runtime::new().unwrap();
    let codec = || Zstd::level(3).dictionary(dictionary());
    let learning =
        Zstd::level(3).learned_dictionary(DictionaryTraining::of_size(4 << 10).unwrap(), 400 << 10);
    for codec in [codec(), learning] {
        let (store, location) = write(&runtime, codec);
        runtime.block_on(async {
            let reader = RemoteReader::open(&location).await.unwrap();
            assert_eq!(reader.get(7).await.unwrap(), event(7));
            assert_eq!(store.requests(), [Request::Get, Request::Get], "open, and the record");
            assert!(reader.dictionary().unwrap().is_some());
            let many = reader.get_many(&[39_999, 2, 2000]).await.unwrap();
            assert_eq!(many, [event(39_999), event(2), event(2000)]);
            let all: Vec<_> = reader.range(..).unwrap().try_collect().await.unwrap();
            assert!(all.into_iter().eq((0..COUNT).map(event)));
            assert!(reader.verify().await.unwrap().is_ok());
        });
        let source = StoreSource::open(&location, runtime.handle()).unwrap();
        let reader = Reader::options().open_source(source, location.name()).unwrap();
        assert_eq!(reader.get(99).unwrap(), event(99));
    }
}

#[test]
fn a_shared_dictionary_must_be_given() {
    let runtime = Runtime::new().unwrap();
    let (_, location) = write(&runtime, Zstd::level(3).shared_dictionary(dictionary()));
    runtime.block_on(async {
        let given = RemoteReader::options().dictionary(dictionary());
        let given = given.open(&location).await.unwrap();
        assert_eq!(given.get(7).await.unwrap(), event(7));
        assert!(given.verify().await.unwrap().is_ok());

        let reader = RemoteReader::open(&location).await.unwrap();
        let is_missing = |error: &Error| {
            let missing = |error: &DecodeError| {
                matches!(error, DecodeError::MissingDictionary { id, .. } if *id == dictionary().id())
            };
            matches!(error.corruption(), Some((_, Fault::Decode(error))) if missing(error))
        };
        assert!(is_missing(&reader.get(7).await.unwrap_err()));
        assert!(is_missing(&reader.get_many(&[7]).await.unwrap_err()));
        let report = reader.verify().await.unwrap();
        assert!(!report.is_ok());
        assert_eq!((report.damaged_count, report.unchecked_count), (0, COUNT / 4));
    });
}

#[test]
fn a_damaged_dictionary_in_a_store_is_found_on_opening() {
    let runtime = Runtime::new().unwrap();
    let (store, location) = write(&runtime, Zstd::level(3).dictionary(dictionary()));
    runtime.block_on(async {
        let pack = store.inner.get(&PATH.into()).await.unwrap().bytes().await.unwrap();
        let mut damaged = pack.to_vec();
        // A byte of the dictionary: the trailer follows it.
        let at = damaged.len() - 76 - 100;
        damaged[at] ^= 1;
        store.inner.put(&PATH.into(), damaged.into()).await.unwrap();
        let refused = RemoteReader::open(&location).await.unwrap_err();
        assert!(refused.corruption().is_some(), "{refused}");
    });
}
