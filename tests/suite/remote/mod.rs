//! Packs in object stores: what they cost in requests, what they survive.
//!
//! The store is in memory here; `tests/servers` asks the same of servers.

mod outcomes;
mod reading;
mod store;
mod trusted;
mod versions;
mod writing;

use object_store::ObjectStoreExt as _;
use sealpack::remote::Location;
use sealpack_tests::incompressible::{item, pack};
use store::Watched;

const PATH: &str = "folder/a.pack";

/// A store with one pack in it.
async fn store_with(pack: Vec<u8>) -> (Watched, Location) {
    let store = Watched::new();
    store.inner.put(&PATH.into(), pack.into()).await.unwrap();
    let location = Location::new(store.clone(), PATH.into());
    (store, location)
}
