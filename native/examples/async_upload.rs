//! Writes packs in async code: to any `AsyncWrite` (feature `async`), and to an object
//! store (feature `remote`). The example uses a store in memory; a real program would
//! use another one of `object_store`.
//!
//! `cargo run --example async_upload --features async,remote`

use std::error::Error;

use object_store::memory::InMemory;
use sealpack::remote::{Location, RemoteReader, RemoteWriter};
use sealpack::{Bytes, Reader, Writer};
use tokio::io::{AsyncReadExt as _, duplex};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Writes a pack to one end of a connection, and reads it from the other.
pub async fn through_a_connection(items: &[Bytes]) -> Result<Vec<Bytes>, Box<dyn Error>> {
    let (near, mut far) = duplex(64 << 10);
    let receiving = tokio::spawn(async move {
        let mut pack = Vec::new();
        far.read_to_end(&mut pack).await.map(|_| pack)
    });
    let mut writer = Writer::options().write_to_async(near)?;
    for item in items {
        writer.append_owned(item.clone()).await?;
    }
    // `finish` returns the sink; dropping it closes the connection.
    drop(writer.finish().await?.sink);
    let pack = receiving.await??;
    Ok(Reader::options().open_source(pack, "received")?.iter()?.collect::<Result<_, _>>()?)
}

/// Writes a pack to a store, and reads an item from it.
pub async fn through_a_store(items: Vec<Bytes>, position: u32) -> Result<Bytes, Box<dyn Error>> {
    let location = Location::new(InMemory::new(), "a.pack".into());
    let (to, runtime) = (location.clone(), Handle::current());
    // Packing blocks, so it runs on its own thread.
    let packed = spawn_blocking(move || {
        let mut writer = RemoteWriter::options(Writer::options()).create(&to, &runtime)?;
        items.into_iter().try_for_each(|item| writer.append_owned(item))?;
        writer.finish()
    });
    packed.await??;
    Ok(RemoteReader::open(&location).await?.get(position).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let items = [Bytes::from_static(b"first"), Bytes::from_static(b"second")];
    println!("{} items received", through_a_connection(&items).await?.len());
    println!("{:?} read from the store", through_a_store(items.to_vec(), 1).await?);
    Ok(())
}
