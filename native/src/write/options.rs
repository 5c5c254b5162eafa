//! Options for writing a pack.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::format::digest::Extract;
use sealpack_core::format::{DEFAULT_ITEMS_PER_RECORD, Dialect};
use sealpack_core::write::{Hashing, PackShape};

use super::pipeline::memory_bound;
use crate::codec::EncoderFactory;
use crate::cores::{MAX_THREADS, cores};
use crate::error::{ErrorKind, OptionsError};
use crate::names::MAX_NAMES_IN_PACK;
use crate::panics::CatchPanics;
use crate::publish::disk::{Disk, System};

/// Options for writing a pack. Made by [`Writer::options`](crate::Writer::options).
#[derive(Clone)]
#[must_use = "options do nothing until a pack is created with them"]
pub struct WriterOptions {
    pub(crate) items_per_record: u32,
    pub(crate) format_id: Option<u32>,
    pub(crate) codec: Arc<dyn EncoderFactory>,
    pub(crate) hashing: Hashing,
    pub(crate) record_checksum: bool,
    pub(crate) dialect: Dialect,
    pub(crate) threads: usize,
    pub(crate) writeback: Option<NonZero<u64>>,
    pub(crate) app_data: Bytes,
    pub(crate) overwrite: bool,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) digest_list: bool,
    pub(crate) max_names_in_pack: u64,
}

impl fmt::Debug for WriterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterOptions")
            .field("items_per_record", &self.items_per_record)
            .field("format_id", &self.format_id)
            .field("hashing", &self.hashing)
            .field("record_checksum", &self.record_checksum)
            .field("dialect", &self.dialect)
            .field("threads", &self.threads)
            .field("overwrite", &self.overwrite)
            .field("digest_list", &self.digest_list)
            .field("max_names_in_pack", &self.max_names_in_pack)
            .finish_non_exhaustive()
    }
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            items_per_record: DEFAULT_ITEMS_PER_RECORD.get(),
            format_id: None,
            codec: Arc::new(crate::Zstd::default()),
            hashing: Hashing::Items,
            record_checksum: false,
            dialect: Dialect::AppDataCrc,
            threads: cores(),
            writeback: None,
            app_data: Bytes::new(),
            overwrite: false,
            disk: Arc::new(System),
            digest_list: false,
            max_names_in_pack: MAX_NAMES_IN_PACK,
        }
    }
}

impl WriterOptions {
    /// Sets the number of items in every record except the last, from 1 to 2^32-1.
    /// Default: 128. More items per record compress better and need a smaller index,
    /// but reading one item decodes the whole record.
    pub fn items_per_record(mut self, items: u32) -> Self {
        self.items_per_record = items;
        self
    }

    /// Sets the number in the trailer that identifies the meaning of the items and
    /// their encoding. Default: 1 for zstd, 0 for any other codec.
    pub fn format_id(mut self, format_id: u32) -> Self {
        self.format_id = Some(format_id);
        self
    }

    /// Sets how records are encoded: [`Zstd`](crate::Zstd),
    /// [`Plain`](crate::Plain), or your own codec. Default: zstd at level 3.
    pub fn codec(mut self, codec: impl EncoderFactory + 'static) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    /// Sets whether the pack stores the SHA-256 of all items. Default: true.
    pub fn content_hash(mut self, stored: bool) -> Self {
        self.hashing = if stored { Hashing::Items } else { Hashing::None };
        self
    }

    /// Stores a content hash over the bytes that `extract` returns for each item.
    /// Verifying the pack needs the same extract.
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.hashing = Hashing::Extracted(Arc::new(CatchPanics(extract)));
        self
    }

    /// Sets whether each record's checksum covers its payload too, and not only the
    /// item lengths. Default: false. It costs four bytes per record, and lets every
    /// read detect a flipped bit.
    pub fn record_checksum(mut self, covered: bool) -> Self {
        self.record_checksum = covered;
        self
    }

    /// Sets the dialect. Default: the one with a checksum of the app data.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the number of worker threads that encode and hash, at most 1,024. Default:
    /// the number of cores. Records keep their order. With 0, the appending thread
    /// does everything. Plain records without an extract use fewer where cores are few, since
    /// their workers would only slow down the threads that append and write.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.min(MAX_THREADS);
        self
    }

    /// Makes the system start writing to the disk after every `bytes` bytes, so that
    /// `finish` has little left to wait for. Linux only (`sync_file_range`);
    /// elsewhere it has no effect.
    pub fn writeback_every(mut self, bytes: u64) -> Self {
        self.writeback = NonZero::new(bytes);
        self
    }

    /// Sets the app data: bytes of the application that every reader gets when it opens
    /// the pack.
    pub fn app_data(mut self, app_data: impl Into<Bytes>) -> Self {
        self.app_data = app_data.into();
        self
    }

    /// Sets whether an existing file may be replaced. Default: false. The existing
    /// file stays whole until the new pack is complete, and remains if the new pack
    /// is never completed.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Writes to a disk other than the machine's: see [`crate::disk`].
    #[cfg(feature = "testing")]
    pub fn disk(mut self, disk: impl Disk + 'static) -> Self {
        self.disk = Arc::new(disk);
        self
    }

    /// Sets whether the pack's digest list is written next to it, at
    /// [`digest_list_path`](crate::digest_list_path). Default: false. The list
    /// takes 32 bytes per record, and lets a reader [authenticate](crate::Trust) single
    /// items. The list gets its name before the pack does: once the pack is
    /// visible, so is its list.
    pub fn digest_list(mut self, written: bool) -> Self {
        self.digest_list = written;
        self
    }

    /// Sets the maximum number of bytes that the names of items, compressed, may take in the pack,
    /// where every reader fetches them on opening. Default: 16 MiB. Larger ones are
    /// written to a file next to the pack, at [`names_path`](crate::names_path), which
    /// gets its name before the pack does. The pack contains the hash of that file.
    ///
    /// A pack that goes into a stream has no place next to it, and contains its names
    /// in any case.
    pub fn max_names_in_pack(mut self, bytes: u64) -> Self {
        self.max_names_in_pack = bytes;
        self
    }

    /// Returns the most memory, in bytes, that a writer with these options takes
    /// if no record exceeds `record` bytes. The index (about two bytes per record)
    /// and each thread's codec need additional memory.
    ///
    /// ```
    /// let options = sealpack::Writer::options().threads(4);
    /// assert!(options.memory_bound(128 << 10) < 80 << 20);
    /// ```
    #[must_use]
    pub fn memory_bound(&self, record: u64) -> u64 {
        let learning = match self.codec.wanted_sample() {
            0 => 0,
            // Drafts up to twice the sample wait, and one more; the samples are copied.
            wanted => wanted.saturating_mul(3).saturating_add(record),
        };
        memory_bound(self.threads, record).saturating_add(learning)
    }

    pub(crate) fn shape(&self) -> Result<PackShape, ErrorKind> {
        if self.record_checksum && self.dialect == Dialect::NoAppDataCrc {
            return Err(ErrorKind::Options(OptionsError::RecordChecksumInOlderDialect));
        }
        let no_items = ErrorKind::Options(OptionsError::ItemsPerRecord);
        Ok(PackShape {
            items_per_record: NonZero::new(self.items_per_record).ok_or(no_items)?,
            format_id: self.format_id.unwrap_or_else(|| self.codec.format_id()),
            record_checksum: self.record_checksum,
            content_hash: self.hashing.clone(),
            dialect: self.dialect,
        })
    }

    /// Returns whether the options ask for a digest list.
    ///
    /// # Errors
    /// [`OptionsError`] if they do, but no digests of the items are computed.
    pub(crate) fn wants_digest_list(&self) -> Result<bool, ErrorKind> {
        let refused = |error| Err(ErrorKind::Options(error));
        match self.hashing {
            _ if !self.digest_list => Ok(false),
            Hashing::Items => Ok(true),
            Hashing::None => refused(OptionsError::DigestsWithoutContentHash),
            Hashing::Extracted(_) => refused(OptionsError::DigestsWithExtract),
        }
    }
}
