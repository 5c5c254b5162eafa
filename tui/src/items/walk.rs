//! Finds the files that the arguments of `pack` name.

use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::identity::{PathIdentity, standard_input_file};
use crate::outcome::{Failure, Input};

/// The files that the arguments of `pack` name.
#[derive(Debug, Default)]
pub struct FoundInputs {
    /// The inputs, in the order of their items.
    pub inputs: Vec<Input>,
    /// Total size of the inputs in bytes, if every input has a known size.
    pub bytes: Option<u64>,
    /// The files that were left out.
    pub skipped: SkippedCounts,
}

/// Counts of the files below folders that were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SkippedCounts {
    /// Symbolic links.
    pub symbolic_links: u64,
    /// Pipes, sockets, devices.
    pub special_files: u64,
    /// Files that are being written: the pack, old and new, and its list of names.
    pub output_files: u64,
    /// Temporary files of writers that were killed: `.NAME.XXXXXX.tmp`.
    pub temporary_files: u64,
}

/// Finds the files: each argument in turn, `-` as standard input, a folder as every file
/// below it, sorted by the bytes of the names, folder by folder.
///
/// A link that is an argument is followed. A link below a folder is left out and counted,
/// unless `follow_links` is set. `outputs` are left out too.
///
/// # Errors
/// [`Failure::Input`] for anything that cannot be read: leaving out an item would shift
/// the positions of all later items.
pub fn find(
    arguments: &[PathBuf],
    follow_links: bool,
    outputs: &OutputFiles,
) -> Result<FoundInputs, Failure> {
    let mut found = FoundInputs { bytes: Some(0), ..FoundInputs::default() };
    for argument in arguments {
        if is_standard_input(argument) {
            found.push(Input::Standard, standard_input_file().map(|file| file.len()));
            continue;
        }
        let failed = |error| Failure::Input { input: Input::Path(argument.clone()), error };
        let metadata = fs::metadata(argument).map_err(failed)?;
        if metadata.is_dir() {
            walk(argument, follow_links, outputs, &mut found)?;
        } else {
            let size = metadata.is_file().then_some(metadata.len());
            found.push(Input::Path(argument.clone()), size);
        }
    }
    Ok(found)
}

/// Returns whether an argument means standard input.
pub fn is_standard_input(argument: &Path) -> bool {
    argument == Path::new("-")
}

fn walk(
    folder: &Path,
    follow_links: bool,
    outputs: &OutputFiles,
    found: &mut FoundInputs,
) -> Result<(), Failure> {
    // The folder itself may be a link: it is an argument.
    let walk = WalkDir::new(folder).follow_root_links(true).follow_links(follow_links);
    for entry in walk.sort_by_file_name() {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        match FileKind::of(entry.file_type()) {
            FileKind::Folder => {}
            FileKind::Link => found.skipped.symbolic_links += 1,
            FileKind::Special => found.skipped.special_files += 1,
            FileKind::File if outputs.contain(entry.path()) => found.skipped.output_files += 1,
            FileKind::File if sealpack::is_temporary_name(entry.file_name()) => {
                found.skipped.temporary_files += 1;
            }
            FileKind::File => {
                let size = entry.metadata().map_err(|error| unreadable(folder, error))?.len();
                found.push(Input::Path(entry.into_path()), Some(size));
            }
        }
    }
    Ok(())
}

fn unreadable(folder: &Path, error: walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(folder).to_path_buf();
    // The operating system reports no error for a loop of links.
    let error = match error.loop_ancestor() {
        Some(_) => io::Error::other("a symbolic link leads back to a folder above it"),
        None => error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()),
    };
    Failure::Input { input: Input::Path(path), error }
}

enum FileKind {
    Folder,
    File,
    Link,
    Special,
}

impl FileKind {
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

impl FoundInputs {
    fn push(&mut self, input: Input, size: Option<u64>) {
        self.bytes = self.bytes.zip(size).and_then(|(bytes, size)| bytes.checked_add(size));
        self.inputs.push(input);
    }

    /// Returns the path of each input, one per line. A newline in a path is written as
    /// `\n` and a backslash as `\\`, so that every path can be read back.
    pub fn names(&self) -> Vec<u8> {
        let mut names = Vec::new();
        for input in &self.inputs {
            let path = match input {
                Input::Standard => b"-",
                Input::Path(path) => path.as_os_str().as_encoded_bytes(),
            };
            for byte in path {
                match byte {
                    b'\n' => names.extend_from_slice(b"\\n"),
                    b'\\' => names.extend_from_slice(b"\\\\"),
                    _ => names.push(*byte),
                }
            }
            names.push(b'\n');
        }
        names
    }
}

/// The files that are being written, which may lie below a folder that is read.
#[derive(Debug, Default)]
pub struct OutputFiles {
    places: Vec<PathIdentity>,
}

impl OutputFiles {
    /// Creates the set of these paths.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        Self { places: paths.into_iter().filter_map(PathIdentity::of).collect() }
    }

    /// Returns whether `path` is one of the outputs. The file system is asked only if the
    /// name matches.
    fn contain(&self, path: &Path) -> bool {
        let Some(name) = path.file_name() else { return false };
        let mut alike = self.places.iter().filter(|output| output.name() == name).peekable();
        alike.peek().is_some()
            && PathIdentity::of(path).is_some_and(|place| alike.any(|output| *output == place))
    }
}
