//! Writes names that are too large for the pack into a file next to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::options::WriterOptions;
use crate::error::{ErrorKind, IoOperation};
use crate::names::{names_file_error, names_path};
use crate::publish::StagedFile;
use crate::publish::disk::Disk;

/// The names file of a pack that is being written.
pub(super) struct NamesFile {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    overwrite: bool,
    max_in_pack: u64,
    /// The file, once the names may be too large for the pack.
    staged: Option<StagedFile>,
}

impl NamesFile {
    pub(super) fn new(options: &WriterOptions, pack: &Path) -> Self {
        Self {
            path: names_path(pack),
            disk: Arc::clone(&options.disk),
            overwrite: options.overwrite,
            max_in_pack: options.max_names_in_pack,
            staged: None,
        }
    }

    /// Creates the temporary file if names of this size would be too large for the pack.
    /// If a file of that name exists, the error comes now, and not after everything is
    /// written.
    pub(super) fn prepare(&mut self, size: u64) -> Result<(), ErrorKind> {
        if size > self.max_in_pack && self.staged.is_none() {
            let staged = StagedFile::create_on(&self.disk, &self.path, self.overwrite);
            self.staged = Some(staged.map_err(|error| ErrorKind::NamesFile(Arc::new(error)))?);
        }
        Ok(())
    }

    pub(super) fn temporary_path(&self) -> Option<&Path> {
        self.staged.as_ref().map(StagedFile::temporary_path)
    }

    /// Writes the names. The file is not published yet.
    pub(super) fn write(mut self, names: &Bytes) -> Result<Option<StagedFile>, ErrorKind> {
        self.prepare(names.len() as u64)?;
        if let Some(staged) = &mut self.staged {
            let written = staged.write_all(names);
            written.map_err(|error| {
                names_file_error(&self.path, ErrorKind::io(IoOperation::Writing, error))
            })?;
        }
        Ok(self.staged)
    }
}
