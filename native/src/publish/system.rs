//! The machine's file system.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::path::Path;

use tempfile::TempPath;

use super::disk::{Attributes, Disk, DiskFile, DiskFolder, Found, Owner};
use super::{replacing, writeback};

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Disk for System {
    fn look_at(&self, path: &Path) -> io::Result<Found> {
        let found = fs::symlink_metadata(path)?;
        if !found.is_symlink() {
            return Ok(if found.is_file() {
                Found::File(attributes(&found))
            } else {
                Found::Other
            });
        }
        match fs::metadata(path) {
            Ok(target) if target.is_file() => Ok(Found::LinkToFile(attributes(&target))),
            Ok(_) => Ok(Found::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::DanglingLink),
            Err(error) => Err(error),
        }
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

    /// `tempfile` uses each system's call for this, or link and unlink where there
    /// is none.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut from = TempPath::try_from_path(from)?;
        from.disable_cleanup(true);
        from.persist_noclobber(to).map_err(|refused| refused.error)
    }

    fn test_rename_new(&self, file: &Path, free: &Path) -> io::Result<()> {
        self.rename_new(file, free)?;
        self.rename(free, file)
    }

    fn test_replace(&self, path: &Path) -> io::Result<()> {
        if replacing::is_mount_point(path) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        replacing::test(path)
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

    fn set_owner(&self, owner: Owner) -> io::Result<()> {
        set_owner(&self.0, owner)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

cfg_if::cfg_if! {
    if #[cfg(unix)] {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

        /// Bits of a mode that a new file gets from the replaced one: not set-user-id
        /// and set-group-id, which mean nothing on data.
        const MODE: u32 = 0o1777;

        fn attributes(found: &fs::Metadata) -> Attributes {
            let permissions = fs::Permissions::from_mode(found.mode() & MODE);
            Attributes { permissions, owner: Some(owner(found)) }
        }

        fn owner(found: &fs::Metadata) -> Owner {
            Owner { user: found.uid(), group: found.gid() }
        }

        fn set_owner(file: &File, wanted: Owner) -> io::Result<()> {
            let current = owner(&file.metadata()?);
            if current == wanted {
                return Ok(());
            }
            let user = (current.user != wanted.user).then_some(wanted.user);
            fchown(file, user, Some(wanted.group)).inspect_err(|_| {
                // A user may set the group to any of their own groups.
                drop(fchown(file, None, Some(wanted.group)));
            })
        }

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
        fn attributes(found: &fs::Metadata) -> Attributes {
            Attributes { permissions: found.permissions(), owner: None }
        }

        fn set_owner(_file: &File, _owner: Owner) -> io::Result<()> {
            Ok(())
        }

        /// Folders cannot be synced here; the system makes renames durable by itself.
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
