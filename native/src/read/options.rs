//! How a pack is read.

use std::fmt;
use std::sync::Arc;

use sealpack_core::format::digest::Extract;
use sealpack_core::read::{Merge, ReadLimits};

use super::codec::ReadCodec;
use crate::caught::Caught;
use crate::cores::{MAX_THREADS, cores};
use crate::trust::Trust;

/// How a pack is read. Made by [`Reader::options`](crate::Reader::options).
#[derive(Clone)]
#[must_use = "options do nothing until a pack is opened with them"]
pub struct ReaderOptions {
    pub(crate) codec: ReadCodec,
    pub(crate) limits: ReadLimits,
    pub(crate) merge: Merge,
    pub(crate) extract: Option<Arc<dyn Extract>>,
    pub(crate) threads: usize,
    pub(crate) trust: Option<Trust>,
}

impl fmt::Debug for ReaderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderOptions")
            .field("codec", &self.codec)
            .field("limits", &self.limits)
            .field("merge", &self.merge)
            .field("threads", &self.threads)
            .field("trust", &self.trust)
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
            trust: None,
        }
    }
}

impl ReaderOptions {
    /// How records are decoded: [`ReadCodec::Auto`] unless told otherwise.
    pub fn codec(mut self, codec: ReadCodec) -> Self {
        self.codec = codec;
        self
    }

    /// The most bytes that one record may decode to: 2^32 unless told
    /// otherwise. A larger one is an error, and is not decoded.
    pub fn decoded_limit(mut self, bytes: u64) -> Self {
        self.limits.decoded_record = bytes;
        self
    }

    /// The most items that a pack may hold: 2^32-1 unless told otherwise. A
    /// pack that claims more is not opened.
    pub fn items_limit(mut self, items: u32) -> Self {
        self.limits.items = items;
        self
    }

    /// The most bytes that the reader holds at once while it opens a pack,
    /// scans, verifies or answers [`get_many`](crate::Reader::get_many): any number
    /// unless told otherwise. No single thing may take more than a quarter of
    /// it: index and app data together, a record as stored, a record decoded;
    /// what does is an error, and is not read. Reads ahead are as many as fit,
    /// so give a [`decoded_limit`](Self::decoded_limit) too, or they are few.
    ///
    /// Not counted are items that the caller keeps, and the directory of an
    /// open pack: its index, and 12 bytes for 128 records.
    ///
    /// A service that opens packs of strangers:
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
    /// // 128 items of 20,000 zeros: a few bytes on disk, and too much to decode.
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

    /// Which records are read together: those at most 16 KiB apart, up to
    /// 1 MiB (256 KiB of a file that is scanned), unless told otherwise.
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// The extract that the content hash was taken with, for
    /// [`verify`](crate::Reader::verify).
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.extract = Some(Arc::new(Caught(extract)));
        self
    }

    /// Threads that read and decode in [`get_many`](crate::Reader::get_many),
    /// [`range`](crate::Reader::range) and [`verify`](crate::Reader::verify): as many as
    /// there are cores unless told otherwise, at least one.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.clamp(1, MAX_THREADS);
        self
    }

    /// Holds every record that is read to a hash that the caller trusts; no
    /// item is handed out before that. Reading a single item of a plain pack
    /// then reads the whole record.
    ///
    /// Opening fails where the pack or its digest list is not of that hash, as
    /// does every later read: [`Error::untrusted`](crate::Error::untrusted) says how.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }
}
