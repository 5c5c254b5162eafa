//! Where the output stream's puts go: a file, in vectored writes.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::num::NonZero;

use bytes::Bytes;

use super::writeback::Writeback;

/// Extents handed to the system in one call. Linux takes 1024 at most.
const MOST_EXTENTS: usize = 1024;

/// A file that is written front to back.
pub(crate) struct FileSink {
    file: File,
    writeback: Writeback,
}

impl FileSink {
    pub(crate) fn new(file: File, writeback_every: Option<NonZero<u64>>) -> Self {
        Self { file, writeback: Writeback::new(writeback_every) }
    }

    /// Writes all extents, in as few calls as the system allows.
    pub(crate) fn put(&mut self, extents: &[Bytes]) -> io::Result<()> {
        for extents in extents.chunks(MOST_EXTENTS) {
            if let [extent] = extents {
                self.file.write_all(extent)?;
            } else {
                let mut slices: Vec<IoSlice<'_>> =
                    extents.iter().map(|extent| IoSlice::new(extent)).collect();
                self.write_all_vectored(&mut slices)?;
            }
        }
        let written: u64 = extents.iter().map(|extent| extent.len() as u64).sum();
        self.writeback.wrote(&self.file, written);
        Ok(())
    }

    fn write_all_vectored(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        while !slices.is_empty() {
            match self.file.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}
