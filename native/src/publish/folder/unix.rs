//! Folders on Unix: the system's `…at` calls.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, linkat, unlinkat};

use super::{FileIdentity, NamedEntry};

/// A folder that is open.
#[derive(Debug)]
pub(crate) struct OpenFolder(OwnedFd);

/// `O_PATH`: looking up names needs no permission to list the folder.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOOK_UP: OFlag = OFlag::O_PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const LOOK_UP: OFlag = OFlag::O_RDONLY;

impl OpenFolder {
    /// Opens the folder at a caller's path, following symbolic links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = LOOK_UP | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(openat(AT_FDCWD, path, flags, Mode::empty())?))
    }

    /// Opens a folder in this one; a symbolic link to a folder is refused as
    /// [`io::ErrorKind::NotADirectory`].
    pub(crate) fn child(&self, name: &[u8]) -> io::Result<Self> {
        self.open_child(name, LOOK_UP)
    }

    fn open_child(&self, name: &[u8], access: OFlag) -> io::Result<Self> {
        let flags = access | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(&self.0, name, flags, Mode::empty()) {
            Ok(folder) => Ok(Self(folder)),
            // Some systems report a symbolic link with these errors.
            Err(Errno::ELOOP | Errno::EMLINK) => Err(Errno::ENOTDIR.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a folder with the permissions of any new folder.
    pub(crate) fn create_child(&self, name: &[u8]) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, Mode::from_bits_truncate(0o777))?)
    }

    /// Creates a folder that no other user can look into, and opens it.
    pub(super) fn create_private_child(&self, name: &[u8]) -> io::Result<Self> {
        mkdirat(&self.0, name, Mode::from_bits_truncate(0o700))?;
        self.open_child(name, OFlag::O_RDONLY)
    }

    /// Creates a file with the permissions of any new file, for writing.
    pub(super) fn create_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let flags = flags | OFlag::O_NOFOLLOW;
        Ok(openat(&self.0, name, flags, Mode::from_bits_truncate(0o666))?.into())
    }

    /// Opens a file, made by [`create_file`](Self::create_file), for reading.
    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Returns the kind of the entry with this name; `None` if there is none.
    pub(crate) fn look_at(&self, name: &[u8]) -> io::Result<Option<NamedEntry>> {
        Ok(self.stat(name)?.map(|found| match kind(&found) {
            SFlag::S_IFREG => NamedEntry::File(Some(identity(&found))),
            SFlag::S_IFDIR => NamedEntry::Folder,
            SFlag::S_IFLNK => NamedEntry::Link,
            _ => NamedEntry::Special,
        }))
    }

    fn stat(&self, name: &[u8]) -> io::Result<Option<FileStat>> {
        match fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the file `name` the mode of the file `source` in the folder `from` and, if
    /// the system allows it, its owner and group.
    pub(super) fn copy_attributes(
        &self,
        name: &[u8],
        from: &Self,
        source: &[u8],
    ) -> io::Result<()> {
        let (Some(current), Some(wanted)) = (self.stat(name)?, from.stat(source)?) else {
            return Ok(());
        };
        if (current.st_uid, current.st_gid) != (wanted.st_uid, wanted.st_gid) {
            let user = (current.st_uid != wanted.st_uid).then(|| Uid::from_raw(wanted.st_uid));
            let group = Some(Gid::from_raw(wanted.st_gid));
            let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
            if fchownat(&self.0, name, user, group, flags).is_err() {
                // A user may set the group to any of their own groups.
                let _ = fchownat(&self.0, name, None, group, flags);
            }
        }
        // After the owner: giving a file away may clear bits of its mode.
        let mode = Mode::from_bits_truncate(wanted.st_mode) & kept_mode();
        Ok(fchmodat(&self.0, name, mode, FchmodatFlags::FollowSymlink)?)
    }

    /// Renames a file into another folder, replacing an existing file there.
    pub(super) fn rename(&self, from: &[u8], folder: &Self, to: &[u8]) -> io::Result<()> {
        Ok(renameat(&self.0, from, &folder.0, to)?)
    }

    /// Renames a file into another folder without replacing.
    pub(super) fn rename_new(&self, from: &[u8], folder: &Self, to: &[u8]) -> io::Result<()> {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        {
            use nix::fcntl::{RenameFlags, renameat2};
            match renameat2(&self.0, from, &folder.0, to, RenameFlags::RENAME_NOREPLACE) {
                // This file system does not support it.
                Err(Errno::EINVAL | Errno::ENOSYS) => {}
                renamed => return Ok(renamed?),
            }
        }
        linkat(&self.0, from, &folder.0, to, AtFlags::empty())?;
        self.remove_file(from)
    }

    /// Removes a file or a link.
    pub(super) fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir)?)
    }

    /// Removes an empty folder.
    pub(super) fn remove_child(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::RemoveDir)?)
    }

    /// Makes every file and name of the file system durable, if the system has one
    /// call for that; returns false if each file has to be synced by itself. Only for
    /// a folder from [`create_private_child`](Self::create_private_child).
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn sync_file_system(&self) -> io::Result<bool> {
        nix::unistd::syncfs(&self.0)?;
        Ok(true)
    }

    /// This system has no such call.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn sync_file_system(&self) -> io::Result<bool> {
        Ok(false)
    }
}

/// Bits of a mode that are copied: not set-user-id and set-group-id.
fn kept_mode() -> Mode {
    Mode::S_IRWXU | Mode::S_IRWXG | Mode::S_IRWXO | Mode::S_ISVTX
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "the types differ between systems"
)]
fn identity(found: &FileStat) -> FileIdentity {
    FileIdentity {
        device: found.st_dev.try_into().unwrap_or_default(),
        inode: found.st_ino.try_into().unwrap_or_default(),
    }
}
