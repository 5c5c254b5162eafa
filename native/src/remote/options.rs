//! Options for reading a pack in a store.

use sealpack_core::format::digest::Extract;
use sealpack_core::read::Merge;

use super::trust::RemoteTrust;
use crate::dictionary::Dictionary;
use crate::read::{ReadCodec, ReaderOptions, RecordCache};

/// Options for reading a pack in a store. Made by
/// [`RemoteReader::options`](super::RemoteReader::options).
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a pack is opened with them"]
pub struct RemoteReaderOptions {
    pub(super) reading: ReaderOptions,
    pub(super) merge: Option<Merge>,
    pub(super) requests: Option<usize>,
    pub(super) trust: Option<RemoteTrust>,
    /// The size that a set lists, in bytes.
    pub(super) listed_size: Option<u64>,
}

impl RemoteReaderOptions {
    /// As [`ReaderOptions::codec`].
    pub fn codec(mut self, codec: ReadCodec) -> Self {
        self.reading = self.reading.codec(codec);
        self
    }

    /// As [`ReaderOptions::decoded_limit`].
    pub fn decoded_limit(mut self, bytes: u64) -> Self {
        self.reading = self.reading.decoded_limit(bytes);
        self
    }

    /// As [`ReaderOptions::items_limit`].
    pub fn items_limit(mut self, items: u32) -> Self {
        self.reading = self.reading.items_limit(items);
        self
    }

    /// As [`ReaderOptions::memory_limit`], for each call separately: requests wait until
    /// there is memory for their records, and records are decoded one after another.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.reading = self.reading.memory_limit(bytes);
        self
    }

    /// As [`ReaderOptions::hash_extract`].
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.reading = self.reading.hash_extract(extract);
        self
    }

    /// Sets the number of threads that decode in `get_many` and `range`, at least one.
    /// Default: the number of cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.reading = self.reading.threads(threads);
        self
    }

    /// Keeps the records of `get` and `record` in this cache, as
    /// [`ReaderOptions::cache`]; plain ones too, since each cache hit saves a request.
    /// Default: no cache.
    pub fn cache(mut self, cache: RecordCache) -> Self {
        self.reading = self.reading.cache(cache);
        self
    }

    /// As [`ReaderOptions::dictionary`].
    pub fn dictionary(mut self, dictionary: Dictionary) -> Self {
        self.reading = self.reading.dictionary(dictionary);
        self
    }

    /// Authenticates every record that is read against a hash that the caller trusts, as
    /// [`ReaderOptions::trust`] does. With a root, opening takes one more request. Each
    /// block of 128 records takes one more when the first of them is read, in parallel
    /// with the record's own.
    pub fn trust(mut self, trust: RemoteTrust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// Sets which records one request fetches together. Default:
    /// [`Merge::for_requests`], which allows a gap of twice the mean record size.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = Some(merge);
        self
    }

    /// Sets the number of requests in flight, at least one, for each call of `get_many`,
    /// `range` and `verify`. Default: 8. Each takes up to 4 MiB of memory, and the memory
    /// of its decoded records.
    pub fn requests(mut self, requests: usize) -> Self {
        self.requests = Some(requests.max(1));
        self
    }
}
