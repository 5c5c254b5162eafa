//! Finds the files that the arguments of `pack` name.

use std::fs::{self, FileType};
use std::io;
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use crate::identity::{PathIdentity, standard_input_file};
use crate::outcome::{Failure, Input};

/// The files that the arguments of `pack` name.
#[derive(Debug, Default)]
pub struct FoundInputs {
    /// The inputs, in the order of their items.
    pub inputs: Vec<FoundInput>,
    /// Total size of the inputs in bytes, if every input has a known size.
    pub bytes: Option<u64>,
    /// The files that were left out.
    pub skipped: SkippedCounts,
}

/// An input and the name of its item.
#[derive(Debug)]
pub struct FoundInput {
    /// The input.
    pub input: Input,
    /// The name of the item if the whole input is one item: the path relative to the folder
    /// if a single folder is packed, otherwise the path without leading `/`, `.` and `..`.
    /// Empty for standard input.
    pub name: Vec<u8>,
    /// Its size in bytes; `None` if it is no file.
    pub size: Option<u64>,
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
    /// Folders of a tar archive.
    pub folders: u64,
    /// Hard links of a tar archive.
    pub hard_links: u64,
    /// Members of a tar archive of an unknown type.
    pub unknown_members: u64,
}

/// Finds the files: each argument in turn, `-` as standard input, a folder as every file
/// below it, sorted by the bytes of the relative path.
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
            let size = standard_input_file().map(|file| file.len());
            found.push(Input::Standard, Vec::new(), size);
            continue;
        }
        let failed = |error| Failure::Input { input: Input::Path(argument.clone()), error };
        let metadata = fs::metadata(argument).map_err(failed)?;
        if metadata.is_dir() {
            // The names in a single folder are relative to it.
            let root = if arguments.len() == 1 { argument } else { Path::new("") };
            let first = found.inputs.len();
            walk(argument, root, follow_links, outputs, &mut found)?;
            if let Some(below) = found.inputs.get_mut(first..) {
                below.sort_by(|a, b| a.name.cmp(&b.name));
            }
        } else {
            let size = metadata.is_file().then_some(metadata.len());
            found.push(Input::Path(argument.clone()), name_of(argument), size);
        }
    }
    Ok(found)
}

/// Returns whether an argument means standard input.
pub fn is_standard_input(argument: &Path) -> bool {
    argument == Path::new("-")
}

/// Returns the name of a file: its path with `/` between the parts, without a root, `.`
/// and `..`.
fn name_of(path: &Path) -> Vec<u8> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.as_encoded_bytes()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join(&b'/')
}

fn walk(
    folder: &Path,
    root: &Path,
    follow_links: bool,
    outputs: &OutputFiles,
    found: &mut FoundInputs,
) -> Result<(), Failure> {
    // The folder itself may be a link: it is an argument.
    let walk = WalkDir::new(folder).follow_root_links(true).follow_links(follow_links);
    for entry in walk {
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
                let path = entry.into_path();
                let name = name_of(path.strip_prefix(root).unwrap_or(&path));
                found.push(Input::Path(path), name, Some(size));
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
    fn push(&mut self, input: Input, name: Vec<u8>, size: Option<u64>) {
        self.bytes = self.bytes.zip(size).and_then(|(bytes, size)| bytes.checked_add(size));
        self.inputs.push(FoundInput { input, name, size });
    }

    /// Returns the path of each input, one per line. A newline in a path is written as
    /// `\n` and a backslash as `\\`, so that every path can be read back.
    pub fn names(&self) -> Vec<u8> {
        let mut names = Vec::new();
        for found in &self.inputs {
            let path = match &found.input {
                Input::Standard => b"-",
                Input::Path(path) => path.as_os_str().as_encoded_bytes(),
                Input::Member(_, name) => name,
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

    /// Returns whether `path` is one of the outputs. Accesses the file system only if the name
    /// matches.
    fn contain(&self, path: &Path) -> bool {
        let Some(name) = path.file_name() else { return false };
        let mut same_name = self.places.iter().filter(|output| output.name() == name).peekable();
        same_name.peek().is_some()
            && PathIdentity::of(path).is_some_and(|place| same_name.any(|output| *output == place))
    }
}
