//! A cache of decoded records, for calls that read one item or record.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sealpack_core::read::{Record, RecordPlace};

/// What a cached record costs beyond its bytes: the entry, and the allocations of
/// the record.
const OVERHEAD: u64 = 256;

/// The weight of a typical record. The cache has fewer shards if only a few such
/// records fit.
const TYPICAL_RECORD: u64 = 64 << 10;

/// A cache of decoded records, bounded in bytes, which several readers may share.
///
/// A random `get` from a record of many items decodes all of them; with a cache, the
/// next `get` from that record copies and decodes nothing. Pass it to readers with
/// [`ReaderOptions::cache`](crate::ReaderOptions::cache). Calls that read single items
/// and records use it; ranges, scans and verifications do not, so they evict nothing.
///
/// A record enters the cache only after every check: its checksums, its decoding and,
/// if the reader trusts a hash, its digest. Readers share the cache's memory but never
/// its records, even of the same file. When the last clone of a reader is dropped, its
/// records leave the cache.
///
/// ```
/// use sealpack::{Reader, RecordCache};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// # let mut writer = sealpack::Writer::options().create(&path)?;
/// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
/// # writer.finish()?;
/// let cache = RecordCache::new(32 << 20);
/// let reader = Reader::options().cache(cache.clone()).open(&path)?;
/// reader.get(0)?;
/// reader.get(1)?; // from the same record
/// assert_eq!((cache.stats().misses, cache.stats().hits), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RecordCache {
    shared: Arc<SharedRecords>,
}

struct SharedRecords {
    records: Cache<CacheKey, CachedRecord, ByBytes>,
    readers: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The number of a reader, and the number of a record in its pack.
type CacheKey = (u64, u32);

/// A record, and the bytes that it keeps in memory.
#[derive(Clone)]
struct CachedRecord {
    record: Record,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<CacheKey, CachedRecord> for ByBytes {
    fn weight(&self, _: &CacheKey, cached: &CachedRecord) -> u64 {
        cached.bytes
    }
}

/// Statistics of a [`RecordCache`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CacheStats {
    /// Lookups that found the record in the cache.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Records in the cache.
    pub records: u64,
    /// The size of these records in bytes.
    pub bytes: u64,
}

impl RecordCache {
    /// Makes a cache of at most `bytes` bytes of decoded records. A record that would take
    /// more than a small part of the cache may not be kept.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let records =
            usize::try_from(bytes / TYPICAL_RECORD).unwrap_or(usize::MAX).clamp(1, 1 << 20);
        let records = Cache::with_weighter(records, bytes, ByBytes);
        let (readers, hits, misses) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { shared: Arc::new(SharedRecords { records, readers, hits, misses }) }
    }

    /// Returns the maximum number of bytes of records that the cache holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.shared.records.capacity()
    }

    /// Returns hits and misses so far, and the present contents of the cache.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let SharedRecords { records, hits, misses, .. } = &*self.shared;
        CacheStats {
            hits: hits.load(Ordering::Relaxed),
            misses: misses.load(Ordering::Relaxed),
            records: records.len() as u64,
            bytes: records.weight(),
        }
    }
}

impl fmt::Debug for RecordCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordCache")
            .field("capacity", &self.capacity())
            .field("stats", &self.stats())
            .finish()
    }
}

/// One reader's part of a cache, if it has a cache.
pub(crate) struct CachedRecords(Option<(RecordCache, u64)>);

impl CachedRecords {
    pub(crate) fn new(cache: Option<RecordCache>) -> Self {
        Self(cache.map(|cache| {
            let reader = cache.shared.readers.fetch_add(1, Ordering::Relaxed);
            (cache, reader)
        }))
    }

    /// Returns whether the reader has a cache.
    pub(super) fn is_in_use(&self) -> bool {
        self.0.is_some()
    }

    /// Returns the record of this number, if it is in the cache.
    pub(crate) fn get(&self, number: u32) -> Option<Record> {
        let (cache, reader) = self.0.as_ref()?;
        let found = cache.shared.records.get(&(*reader, number));
        let counter = if found.is_some() { &cache.shared.hits } else { &cache.shared.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|cached| cached.record)
    }

    /// Keeps a record that passed every check, and returns it.
    pub(crate) fn insert(&self, place: &RecordPlace, record: Record) -> Record {
        if let Some((cache, reader)) = &self.0 {
            // The item lengths are a view of the stored bytes, and keep them in memory.
            let bytes = OVERHEAD + place.size() + record.payload().len() as u64;
            let cached = CachedRecord { record: record.clone(), bytes };
            cache.shared.records.insert((*reader, place.number), cached);
        }
        record
    }
}

impl Drop for CachedRecords {
    fn drop(&mut self) {
        if let Some((cache, reader)) = &self.0 {
            cache.shared.records.retain(|(owner, _), _| owner != reader);
        }
    }
}
