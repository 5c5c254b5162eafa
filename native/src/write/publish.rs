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
//!
//! A sync that failed is not tried again: the system may have dropped what it
//! could not write, and would call the second one a success.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, DiskFolder, Found};
use crate::error::{Doing, ErrorKind};

/// A new file that does not have its name yet.
pub(crate) struct Publication {
    temporary: Temporary,
    folder: Box<dyn DiskFolder>,
    name: PathBuf,
    overwrite: bool,
}

impl Publication {
    /// Creates the temporary file, in the folder where the new one will be:
    /// a rename must not cross file systems.
    pub(crate) fn create(
        disk: &Arc<dyn Disk>,
        path: &Path,
        overwrite: bool,
    ) -> Result<(Self, Box<dyn DiskFile>), ErrorKind> {
        // The folder may be another one when the pack is finished, if the
        // program changes it.
        let creating = |error| ErrorKind::io(Doing::Creating, error);
        let ends_in_separator = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let path = &std::path::absolute(path).map_err(creating)?;
        let file_name = path.file_name().filter(|_| !ends_in_separator);
        let file_name = file_name.ok_or(ErrorKind::NotAFile)?;
        let replaced = look_at_existing(disk.as_ref(), path, overwrite)?;
        let folder_path = path.parent().ok_or(ErrorKind::NotAFile)?;
        // Opened before the pack is written: that it cannot be must not be
        // found out when the pack has its name.
        let folder = disk.open_folder(folder_path).map_err(creating)?;
        let (temporary, file) =
            Temporary::create(disk, folder_path, file_name).map_err(creating)?;
        if let Some(permissions) = replaced {
            file.set_permissions(permissions).map_err(creating)?;
        }
        Ok((Self { temporary, folder, name: path.to_path_buf(), overwrite }, file))
    }

    /// The file, before it has its name.
    pub(crate) fn temporary_path(&self) -> &Path {
        &self.temporary.path
    }

    /// The name that the file gets, from the root on.
    pub(crate) fn final_path(&self) -> &Path {
        &self.name
    }

    /// Makes the file durable, gives it its name, makes the name durable.
    pub(crate) fn publish(self, file: &dyn DiskFile) -> Result<(), ErrorKind> {
        make_durable(file)?;
        self.temporary.persist(&self.name, self.overwrite)?;
        self.folder.sync().map_err(|error| ErrorKind::io(Doing::SyncingFolder, error))
    }
}

/// Makes a file durable, whatever its name.
pub(crate) fn make_durable(file: &dyn DiskFile) -> Result<(), ErrorKind> {
    file.sync().map_err(|error| ErrorKind::io(Doing::Syncing, error))
}

/// A file under a name of its own; removed on being dropped.
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
            .disable_cleanup(true)
            .make_in(folder, |path| disk.create_new(path))?
            .into_parts();
        let disk = Arc::clone(disk);
        Ok((Self { disk, path: path.to_path_buf(), persisted: false }, file))
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
            _ => ErrorKind::io(Doing::Publishing, error),
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.persisted {
            // Nobody is left to be told; a name that begins with a dot and
            // ends in `.tmp` says what was left.
            let _ = self.disk.remove(&self.path);
        }
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
fn look_at_existing(
    disk: &dyn Disk,
    path: &Path,
    overwrite: bool,
) -> Result<Option<fs::Permissions>, ErrorKind> {
    match disk.look_at(path) {
        Ok(Found::Other) => Err(ErrorKind::NotAFile),
        Ok(_) if !overwrite => Err(ErrorKind::Exists),
        Ok(Found::File(permissions)) => Ok(Some(permissions)),
        Ok(Found::Link) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ErrorKind::io(Doing::Creating, error)),
    }
}
