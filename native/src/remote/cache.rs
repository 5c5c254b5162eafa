//! A cache of opened packs, for services that open one per request.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::location::Location;
use super::options::RemoteReaderOptions;
use super::reader::RemoteReader;
use super::version::Version;
use crate::error::Error;

/// A cache of opened packs with their directories, bounded in bytes.
///
/// Opening a pack costs a request for its end; a service that opens a pack for each
/// of its own requests pays that every time. With a cache, the cost depends on what the
/// service knows about the object:
///
/// | call | requests on a hit | requests on a miss |
/// | --- | --- | --- |
/// | [`open_version`](Self::open_version): the caller knows size and ETag | 0 | 1 |
/// | [`open`](Self::open): the cache requests the current version | 1 (HEAD) | 2 |
/// | [`last`](Self::last): the version that was used last, current or not | 0 | – |
///
/// The key is the name of the [`Location`] and the version, so a replaced pack is never
/// confused with its earlier version: `open` returns the new one, and a reader of the
/// old one reports that the object has changed. The cache evicts
/// the least recently used readers; a reader that is larger than the bound is not
/// cached. The cache is `Sync`: share it.
///
/// ```
/// use object_store::{ObjectStoreExt as _, memory::InMemory};
/// use sealpack::remote::{Location, ReaderCache, RemoteReader};
///
/// # fn pack() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
/// #     let folder = tempfile::tempdir()?;
/// #     let path = folder.path().join("out.pack");
/// #     let mut writer = sealpack::Writer::options().create(&path)?;
/// #     writer.append(b"an item")?;
/// #     writer.finish()?;
/// #     Ok(std::fs::read(path)?)
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = InMemory::new();
/// store.put(&"a.pack".into(), pack()?.into()).await?;
/// let location = Location::new(store, "a.pack".into());
///
/// let cache = ReaderCache::new(64 << 20, RemoteReader::options());
/// let reader = cache.open(&location).await?; // two requests
/// let again = cache.open(&location).await?; // one
/// let known = cache.open_version(&location, again.version().clone()).await?; // none
/// assert_eq!(known.get(0).await?, b"an item"[..]);
/// # Ok(()) }
/// ```
pub struct ReaderCache {
    options: RemoteReaderOptions,
    cached: Mutex<CachedReaders>,
}

/// A location's name, and the version's id.
type ReaderKey = (Arc<PathBuf>, String);

struct CachedReaders {
    bound: usize,
    bytes: usize,
    readers: HashMap<ReaderKey, CachedReader>,
    /// Counts uses: the least recently used entry has the lowest.
    uses: u64,
}

struct CachedReader {
    reader: RemoteReader,
    bytes: usize,
    used: u64,
}

impl ReaderCache {
    /// Makes a cache of readers with these options, which together take at most
    /// `bytes` of memory.
    #[must_use]
    pub fn new(bytes: usize, options: RemoteReaderOptions) -> Self {
        let cached = CachedReaders { bound: bytes, bytes: 0, readers: HashMap::new(), uses: 0 };
        Self { options, cached: Mutex::new(cached) }
    }

    /// Opens the current version of a pack. Takes one request if it is cached, otherwise
    /// two.
    ///
    /// # Errors
    /// As [`RemoteReaderOptions::open`].
    pub async fn open(&self, location: &Location) -> Result<RemoteReader, Error> {
        let version = location.version().await?;
        self.open_version(location, version).await
    }

    /// Opens a version of a pack that the caller knows. Takes no request if it is cached,
    /// otherwise one.
    ///
    /// # Errors
    /// As [`RemoteReaderOptions::open_version`].
    pub async fn open_version(
        &self,
        location: &Location,
        version: Version,
    ) -> Result<RemoteReader, Error> {
        let key = (Arc::clone(&location.name), version.id());
        if let Some(reader) = self.lock().find(&key) {
            return Ok(reader);
        }
        // Concurrent calls for one version all open it: waiting for another call would be
        // unsafe, since its future may be dropped.
        let reader = self.options.clone().open_version(location, version).await?;
        self.lock().insert(key, &reader);
        Ok(reader)
    }

    /// Returns the reader of this location that was used last, without a request. If the
    /// object has changed since, its next read reports that.
    #[must_use]
    pub fn last(&self, location: &Location) -> Option<RemoteReader> {
        let mut cached = self.lock();
        let readers = cached.readers.iter().filter(|((name, _), _)| *name == location.name);
        let key = readers.max_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())?;
        cached.find(&key)
    }

    /// Returns the bytes that the cached readers take now.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.lock().bytes
    }

    /// Returns the number of cached readers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().readers.len()
    }

    /// Returns whether the cache is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all readers.
    pub fn clear(&self) {
        let mut cached = self.lock();
        cached.bytes = 0;
        cached.readers.clear();
    }

    /// No code of the caller runs under the lock, so a panic leaves a consistent state.
    fn lock(&self) -> MutexGuard<'_, CachedReaders> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ReaderCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cached = self.lock();
        f.debug_struct("ReaderCache")
            .field("readers", &cached.readers.len())
            .field("bytes", &cached.bytes)
            .field("bound", &cached.bound)
            .finish_non_exhaustive()
    }
}

impl CachedReaders {
    fn find(&mut self, key: &ReaderKey) -> Option<RemoteReader> {
        self.uses += 1;
        let entry = self.readers.get_mut(key)?;
        entry.used = self.uses;
        Some(entry.reader.clone())
    }

    fn insert(&mut self, key: ReaderKey, reader: &RemoteReader) {
        let bytes = reader.memory();
        if bytes > self.bound {
            return;
        }
        self.uses += 1;
        let entry = CachedReader { reader: reader.clone(), bytes, used: self.uses };
        self.bytes += bytes;
        if let Some(replaced) = self.readers.insert(key, entry) {
            self.bytes -= replaced.bytes;
        }
        while self.bytes > self.bound {
            let least = self.readers.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = least.map(|(key, _)| key.clone()) else { return };
            self.bytes -= self.readers.remove(&key).map_or(0, |entry| entry.bytes);
        }
    }
}
