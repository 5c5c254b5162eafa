//! A disk in memory that records every call made to it.
//!
//! It holds one folder. A call takes effect at once, as in the page cache of a
//! running system; `crash.rs` derives from the journal what is *on the disk*.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, IoSlice};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use nix::libc;
use sealpack::disk::{Attributes, Disk, DiskFile, DiskFolder, Found, Owner};

/// A file, whatever its names.
pub type Inode = usize;

/// The files of a folder by name, as seen after a crash.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A call that changes something, or makes something durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Create {
        name: String,
        inode: Inode,
    },
    /// Only a broken variant makes this call.
    Truncate {
        inode: Inode,
    },
    Write {
        inode: Inode,
        offset: usize,
        bytes: Vec<u8>,
    },
    StartWriting,
    SetPermissions,
    /// A sync of a file, whether it succeeded or failed.
    Sync {
        inode: Inode,
        done: bool,
    },
    Rename {
        from: String,
        to: String,
    },
    Link {
        from: String,
        to: String,
    },
    Remove {
        name: String,
    },
    SyncFolder {
        done: bool,
    },
}

/// The behaviour of a disk, within what a file system may do.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// The most bytes that one write takes.
    pub most_taken: usize,
    /// Whether a rename that must not replace is a link followed by an unlink, as
    /// on a file system that has no other way.
    pub renames_by_link: bool,
    /// The sync of a file with this number, from 0, fails once.
    pub failing_sync: Option<usize>,
    /// The write with this number, from 0, fails once.
    pub failing_write: Option<usize>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            most_taken: usize::MAX,
            renames_by_link: false,
            failing_sync: None,
            failing_write: None,
        }
    }
}

/// The disk; its clones are the same disk.
#[derive(Clone)]
pub struct ModelDisk(Arc<Mutex<World>>);

struct World {
    habits: Habits,
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, Inode>,
    journal: Vec<Call>,
    syncs: usize,
    writes: usize,
}

impl ModelDisk {
    /// A disk on which these files are safe.
    pub fn new(habits: Habits, initial: &Files) -> Self {
        let names = initial.keys().cloned().zip(0..).collect();
        let files = initial.values().cloned().collect();
        Self(Arc::new(Mutex::new(World {
            habits,
            files,
            names,
            journal: Vec::new(),
            syncs: 0,
            writes: 0,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Every call so far.
    pub fn journal(&self) -> Vec<Call> {
        self.world().journal.clone()
    }

    /// The files as a running program sees them.
    pub fn files(&self) -> Files {
        let world = self.world();
        world
            .names
            .iter()
            .map(|(name, &inode)| (name.clone(), world.files[inode].clone()))
            .collect()
    }

    /// Opens an existing file and truncates it, or creates it: this is what a naive
    /// program does.
    pub fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let existing = self.world().names.get(&name_of(path)).copied();
        let Some(inode) = existing else { return self.create_new(path) };
        let mut world = self.world();
        world.files[inode].clear();
        world.journal.push(Call::Truncate { inode });
        Ok(Box::new(ModelFile { disk: self.clone(), inode }))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl Disk for ModelDisk {
    fn look_at(&self, path: &Path) -> io::Result<Found> {
        let there = self.world().names.contains_key(&name_of(path));
        let attributes = Attributes { permissions: Permissions::from_mode(0o644), owner: None };
        there.then_some(Found::File(attributes)).ok_or(io::ErrorKind::NotFound.into())
    }

    fn open_folder(&self, _path: &Path) -> io::Result<Box<dyn DiskFolder>> {
        Ok(Box::new(ModelFolder(self.clone())))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        let (name, inode) = (name_of(path), world.files.len());
        if world.names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        world.files.push(Vec::new());
        world.names.insert(name.clone(), inode);
        world.journal.push(Call::Create { name, inode });
        Ok(Box::new(ModelFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let (from, to) = (name_of(from), name_of(to));
        let inode = world.names.remove(&from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.clone(), inode);
        world.journal.push(Call::Rename { from, to });
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.world().names.contains_key(&name_of(to)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.world().habits.renames_by_link {
            return self.rename(from, to);
        }
        let mut world = self.world();
        let (old, new) = (name_of(from), name_of(to));
        let inode = *world.names.get(&old).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(new.clone(), inode);
        world.journal.push(Call::Link { from: old, to: new });
        drop(world);
        self.remove(from)
    }

    fn test_rename_new(&self, _file: &Path, _free: &Path) -> io::Result<()> {
        Ok(())
    }

    fn test_replace(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        let name = name_of(path);
        world.names.remove(&name).ok_or(io::ErrorKind::NotFound)?;
        world.journal.push(Call::Remove { name });
        Ok(())
    }
}

struct ModelFile {
    disk: ModelDisk,
    inode: Inode,
}

impl DiskFile for ModelFile {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut world = self.disk.world();
        let fails = world.habits.failing_write == Some(world.writes);
        world.writes += 1;
        if fails {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        bytes.truncate(world.habits.most_taken);
        let inode = self.inode;
        let offset = world.files[inode].len();
        let taken = bytes.len();
        world.files[inode].extend_from_slice(&bytes);
        world.journal.push(Call::Write { inode, offset, bytes });
        Ok(taken)
    }

    fn start_writing(&self, _offset: u64, _length: u64) {
        self.disk.world().journal.push(Call::StartWriting);
    }

    fn set_permissions(&self, _permissions: Permissions) -> io::Result<()> {
        self.disk.world().journal.push(Call::SetPermissions);
        Ok(())
    }

    fn set_owner(&self, _owner: Owner) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        let done = world.habits.failing_sync != Some(world.syncs);
        world.syncs += 1;
        world.journal.push(Call::Sync { inode: self.inode, done });
        if done { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EIO)) }
    }
}

struct ModelFolder(ModelDisk);

impl DiskFolder for ModelFolder {
    fn sync(&self) -> io::Result<()> {
        self.0.world().journal.push(Call::SyncFolder { done: true });
        Ok(())
    }
}
