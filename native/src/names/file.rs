//! The file next to a pack that holds its names, if they are too large for the app
//! data, which every reader fetches on opening.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::source::path_with_ending;

/// The default of [`WriterOptions::max_names_in_pack`](crate::WriterOptions::max_names_in_pack).
pub(crate) const MAX_NAMES_IN_PACK: u64 = 16 << 20;

/// The end of a names file's name, which begins with the name of the pack.
pub(crate) const NAMES_ENDING: &str = ".names";

/// Returns the path of a pack's names file: next to the pack, with `.names` appended
/// to its name. Only a pack whose names are large has one
/// ([`WriterOptions::max_names_in_pack`](crate::WriterOptions::max_names_in_pack)).
///
/// ```
/// use std::path::Path;
/// assert_eq!(sealpack::names_path("a/b.pack"), Path::new("a/b.pack.names"));
/// ```
#[must_use]
pub fn names_path(pack: impl AsRef<Path>) -> PathBuf {
    path_with_ending(pack, NAMES_ENDING)
}

/// Wraps an error about the names file at this path.
pub(crate) fn names_file_error(path: impl AsRef<Path>, kind: ErrorKind) -> ErrorKind {
    ErrorKind::NamesFile(Arc::new(Error::new(&Arc::new(path.as_ref().to_path_buf()), kind)))
}
