//! A file that appears whole or not at all.
//!
//! ```text
//! create    .name.XXXXXX.tmp in the folder of the pack   a crash leaves at most this
//! write     …
//! publish   fsync the file                               its bytes are on the disk
//!           rename to the name (without replacing, unless asked for)
//!           fsync the folder                             so is its name
//! drop      remove the temporary file
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::error::{Doing, ErrorKind};

/// A new file that does not have its name yet.
pub(crate) struct Publication {
    temporary: TempPath,
    folder: PathBuf,
    name: PathBuf,
    overwrite: bool,
}

impl Publication {
    /// Creates the temporary file, in the folder where the new one will be:
    /// a rename must not cross file systems.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<(Self, File), ErrorKind> {
        let file_name = path.file_name().ok_or(ErrorKind::NotAFile)?;
        let replaced = look_at_existing(path, overwrite)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(file_name);
        prefix.push(".");
        let temporary = new_file(&prefix, &folder);
        let (file, temporary) =
            temporary.map_err(|error| ErrorKind::io(Doing::Creating, error))?.into_parts();
        if let Some(permissions) = replaced {
            let kept = file.set_permissions(permissions);
            kept.map_err(|error| ErrorKind::io(Doing::Creating, error))?;
        }
        Ok((Self { temporary, folder, name: path.to_path_buf(), overwrite }, file))
    }

    /// The file, before it has its name.
    pub(crate) fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    /// Makes the file durable, gives it its name, makes the name durable.
    pub(crate) fn publish(self, file: &File) -> Result<(), ErrorKind> {
        let syncing = |error| ErrorKind::io(Doing::Syncing, error);
        let publishing = |error| ErrorKind::io(Doing::Publishing, error);
        file.sync_all().map_err(syncing)?;
        if self.overwrite {
            self.temporary.persist(&self.name).map_err(|e| publishing(e.error))?;
        } else {
            self.temporary.persist_noclobber(&self.name).map_err(|e| match e.error.kind() {
                io::ErrorKind::AlreadyExists => ErrorKind::Exists,
                _ => publishing(e.error),
            })?;
        }
        sync_folder(&self.folder).map_err(syncing)
    }
}

/// Refuses what cannot be replaced now rather than when all is written; the
/// permissions of what will be.
fn look_at_existing(path: &Path, overwrite: bool) -> Result<Option<fs::Permissions>, ErrorKind> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Err(ErrorKind::NotAFile),
        Ok(_) if !overwrite => Err(ErrorKind::Exists),
        Ok(found) if found.is_file() => Ok(Some(found.permissions())),
        Ok(found) if found.is_symlink() => Ok(None),
        Ok(_) => Err(ErrorKind::NotAFile),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ErrorKind::io(Doing::Creating, error)),
    }
}

cfg_if::cfg_if! {
    if #[cfg(unix)] {
        use std::os::unix::fs::PermissionsExt as _;

        /// With the permissions of any new file: the umask applies.
        fn new_file(prefix: &std::ffi::OsStr, folder: &Path) -> io::Result<NamedTempFile> {
            tempfile::Builder::new()
                .prefix(prefix)
                .suffix(".tmp")
                .permissions(fs::Permissions::from_mode(0o666))
                .tempfile_in(folder)
        }

        fn sync_folder(folder: &Path) -> io::Result<()> {
            File::open(folder)?.sync_all()
        }
    } else {
        fn new_file(prefix: &std::ffi::OsStr, folder: &Path) -> io::Result<NamedTempFile> {
            tempfile::Builder::new().prefix(prefix).suffix(".tmp").tempfile_in(folder)
        }

        /// Folders cannot be synced here; the system orders a rename itself.
        fn sync_folder(_folder: &Path) -> io::Result<()> {
            Ok(())
        }
    }
}
