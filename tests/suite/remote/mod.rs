//! Packs in object stores: what they cost in requests, what they survive.
//!
//! The store is in memory here; `tests/servers` asks the same of servers.

mod reading;
mod store;
mod writing;

use object_store::ObjectStoreExt as _;
use sealpack::WriterOptions;
use sealpack::remote::Location;
use store::Watched;

/// Bytes that do not compress, so that packs are as large as they look.
#[allow(clippy::cast_possible_truncation, reason = "pseudo-random bytes")]
fn item(number: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A pack of `count` items of `length` bytes.
fn pack(options: WriterOptions, count: u32, length: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pack");
    let mut writer = options.create(&path).unwrap();
    (0..count).for_each(|number| writer.append(&item(number, length)).unwrap());
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

const PATH: &str = "folder/a.pack";

/// A store with one pack in it.
async fn store_with(pack: Vec<u8>) -> (Watched, Location) {
    let store = Watched::new();
    store.inner.put(&PATH.into(), pack.into()).await.unwrap();
    let location = Location::new(store.clone(), PATH.into());
    (store, location)
}
