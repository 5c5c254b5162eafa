//! The digest list as a file beside a pack.

use std::convert::Infallible;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::trust::DigestList;
use sealpack_core::write::Hashing;

use super::collect::{BUFFER, DigestSpool, writing};
use super::digest_list_path;
use crate::error::{Error, ErrorKind, OptionsError};
use crate::options::WriterOptions;
use crate::publish::disk::{Disk, System};
use crate::publish::{Caveat, PublishedFile, StagedFile};
use crate::read::Reader;

/// A digest list that is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedDigests {
    /// Where it is.
    pub path: PathBuf,
    /// What a reader may trust: 32 bytes that vouch for items, positions,
    /// format id and app data.
    pub root: Hash,
    /// The content hash, whether or not the pack stores it.
    pub content_hash: Hash,
    /// How many digests it has.
    pub record_count: u32,
    /// Its size in bytes.
    pub file_size: u64,
    /// What the file lacks although it is whole; usually empty.
    pub caveats: Vec<Caveat>,
}

/// A digest list that is being made. It appears whole or not at all.
pub struct DigestListFile {
    staged: StagedFile,
}

impl DigestListFile {
    /// Starts a list that will appear at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] without `overwrite`, [`ErrorKind::NotAFile`],
    /// [`ErrorKind::Io`].
    pub fn create(path: impl AsRef<Path>, overwrite: bool) -> Result<Self, Error> {
        Self::create_on(&(Arc::new(System) as Arc<dyn Disk>), path.as_ref(), overwrite)
    }

    fn create_on(disk: &Arc<dyn Disk>, path: &Path, overwrite: bool) -> Result<Self, Error> {
        Ok(Self { staged: StagedFile::create_on(disk, path, overwrite)? })
    }

    /// The file that is being written: what a process has to remove that is
    /// ended by a signal.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        self.staged.temporary_path()
    }

    /// Reads all of a pack, and makes its list. `progress` is called after
    /// every record with the number of those that were read, and may end it,
    /// with nothing written.
    ///
    /// # Errors
    /// The first record that is damaged; a content hash that is not the stored
    /// one; [`ErrorKind::Io`].
    pub fn write<B>(
        self,
        reader: &Reader,
        mut progress: impl FnMut(u32) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, SealedDigests>, Error> {
        let mut spool = DigestSpool::new(self.folder());
        let records = 0..reader.directory().record_count();
        for (digest, done) in reader.record_digests(records)?.zip(1..) {
            spool.push(&[digest?]).map_err(|kind| self.staged.error(kind))?;
            if let ControlFlow::Break(reason) = progress(done) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        let (trailer, app_data) = (reader.trailer(), reader.app_data());
        let (sealed, _) = self.finish(spool, trailer, app_data, StagedFile::publish)?;
        Ok(ControlFlow::Continue(sealed))
    }

    /// Where digests go that memory does not hold.
    pub(crate) fn folder(&self) -> &Path {
        self.temporary_path().parent().unwrap_or(Path::new("."))
    }

    /// Writes the list of a pack that is about to be published: as
    /// [`finish`](Self::finish), but after any error no list is there.
    pub(crate) fn finish_for_pack(
        self,
        spool: DigestSpool,
        trailer: &Trailer,
        app_data: &[u8],
    ) -> Result<(SealedDigests, PublishedFile), Error> {
        self.finish(spool, trailer, app_data, StagedFile::publish_or_remove)
    }

    /// Writes the list, makes it durable and gives it its name.
    fn finish(
        mut self,
        spool: DigestSpool,
        trailer: &Trailer,
        app_data: &[u8],
        publish: fn(StagedFile) -> Result<PublishedFile, Error>,
    ) -> Result<(SealedDigests, PublishedFile), Error> {
        let list = self.write_list(spool, trailer, app_data);
        let list = list.map_err(|kind| self.staged.error(kind))?;
        let path = self.staged.path().to_path_buf();
        let published = publish(self.staged)?;
        let caveats = published.caveats().to_vec();
        Ok((SealedDigests { caveats, ..SealedDigests::of(&list, path) }, published))
    }

    fn write_list(
        &mut self,
        spool: DigestSpool,
        trailer: &Trailer,
        app_data: &[u8],
    ) -> Result<DigestList, ErrorKind> {
        let mut to = BufWriter::with_capacity(BUFFER, &mut self.staged);
        let take = |bytes: &[u8]| to.write_all(bytes).map_err(writing);
        let list = spool.write(trailer, app_data, take)?;
        to.flush().map_err(writing)?;
        Ok(list)
    }
}

impl SealedDigests {
    pub(crate) fn of(list: &DigestList, path: PathBuf) -> Self {
        let header = list.header();
        Self {
            path,
            root: header.root(),
            content_hash: header.content_hash,
            record_count: header.record_count,
            file_size: list.shape().file_size(),
            caveats: Vec::new(),
        }
    }
}

impl Reader {
    /// Reads all of the pack and writes its digest list to `path`, which must
    /// not be there.
    ///
    /// # Errors
    /// As [`DigestListFile::create`] and [`DigestListFile::write`].
    pub fn write_digests(&self, path: impl AsRef<Path>) -> Result<SealedDigests, Error> {
        let go_on = |_| ControlFlow::<Infallible>::Continue(());
        match DigestListFile::create(path, false)?.write(self, go_on)? {
            ControlFlow::Continue(sealed) => Ok(sealed),
            ControlFlow::Break(never) => match never {},
        }
    }
}

impl WriterOptions {
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

    /// Starts the digest list of the pack at `path`, if there is to be one.
    pub(crate) fn start_digest_list(
        &self,
        path: &Path,
    ) -> Result<Option<DigestListFile>, ErrorKind> {
        if !self.wants_digest_list()? {
            return Ok(None);
        }
        let list = DigestListFile::create_on(&self.disk, &digest_list_path(path), self.overwrite);
        list.map(Some).map_err(|error| ErrorKind::DigestList(Arc::new(error)))
    }
}
