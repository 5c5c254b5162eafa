//! Folders on other systems: paths, each checked just before it is used. A link that
//! another process creates between the check and the use goes unnoticed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::NamedEntry;

/// A folder.
#[derive(Debug)]
pub(crate) struct OpenFolder(PathBuf);

impl OpenFolder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        if path.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(crate) fn child(&self, name: &[u8]) -> io::Result<Self> {
        let path = self.path(name)?;
        if fs::symlink_metadata(&path)?.is_dir() {
            Ok(Self(path))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    pub(crate) fn create_child(&self, name: &[u8]) -> io::Result<()> {
        fs::create_dir(self.path(name)?)
    }

    pub(super) fn create_private_child(&self, name: &[u8]) -> io::Result<Self> {
        self.create_child(name)?;
        self.child(name)
    }

    pub(super) fn create_file(&self, name: &[u8]) -> io::Result<File> {
        File::options().write(true).create_new(true).open(self.path(name)?)
    }

    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        File::open(self.path(name)?)
    }

    pub(crate) fn look_at(&self, name: &[u8]) -> io::Result<Option<NamedEntry>> {
        match fs::symlink_metadata(self.path(name)?) {
            Ok(found) if found.is_symlink() => Ok(Some(NamedEntry::Link)),
            Ok(found) if found.is_dir() => Ok(Some(NamedEntry::Folder)),
            Ok(found) if found.is_file() => Ok(Some(NamedEntry::File(None))),
            Ok(_) => Ok(Some(NamedEntry::Special)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn copy_attributes(
        &self,
        name: &[u8],
        from: &Self,
        source: &[u8],
    ) -> io::Result<()> {
        fs::set_permissions(self.path(name)?, fs::metadata(from.path(source)?)?.permissions())
    }

    pub(super) fn rename(&self, from: &[u8], folder: &Self, to: &[u8]) -> io::Result<()> {
        fs::rename(self.path(from)?, folder.path(to)?)
    }

    pub(super) fn rename_new(&self, from: &[u8], folder: &Self, to: &[u8]) -> io::Result<()> {
        let mut from = tempfile::TempPath::try_from_path(self.path(from)?)?;
        from.disable_cleanup(true);
        from.persist_noclobber(folder.path(to)?).map_err(|refused| refused.error)
    }

    pub(super) fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        fs::remove_file(self.path(name)?)
    }

    pub(super) fn remove_child(&self, name: &[u8]) -> io::Result<()> {
        fs::remove_dir(self.path(name)?)
    }

    pub(super) fn sync_file_system(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn path(&self, name: &[u8]) -> io::Result<PathBuf> {
        let name = std::str::from_utf8(name).map_err(|_| io::ErrorKind::InvalidFilename)?;
        Ok(self.0.join(name))
    }
}
