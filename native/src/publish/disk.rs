//! The seam between publishing and the file system: every call that writing a
//! file makes, and no other.
//!
//! [`System`] is what a program runs on. The feature `testing` makes the module
//! public and adds `WriterOptions::disk`, so that a test can act as the disk:
//! lose what was not synced, fail any call, accept only part of a write. Semantic
//! versioning does not cover it.
//!
//! Calls are dispatched dynamically, so that no public type needs a type parameter
//! for its disk. With one call for each write of 1 MiB, the cost is not measurable.

use std::fs;
use std::io::{self, IoSlice};
use std::path::Path;

pub use super::system::System;

/// A file system, as far as writing a file needs one.
pub trait Disk: Send + Sync {
    /// Returns what exists at this path.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if nothing does; any error of the lookup.
    fn look_at(&self, path: &Path) -> io::Result<Found>;

    /// Opens the folder in which files will be created and renamed.
    ///
    /// # Errors
    /// Any error of the system.
    fn open_folder(&self, path: &Path) -> io::Result<Box<dyn DiskFolder>>;

    /// Creates a file with the permissions of any new file, for writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken; any other error of
    /// the system.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Renames a file, atomically replacing an existing file at the new path.
    ///
    /// # Errors
    /// Any error of the system; then nothing was changed.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file without replacing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken; any other error of
    /// the system. Then nothing was changed.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Tests whether [`rename_new`](Self::rename_new) works here: renames an empty
    /// file to an unused name, and back.
    ///
    /// # Errors
    /// Any error of the system. The file may then have either name.
    fn test_rename_new(&self, file: &Path, free: &Path) -> io::Result<()>;

    /// Tests whether a rename may replace this regular file, as far as a test can
    /// show that without changing anything.
    ///
    /// # Errors
    /// The error that the rename would give.
    fn test_replace(&self, path: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Any error of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A file that is written front to back. Closed when dropped.
pub trait DiskFile: Send {
    /// Appends bytes of these slices, and returns how many it wrote.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] if the call should be repeated; any other
    /// error of the system. Then nothing was written.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Asks the disk to start writing these bytes. Advice: it promises nothing
    /// and cannot fail.
    fn start_writing(&self, offset: u64, length: u64);

    /// Sets who may read and write the file.
    ///
    /// # Errors
    /// Any error of the system.
    fn set_permissions(&self, permissions: fs::Permissions) -> io::Result<()>;

    /// Changes the file's owner and group, unless they are set already. If only the
    /// group may be changed, changes that and returns the error.
    ///
    /// # Errors
    /// Any error of the system.
    fn set_owner(&self, owner: Owner) -> io::Result<()>;

    /// Waits until every byte written is on the disk.
    ///
    /// # Errors
    /// Any error of the system. What was written may then be lost for good, and a
    /// second call that succeeds proves nothing.
    fn sync(&self) -> io::Result<()>;
}

/// An open folder. Closed when dropped.
pub trait DiskFolder: Send {
    /// Waits until every creation, rename and removal in it is on the disk.
    ///
    /// # Errors
    /// Any error of the system.
    fn sync(&self) -> io::Result<()>;
}

/// What exists at a path.
#[derive(Clone, Debug)]
pub enum Found {
    /// A regular file.
    File(Attributes),
    /// A symbolic link that leads to a regular file, with that file's attributes.
    LinkToFile(Attributes),
    /// A symbolic link that leads to nothing.
    DanglingLink,
    /// A folder, a pipe, a device, a socket; or a symbolic link to one.
    Other,
}

/// Attributes that a file passes on to the file that replaces it.
#[derive(Clone, Debug)]
pub struct Attributes {
    /// The permissions to read and write it.
    pub permissions: fs::Permissions,
    /// Its owner, on systems where files have numbered owners.
    pub owner: Option<Owner>,
}

/// User and group of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
}
