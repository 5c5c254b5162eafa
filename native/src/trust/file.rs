//! The digest list as a file next to a pack.

use std::fmt;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::trust::DigestList;

use super::collect::{BUFFER, DigestSpool, writing};
use crate::error::{Error, ErrorKind};
use crate::publish::disk::{Disk, System};
use crate::publish::{Caveat, PublishedFile, StagedFile};

/// A finished digest list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SealedDigests {
    /// The path of the list.
    pub path: PathBuf,
    /// The root, which a reader may trust: 32 bytes that authenticate items,
    /// positions, format id and app data.
    #[cfg_attr(feature = "serde", serde(serialize_with = "sealpack_core::error::serialize::hash"))]
    pub root: Hash,
    /// The content hash, whether or not the pack stores it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "sealpack_core::error::serialize::hash"))]
    pub content_hash: Hash,
    /// The number of digests.
    pub record_count: u32,
    /// The size of the list in bytes.
    pub file_size: u64,
    /// What the file lacks although it is whole; usually empty.
    pub caveats: Vec<Caveat>,
}

/// A digest list that is being written. It appears whole or not at all.
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

    pub(crate) fn create_on(
        disk: &Arc<dyn Disk>,
        path: &Path,
        overwrite: bool,
    ) -> Result<Self, Error> {
        Ok(Self { staged: StagedFile::create_on(disk, path, overwrite)? })
    }

    /// Returns the path of the temporary file, which a process that is killed by a
    /// signal has to remove itself.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        self.staged.temporary_path()
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        self.staged.error(kind)
    }

    /// Returns the folder for digests that do not fit into memory.
    pub(crate) fn folder(&self) -> &Path {
        self.temporary_path().parent().unwrap_or(Path::new("."))
    }

    /// Writes the list of a pack that is about to be published. As
    /// [`finish_alone`](Self::finish_alone), but after any error no list remains.
    pub(crate) fn finish_for_pack(
        self,
        spool: DigestSpool,
        trailer: &Trailer,
        app_data: &[u8],
    ) -> Result<(SealedDigests, PublishedFile), Error> {
        self.finish(spool, trailer, app_data, StagedFile::publish_or_remove)
    }

    /// Writes the list, makes it durable and renames it to its final name.
    pub(crate) fn finish_alone(
        self,
        spool: DigestSpool,
        trailer: &Trailer,
        app_data: &[u8],
    ) -> Result<SealedDigests, Error> {
        self.finish(spool, trailer, app_data, StagedFile::publish).map(|(sealed, _)| sealed)
    }

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

impl fmt::Debug for DigestListFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestListFile").field("path", &self.staged.path()).finish_non_exhaustive()
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
