//! Files that are staged and then moved into a tree of folders; each appears whole or
//! not at all.
//!
//! ```text
//! stage     DIR/.unpack.XXXXXX.tmp/.N.XXXXXX.tmp    a crash leaves at most these
//! sync      one call for all staged files           so their bytes are on the disk
//! publish   rename to DIR/…/NAME (without replacing, unless the caller allows it)
//! ```
//!
//! All files wait in one folder, which only this user may enter, so that an
//! interrupted run leaves one folder to remove and no file anywhere else. One sync
//! of the file system serves thousands of files; an fsync for each would cost more
//! than writing them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::publication::RANDOM_CHARS;
use super::{FileIdentity, NamedEntry, OpenFolder};

/// The folder in which files wait for their names. Removed when dropped, if it is
/// empty.
#[derive(Debug)]
pub(crate) struct StagingFolder {
    root: OpenFolder,
    folder: OpenFolder,
    path: PathBuf,
    name: Vec<u8>,
    next: AtomicU64,
}

impl StagingFolder {
    /// Creates the folder in the folder `root`.
    pub(crate) fn create(root: &Path) -> io::Result<Arc<Self>> {
        let open = OpenFolder::open(root)?;
        let create = |path: &Path| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            open.create_private_child(name)
        };
        let named = tempfile::Builder::new()
            .prefix(".unpack.")
            .suffix(".tmp")
            .rand_bytes(RANDOM_CHARS)
            .disable_cleanup(true)
            .make_in(root, create)?;
        let (folder, path) = named.into_parts();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
        Ok(Arc::new(Self {
            root: open,
            folder,
            path: std::path::absolute(&path)?,
            name,
            next: AtomicU64::new(0),
        }))
    }

    /// Returns the top folder of the tree of files.
    pub(crate) fn root(&self) -> &OpenFolder {
        &self.root
    }

    /// Returns the path of the staging folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file to the staging folder; it has no name in the tree yet.
    pub(crate) fn stage(self: &Arc<Self>, bytes: &[u8]) -> io::Result<StagedItem> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // A name that `is_temporary_name` recognizes.
        let name = format!(".{}.{:06}.tmp", number / 1_000_000, number % 1_000_000).into_bytes();
        let mut file = self.folder.create_file(&name)?;
        let staged = StagedItem { staging: Arc::clone(self), name, renamed: false };
        file.write_all(bytes)?;
        Ok(staged)
    }

    /// Makes these files durable, and every rename made before.
    pub(crate) fn sync<'a>(
        &self,
        staged: impl IntoIterator<Item = &'a StagedItem>,
    ) -> io::Result<()> {
        if self.folder.sync_file_system()? {
            return Ok(());
        }
        for item in staged {
            self.folder.open_file(&item.name)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        // A drop cannot report an error. The name shows that the folder is temporary.
        let _ = self.root.remove_child(&self.name);
    }
}

/// A staged file. Removed when dropped.
#[derive(Debug)]
pub(crate) struct StagedItem {
    staging: Arc<StagingFolder>,
    name: Vec<u8>,
    renamed: bool,
}

impl StagedItem {
    /// Returns the device and inode of the file.
    pub(crate) fn identity(&self) -> io::Result<Option<FileIdentity>> {
        Ok(match self.staging.folder.look_at(&self.name)? {
            Some(NamedEntry::File(identity)) => identity,
            _ => None,
        })
    }

    /// Moves the file to `name` in `folder`. With `replace`, it replaces an existing
    /// file or link, and gets the file's mode and, if allowed, its owner.
    pub(crate) fn publish(
        mut self,
        folder: &OpenFolder,
        name: &[u8],
        replace: bool,
    ) -> io::Result<()> {
        let from = &self.staging.folder;
        if replace && matches!(folder.look_at(name)?, Some(NamedEntry::File(_))) {
            from.copy_attributes(&self.name, folder, name)?;
        }
        let renamed = match replace {
            true => from.rename(&self.name, folder, name),
            false => from.rename_new(&self.name, folder, name),
        };
        match renamed {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy_to(folder, name, replace)
            }
            renamed => {
                self.renamed = renamed.is_ok();
                renamed
            }
        }
    }

    /// Publishes a copy: another file system is mounted within the tree, and a rename
    /// cannot cross that.
    fn copy_to(&self, folder: &OpenFolder, name: &[u8], replace: bool) -> io::Result<()> {
        // `.N.XXXXXX.tmp` followed by the random part of the staging folder's name: no
        // other process uses that name.
        let random = self.staging.name.strip_prefix(b".unpack.").unwrap_or_default();
        let temporary = [&self.name, &b"."[..], random].concat();
        let mut from = self.staging.folder.open_file(&self.name)?;
        let mut to = folder.create_file(&temporary)?;
        let copied = io::copy(&mut from, &mut to).and_then(|_| {
            if replace {
                folder.copy_attributes(&temporary, folder, name)?;
            }
            to.sync_all()?;
            match replace {
                true => folder.rename(&temporary, folder, name),
                false => folder.rename_new(&temporary, folder, name),
            }
        });
        copied.inspect_err(|_| drop(folder.remove_file(&temporary)))
    }
}

impl Drop for StagedItem {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = self.staging.folder.remove_file(&self.name);
        }
    }
}
