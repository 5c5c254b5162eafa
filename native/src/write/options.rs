//! How a pack is written.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::format::digest::Extract;
use sealpack_core::format::{DEFAULT_ITEMS_PER_RECORD, Dialect};
use sealpack_core::write::{Hashing, PackShape};

use super::pipeline::memory_bound;
use crate::caught::Caught;
use crate::codec::EncoderFactory;
use crate::cores::{MAX_THREADS, cores};
use crate::error::{ErrorKind, OptionsError};
use crate::publish::disk::{Disk, System};

/// How a pack is written. Made by [`Writer::options`](crate::Writer::options).
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
        }
    }
}

impl WriterOptions {
    /// Items in every record but the last: 128 unless told otherwise, from 1
    /// to 2^32-1. More items a record compress better and take less index;
    /// reading one item decodes the whole record.
    pub fn items_per_record(mut self, items: u32) -> Self {
        self.items_per_record = items;
        self
    }

    /// The number in the trailer that says what the items are and how they
    /// are encoded. Unless told otherwise 1 for zstd, 0 for anything else.
    pub fn format_id(mut self, format_id: u32) -> Self {
        self.format_id = Some(format_id);
        self
    }

    /// How records are encoded: [`Zstd`](crate::Zstd) at level 3 unless told
    /// otherwise, [`Plain`](crate::Plain), or your own.
    pub fn codec(mut self, codec: impl EncoderFactory + 'static) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    /// Whether the SHA-256 of all items is stored: it is unless told otherwise.
    pub fn content_hash(mut self, stored: bool) -> Self {
        self.hashing = if stored { Hashing::Items } else { Hashing::None };
        self
    }

    /// Stores a content hash over what `extract` makes of each item. To verify
    /// the pack, the same extract is needed.
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.hashing = Hashing::Extracted(Arc::new(Caught(extract)));
        self
    }

    /// Whether each record's checksum covers its payload, and not only the
    /// item lengths: no unless told otherwise. It costs four bytes a record
    /// and makes a flipped bit known when its record is read.
    pub fn record_checksum(mut self, covered: bool) -> Self {
        self.record_checksum = covered;
        self
    }

    /// The dialect: with a checksum of the app data unless told otherwise.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Worker threads that encode and hash (default: the number of cores, at
    /// most 1,024). Records keep their order. With 0 everything happens on the
    /// thread that appends.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.min(MAX_THREADS);
        self
    }

    /// Asks the system to start writing to the disk behind every so many
    /// bytes, so that `finish` finds little left to wait for. Linux only
    /// (`sync_file_range`); elsewhere it does nothing.
    pub fn writeback_every(mut self, bytes: u64) -> Self {
        self.writeback = NonZero::new(bytes);
        self
    }

    /// The application's data: bytes that every reader gets on opening.
    pub fn app_data(mut self, app_data: impl Into<Bytes>) -> Self {
        self.app_data = app_data.into();
        self
    }

    /// Whether an existing file may be replaced. It stays whole until the new
    /// pack is, and stays for good if that never happens.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Writes to another disk than the machine's: see [`crate::disk`].
    #[cfg(feature = "testing")]
    pub fn disk(mut self, disk: impl Disk + 'static) -> Self {
        self.disk = Arc::new(disk);
        self
    }

    /// Whether the pack's digest list is written beside it, at
    /// [`digest_list_path`](crate::digest_list_path): no unless told otherwise.
    /// It takes 32 bytes a record, and lets a reader [trust](crate::Trust) single items. The list
    /// has its name before the pack has: whoever sees a pack sees its list.
    pub fn digest_list(mut self, written: bool) -> Self {
        self.digest_list = written;
        self
    }

    /// The most bytes of memory that a writer of these options takes while no
    /// record has more than `record` bytes; about two bytes a record for the
    /// index, and what the codec keeps for each thread, come on top.
    ///
    /// ```
    /// let options = sealpack::Writer::options().threads(4);
    /// assert!(options.memory_bound(128 << 10) < 80 << 20);
    /// ```
    #[must_use]
    pub fn memory_bound(&self, record: u64) -> u64 {
        memory_bound(self.threads, record)
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

    /// Whether there is to be a digest list.
    ///
    /// # Errors
    /// [`OptionsError`] where there is and no digests are taken of the items.
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
