//! Writes a pack to a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::format::Trailer;
use sealpack_core::write::{RecordBuilder, StoredRecords};

use super::file::FileSink;
use super::names_file::NamesFile;
use super::options::WriterOptions;
use super::output::{PackOutput, Written};
use super::packer::{KeptHash, PackPlan, Packer};
use super::progress::WriteMonitor;
use crate::error::{Error, ErrorKind, OptionsError};
use crate::publish::{Caveat, Publication, PublishedFiles, StagedFile, has_its_name, make_durable};
use crate::trace::{event, span};
use crate::trust::{DigestListFile, DigestSpool, SealedDigests, digest_list_path};

/// Writes a pack to a file.
///
/// The pack appears under its name, whole and durable, when
/// [`finish`](Self::finish) has returned `Ok`. A writer that is dropped before that
/// leaves no file, and an existing file at the path stays unchanged.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// let mut writer = sealpack::Writer::options().items_per_record(128).create(&path)?;
/// writer.append(b"an item")?;
/// writer.append_parts(&[b"one item ", b"in two slices"])?;
/// writer.append_owned(vec![7; 100_000])?;
/// let sealed = writer.finish()?;
/// assert_eq!(sealed.trailer.total_items, 3);
/// assert_eq!(std::fs::metadata(&path)?.len(), sealed.file_size);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The first error ends the writer: the next append and `finish` return it, and no
/// file appears. The writer stays usable only after an item that is refused for its
/// own size.
pub struct Writer {
    path: Arc<PathBuf>,
    packer: Packer<FileSink>,
    publication: Publication,
    digests: Option<DigestListFile>,
    names_file: NamesFile,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.path)
            .field("item_count", &self.item_count())
            .finish_non_exhaustive()
    }
}

/// A finished pack.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SealedPack {
    /// The path of the pack.
    pub path: PathBuf,
    /// The pack's trailer.
    pub trailer: Trailer,
    /// The size of the pack in bytes.
    pub file_size: u64,
    /// The pack's digest list, if the options asked for one.
    pub digests: Option<SealedDigests>,
    /// The path of the file with the names of the items, if they are too large for the
    /// pack ([`WriterOptions::max_names_in_pack`]).
    pub names_file: Option<PathBuf>,
    /// What the pack, and the files published with it, lack although they are
    /// whole, each caveat once; usually empty.
    pub caveats: Vec<Caveat>,
}

impl WriterOptions {
    /// Starts a pack that will appear at `path` when it is finished.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] without [`overwrite`](Self::overwrite),
    /// [`ErrorKind::NotAFile`] if a folder or a device has this path,
    /// [`ErrorKind::Options`], [`ErrorKind::Io`], or the codec's error.
    pub fn create(self, path: impl AsRef<Path>) -> Result<Writer, Error> {
        let path = Arc::new(path.as_ref().to_path_buf());
        Writer::create_at(self, &path).map_err(|kind| Error::new(&path, kind))
    }

    /// Starts the digest list of the pack at `path`, if the options ask for one.
    fn start_digest_list(&self, path: &Path) -> Result<Option<DigestListFile>, ErrorKind> {
        if !self.wants_digest_list()? {
            return Ok(None);
        }
        let list = DigestListFile::create_on(&self.disk, &digest_list_path(path), self.overwrite);
        list.map(Some).map_err(|error| ErrorKind::DigestList(Arc::new(error)))
    }
}

impl Writer {
    /// The options of a new pack.
    pub fn options() -> WriterOptions {
        WriterOptions::default()
    }

    fn create_at(options: WriterOptions, path: &Arc<PathBuf>) -> Result<Self, ErrorKind> {
        let _span = span!("create", path = %path.display());
        let plan = PackPlan::new(&options)?;
        let (publication, file) = Publication::create(&options.disk, path, options.overwrite)?;
        let digests = options.start_digest_list(path)?;
        let names_file = NamesFile::new(&options, path);
        let spool = digests.as_ref().map(|list| DigestSpool::new(list.folder()));
        let sink = FileSink::new(file, options.writeback);
        let output = PackOutput::new(plan.shape(), sink, spool);
        let packer = Packer::start(plan, output)?;
        let path = Arc::clone(path);
        Ok(Self { path, packer, publication, digests, names_file })
    }

    /// Appends an item, copying it once.
    ///
    /// # Errors
    /// The first error of the writer; or [`Limit::Item`], [`Limit::Items`],
    /// [`Limit::Record`] for this item, which is then not added.
    ///
    /// [`Limit::Item`]: sealpack_core::error::Limit::Item
    /// [`Limit::Items`]: sealpack_core::error::Limit::Items
    /// [`Limit::Record`]: sealpack_core::error::Limit::Record
    pub fn append(&mut self, item: &[u8]) -> Result<(), Error> {
        self.append_with(|builder| builder.push(item))
    }

    /// Appends one item that consists of several slices, copying each once. No slices
    /// append nothing; an empty slice appends an empty item.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_parts(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        self.append_with(|builder| builder.push_parts(parts))
    }

    /// Appends an item without copying it, if it has at least 4 KiB and is either alone
    /// in its record or stored unencoded.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_owned(&mut self, item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_with(|builder| builder.push_owned(item))
    }

    /// As [`append`](Self::append), for an item with a name: any bytes but NUL, at
    /// most 65,535 of them. An empty name means that the item has none. Names need not
    /// be in order or unique. A reader returns them as [`Names`](crate::Names).
    ///
    /// The names stay compressed in memory until [`finish`](Self::finish). If they are
    /// not in ascending order, `finish` sorts them, which takes the memory of all names
    /// uncompressed and 48 bytes for each.
    ///
    /// # Errors
    /// As [`append`](Self::append); [`Limit::Name`] and [`Misuse::Nul`] for this name,
    /// whose item is then not added.
    ///
    /// [`Misuse::Nul`]: sealpack_core::error::Misuse::Nul
    /// [`Limit::Name`]: sealpack_core::error::Limit::Name
    pub fn append_named(&mut self, name: &[u8], item: &[u8]) -> Result<(), Error> {
        self.append_named_with(name, |builder| builder.push(item))
    }

    /// As [`append_owned`](Self::append_owned), for an item with a name.
    ///
    /// # Errors
    /// As [`append_named`](Self::append_named).
    pub fn append_named_owned(&mut self, name: &[u8], item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_named_with(name, |builder| builder.push_owned(item))
    }

    /// Names an item that was appended without a name, such as one of a copied
    /// record. Items must be named in ascending order of position.
    ///
    /// # Errors
    /// [`Misuse::Position`] if there is no such item, or if this or a later item was
    /// named before; [`Limit::Name`] and [`Misuse::Nul`] for this name. The writer
    /// stays usable.
    ///
    /// [`Misuse::Position`]: sealpack_core::error::Misuse::Position
    /// [`Misuse::Nul`]: sealpack_core::error::Misuse::Nul
    /// [`Limit::Name`]: sealpack_core::error::Limit::Name
    pub fn name_item(&mut self, position: u32, name: &[u8]) -> Result<(), Error> {
        self.packer.name_item(position, name).map_err(|kind| Error::new(&self.path, kind))?;
        self.prepare_names_file()
    }

    /// Sets the app data, replacing that of [`WriterOptions::app_data`]: for
    /// example offsets that are known only when all items are appended.
    ///
    /// # Errors
    /// [`Limit::AppData`] above 2^32-1 bytes.
    ///
    /// [`Limit::AppData`]: sealpack_core::error::Limit::AppData
    pub fn set_app_data(&mut self, app_data: impl Into<Bytes>) -> Result<(), Error> {
        let set = self.packer.set_app_data(app_data.into());
        set.map_err(|kind| Error::new(&self.path, kind))
    }

    /// Returns the path of the temporary file, which [`finish`](Self::finish) renames. A
    /// process that is killed by a signal runs no destructors, and has to remove this
    /// file itself.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// let writer = sealpack::Writer::options().create(&path)?;
    /// let temporary = writer.temporary_path().to_path_buf();
    /// assert!(temporary.exists() && !path.exists());
    /// drop(writer);
    /// assert!(!temporary.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        self.publication.temporary_path()
    }

    /// As [`temporary_path`](Self::temporary_path), for the digest list, if the
    /// options asked for one.
    #[must_use]
    pub fn temporary_digests_path(&self) -> Option<&Path> {
        self.digests.as_ref().map(DigestListFile::temporary_path)
    }

    /// Like [`temporary_path`](Self::temporary_path), but of the names file. It exists
    /// once the names may be too large for the pack.
    #[must_use]
    pub fn temporary_names_path(&self) -> Option<&Path> {
        self.names_file.temporary_path()
    }

    /// Returns the number of items appended so far.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.packer.item_count()
    }

    /// Returns a handle that watches this writer, and can cancel it, from any
    /// thread.
    #[must_use]
    pub fn monitor(&self) -> WriteMonitor {
        self.packer.monitor().clone()
    }

    /// Writes the remaining bytes, makes the pack durable and renames it to its final
    /// name.
    ///
    /// # Errors
    /// The first error of the writer, including those of closing the encoders. Then
    /// the pack does not appear, with one exception:
    /// [`IoOperation::SyncingFolder`](crate::IoOperation::SyncingFolder) means that the pack
    /// did appear, but its name may not survive a crash of the system.
    pub fn finish(self) -> Result<SealedPack, Error> {
        self.finish_with(Vec::new())
    }

    /// As [`finish`](Self::finish), with files that appear together with the pack,
    /// such as a list of names. They are published just before the pack, so that
    /// they are visible once the pack is; if the pack does not appear, they are
    /// removed again.
    ///
    /// Several files cannot be replaced atomically: if these replace existing files
    /// and renaming the pack then fails, the existing files are gone.
    ///
    /// # Errors
    /// As [`finish`](Self::finish) and [`StagedFile::publish`].
    pub fn finish_with(self, companions: Vec<StagedFile>) -> Result<SealedPack, Error> {
        let path = Arc::clone(&self.path);
        let _span = span!("finish", path = %path.display());
        let failed = |kind| Error::new(&path, kind);
        let monitor = self.monitor();
        let written = self.packer.finish().map_err(failed)?;
        let Written { sink, trailer, file_size, app_data, digests, names_file: names } = written;
        let names = match names {
            Some(names) => self.names_file.write(&names).map_err(failed)?,
            None => None,
        };
        let names_file = names.as_ref().map(|names| names.path().to_path_buf());
        let list = self.digests.zip(digests);
        if list.is_some() || names.is_some() || !companions.is_empty() {
            // This is the last step that can fail for lack of space.
            make_durable(sink.file()).map_err(failed)?;
        }
        let mut companions = StagedFile::publish_all(companions)?;
        let published = publish_names(names, &mut companions)
            .and_then(|()| publish_list(list, &trailer, &app_data, &mut companions));
        let sealed = match published {
            Ok(sealed) => sealed,
            Err(kind) => {
                companions.take_back();
                return Err(failed(kind));
            }
        };
        let published = match monitor.is_cancelled() {
            true => Err(ErrorKind::Cancelled),
            false => self.publication.publish(sink.file()),
        };
        match published {
            Ok(mut caveats) => {
                for caveat in companions.caveats() {
                    if !caveats.contains(&caveat) {
                        caveats.push(caveat);
                    }
                }
                event!(
                    DEBUG,
                    items = trailer.total_items,
                    bytes_in = monitor.progress().bytes_in,
                    bytes_out = file_size,
                    "finished"
                );
                let path = path.to_path_buf();
                let digests = sealed;
                Ok(SealedPack { path, trailer, file_size, digests, names_file, caveats })
            }
            Err(kind) => {
                if !has_its_name(&kind) {
                    companions.take_back();
                }
                Err(failed(kind))
            }
        }
    }

    /// Returns the part that all writers share.
    pub(crate) fn packer(&self) -> &Packer<FileSink> {
        &self.packer
    }

    /// Appends records as another pack stores them.
    pub(crate) fn append_stored(&mut self, records: StoredRecords) -> Result<(), Error> {
        self.packer.append_stored(records).map_err(|kind| Error::new(&self.path, kind))
    }

    /// Makes the pack keep the content hash of the pack whose records are all appended
    /// next.
    pub(crate) fn keep_hash(&mut self, kept: KeptHash) -> Result<(), Error> {
        let kept = match self.digests {
            // The list needs the digest of every record.
            Some(_) => Err(ErrorKind::Options(OptionsError::KeptContentHash)),
            None => self.packer.keep_hash(kept),
        };
        kept.map_err(|kind| Error::new(&self.path, kind))
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.path, kind)
    }

    fn append_named_with(
        &mut self,
        name: &[u8],
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        let appended = self.packer.append_named_with(name, push);
        appended.map_err(|kind| Error::new(&self.path, kind))?;
        self.prepare_names_file()
    }

    fn prepare_names_file(&mut self) -> Result<(), Error> {
        let prepared = self.names_file.prepare(self.packer.names_size_bound());
        prepared.map_err(|kind| {
            self.packer.fail_names(kind.clone());
            Error::new(&self.path, kind)
        })
    }

    fn append_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        self.packer.append_with(push).map_err(|kind| Error::new(&self.path, kind))
    }
}

/// Publishes the names file of a pack that is about to be published.
fn publish_names(names: Option<StagedFile>, before: &mut PublishedFiles) -> Result<(), ErrorKind> {
    let Some(names) = names else { return Ok(()) };
    let published = names.publish_or_remove();
    before.push(published.map_err(|error| ErrorKind::NamesFile(Arc::new(error)))?);
    Ok(())
}

/// Publishes the digest list of a pack that is about to be published.
fn publish_list(
    list: Option<(DigestListFile, DigestSpool)>,
    trailer: &Trailer,
    app_data: &[u8],
    before: &mut PublishedFiles,
) -> Result<Option<SealedDigests>, ErrorKind> {
    let Some((list, spool)) = list else { return Ok(None) };
    let finished = list.finish_for_pack(spool, trailer, app_data);
    let (sealed, list) = finished.map_err(|error| ErrorKind::DigestList(Arc::new(error)))?;
    before.push(list);
    Ok(Some(sealed))
}
