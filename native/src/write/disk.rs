//! The seam between the writer and the file system: every call that writing a
//! pack makes, and no other.
//!
//! [`System`] is what a program runs on. The feature `testing` makes the module
//! public and adds `WriterOptions::disk`, so that a test can be the disk: lose
//! what was not synced, fail any call, take less than was offered. Nothing of
//! it is covered by semantic versioning.
//!
//! A call is dispatched dynamically, once for each write of 1 MiB: that costs
//! nothing that can be measured, and no type of the public interface has to
//! name the disk it is on.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::path::Path;

use tempfile::TempPath;

use super::writeback;

/// A file system, as far as writing a pack needs one.
pub trait Disk: Send + Sync {
    /// What has this name; a symbolic link itself and not what it points at.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where nothing has; whatever hinders looking.
    fn look_at(&self, path: &Path) -> io::Result<Found>;

    /// Opens the folder in which names will be made.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn open_folder(&self, path: &Path) -> io::Result<Box<dyn DiskFolder>>;

    /// Creates a file with the permissions of any new file, for writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where the name is taken; whatever else
    /// hinders it.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of whatever has that: at no moment
    /// does nothing have it.
    ///
    /// # Errors
    /// Whatever hinders it; nothing was changed then.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name that nothing has.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where the name is taken; whatever else
    /// hinders it. Nothing was changed then.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A file that is written front to back. Closed on being dropped.
pub trait DiskFile: Send {
    /// Writes at the end of what was written: how many bytes of these slices
    /// were taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] where it is to be called again; whatever
    /// hinders it. Nothing was taken then.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Asks the disk to start with these bytes. Advice: nothing is promised
    /// and nothing can fail.
    fn start_writing(&self, offset: u64, length: u64);

    /// Sets who may read and write the file.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn set_permissions(&self, permissions: fs::Permissions) -> io::Result<()>;

    /// Waits until every byte written is on the disk.
    ///
    /// # Errors
    /// Whatever hinders it. What was written may be lost for good then, and a
    /// second call that succeeds says nothing about it.
    fn sync(&self) -> io::Result<()>;
}

/// An open folder. Closed on being dropped.
pub trait DiskFolder: Send {
    /// Waits until every name made, moved or removed in it is on the disk.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn sync(&self) -> io::Result<()>;
}

/// What has a name.
#[derive(Clone, Debug)]
pub enum Found {
    /// A regular file with these permissions.
    File(fs::Permissions),
    /// A symbolic link, wherever it points.
    Link,
    /// A folder, a pipe, a device, a socket.
    Other,
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Disk for System {
    fn look_at(&self, path: &Path) -> io::Result<Found> {
        let found = fs::symlink_metadata(path)?;
        Ok(match found.file_type() {
            kind if kind.is_file() => Found::File(found.permissions()),
            kind if kind.is_symlink() => Found::Link,
            _ => Found::Other,
        })
    }

    fn open_folder(&self, path: &Path) -> io::Result<Box<dyn DiskFolder>> {
        Ok(Box::new(SystemFolder::open(path)?))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Each system has its own way to rename without replacing, or a link and
    /// an unlink in place of it: `tempfile` knows them.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut from = TempPath::try_from_path(from)?;
        from.disable_cleanup(true);
        from.persist_noclobber(to).map_err(|refused| refused.error)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

struct SystemFile(File);

impl DiskFile for SystemFile {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        io::Write::write_vectored(&mut self.0, slices)
    }

    fn start_writing(&self, offset: u64, length: u64) {
        writeback::start_writing(&self.0, offset, length);
    }

    fn set_permissions(&self, permissions: fs::Permissions) -> io::Result<()> {
        self.0.set_permissions(permissions)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

cfg_if::cfg_if! {
    if #[cfg(unix)] {
        struct SystemFolder(File);

        impl SystemFolder {
            fn open(path: &Path) -> io::Result<Self> {
                File::open(path).map(Self)
            }
        }

        impl DiskFolder for SystemFolder {
            fn sync(&self) -> io::Result<()> {
                self.0.sync_all()
            }
        }
    } else {
        /// Folders cannot be synced here; the system orders a rename itself.
        struct SystemFolder;

        impl SystemFolder {
            fn open(_path: &Path) -> io::Result<Self> {
                Ok(Self)
            }
        }

        impl DiskFolder for SystemFolder {
            fn sync(&self) -> io::Result<()> {
                Ok(())
            }
        }
    }
}
