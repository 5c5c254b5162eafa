//! Moves staged files to their paths. Folders are opened or created one component at a
//! time.

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

/// The files that this run has written, to detect two items for one file: on a file
/// system that ignores case, or normalizes accents, two names may be the same.
pub(super) type WrittenFiles = Mutex<HashMap<FileIdentity, u64>>;

/// The result of naming some files.
#[derive(Default)]
pub(super) struct NamingResult {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) refused: Vec<RefusedItem>,
}

/// Moves staged files to their paths. Keeps the last folder open, because the next file
/// is usually in the same one.
pub(super) struct Namer<'a> {
    plan: &'a UnpackPlan,
    root: &'a OpenFolder,
    /// The files written so far; `None` if no existing file is replaced.
    overwrite: Option<&'a WrittenFiles>,
    current: Option<(Vec<u8>, OpenFolder)>,
}

/// The reason why a file could not be named.
enum NamingError {
    Refused(UnpackRefusal),
    /// No other file can be named either.
    Fatal(io::Error),
}

impl From<UnpackRefusal> for NamingError {
    fn from(refusal: UnpackRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for NamingError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | ReadOnlyFilesystem => Self::Fatal(error),
            _ => Self::Refused(UnpackRefusal::io(error)),
        }
    }
}

impl<'a> Namer<'a> {
    pub(super) fn new(
        plan: &'a UnpackPlan,
        root: &'a OpenFolder,
        overwrite: Option<&'a WrittenFiles>,
    ) -> Self {
        Self { plan, root, overwrite, current: None }
    }

    /// Names files. A file that cannot be named is refused and removed.
    ///
    /// # Errors
    /// The error of the system, if no other file can be named either.
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
                Err(NamingError::Refused(refusal)) => {
                    result.refused.push(self.plan.refuse(file, refusal));
                }
                Err(NamingError::Fatal(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn name(&mut self, file: PlannedFile, item: StagedItem) -> Result<(), NamingError> {
        let path = self.plan.path(file);
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let (parent, name) = match slash.and_then(|slash| path.split_at_checked(slash)) {
            Some((parent, name)) => (parent, name.strip_prefix(b"/").unwrap_or_default()),
            None => (&[][..], path),
        };
        let overwrite = self.overwrite;
        let folder = self.folder(parent)?;
        let Some(written) = overwrite else {
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
                let written = written.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(&position) = written.get(&found) {
                    return Err(UnpackRefusal::DiffersOnlyInCase { position }.into());
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
            let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
            written.insert(identity, file.position);
        }
        Ok(())
    }

    /// Returns the folder at a path; creates missing folders.
    fn folder(&mut self, path: &[u8]) -> Result<&OpenFolder, NamingError> {
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

fn open_or_create(folder: &OpenFolder, name: &[u8]) -> Result<OpenFolder, NamingError> {
    match folder.child(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.create_child(name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error.into());
            }
            _ => {}
        },
        opened => return opened.map_err(|error| open_error(folder, name, error)),
    }
    folder.child(name).map_err(|error| open_error(folder, name, error))
}

fn open_error(folder: &OpenFolder, name: &[u8], error: io::Error) -> NamingError {
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
