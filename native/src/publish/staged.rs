//! `StagedFile`: arbitrary bytes in a file that appears whole or not at all.

use std::fmt;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, System};
use super::publication::{Caveat, Publication, has_its_name, make_durable};
use crate::error::{Error, ErrorKind, IoOperation};

/// A file that is being written and appears under its name in
/// [`publish`](Self::publish), whole and durable. If it is dropped before that, no
/// file remains, and an existing file of the name stays unchanged.
///
/// The bytes go to `.NAME.XXXXXX.tmp` next to the destination, a random name that
/// is created exclusively: no existing file and no symbolic link is written to.
/// A file that replaces another gets its mode, and its owner and group if the
/// process may set them. If the path is a symbolic link to a regular file, the link
/// itself is replaced; its target stays.
///
/// Every `write` is a call to the system: wrap small ones in a
/// [`BufWriter`](std::io::BufWriter).
///
/// ```
/// use std::io::Write as _;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("names.txt");
/// let overwrite = false;
/// let mut file = sealpack::StagedFile::create(&path, overwrite)?;
/// file.write_all(b"first\nsecond\n")?;
/// assert!(!path.exists() && file.temporary_path().exists());
/// let published = file.publish()?;
/// for caveat in published.caveats() {
///     eprintln!("note: {}: {caveat}", path.display());
/// }
/// assert_eq!(std::fs::read(&path)?, b"first\nsecond\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StagedFile {
    path: Arc<PathBuf>,
    publication: Publication,
    file: Box<dyn DiskFile>,
}

impl StagedFile {
    /// Creates the temporary file. `overwrite` allows [`publish`](Self::publish)
    /// to replace a regular file at `path`, or a link to one.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] without `overwrite`; [`ErrorKind::NotAFile`] for a
    /// folder, pipe, device or socket, or a link to one; [`ErrorKind::Io`].
    pub fn create(path: impl AsRef<Path>, overwrite: bool) -> Result<Self, Error> {
        Self::create_on(&(Arc::new(System) as Arc<dyn Disk>), path.as_ref(), overwrite)
    }

    pub(crate) fn create_on(
        disk: &Arc<dyn Disk>,
        path: &Path,
        overwrite: bool,
    ) -> Result<Self, Error> {
        let path = Arc::new(path.to_path_buf());
        let created = Publication::create(disk, &path, overwrite);
        let (publication, file) = created.map_err(|kind| Error::new(&path, kind))?;
        Ok(Self { path, publication, file })
    }

    /// Returns the path that was given to [`create`](Self::create).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the temporary file. A process that is killed by a signal
    /// runs no destructors, and has to remove this file itself.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        self.publication.temporary_path()
    }

    /// Makes the bytes written so far durable: a full disk causes an error now and
    /// not in [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`ErrorKind::Io`]. Then the file must not be published.
    pub fn sync(&mut self) -> Result<(), Error> {
        make_durable(self.file.as_ref()).map_err(|kind| self.error(kind))
    }

    /// Makes the file durable, renames it to its final name, and makes the name
    /// durable.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if the name was taken meanwhile, without
    /// `overwrite`; [`ErrorKind::Io`]. Then the file does not appear, except after
    /// [`IoOperation::SyncingFolder`](crate::IoOperation::SyncingFolder): it was renamed,
    /// but the name may not survive a crash of the system.
    pub fn publish(self) -> Result<PublishedFile, Error> {
        self.publish_with(|_, _| {})
    }

    /// Publishes several files, in this order: all of them, or none. If one cannot
    /// be published, those before it are removed.
    pub(crate) fn publish_all(files: Vec<Self>) -> Result<PublishedFiles, Error> {
        let mut published = PublishedFiles::default();
        for file in files {
            match file.publish_or_remove() {
                Ok(file) => published.files.push(file),
                Err(error) => {
                    published.take_back();
                    return Err(error);
                }
            }
        }
        Ok(published)
    }

    /// As [`publish`](Self::publish), but the file is also removed if only the fsync
    /// of the folder failed: for a file that must not exist without another one.
    pub(crate) fn publish_or_remove(self) -> Result<PublishedFile, Error> {
        self.publish_with(|disk, name| drop(disk.remove(name)))
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.path, kind)
    }

    fn publish_with(
        self,
        after_failed_folder_sync: fn(&dyn Disk, &Path),
    ) -> Result<PublishedFile, Error> {
        let Self { path, publication, file } = self;
        let absolute = publication.final_path().to_path_buf();
        let disk = Arc::clone(publication.disk());
        match publication.publish(file.as_ref()) {
            Ok(caveats) => Ok(PublishedFile { path, absolute, file, disk, caveats }),
            Err(kind) => {
                if has_its_name(&kind) {
                    after_failed_folder_sync(disk.as_ref(), &absolute);
                }
                Err(Error::new(&path, kind))
            }
        }
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(&[IoSlice::new(bytes)])
    }

    /// Does nothing: there is no buffer.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Files that were published ahead of the file that they belong to.
#[derive(Default)]
pub(crate) struct PublishedFiles {
    files: Vec<PublishedFile>,
}

impl PublishedFiles {
    pub(crate) fn push(&mut self, file: PublishedFile) {
        self.files.push(file);
    }

    pub(crate) fn caveats(&self) -> impl Iterator<Item = Caveat> {
        self.files.iter().flat_map(|file| file.caveats.iter().copied())
    }

    /// Removes the files, because the file that they belong to does not appear. That
    /// file's error is the one to report; a file that remains alone does no harm.
    pub(crate) fn take_back(self) {
        for file in self.files {
            drop(file.take_back());
        }
    }
}

/// A file that was renamed to its final name. It is still open at its end: a
/// program may append to it.
pub struct PublishedFile {
    path: Arc<PathBuf>,
    absolute: PathBuf,
    file: Box<dyn DiskFile>,
    disk: Arc<dyn Disk>,
    caveats: Vec<Caveat>,
}

impl PublishedFile {
    /// Returns what the file lacks although it is whole.
    #[must_use]
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    /// Makes bytes that were appended after the publication durable.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]. Then the appended bytes may be lost for good; do not repeat
    /// the call.
    pub fn sync(&mut self) -> Result<(), Error> {
        make_durable(self.file.as_ref()).map_err(|kind| Error::new(&self.path, kind))
    }

    /// Removes the file again, for example because a file that belongs with it could
    /// not be published.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn take_back(self) -> Result<(), Error> {
        let removed = self.disk.remove(&self.absolute);
        let kind = |error| ErrorKind::io(IoOperation::Removing, error);
        removed.map_err(|error| Error::new(&self.path, kind(error)))
    }
}

impl Write for PublishedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(&[IoSlice::new(bytes)])
    }

    /// Does nothing: there is no buffer.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for StagedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for PublishedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedFile").field("path", &self.path).finish_non_exhaustive()
    }
}
