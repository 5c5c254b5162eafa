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

/// The number of a file, which stays the same when its name changes.
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
    /// A sync of a file.
    Sync {
        inode: Inode,
        succeeded: bool,
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
        succeeded: bool,
    },
}

/// The options of a model disk: what a real file system may do.
#[derive(Clone, Copy, Debug)]
pub struct DiskOptions {
    /// The maximum number of bytes that one write accepts.
    pub max_write: usize,
    /// Whether a rename that must not replace is a link followed by an unlink, as
    /// on a file system that has no other way.
    pub renames_by_link: bool,
    /// The number, from 0, of the sync of a file that fails.
    pub failing_sync: Option<usize>,
    /// The number, from 0, of the write that fails.
    pub failing_write: Option<usize>,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            max_write: usize::MAX,
            renames_by_link: false,
            failing_sync: None,
            failing_write: None,
        }
    }
}

/// The disk; its clones are the same disk.
#[derive(Clone)]
pub struct ModelDisk(Arc<Mutex<ModelState>>);

struct ModelState {
    disk_options: DiskOptions,
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, Inode>,
    journal: Vec<Call>,
    syncs: usize,
    writes: usize,
}

impl ModelDisk {
    /// A disk on which these files are durable.
    pub fn new(disk_options: DiskOptions, initial: &Files) -> Self {
        let names = initial.keys().cloned().zip(0..).collect();
        let files = initial.values().cloned().collect();
        Self(Arc::new(Mutex::new(ModelState {
            disk_options,
            files,
            names,
            journal: Vec::new(),
            syncs: 0,
            writes: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, ModelState> {
        self.0.lock().unwrap()
    }

    /// Every call so far.
    pub fn journal(&self) -> Vec<Call> {
        self.state().journal.clone()
    }

    /// The files as a running program sees them.
    pub fn files(&self) -> Files {
        let state = self.state();
        state
            .names
            .iter()
            .map(|(name, &inode)| (name.clone(), state.files[inode].clone()))
            .collect()
    }

    /// Opens an existing file and truncates it, or creates it, as a naive program does.
    pub fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let existing = self.state().names.get(&name_of(path)).copied();
        let Some(inode) = existing else { return self.create_new(path) };
        let mut state = self.state();
        state.files[inode].clear();
        state.journal.push(Call::Truncate { inode });
        Ok(Box::new(ModelFile { disk: self.clone(), inode }))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl Disk for ModelDisk {
    fn look_at(&self, path: &Path) -> io::Result<Found> {
        let exists = self.state().names.contains_key(&name_of(path));
        let attributes = Attributes { permissions: Permissions::from_mode(0o644), owner: None };
        exists.then_some(Found::File(attributes)).ok_or(io::ErrorKind::NotFound.into())
    }

    fn open_folder(&self, _path: &Path) -> io::Result<Box<dyn DiskFolder>> {
        Ok(Box::new(ModelFolder(self.clone())))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let (name, inode) = (name_of(path), state.files.len());
        if state.names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.push(Vec::new());
        state.names.insert(name.clone(), inode);
        state.journal.push(Call::Create { name, inode });
        Ok(Box::new(ModelFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let (from, to) = (name_of(from), name_of(to));
        let inode = state.names.remove(&from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.clone(), inode);
        state.journal.push(Call::Rename { from, to });
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.state().names.contains_key(&name_of(to)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.state().disk_options.renames_by_link {
            return self.rename(from, to);
        }
        let mut state = self.state();
        let (old, new) = (name_of(from), name_of(to));
        let inode = *state.names.get(&old).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(new.clone(), inode);
        state.journal.push(Call::Link { from: old, to: new });
        drop(state);
        self.remove(from)
    }

    fn test_rename_new(&self, _file: &Path, _free: &Path) -> io::Result<()> {
        Ok(())
    }

    fn test_replace(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let name = name_of(path);
        state.names.remove(&name).ok_or(io::ErrorKind::NotFound)?;
        state.journal.push(Call::Remove { name });
        Ok(())
    }
}

struct ModelFile {
    disk: ModelDisk,
    inode: Inode,
}

impl DiskFile for ModelFile {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let fails = state.disk_options.failing_write == Some(state.writes);
        state.writes += 1;
        if fails {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        bytes.truncate(state.disk_options.max_write);
        let inode = self.inode;
        let offset = state.files[inode].len();
        let accepted = bytes.len();
        state.files[inode].extend_from_slice(&bytes);
        state.journal.push(Call::Write { inode, offset, bytes });
        Ok(accepted)
    }

    fn start_writing(&self, _offset: u64, _length: u64) {
        self.disk.state().journal.push(Call::StartWriting);
    }

    fn set_permissions(&self, _permissions: Permissions) -> io::Result<()> {
        self.disk.state().journal.push(Call::SetPermissions);
        Ok(())
    }

    fn set_owner(&self, _owner: Owner) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let succeeded = state.disk_options.failing_sync != Some(state.syncs);
        state.syncs += 1;
        state.journal.push(Call::Sync { inode: self.inode, succeeded });
        if succeeded { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EIO)) }
    }
}

struct ModelFolder(ModelDisk);

impl DiskFolder for ModelFolder {
    fn sync(&self) -> io::Result<()> {
        self.0.state().journal.push(Call::SyncFolder { succeeded: true });
        Ok(())
    }
}
