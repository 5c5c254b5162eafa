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

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::error::{Doing, ErrorKind};

/// A new file that does not have its name yet.
pub(crate) struct Publication {
    temporary: TempPath,
    folder: Folder,
    name: PathBuf,
    overwrite: bool,
}

impl Publication {
    /// Creates the temporary file, in the folder where the new one will be:
    /// a rename must not cross file systems.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<(Self, File), ErrorKind> {
        // The folder may be another one when the pack is finished, if the
        // program changes it.
        let creating = |error| ErrorKind::io(Doing::Creating, error);
        let ends_in_separator = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let path = &std::path::absolute(path).map_err(creating)?;
        let file_name = path.file_name().filter(|_| !ends_in_separator);
        let file_name = file_name.ok_or(ErrorKind::NotAFile)?;
        let replaced = look_at_existing(path, overwrite)?;
        let folder_path = path.parent().ok_or(ErrorKind::NotAFile)?;
        let folder = Folder::open(folder_path).map_err(creating)?;
        let temporary = new_file(&temporary_prefix(file_name), folder_path);
        let (file, temporary) = temporary.map_err(creating)?.into_parts();
        if let Some(permissions) = replaced {
            file.set_permissions(permissions).map_err(creating)?;
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
        self.folder.sync().map_err(|error| ErrorKind::io(Doing::SyncingFolder, error))
    }
}

/// `.NAME.`, or a short one where a name as long as the system allows would
/// leave no room for what follows.
fn temporary_prefix(file_name: &OsStr) -> OsString {
    const LONGEST: usize = 200;
    let mut prefix = OsString::from(".");
    prefix.push(if file_name.len() <= LONGEST { file_name } else { OsStr::new("sealpack") });
    prefix.push(".");
    prefix
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
        fn new_file(prefix: &OsStr, folder: &Path) -> io::Result<NamedTempFile> {
            tempfile::Builder::new()
                .prefix(prefix)
                .suffix(".tmp")
                .permissions(fs::Permissions::from_mode(0o666))
                .tempfile_in(folder)
        }

        /// The folder of a pack, opened before the pack is written: that it
        /// cannot be must not be found out when the pack has its name.
        struct Folder(File);

        impl Folder {
            fn open(path: &Path) -> io::Result<Self> {
                File::open(path).map(Self)
            }

            fn sync(&self) -> io::Result<()> {
                self.0.sync_all()
            }
        }
    } else {
        fn new_file(prefix: &OsStr, folder: &Path) -> io::Result<NamedTempFile> {
            tempfile::Builder::new().prefix(prefix).suffix(".tmp").tempfile_in(folder)
        }

        /// Folders cannot be synced here; the system orders a rename itself.
        struct Folder;

        impl Folder {
            fn open(_path: &Path) -> io::Result<Self> {
                Ok(Self)
            }

            fn sync(&self) -> io::Result<()> {
                Ok(())
            }
        }
    }
}
