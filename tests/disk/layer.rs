//! A layer between the writer and a disk that changes the results of some calls.

use std::fs::Permissions;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use sealpack::disk::{Disk, DiskFile, DiskFolder, Found, Owner};

/// Handles each call; by default it passes the call on to the disk.
pub trait Layer: Send + Sync + 'static {
    fn look_at(&self, disk: &dyn Disk, path: &Path) -> io::Result<Found> {
        disk.look_at(path)
    }
    fn open_folder(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFolder>> {
        disk.open_folder(path)
    }
    fn create_new(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        disk.create_new(path)
    }
    fn rename(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        disk.rename(from, to)
    }
    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        disk.rename_new(from, to)
    }
    fn test_rename_new(&self, disk: &dyn Disk, file: &Path, free: &Path) -> io::Result<()> {
        disk.test_rename_new(file, free)
    }
    fn test_replace(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        disk.test_replace(path)
    }
    fn remove(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        disk.remove(path)
    }
    fn write(&self, file: &mut dyn DiskFile, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        file.write(slices)
    }
    fn set_permissions(&self, file: &dyn DiskFile, permissions: Permissions) -> io::Result<()> {
        file.set_permissions(permissions)
    }
    fn set_owner(&self, file: &dyn DiskFile, owner: Owner) -> io::Result<()> {
        file.set_owner(owner)
    }
    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        file.sync()
    }
    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        folder.sync()
    }
}

/// A disk with a layer in front of it.
pub struct Layered<L> {
    layer: Arc<L>,
    disk: Arc<dyn Disk>,
}

impl<L: Layer> Layered<L> {
    pub fn new(layer: Arc<L>, disk: impl Disk + 'static) -> Self {
        Self { layer, disk: Arc::new(disk) }
    }
}

struct File<L> {
    layer: Arc<L>,
    inner: Box<dyn DiskFile>,
}

struct Folder<L> {
    layer: Arc<L>,
    inner: Box<dyn DiskFolder>,
}

impl<L: Layer> Disk for Layered<L> {
    fn look_at(&self, path: &Path) -> io::Result<Found> {
        self.layer.look_at(self.disk.as_ref(), path)
    }
    fn open_folder(&self, path: &Path) -> io::Result<Box<dyn DiskFolder>> {
        let inner = self.layer.open_folder(self.disk.as_ref(), path)?;
        Ok(Box::new(Folder { layer: Arc::clone(&self.layer), inner }))
    }
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inner = self.layer.create_new(self.disk.as_ref(), path)?;
        Ok(Box::new(File { layer: Arc::clone(&self.layer), inner }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.layer.rename(self.disk.as_ref(), from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.layer.rename_new(self.disk.as_ref(), from, to)
    }
    fn test_rename_new(&self, file: &Path, free: &Path) -> io::Result<()> {
        self.layer.test_rename_new(self.disk.as_ref(), file, free)
    }
    fn test_replace(&self, path: &Path) -> io::Result<()> {
        self.layer.test_replace(self.disk.as_ref(), path)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.layer.remove(self.disk.as_ref(), path)
    }
}

impl<L: Layer> DiskFile for File<L> {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.layer.write(self.inner.as_mut(), slices)
    }
    fn start_writing(&self, offset: u64, length: u64) {
        self.inner.start_writing(offset, length);
    }
    fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.layer.set_permissions(self.inner.as_ref(), permissions)
    }
    fn set_owner(&self, owner: Owner) -> io::Result<()> {
        self.layer.set_owner(self.inner.as_ref(), owner)
    }
    fn sync(&self) -> io::Result<()> {
        self.layer.sync(self.inner.as_ref())
    }
}

impl<L: Layer> DiskFolder for Folder<L> {
    fn sync(&self) -> io::Result<()> {
        self.layer.sync_folder(self.inner.as_ref())
    }
}
