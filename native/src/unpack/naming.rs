//! Staged files get their names: folders are opened or created on the way, one
//! component at a time.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::plan::{PlannedFile, UnpackPlan};
use super::report::{RefusedItem, UnpackRefusal};
use crate::publish::{FileIdentity, NamedEntry, OpenFolder, StagedItem};

/// A staged file and the path that it will have.
pub(super) struct UnpackedFile {
    pub(super) file: PlannedFile,
    pub(super) item: StagedItem,
    pub(super) size: u64,
}

/// Files that this run has written, where one of them may replace a file: a file
/// system that ignores case, or the form of an accent, takes two names for one.
pub(super) type OwnFiles = Mutex<HashMap<FileIdentity, u32>>;

/// What naming some files did.
#[derive(Default)]
pub(super) struct NamingResult {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) refused: Vec<RefusedItem>,
}

/// Gives files their names; keeps the last folder open, which the next file usually
/// shares.
pub(super) struct Naming<'a> {
    plan: &'a UnpackPlan,
    root: &'a OpenFolder,
    /// `Some` if existing files are replaced.
    overwrite: Option<&'a OwnFiles>,
    current: Option<(Vec<u8>, OpenFolder)>,
}

/// Why a file did not get its name.
enum Unnamed {
    Refused(UnpackRefusal),
    /// No other file can be named either.
    Fatal(io::Error),
}

impl From<UnpackRefusal> for Unnamed {
    fn from(refusal: UnpackRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Unnamed {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | ReadOnlyFilesystem => Self::Fatal(error),
            _ => Self::Refused(UnpackRefusal::io(error)),
        }
    }
}

impl<'a> Naming<'a> {
    pub(super) fn new(
        plan: &'a UnpackPlan,
        root: &'a OpenFolder,
        overwrite: Option<&'a OwnFiles>,
    ) -> Self {
        Self { plan, root, overwrite, current: None }
    }

    /// Names files; one that cannot get its name is refused and removed.
    ///
    /// # Errors
    /// That of the system, if no file can be named any more.
    pub(super) fn name_all(
        &mut self,
        staged: impl IntoIterator<Item = UnpackedFile>,
        result: &mut NamingResult,
    ) -> io::Result<()> {
        for UnpackedFile { file, item, size } in staged {
            match self.name(file, item) {
                Ok(()) => {
                    result.files += 1;
                    result.bytes += size;
                }
                Err(Unnamed::Refused(refusal)) => {
                    result.refused.push(self.plan.refuse(file, refusal));
                }
                Err(Unnamed::Fatal(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn name(&mut self, file: PlannedFile, item: StagedItem) -> Result<(), Unnamed> {
        let path = self.plan.path(file);
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (above, name) = match slash.and_then(|slash| path.split_at_checked(slash)) {
            Some((above, name)) => (above, name.strip_prefix(b"/").unwrap_or_default()),
            None => (&[][..], path),
        };
        let overwrite = self.overwrite;
        let folder = self.folder(above)?;
        let Some(own) = overwrite else {
            return item.publish(folder, name, false).map_err(|error| {
                let exists = error.kind() == io::ErrorKind::AlreadyExists;
                match exists.then(|| folder.look_at(name)) {
                    Some(Ok(Some(found))) => refused_for(found).into(),
                    _ => error.into(),
                }
            });
        };
        match folder.look_at(name)? {
            Some(NamedEntry::File(Some(found))) => {
                let own = own.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(&position) = own.get(&found) {
                    return Err(UnpackRefusal::SameButForCase { position }.into());
                }
            }
            Some(found @ (NamedEntry::Folder | NamedEntry::Special)) => {
                return Err(refused_for(found).into());
            }
            Some(NamedEntry::File(None) | NamedEntry::Link) | None => {}
        }
        let identity = item.identity()?;
        item.publish(folder, name, true)?;
        if let Some(identity) = identity {
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            own.insert(identity, file.position);
        }
        Ok(())
    }

    /// Returns the folder at a path, and creates what is missing of it.
    fn folder(&mut self, path: &[u8]) -> Result<&OpenFolder, Unnamed> {
        if path.is_empty() {
            return Ok(self.root);
        }
        if self.current.as_ref().is_none_or(|(current, _)| current != path) {
            let mut folder = None;
            for component in path.split(|byte| *byte == b'/') {
                folder = Some(open_or_create(folder.as_ref().unwrap_or(self.root), component)?);
            }
            self.current = folder.map(|folder| (path.to_vec(), folder));
        }
        Ok(self.current.as_ref().map_or(self.root, |(_, folder)| folder))
    }
}

fn open_or_create(folder: &OpenFolder, name: &[u8]) -> Result<OpenFolder, Unnamed> {
    match folder.child(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.create_child(name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error.into());
            }
            _ => {}
        },
        opened => return opened.map_err(|error| not_opened(folder, name, error)),
    }
    folder.child(name).map_err(|error| not_opened(folder, name, error))
}

fn not_opened(folder: &OpenFolder, name: &[u8], error: io::Error) -> Unnamed {
    if error.kind() != io::ErrorKind::NotADirectory {
        return error.into();
    }
    match folder.look_at(name) {
        Ok(Some(NamedEntry::Link)) => UnpackRefusal::Link.into(),
        _ => UnpackRefusal::FileInPath.into(),
    }
}

fn refused_for(found: NamedEntry) -> UnpackRefusal {
    match found {
        NamedEntry::File(_) | NamedEntry::Link => UnpackRefusal::Exists,
        NamedEntry::Folder => UnpackRefusal::FolderExists,
        NamedEntry::Special => UnpackRefusal::SpecialFile,
    }
}
