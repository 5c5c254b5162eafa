//! A folder that is open: names in it are looked up, created and renamed one
//! component at a time, and no symbolic link is followed.
//!
//! Every call takes the handle of an open folder and one name in it. A name has
//! no separator and is not `..`, so no call leaves the folder, whatever links
//! another process creates meanwhile. One `openat` for each component does this
//! on every Unix; `openat2` with `RESOLVE_BENEATH` would do it in one call, but
//! exists only on Linux.

mod staging;

cfg_if::cfg_if! {
    if #[cfg(unix)] {
        mod unix;
        pub(crate) use self::unix::OpenFolder;
    } else {
        mod other;
        pub(crate) use self::other::OpenFolder;
    }
}

pub(crate) use self::staging::{StagedItem, StagingFolder};

/// The kind of an entry of a folder. A symbolic link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedEntry {
    /// A regular file, and its identity where the system has one.
    File(Option<FileIdentity>),
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A pipe, a socket, a device.
    Special,
}

/// Device and inode of a file. Outside Unix the standard library offers no such
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileIdentity {
    pub(super) device: u64,
    pub(super) inode: u64,
}
