//! Options for reading a pack.

use std::fmt;
use std::sync::Arc;

use sealpack_core::format::digest::Extract;
use sealpack_core::read::{Merge, ReadLimits};

use super::codec::ReadCodec;
use super::record_cache::RecordCache;
use crate::cores::{MAX_THREADS, cores};
use crate::dictionary::Dictionary;
use crate::panics::CatchPanics;
use crate::trust::Trust;

/// Options for reading a pack. Made by [`Reader::options`](crate::Reader::options).
#[derive(Clone)]
#[must_use = "options do nothing until a pack is opened with them"]
pub struct ReaderOptions {
    pub(crate) codec: ReadCodec,
    pub(crate) limits: ReadLimits,
    pub(crate) merge: Merge,
    pub(crate) extract: Option<Arc<dyn Extract>>,
    pub(crate) threads: usize,
    pub(crate) io_depth: usize,
    pub(crate) trust: Option<Trust>,
    pub(crate) cache: Option<RecordCache>,
    pub(crate) dictionary: Option<Dictionary>,
}

impl fmt::Debug for ReaderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderOptions")
            .field("codec", &self.codec)
            .field("limits", &self.limits)
            .field("merge", &self.merge)
            .field("threads", &self.threads)
            .field("io_depth", &self.io_depth)
            .field("trust", &self.trust)
            .field("cache", &self.cache)
            .field("dictionary", &self.dictionary)
            .finish_non_exhaustive()
    }
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self {
            codec: ReadCodec::Auto,
            limits: ReadLimits::default(),
            merge: Merge::default(),
            extract: None,
            threads: cores(),
            io_depth: 1,
            trust: None,
            cache: None,
            dictionary: None,
        }
    }
}

impl ReaderOptions {
    /// Sets how records are decoded. Default: [`ReadCodec::Auto`].
    pub fn codec(mut self, codec: ReadCodec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets the maximum number of bytes that one record may decode to. Default: 2^32. A larger
    /// record is an error, and is not decoded.
    pub fn decoded_limit(mut self, bytes: u64) -> Self {
        self.limits.decoded_record = bytes;
        self
    }

    /// Sets the maximum number of items that a pack may have. Default: 2^32-1. A pack that
    /// claims more is not opened.
    pub fn items_limit(mut self, items: u32) -> Self {
        self.limits.items = items;
        self
    }

    /// Sets the maximum memory, in bytes, that the reader may use while it opens a pack,
    /// scans, verifies or runs [`get_many`](crate::Reader::get_many). Default: no
    /// limit. Each of these may take at most a quarter of it: index and app data
    /// together, a stored record, a decoded record. A larger one is an error, and is
    /// not read. Set a [`decoded_limit`](Self::decoded_limit) too: without one, every
    /// read is assumed to decode to that quarter, which leaves little room to read
    /// ahead.
    ///
    /// The limit covers neither items that the caller keeps nor the directory of an
    /// open pack, which is its index and 12 bytes per 128 records.
    ///
    /// Example: a service that opens untrusted packs.
    ///
    /// ```
    /// use sealpack::core::error::Limit;
    /// use sealpack::{ErrorKind, Reader, Writer};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("in.pack");
    /// # let mut writer = Writer::options().create(&path)?;
    /// # for _ in 0..2000 { writer.append(&[0; 20_000])?; }
    /// # writer.finish()?;
    /// let options = Reader::options()
    ///     .items_limit(1_000_000)
    ///     .decoded_limit(1 << 20)
    ///     .memory_limit(64 << 20);
    /// let reader = options.open(&path)?;
    /// // 128 items of 20,000 zeros: few bytes on disk, but too many to decode.
    /// let refused = reader.get(0).unwrap_err();
    /// let ErrorKind::Pack(sealpack::core::Error::Limit(limit)) = refused.kind() else {
    ///     panic!("{refused}");
    /// };
    /// assert_eq!(*limit, Limit::Decoded { size: 2_560_000, limit: 1 << 20 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// Sets which records are read together. Default: those at most 16 KiB apart (4 KiB
    /// when many items of a file are read, unless [`io_depth`](Self::io_depth) is set), up
    /// to 1 MiB (256 KiB when a file is scanned).
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// Sets the extract that the content hash was computed with, for
    /// [`verify`](crate::Reader::verify).
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.extract = Some(Arc::new(CatchPanics(extract)));
        self
    }

    /// Sets the number of threads, at least one, that read and decode in
    /// [`get_many`](crate::Reader::get_many), [`range`](crate::Reader::range) and
    /// [`verify`](crate::Reader::verify). Default: the number of cores. The thread that
    /// calls is one of them. The others start with the first call that needs them, are
    /// shared by all readers with the same number, and end with the last of these.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, MAX_THREADS);
        self
    }

    /// Sets how many reads are in flight in [`get_many`](crate::Reader::get_many) and
    /// [`get_many_unordered`](crate::Reader::get_many_unordered). Default: 1, so that
    /// each thread waits for its read. More help where a read waits for a disk or a
    /// network and not for a processor: 32 for a solid-state disk. For bytes that the
    /// system has in its cache, each announcement costs as much as a small read.
    ///
    /// The system fetches the announced ranges of a file, so this takes no threads. For
    /// a source that cannot announce reads ([`ReadAt::will_read`](crate::ReadAt::will_read)),
    /// there are as many threads instead.
    pub fn io_depth(mut self, reads: usize) -> Self {
        self.io_depth = reads.clamp(1, MAX_THREADS);
        self
    }

    /// Keeps decoded records in this cache, which other readers may share, for
    /// [`get`](crate::Reader::get), [`get_with`](crate::Reader::get_with) and
    /// [`record`](crate::Reader::record). Default: no cache, so that a reader keeps no
    /// records between calls. Plain records are not cached: each item is read by itself,
    /// and the system caches the file.
    pub fn cache(mut self, cache: RecordCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Sets the dictionary of packs that
    /// [share one](crate::Zstd::shared_dictionary). A pack that stores a dictionary
    /// is read with its own. Default: none. Every frame has the id of its dictionary;
    /// if it is the id of another dictionary, reading the record fails.
    pub fn dictionary(mut self, dictionary: Dictionary) -> Self {
        self.dictionary = Some(dictionary);
        self
    }

    /// Authenticates every record that is read against a hash that the caller trusts;
    /// the reader returns only items of authenticated records. Reading a single item of
    /// a plain pack then reads the whole record.
    ///
    /// Opening and every read fail if the pack or its digest list does not match that
    /// hash: [`Error::untrusted`](crate::Error::untrusted) returns what differs.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }
}
