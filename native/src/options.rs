//! How a pack is written, and how one is read.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;

use bytes::Bytes;
use sealpack_core::codec::{Decode, Encode};
use sealpack_core::error::Cause;
use sealpack_core::format::digest::Extract;
use sealpack_core::format::known::KnownCodec;
use sealpack_core::format::{DEFAULT_ITEMS_PER_RECORD, Dialect};
use sealpack_core::read::{Merge, ReadLimits};
use sealpack_core::write::{Hashing, PackShape};

use crate::caught::Caught;
use crate::error::{Error, ErrorKind, OptionsError};
use crate::publish::disk::{Disk, System};
use crate::read::{FileSource, ReadAt, Reader};
use crate::trust::Trust;
use crate::write::Writer;

/// Makes the encoder of each worker thread.
///
/// [`Plain`] and [`Zstd`](crate::Zstd) are such factories; implement it to
/// bring your own codec, and give the pack a format id of your own.
pub trait EncoderFactory: Send + Sync {
    /// An encoder for one worker. Its
    /// [`finish`](sealpack_core::codec::Encode::finish) is called once, when
    /// the last record was written or another one failed.
    ///
    /// # Errors
    /// Whatever hinders it; creating the pack fails then.
    fn encoder(&self) -> Result<Codec, Cause>;

    /// Whether payloads are stored as they are.
    fn is_plain(&self) -> bool {
        false
    }

    /// The format id of a pack for which the caller gives none. Readers that do
    /// not know it decide by the first record's magic, so a codec of your own
    /// needs an id of its own.
    fn format_id(&self) -> u32;
}

/// What an [`EncoderFactory`] makes.
pub enum Codec {
    /// Payloads are stored as they are.
    Plain,
    /// An encoder for one thread.
    Encoder(Box<dyn Encode>),
}

/// Stores payloads as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl EncoderFactory for Plain {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Plain)
    }

    fn is_plain(&self) -> bool {
        true
    }

    fn format_id(&self) -> u32 {
        KnownCodec::None.default_format_id()
    }
}

/// How a pack is written. Made by [`Writer::options`].
#[derive(Clone)]
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
    #[must_use]
    pub fn items_per_record(mut self, items: u32) -> Self {
        self.items_per_record = items;
        self
    }

    /// The number in the trailer that says what the items are and how they
    /// are encoded. Unless told otherwise 1 for zstd, 0 for anything else.
    #[must_use]
    pub fn format_id(mut self, format_id: u32) -> Self {
        self.format_id = Some(format_id);
        self
    }

    /// How records are encoded: [`Zstd`](crate::Zstd) at level 3 unless told
    /// otherwise, [`Plain`], or your own.
    #[must_use]
    pub fn codec(mut self, codec: impl EncoderFactory + 'static) -> Self {
        self.codec = Arc::new(codec);
        self
    }

    /// Whether the SHA-256 of all items is stored: it is unless told otherwise.
    #[must_use]
    pub fn content_hash(mut self, stored: bool) -> Self {
        self.hashing = if stored { Hashing::Items } else { Hashing::None };
        self
    }

    /// Stores a content hash over what `extract` makes of each item. To verify
    /// the pack, the same extract is needed.
    #[must_use]
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.hashing = Hashing::Extracted(Arc::new(extract));
        self
    }

    /// Whether each record's checksum covers its payload, and not only the
    /// item lengths: no unless told otherwise. It costs four bytes a record
    /// and makes a flipped bit known when its record is read.
    #[must_use]
    pub fn record_checksum(mut self, covered: bool) -> Self {
        self.record_checksum = covered;
        self
    }

    /// The dialect: with a checksum of the app data unless told otherwise.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Worker threads that encode and hash: as many as there are cores unless
    /// told otherwise. Records keep their order. With 0 everything happens on
    /// the thread that appends.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Asks the system to start writing to the disk behind every so many
    /// bytes, so that `finish` finds little left to wait for. Linux only
    /// (`sync_file_range`); elsewhere it does nothing.
    #[must_use]
    pub fn writeback_every(mut self, bytes: u64) -> Self {
        self.writeback = NonZero::new(bytes);
        self
    }

    /// The application's data: bytes that every reader gets on opening.
    #[must_use]
    pub fn app_data(mut self, app_data: impl Into<Bytes>) -> Self {
        self.app_data = app_data.into();
        self
    }

    /// Whether an existing file may be replaced. It stays whole until the new
    /// pack is, and stays for good if that never happens.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Writes to another disk than the machine's: see [`crate::disk`].
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn disk(mut self, disk: impl Disk + 'static) -> Self {
        self.disk = Arc::new(disk);
        self
    }

    /// Whether the pack's digest list is written beside it, at
    /// [`digest_list_path`](crate::digest_list_path): no unless told otherwise.
    /// It takes 32 bytes a record, and lets a reader [trust](crate::Trust) single items. The list
    /// has its name before the pack has: whoever sees a pack sees its list.
    #[must_use]
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
        crate::write::memory_bound(self.threads, record)
    }

    /// Starts a pack that will appear at `path` when it is finished.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] without [`overwrite`](Self::overwrite),
    /// [`ErrorKind::NotAFile`] where a folder or a device is in the way,
    /// [`ErrorKind::Options`], [`ErrorKind::Io`], or what the codec says.
    pub fn create(self, path: impl AsRef<Path>) -> Result<Writer, Error> {
        Writer::create(self, path.as_ref())
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
}

/// How many threads can run at once: asked for once, since the system answers
/// from files and that takes longer than opening a pack.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// How the records of a pack are decoded.
#[derive(Clone, Default)]
pub enum ReadCodec {
    /// As the format id says where it is known, and where the first record
    /// that is read does not contradict it; otherwise as the magic of the
    /// pack's first record says.
    #[default]
    Auto,
    /// Payloads are stored as they are.
    Plain,
    /// Payloads are zstd frames.
    Zstd,
    /// The caller's own.
    Own(Arc<dyn Decode + Send + Sync>),
}

/// How a pack is read. Made by [`Reader::options`].
#[derive(Clone)]
pub struct ReaderOptions {
    pub(crate) codec: ReadCodec,
    pub(crate) limits: ReadLimits,
    pub(crate) merge: Merge,
    pub(crate) extract: Option<Arc<dyn Extract>>,
    pub(crate) threads: usize,
    pub(crate) trust: Option<Trust>,
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
    #[must_use]
    pub fn codec(mut self, codec: ReadCodec) -> Self {
        self.codec = codec;
        self
    }

    /// The most bytes that one record may decode to: 2^32 unless told
    /// otherwise. A larger one is an error, and is not decoded.
    #[must_use]
    pub fn decoded_limit(mut self, bytes: u64) -> Self {
        self.limits.decoded_record = bytes;
        self
    }

    /// The most items that a pack may hold: 2^32-1 unless told otherwise. A
    /// pack that claims more is not opened.
    #[must_use]
    pub fn items_limit(mut self, items: u32) -> Self {
        self.limits.items = items;
        self
    }

    /// The most bytes that the reader holds at once while it opens a pack,
    /// scans, verifies or answers [`get_many`](Reader::get_many): any number
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
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// Which records are read together: those at most 16 KiB apart, up to
    /// 1 MiB (256 KiB of a file that is scanned), unless told otherwise.
    #[must_use]
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// The extract that the content hash was taken with, for
    /// [`verify`](Reader::verify).
    #[must_use]
    pub fn hash_extract(mut self, extract: impl Extract + 'static) -> Self {
        self.extract = Some(Arc::new(Caught(extract)));
        self
    }

    /// Threads that read and decode in [`get_many`](Reader::get_many),
    /// [`range`](Reader::range) and [`verify`](Reader::verify): as many as
    /// there are cores unless told otherwise, at least one.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Holds every record that is read to a hash that the caller trusts; no
    /// item is handed out before that. Reading a single item of a plain pack
    /// then reads the whole record.
    ///
    /// Opening fails where the pack or its digest list is not of that hash, as
    /// does every later read: [`Error::untrusted`] says how.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// Opens a pack.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::NotAFile`], or [`ErrorKind::Pack`] for
    /// a file that is no sound pack.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Reader, Error> {
        let source = FileSource::open(path.as_ref())?;
        Reader::from_source(self, Arc::new(source), path.as_ref())
    }

    /// Opens a pack that lies in something other than a file. `name` stands
    /// for the path in errors.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_source(
        self,
        source: impl ReadAt + 'static,
        name: impl AsRef<Path>,
    ) -> Result<Reader, Error> {
        Reader::from_source(self, Arc::new(source), name.as_ref())
    }
}
