//! The report of an unpacking, with the items that were not written.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;

/// The result of an unpacking.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UnpackReport {
    /// Files that were written.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Items that were not written, by position.
    pub refused: Vec<RefusedItem>,
    /// Items whose file a later item of the same name replaced, by position: only
    /// with [`overwrite`](super::UnpackOptions::overwrite).
    pub replaced: Vec<RefusedItem>,
}

/// An item that was not written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefusedItem {
    /// Its position.
    pub position: u64,
    /// Its name.
    pub name: Bytes,
    /// The reason.
    pub refusal: UnpackRefusal,
}

/// Why an item was not written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UnpackRefusal {
    /// The item has no name.
    NoName,
    /// The name begins with `/`.
    Absolute,
    /// The name contains `..`.
    ParentFolder,
    /// The name contains two slashes in a row.
    EmptyComponent,
    /// The name is that of a folder: it ends in `/`, or is `.`.
    Folder,
    /// The name contains a zero byte.
    ZeroByte,
    /// The name, or a component of it, is longer than file systems allow.
    TooLong,
    /// The name is not UTF-8, as a portable name must be.
    NotUtf8,
    /// The name contains a character that Windows reserves, or ends in one.
    ReservedCharacter,
    /// The name is that of a device on Windows.
    DeviceName,
    /// Another item has the same name.
    Duplicate {
        /// The position of that item.
        position: u64,
    },
    /// Another item has a name that some file systems treat as the same one.
    DiffersOnlyInCase {
        /// The position of that item.
        position: u64,
    },
    /// Another item lies in a folder of this name.
    FolderOfItem {
        /// The position of that item.
        position: u64,
    },
    /// A file exists at this path.
    Exists,
    /// A folder exists at this path.
    FolderExists,
    /// A pipe, a device or a socket exists at this path.
    SpecialFile,
    /// A folder in the name is a symbolic link.
    Link,
    /// A folder in the name is a file.
    FileInPath,
    /// The item cannot be read.
    Unreadable(Arc<Error>),
    /// The system refused the name.
    Io(Arc<io::Error>),
}

impl UnpackRefusal {
    /// Returns whether [`overwrite`](super::UnpackOptions::overwrite) would have
    /// written the item.
    #[must_use]
    pub fn is_resolved_by_overwrite(&self) -> bool {
        matches!(self, Self::Exists | Self::Duplicate { .. })
    }

    pub(super) fn io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists,
            io::ErrorKind::IsADirectory => Self::FolderExists,
            io::ErrorKind::InvalidFilename => Self::TooLong,
            _ => Self::Io(Arc::new(error)),
        }
    }
}

impl fmt::Display for UnpackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("the item has no name"),
            Self::Absolute => f.write_str("the name is an absolute path"),
            Self::ParentFolder => f.write_str("the name contains `..`"),
            Self::EmptyComponent => f.write_str("the name contains `//`"),
            Self::Folder => f.write_str("the name is that of a folder, not of a file"),
            Self::ZeroByte => f.write_str("the name contains a zero byte"),
            Self::TooLong => f.write_str("the name is too long"),
            Self::NotUtf8 => f.write_str("the name is not UTF-8"),
            Self::ReservedCharacter => {
                f.write_str("the name has a character that Windows reserves, or ends in one")
            }
            Self::DeviceName => f.write_str("the name is that of a device on Windows"),
            Self::Duplicate { position } => write!(f, "item {position} has the same name"),
            Self::DiffersOnlyInCase { position } => {
                write!(f, "the name of item {position} differs only in upper and lower case")
            }
            Self::FolderOfItem { position } => {
                write!(f, "the name is that of a folder in the name of item {position}")
            }
            Self::Exists => f.write_str("the file already exists"),
            Self::FolderExists => f.write_str("a folder has this name"),
            Self::SpecialFile => f.write_str("a pipe, a device or a socket has this name"),
            Self::Link => f.write_str("a folder in the name is a symbolic link"),
            Self::FileInPath => f.write_str("a folder in the name is a file"),
            Self::Unreadable(error) => error.kind().fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}
