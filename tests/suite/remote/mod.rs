//! Packs in object stores: the number of requests, and the failures that they survive.
//!
//! The store is in memory; `tests/servers` tests the same with servers.

mod dictionaries;
mod names;
mod outcomes;
mod reading;
mod records;
pub mod store;
mod trusted;
mod versions;
mod writing;

use object_store::ObjectStoreExt as _;
use sealpack::remote::Location;
use sealpack_tests::incompressible::{item, pack};
use store::RecordingStore;

const PATH: &str = "folder/a.pack";

/// A store with one pack in it.
async fn store_with(pack: Vec<u8>) -> (RecordingStore, Location) {
    let store = RecordingStore::new();
    store.inner.put(&PATH.into(), pack.into()).await.unwrap();
    let location = Location::new(store.clone(), PATH.into());
    (store, location)
}
