//! The files that inputs stand for.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::outcome::{Failure, Input};

/// What the arguments of `pack` stand for.
#[derive(Debug, Default)]
pub struct Found {
    /// What is to be read, in the order of the items.
    pub inputs: Vec<Input>,
    /// Bytes of all of them, where all have a size.
    pub bytes: Option<u64>,
    /// What was left out.
    pub skipped: Skipped,
}

/// What lies below folders and was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// Symbolic links.
    pub symbolic_links: u64,
    /// Pipes, sockets, devices.
    pub special_files: u64,
    /// The pack itself, old and new.
    pub output_files: u64,
}

/// Finds the files: each argument in turn, `-` as standard input, a folder as
/// every file below it, sorted by the bytes of the names, folder by folder.
///
/// A link that is named is followed; one that is found below a folder is left
/// out and counted, unless `follow_links`. `outputs` are left out too.
///
/// # Errors
/// [`Failure::Input`] for whatever cannot be looked at: a pack in which an
/// item is missing would give every later one another position.
pub fn find(
    arguments: &[PathBuf],
    follow_links: bool,
    outputs: &Outputs,
) -> Result<Found, Failure> {
    let mut found = Found { bytes: Some(0), ..Found::default() };
    for argument in arguments {
        if is_standard_input(argument) {
            found.bytes = None;
            found.inputs.push(Input::Standard);
            continue;
        }
        let failed = |error| Failure::Input { input: Input::Path(argument.clone()), error };
        let metadata = fs::metadata(argument).map_err(failed)?;
        if metadata.is_dir() {
            walk(argument, follow_links, outputs, &mut found)?;
        } else if outputs.contain(argument) {
            return Err(Failure::usage(format!(
                "{} is the pack to be written and cannot be an item of it",
                argument.display()
            )));
        } else {
            let size = metadata.is_file().then_some(metadata.len());
            found.push(argument.clone(), size);
        }
    }
    Ok(found)
}

/// Whether an argument stands for standard input.
pub fn is_standard_input(argument: &Path) -> bool {
    argument == Path::new("-")
}

fn walk(
    folder: &Path,
    follow_links: bool,
    outputs: &Outputs,
    found: &mut Found,
) -> Result<(), Failure> {
    // The folder itself may be a link: it was named.
    let walk = WalkDir::new(folder).follow_root_links(true).follow_links(follow_links);
    for entry in walk.sort_by_file_name() {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        match Kind::of(entry.file_type()) {
            Kind::Folder => {}
            Kind::Link => found.skipped.symbolic_links += 1,
            Kind::Special => found.skipped.special_files += 1,
            Kind::File if outputs.contain(entry.path()) => found.skipped.output_files += 1,
            Kind::File => {
                let size = entry.metadata().map_err(|error| unreadable(folder, error))?.len();
                found.push(entry.into_path(), Some(size));
            }
        }
    }
    Ok(())
}

fn unreadable(folder: &Path, error: walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(folder).to_path_buf();
    // A loop of links is no error of the system.
    let error = match error.loop_ancestor() {
        Some(_) => io::Error::other("a symbolic link leads back to a folder above it"),
        None => error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()),
    };
    Failure::Input { input: Input::Path(path), error }
}

enum Kind {
    Folder,
    File,
    Link,
    Special,
}

impl Kind {
    fn of(file_type: FileType) -> Self {
        if file_type.is_dir() {
            Self::Folder
        } else if file_type.is_file() {
            Self::File
        } else if file_type.is_symlink() {
            Self::Link
        } else {
            Self::Special
        }
    }
}

impl Found {
    fn push(&mut self, path: PathBuf, size: Option<u64>) {
        self.bytes = self.bytes.zip(size).and_then(|(bytes, size)| bytes.checked_add(size));
        self.inputs.push(Input::Path(path));
    }
}

/// Files that are being written and may lie below a folder that is read.
#[derive(Debug, Default)]
pub struct Outputs {
    /// The folder they are in, without links or dots.
    folder: Option<PathBuf>,
    names: Vec<OsString>,
}

impl Outputs {
    /// These paths, which share a folder.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut outputs = Self::default();
        for path in paths {
            outputs.folder = folder_of(path);
            outputs.names.extend(path.file_name().map(OsString::from));
        }
        outputs
    }

    /// Whether `path` is one of them. Only where the name fits the file
    /// system is asked.
    fn contain(&self, path: &Path) -> bool {
        let Some(name) = path.file_name() else { return false };
        self.names.iter().any(|output| output == name)
            && self.folder.is_some()
            && folder_of(path) == self.folder
    }
}

/// The folder that a path lies in, without links or dots.
fn folder_of(path: &Path) -> Option<PathBuf> {
    match path.parent()? {
        empty if empty.as_os_str().is_empty() => fs::canonicalize("."),
        folder => fs::canonicalize(folder),
    }
    .ok()
}
