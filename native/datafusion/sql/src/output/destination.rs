//! Standard output, or a file that appears complete or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::failure::Failure;

/// What results are written to.
pub enum Destination {
    /// Standard output.
    Standard(BufWriter<Stdout>),
    /// A file under a temporary name.
    File {
        /// The open file.
        file: BufWriter<File>,
        /// Its temporary name, and its own; none for a second handle of the file.
        names: Option<Names>,
    },
}

/// The names of a file that is being written.
pub struct Names {
    temporary: TempPath,
    path: PathBuf,
    replace: bool,
}

impl Destination {
    /// Standard output.
    pub fn standard() -> Self {
        Self::Standard(BufWriter::new(io::stdout()))
    }

    /// A file. It gets its name when it is published.
    pub fn file(path: &Path, replace: bool) -> Result<Self, Failure> {
        let failed = |error| Failure::File { path: path.to_path_buf(), error };
        if !replace && path.try_exists().map_err(failed)? {
            let message = format!("{} exists; --force replaces it", path.display());
            return Err(Failure::Usage(message));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new()
            .prefix(".sealpack-sql-")
            .tempfile_in(folder)
            .map_err(failed)?;
        let (file, temporary) = temporary.into_parts();
        let names = Names { temporary, path: path.to_path_buf(), replace };
        Ok(Self::File { file: BufWriter::new(file), names: Some(names) })
    }

    /// Another handle of the file, which continues where this one is.
    pub fn share(&self) -> io::Result<Self> {
        match self {
            Self::Standard(_) => Ok(Self::standard()),
            Self::File { file, .. } => {
                let file = BufWriter::new(file.get_ref().try_clone()?);
                Ok(Self::File { file, names: None })
            }
        }
    }

    /// Writes everything to the disk, and gives the file its name.
    pub fn publish(self) -> Result<(), Failure> {
        match self {
            Self::Standard(mut output) => output.flush().map_err(Failure::Output),
            Self::File { names: None, .. } => Ok(()),
            Self::File { file, names: Some(Names { temporary, path, replace }) } => {
                let failed = |error| Failure::File { path: path.clone(), error };
                let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
                file.sync_all().map_err(failed)?;
                let persisted = match replace {
                    true => temporary.persist(&path),
                    false => temporary.persist_noclobber(&path),
                };
                persisted.map_err(|error| failed(error.error))
            }
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(output) => output.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(output) => output.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}
