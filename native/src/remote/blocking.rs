//! `StoreSource`: reads an object with blocking calls, as a source for a
//! [`Reader`](crate::Reader).

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::read::FileTail;
use tokio::runtime::Handle;

use super::location::Location;
use super::pinned::PinnedObject;
use super::runtime::{refuse_single_thread, wait};
use super::version::Version;
use crate::error::{Error, ErrorKind, IoOperation};
use crate::source::ReadAt;

/// The bytes that a connection delivers during one round trip: 100 MB/s for 40 ms.
const ROUND_TRIP: u64 = 4 << 20;

/// A pack in an object store, as a source for a [`Reader`](crate::Reader). Every read is
/// a request for the version that was opened.
///
/// ```
/// use object_store::{ObjectStoreExt as _, memory::InMemory};
/// use sealpack::Reader;
/// use sealpack::remote::{Location, StoreSource};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// # let mut writer = sealpack::Writer::options().create(&path)?;
/// # writer.append(b"an item")?;
/// # writer.finish()?;
/// let runtime = tokio::runtime::Runtime::new()?;
/// let store = InMemory::new();
/// runtime.block_on(store.put(&"a.pack".into(), std::fs::read(&path)?.into()))?;
///
/// let location = Location::new(store, "a.pack".into());
/// let source = StoreSource::open(&location, runtime.handle())?;
/// let reader = Reader::options().open_source(source, location.name())?;
/// assert_eq!(reader.get(0)?, b"an item"[..]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Reads block the calling thread, so do not use it in async code: use
/// [`RemoteReader`](super::RemoteReader) there. The runtime must have worker threads
/// (`multi_thread`).
#[derive(Debug)]
pub struct StoreSource {
    object: Arc<PinnedObject>,
    /// The end of the object, which arrived with its version.
    tail: FileTail,
    runtime: Handle,
}

impl StoreSource {
    /// Looks up an object with one request, which also returns the end of it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub fn open(location: &Location, runtime: &Handle) -> Result<Self, Error> {
        refuse_single_thread(runtime).map_err(|kind| location.error(kind))?;
        let object = location.clone();
        let (version, tail) = wait(runtime, async move { object.end().await })
            .unwrap_or_else(|error| Err(error.during(IoOperation::Opening)))
            .map_err(|kind| location.error(kind))?;
        let size = version.size();
        let bytes = tail.unwrap_or_default();
        let tail = FileTail { start: size.saturating_sub(bytes.len() as u64), bytes };
        let object = Arc::new(PinnedObject::new(location, version));
        Ok(Self { object, tail, runtime: runtime.clone() })
    }

    /// As [`open`](Self::open), but without a request, for a version that is already known,
    /// for example from a listing.
    ///
    /// # Errors
    /// [`StoreFault::NoWorkers`](super::StoreFault::NoWorkers).
    pub fn open_version(
        location: &Location,
        version: Version,
        runtime: &Handle,
    ) -> Result<Self, Error> {
        refuse_single_thread(runtime).map_err(|kind| location.error(kind))?;
        let tail = FileTail { start: version.size(), bytes: Bytes::new() };
        let object = Arc::new(PinnedObject::new(location, version));
        Ok(Self { object, tail, runtime: runtime.clone() })
    }

    /// Returns the version that is read.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.object.version
    }
}

impl ReadAt for StoreSource {
    fn size(&self) -> io::Result<u64> {
        Ok(self.object.version.size())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        let end = end.filter(|&end| end <= self.object.version.size());
        let range = offset..end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let bytes = match self.tail.get(&range) {
            Some(bytes) => bytes,
            None => {
                let (object, range) = (Arc::clone(&self.object), range.clone());
                wait(&self.runtime, async move { object.fetch(&range).await })
                    .unwrap_or_else(|error| Err(error.during(IoOperation::Opening)))
                    .map_err(into_io)?
            }
        };
        copy(&bytes, buffer)
    }

    fn round_trip(&self) -> u64 {
        ROUND_TRIP
    }

    fn companion(&self, ending: &str) -> Option<io::Result<Box<dyn ReadAt>>> {
        let location = self.object.location.with_ending(ending);
        let opened = Self::open(&location, &self.runtime);
        let failed = |error: Error| into_io(error.kind().clone());
        Some(opened.map(|source| Box::new(source) as Box<dyn ReadAt>).map_err(failed))
    }
}

fn copy(bytes: &Bytes, buffer: &mut [u8]) -> io::Result<()> {
    if bytes.len() != buffer.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    buffer.copy_from_slice(bytes);
    Ok(())
}

/// Returns the inner error: the reader adds the operation again.
fn into_io(kind: ErrorKind) -> io::Error {
    let ErrorKind::Io { error, .. } = kind else { return io::ErrorKind::Other.into() };
    let store = error.get_ref().and_then(|error| error.downcast_ref::<super::StoreError>());
    match store {
        Some(store) => io::Error::new(error.kind(), store.clone()),
        None => error.kind().into(),
    }
}
