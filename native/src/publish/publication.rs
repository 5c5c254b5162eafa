//! A file that appears whole or not at all.
//!
//! ```text
//! create    .NAME.XXXXXX.tmp in the destination's folder   a crash leaves at most this
//! write     …
//! publish   fsync the file                                 its bytes are on the disk
//!           rename to NAME (without replacing, unless the caller allows it)
//!           fsync the folder                               its name is on the disk
//! drop      remove the temporary file
//! ```
//!
//! A failed sync is not repeated: the system may have dropped what it could not
//! write, and would report the second call as a success.
//!
//! A file that replaces another gets its mode, and its owner and group if the
//! process may set them. If the path is a symbolic link to a regular file, the link
//! itself is replaced, as `mv` does it: the target stays, and the new file gets its
//! mode. Anything else that is not a regular file is refused, also through a link.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Attributes, Disk, DiskFile, DiskFolder, Found, Owner};
use crate::error::{ErrorKind, IoOperation};

/// Something that a published file lacks although it is whole and in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Caveat {
    /// The file belongs to the user of this process, which was not allowed to change
    /// the owner to that of the replaced file.
    OwnerNotKept {
        /// The user of the replaced file.
        user: u32,
        /// Its group.
        group: u32,
    },
    /// The file system cannot fsync a folder (network and FUSE file systems): after a
    /// crash of the system the path may be as it was before.
    FolderNotSynced,
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnerNotKept { user, group } => write!(
                f,
                "the replaced file belonged to user {user}, group {group}; the new one belongs to \
                 the user who runs this program, who may not change its owner"
            ),
            Self::FolderNotSynced => f.write_str(
                "this file system cannot fsync a folder: after a power failure the file's name may \
                 be missing",
            ),
        }
    }
}

/// A new file that does not have its final name yet.
pub(crate) struct Publication {
    temporary: Temporary,
    folder: Box<dyn DiskFolder>,
    name: PathBuf,
    overwrite: bool,
    caveats: Vec<Caveat>,
}

impl Publication {
    /// Creates the temporary file in the destination's folder: a rename must not
    /// cross file systems.
    pub(crate) fn create(
        disk: &Arc<dyn Disk>,
        path: &Path,
        overwrite: bool,
    ) -> Result<(Self, Box<dyn DiskFile>), ErrorKind> {
        let creating = |error| ErrorKind::io(IoOperation::Creating, error);
        let ends_in_separator = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        // The program may change its current folder before it publishes.
        let path = &std::path::absolute(path).map_err(creating)?;
        let file_name = path.file_name().filter(|_| !ends_in_separator);
        let file_name = file_name.ok_or(ErrorKind::NotAFile)?;
        let replaced = attributes_to_keep(disk.as_ref(), path, overwrite)?;
        let folder_path = path.parent().ok_or(ErrorKind::NotAFile)?;
        // Open the directory first: a failure must surface before the rename.
        let folder = disk.open_folder(folder_path).map_err(creating)?;
        let (temporary, file) =
            Temporary::create(disk, folder_path, file_name).map_err(creating)?;
        if !overwrite {
            temporary.test_rename_new(folder_path, file_name)?;
        }
        let mut caveats = Vec::new();
        if let Some(Attributes { permissions, owner }) = replaced {
            caveats.extend(owner.and_then(|owner| set_owner(file.as_ref(), owner)));
            // After the owner: giving a file away may clear bits of its mode.
            file.set_permissions(permissions).map_err(creating)?;
        }
        Ok((Self { temporary, folder, name: path.to_path_buf(), overwrite, caveats }, file))
    }

    /// Returns the path of the file until it is published.
    pub(crate) fn temporary_path(&self) -> &Path {
        &self.temporary.path
    }

    /// Returns the disk that the file is written to.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.temporary.disk
    }

    /// Returns the absolute path at which the file will appear.
    pub(crate) fn final_path(&self) -> &Path {
        &self.name
    }

    /// Makes the file durable, renames it, and makes its name durable.
    pub(crate) fn publish(self, file: &dyn DiskFile) -> Result<Vec<Caveat>, ErrorKind> {
        make_durable(file)?;
        self.temporary.persist(&self.name, self.overwrite)?;
        let mut caveats = self.caveats;
        match self.folder.sync() {
            Ok(()) => {}
            Err(error) if is_unsupported(&error) => caveats.push(Caveat::FolderNotSynced),
            Err(error) => return Err(ErrorKind::io(IoOperation::SyncingFolder, error)),
        }
        Ok(caveats)
    }
}

/// Returns whether the file has its final name although the publication failed.
pub(crate) fn has_its_name(error: &ErrorKind) -> bool {
    matches!(error, ErrorKind::Io { operation: IoOperation::SyncingFolder, .. })
}

/// Returns whether the fsync of a folder failed with `EINVAL` or `ENOSYS`: the file
/// system does not support the call. Every other error means that the fsync failed.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

fn set_owner(file: &dyn DiskFile, owner: Owner) -> Option<Caveat> {
    let Owner { user, group } = owner;
    file.set_owner(owner).err().map(|_| Caveat::OwnerNotKept { user, group })
}

/// Makes a file's bytes durable, under whatever name it has.
pub(crate) fn make_durable(file: &dyn DiskFile) -> Result<(), ErrorKind> {
    file.sync().map_err(|error| ErrorKind::io(IoOperation::Syncing, error))
}

/// A file under a temporary name. Removed when dropped.
struct Temporary {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    persisted: bool,
}

impl Temporary {
    fn create(
        disk: &Arc<dyn Disk>,
        folder: &Path,
        file_name: &OsStr,
    ) -> io::Result<(Self, Box<dyn DiskFile>)> {
        let (file, path) = tempfile::Builder::new()
            .prefix(&temporary_prefix(file_name))
            .suffix(".tmp")
            .rand_bytes(RANDOM_CHARS)
            .disable_cleanup(true)
            .make_in(folder, |path| disk.create_new(path))?
            .into_parts();
        let disk = Arc::clone(disk);
        Ok((Self { disk, path: path.to_path_buf(), persisted: false }, file))
    }

    /// Tests with the empty file whether `persist` can work, so that a failure shows
    /// now and not after all the work.
    fn test_rename_new(&self, folder: &Path, file_name: &OsStr) -> Result<(), ErrorKind> {
        let test = |free: &Path| {
            self.disk.test_rename_new(&self.path, free).inspect_err(|error| {
                if error.kind() != io::ErrorKind::AlreadyExists {
                    // The rename back may be the one that failed.
                    drop(self.disk.remove(free));
                }
            })
        };
        let tested = tempfile::Builder::new()
            .prefix(&temporary_prefix(file_name))
            .suffix(".tmp")
            .rand_bytes(RANDOM_CHARS)
            .disable_cleanup(true)
            .make_in(folder, test);
        tested.map(drop).map_err(|error| ErrorKind::io(IoOperation::TestingRename, error))
    }

    fn persist(mut self, name: &Path, overwrite: bool) -> Result<(), ErrorKind> {
        let renamed = if overwrite {
            self.disk.rename(&self.path, name)
        } else {
            self.disk.rename_new(&self.path, name)
        };
        self.persisted = renamed.is_ok();
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if !overwrite => ErrorKind::Exists,
            _ => ErrorKind::io(IoOperation::Publishing, error),
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.persisted {
            // A drop cannot report an error. The name shows that the file is
            // temporary: it begins with a dot and ends in `.tmp`.
            let _ = self.disk.remove(&self.path);
        }
    }
}

/// Returns whether a file name is that of a temporary file: `.NAME.XXXXXX.tmp`. A
/// writer that was killed leaves such a file; it may be removed.
///
/// ```
/// use sealpack::is_temporary_name;
///
/// assert!(is_temporary_name(".out.pack.a1B2c3.tmp".as_ref()));
/// assert!(!is_temporary_name("out.pack.a1B2c3.tmp".as_ref()));
/// assert!(!is_temporary_name(".out.pack.tmp".as_ref()));
/// ```
#[must_use]
pub fn is_temporary_name(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    let inner = bytes.strip_prefix(b".").and_then(|rest| rest.strip_suffix(b".tmp"));
    let parts = inner.and_then(|inner| inner.split_last_chunk::<RANDOM_CHARS>());
    parts.is_some_and(|(name, random)| {
        name.len() > 1 && name.ends_with(b".") && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// Random characters in the name of a temporary file.
pub(super) const RANDOM_CHARS: usize = 6;

/// Returns `.NAME.`, or a short prefix if the name is so long that the temporary
/// name would exceed the system's limit.
fn temporary_prefix(file_name: &OsStr) -> OsString {
    const MAX_LENGTH: usize = 200;
    let mut prefix = OsString::from(".");
    prefix.push(if file_name.len() <= MAX_LENGTH { file_name } else { OsStr::new("sealpack") });
    prefix.push(".");
    prefix
}

/// Fails if what exists at `path` cannot be replaced, before anything is written.
/// Returns the attributes of the file that will be replaced.
fn attributes_to_keep(
    disk: &dyn Disk,
    path: &Path,
    overwrite: bool,
) -> Result<Option<Attributes>, ErrorKind> {
    match disk.look_at(path) {
        Ok(Found::Other) => Err(ErrorKind::NotAFile),
        Ok(_) if !overwrite => Err(ErrorKind::Exists),
        Ok(Found::File(attributes)) => {
            let refused = |error| ErrorKind::io(IoOperation::TestingReplacement, error);
            disk.test_replace(path).map(|()| Some(attributes)).map_err(refused)
        }
        Ok(Found::LinkToFile(attributes)) => Ok(Some(attributes)),
        Ok(Found::DanglingLink) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ErrorKind::io(IoOperation::Creating, error)),
    }
}
