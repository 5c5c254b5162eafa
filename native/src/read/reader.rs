//! `Reader`: reads a pack, from any number of threads.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::codec::Decode;
use sealpack_core::error::{Fault, NamesFault, Section};
use sealpack_core::format::digest::Hash;
use sealpack_core::format::{AppData, Dialect, Trailer};
use sealpack_core::read::{
    Directory, ItemLookup, Merge, Opening, Pack, PackOpened, ReadLimits, Record, RecordPlace,
};
use sealpack_core::trust::TrustedList;

use super::codec::ChosenCodec;
use super::opened::{FoundNames, OpenedPack};
use super::options::ReaderOptions;
use super::threads::ReaderThreads;
use super::workspace::{Workspace, WorkspaceDecoder};
use crate::dictionary::Dictionary;
use crate::error::{Error, ErrorKind, OptionsError};
use crate::names::{NAMES_ENDING, Names, names_file_error, names_path};
use crate::source::{FileSource, ReadAt, Source};
use crate::trace::{event, span};
use crate::trust::{Trust, TrustedDigests};

/// Reads a pack: single items by position, ranges, or everything.
///
/// Opening nearly every pack takes one read, of the end of the file; after that, each
/// item takes one read. A reader is `Send + Sync` and cheap to clone: all clones
/// share the directory and the decoders.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// # let mut writer = sealpack::Writer::options().create(&path)?;
/// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
/// # writer.finish()?;
/// let reader = sealpack::Reader::open(&path)?;
/// assert_eq!(reader.get(42)?, b"item 42"[..]);
/// reader.get_many(&[7, 900, 7], |request, item| println!("{request}: {item:?}"))?;
/// for item in reader.range(10..20)? {
///     assert!(item?.starts_with(b"item 1"));
/// }
/// assert!(reader.verify()?.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Reader {
    pub(super) inner: Arc<ReaderInner>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path())
            .field("trailer", self.trailer())
            .finish_non_exhaustive()
    }
}

/// The state that the clones of a reader share.
pub(super) struct ReaderInner {
    pub(super) path: Arc<PathBuf>,
    pub(super) source: Source,
    pub(super) opened: OpenedPack,
    /// The digests that every record is authenticated against, if the caller asked
    /// for it.
    pub(super) trusted: Option<TrustedDigests>,
    pub(super) threads: ReaderThreads,
}

impl ReaderOptions {
    /// Opens a pack.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::NotAFile`], or [`ErrorKind::Pack`] for a
    /// file that is not a sound pack.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Reader, Error> {
        let source = FileSource::open(path.as_ref())?;
        Reader::from_source(self, Arc::new(source), path.as_ref())
    }

    /// Opens a pack from a source other than a file. Errors have `name` in place of
    /// the path.
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

impl Reader {
    /// Opens a pack with the default options.
    ///
    /// # Errors
    /// As [`ReaderOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::options().open(path)
    }

    /// Opens a pack, and checks every record that is read against a hash that the caller
    /// trusts.
    ///
    /// # Errors
    /// As [`ReaderOptions::open`] with [`trust`](ReaderOptions::trust).
    pub fn open_trusted(path: impl AsRef<Path>, trust: Trust) -> Result<Self, Error> {
        Self::options().trust(trust).open(path)
    }

    /// Returns the default options of a reader.
    pub fn options() -> ReaderOptions {
        ReaderOptions::default()
    }

    fn from_source(
        options: ReaderOptions,
        source: Arc<dyn ReadAt>,
        path: &Path,
    ) -> Result<Self, Error> {
        let _span = span!("open", path = %path.display());
        let path = Arc::new(path.to_path_buf());
        let opened = Source::open(source).and_then(|source| {
            let pack = open(&source, options.limits)?;
            Ok((source, pack))
        });
        let (source, pack) = opened.map_err(|kind| Error::new(&path, kind))?;
        let (merge, trust) = (options.merge, options.trust.clone());
        let opened = OpenedPack::new(pack, source.size(), options, merge);
        let mut inner =
            ReaderInner { path, source, opened, trusted: None, threads: ReaderThreads::default() };
        if let Some(trust) = trust {
            inner.trusted = Some(inner.open_digest_list(&trust).map_err(|kind| inner.error(kind))?);
        }
        event!(
            DEBUG,
            items = inner.opened.pack.directory.item_count(),
            records = inner.opened.pack.directory.record_count(),
            bytes = inner.source.size(),
            "opened"
        );
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the item at `position`, counted from 0.
    ///
    /// The item is a view of the record that was read for it, and keeps that record
    /// in memory; copy the item if you keep it for long.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if there is no such item or its record is damaged,
    /// [`ErrorKind::Io`].
    pub fn get(&self, position: u32) -> Result<Bytes, Error> {
        self.inner.get(position).map_err(|kind| self.inner.error(kind))
    }

    /// Returns the record of this number, checked and decoded.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn record(&self, number: u32) -> Result<Record, Error> {
        let place = self.directory().record(number).map_err(|e| self.inner.error(e.into()))?;
        self.inner.cached_record(&place).map_err(|kind| self.inner.error(kind))
    }

    /// Returns the stored bytes of a record.
    ///
    /// # Errors
    /// As [`get`](Self::get), but the bytes are neither checked nor authenticated.
    pub fn stored_record(&self, number: u32) -> Result<Bytes, Error> {
        let place = self.directory().record(number).map_err(|e| self.inner.error(e.into()))?;
        self.inner.fetch(&place.range).map_err(|kind| self.inner.error(kind))
    }

    /// Returns the number of items.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.directory().item_count()
    }

    /// Returns the trailer.
    #[must_use]
    pub fn trailer(&self) -> &Trailer {
        self.directory().trailer()
    }

    /// Returns the format dialect of the file.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.opened.pack.dialect
    }

    /// Returns the directory: where records and items lie.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.opened.pack.directory
    }

    /// Returns the caller's app data, without the extensions that sealpack stores next
    /// to it. If the reader [trusts](crate::Trust) a content hash and not a root, the
    /// app data is not authenticated.
    #[must_use]
    pub fn app_data(&self) -> &Bytes {
        self.extensions().caller()
    }

    /// Returns all of the app data: the caller's part and the extensions.
    #[must_use]
    pub fn extensions(&self) -> &AppData {
        &self.inner.opened.pack.app_data
    }

    /// Returns the names of the items; `None` if the pack has none. Decodes nothing.
    ///
    /// Names are part of the app data: a trusted root authenticates them, a trusted
    /// content hash does not. If they are in a [file next to the
    /// pack](crate::names_path), the first call reads that file and compares its hash
    /// with the one in the app data.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] in [`Section::Names`] if the names are damaged,
    /// [`ErrorKind::NamesFile`] if the file next to the pack cannot be read or does not
    /// belong to it. Items can still be read by position.
    ///
    /// [`Section::Names`]: sealpack_core::error::Section::Names
    pub fn names(&self) -> Result<Option<Names>, Error> {
        self.inner.names().map_err(|kind| self.inner.error(kind))
    }

    /// Returns the dictionary that the records may need: the one that the pack stores,
    /// otherwise the one that the options gave.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] in [`Section::AppData`] if the stored dictionary is not
    /// usable. Records that do not need it can still be read.
    ///
    /// [`Section::AppData`]: sealpack_core::error::Section::AppData
    pub fn dictionary(&self) -> Result<Option<Dictionary>, Error> {
        self.inner.opened.dictionary().map_err(|kind| self.inner.error(kind))
    }

    /// Returns the size of the file in bytes.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        self.inner.source.size()
    }

    /// Returns the digest list that every record is authenticated against, if there
    /// is one.
    #[must_use]
    pub fn trusted(&self) -> Option<&TrustedList> {
        self.inner.trusted.as_ref().map(TrustedDigests::list)
    }

    /// Returns the number of threads that the options allow.
    pub(crate) fn threads(&self) -> usize {
        self.inner.opened.options.threads
    }

    /// Returns the path, or the name given instead.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Returns the codec of the records, and what decided it. Reads a record if none was
    /// read before. `None` if every record is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn codec(&self) -> Result<Option<ChosenCodec>, Error> {
        let chosen = self.inner.choose_codec_by_first_record();
        chosen.map_err(|kind| self.inner.error(kind))?;
        Ok(self.inner.opened.decoders.chosen())
    }
}

/// Opens a pack: fetches ranges until core's `Opening` is complete.
fn open(source: &Source, limits: ReadLimits) -> Result<Pack, ErrorKind> {
    let first = source.first_read().min(limits.max_single());
    let mut opening = Opening::with_tail(source.size(), first)?.with_limits(limits);
    loop {
        let bytes = source.fetch(&opening.range())?;
        match opening.supply(bytes)? {
            PackOpened::More(next) => opening = next,
            PackOpened::Ready(pack) => return Ok(pack),
        }
    }
}

impl ReaderInner {
    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.path, kind)
    }

    /// Returns the bytes of a range: from memory if they are there, otherwise with
    /// a read.
    pub(super) fn fetch(&self, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        match self.opened.pack.tail.get(range) {
            Some(bytes) => Ok(bytes),
            None => {
                self.opened.options.limits.admit(range.end - range.start)?;
                self.source.fetch(range)
            }
        }
    }

    /// Returns which records a scan reads together. Larger reads of a file would save no
    /// time, and the records that several threads decode ahead would no longer fit into
    /// the processor's caches.
    pub(super) fn scan_merge(&self) -> Merge {
        const MAX_SCAN_READ: u64 = 256 << 10;
        let merge = self.opened.budget.merge;
        if self.opened.options.merge != Merge::default() || self.source.round_trip() > 0 {
            return merge;
        }
        Merge { max_read: self.opened.budget.max_read(MAX_SCAN_READ), ..merge }
    }

    /// Returns the bytes of a read of several records, in a buffer of the workspace.
    pub(super) fn fetch_in(
        &self,
        workspace: &mut Workspace,
        range: &Range<u64>,
    ) -> Result<Bytes, ErrorKind> {
        match self.opened.pack.tail.get(range) {
            Some(bytes) => Ok(bytes),
            None if range.is_empty() => Ok(Bytes::new()),
            None => workspace.read(&self.source, range),
        }
    }

    fn names(&self) -> Result<Option<Names>, ErrorKind> {
        let companion = match self.opened.find_names(&self.path)? {
            FoundNames::Opened(names) => return Ok(names),
            FoundNames::Companion(companion) => companion,
        };
        let path = names_path(&*self.path);
        let failed = |kind| names_file_error(&path, kind);
        let Some(source) = self.source.companion(NAMES_ENDING).map_err(failed)? else {
            return Err(Fault::Names(NamesFault::Companion).in_section(Section::Names).into());
        };
        // One byte more than it should have shows that the file is larger.
        let size = source.size().min(companion.size.saturating_add(1));
        let bytes = source.fetch(&(0..size)).map_err(failed)?;
        self.opened.open_names(&companion, bytes, path).map(Some)
    }

    fn get(&self, position: u32) -> Result<Bytes, ErrorKind> {
        let place = self.opened.pack.directory.place(position)?;
        if let Some(item) = self.get_part(&place.record, place.slot)? {
            return Ok(item);
        }
        let record = self.cached_record(&place.record)?;
        Ok(record.into_item(place.slot).unwrap_or_default())
    }

    /// Reads only the end of a record and the item itself, unless the whole record
    /// has to be read.
    fn get_part(&self, place: &RecordPlace, slot: u32) -> Result<Option<Bytes>, ErrorKind> {
        let Some(lookup) = self.lookup_part(place, slot) else { return Ok(None) };
        let range = lookup.locate(&self.fetch(&lookup.tail())?)?;
        self.fetch(&range).map(Some)
    }

    /// Returns how to find an item without reading its whole record; `None` if the
    /// whole record has to be read.
    pub(super) fn lookup_part(&self, place: &RecordPlace, slot: u32) -> Option<ItemLookup> {
        let in_one_read = place.size() <= self.source.round_trip()
            || self.opened.pack.tail.get(&place.range).is_some();
        // A digest covers the whole record.
        if self.trusted.is_some() || !self.opened.decoders.is_plain() || in_one_read {
            return None;
        }
        ItemLookup::new(&self.opened.pack.directory, place.clone(), slot)
    }

    /// Returns how many bytes these records take in the file.
    pub(super) fn bytes_of(&self, records: &Range<u32>) -> u64 {
        let directory = &self.opened.pack.directory;
        let last = records.end.saturating_sub(1);
        match (directory.record(records.start), directory.record(last)) {
            (Ok(first), Ok(last)) => last.range.end.saturating_sub(first.range.start),
            _ => 0,
        }
    }

    /// Returns a record from the cache; otherwise reads, checks and decodes it, and
    /// keeps it if it had to be decoded.
    pub(super) fn cached_record(&self, place: &RecordPlace) -> Result<Record, ErrorKind> {
        if let Some(record) = self.cached(place) {
            return Ok(record);
        }
        let record = self.record(place)?;
        let is_plain = self.opened.decoders.is_plain();
        Ok(if is_plain { record } else { self.opened.cached.insert(place, record) })
    }

    /// Returns a record from the cache, which never contains plain records.
    fn cached(&self, place: &RecordPlace) -> Option<Record> {
        if self.opened.decoders.is_plain() { None } else { self.opened.cached.get(place.number) }
    }

    /// Reads, checks and decodes a record.
    pub(super) fn record(&self, place: &RecordPlace) -> Result<Record, ErrorKind> {
        self.unseal_with(place, self.fetch(&place.range)?, &self.opened.decoders)
    }

    /// Checks, decodes and authenticates a record that was read, in buffers of the
    /// workspace.
    pub(super) fn unseal(
        &self,
        place: &RecordPlace,
        stored: Bytes,
        workspace: &mut Workspace,
    ) -> Result<Record, ErrorKind> {
        self.unseal_with(place, stored, &WorkspaceDecoder::new(&self.opened.decoders, workspace))
    }

    /// Checks, decodes and authenticates a record. All records pass through this function,
    /// except lent ones (`unseal_lent`).
    fn unseal_with(
        &self,
        place: &RecordPlace,
        stored: Bytes,
        decoder: &dyn Decode,
    ) -> Result<Record, ErrorKind> {
        self.choose_codec(place, &stored)?;
        let record = self.opened.unseal(place, stored, decoder)?;
        if let Some(trusted) = &self.trusted {
            trusted.check(place.number, &record)?;
        }
        Ok(record)
    }

    /// Checks a record's digest against the trusted list, if there is one.
    pub(super) fn check_digest(&self, number: u32, digest: &Hash) -> Result<(), ErrorKind> {
        self.trusted.as_ref().map_or(Ok(()), |trusted| trusted.check_digest(number, digest))
    }

    /// Opens the digest list that every record is authenticated against.
    fn open_digest_list(&self, trust: &Trust) -> Result<TrustedDigests, ErrorKind> {
        if self.opened.options.extract.is_some() {
            return Err(ErrorKind::Options(OptionsError::DigestsWithExtract));
        }
        let read = |number| self.record(&self.opened.pack.directory.record(number)?);
        TrustedDigests::open(trust, &self.path, &self.opened.pack, read)
    }

    /// Chooses the codec, given a record that was read.
    pub(super) fn choose_codec(&self, place: &RecordPlace, stored: &[u8]) -> Result<(), ErrorKind> {
        let directory = &self.opened.pack.directory;
        self.opened.decoders.choose(directory, place, stored, |range| self.fetch(range))
    }

    /// Chooses the codec before any record was read.
    pub(super) fn choose_codec_by_first_record(&self) -> Result<(), ErrorKind> {
        self.opened.record_for_codec_choice().map_or(Ok(()), |first| self.choose_codec(&first, &[]))
    }
}
