//! Determines whether two paths, or a path and an open file, are the same file.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::path::Path;

/// The identity of an existing file or folder, which is the same under all its names.
#[cfg(unix)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    /// Returns the identity of the file or folder at a path, following links.
    pub fn of_path(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::of_metadata)
    }

    /// Returns the identity of standard input, if it is a file.
    pub fn of_standard_input() -> Option<Self> {
        standard_input_file().as_ref().map(Self::of_metadata)
    }

    fn of_metadata(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The path with all links resolved. On this platform hard links to a file are not
/// recognized.
#[cfg(not(unix))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(std::path::PathBuf);

#[cfg(not(unix))]
impl Identity {
    /// Returns the identity of the file or folder at a path, following links.
    pub fn of_path(path: &Path) -> Option<Self> {
        fs::canonicalize(path).ok().map(Self)
    }

    /// An open file has no identity on this platform.
    pub fn of_standard_input() -> Option<Self> {
        None
    }
}

/// A name in a folder; the file need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathIdentity {
    folder: Identity,
    name: OsString,
}

impl PathIdentity {
    /// Returns the folder and the name of a path, if its folder exists.
    pub fn of(path: &Path) -> Option<Self> {
        let folder = match path.parent()? {
            empty if empty.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        Some(Self { folder: Identity::of_path(folder)?, name: path.file_name()?.to_owned() })
    }

    /// Returns the name.
    pub fn name(&self) -> &OsString {
        &self.name
    }
}

/// Returns whether an open file is the one at a path.
#[cfg(unix)]
pub fn is_at(path: &Path, file: &File) -> bool {
    let open = file.metadata().ok().as_ref().map(Identity::of_metadata);
    open.is_some() && open == Identity::of_path(path)
}

/// On this platform an open file is not replaced.
#[cfg(not(unix))]
pub fn is_at(path: &Path, _: &File) -> bool {
    path.exists()
}

/// Returns the metadata of standard input if it is a file (`pack - < file`).
#[cfg(unix)]
pub fn standard_input_file() -> Option<Metadata> {
    use std::os::fd::AsFd;
    let file = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
    file.metadata().ok().filter(Metadata::is_file)
}

/// Standard input cannot be examined on this platform.
#[cfg(not(unix))]
pub fn standard_input_file() -> Option<Metadata> {
    None
}
