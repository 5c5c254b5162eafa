//! The sink of a pack in a file: vectored writes.

use std::io::{self, IoSlice};
use std::num::NonZero;

use sealpack_core::stream::{BufferSize, Put};

use super::sink::Sink;
use crate::error::{Doing, ErrorKind};
use crate::publish::disk::DiskFile;

/// Every write to a file but the last has exactly this size.
const WRITE_SIZE: BufferSize = match BufferSize::new(1 << 20) {
    Some(size) => size,
    None => unreachable!(),
};

/// Extents handed to the system in one call. Linux takes 1024 at most.
const MOST_EXTENTS: usize = 1024;

/// A file that is written front to back.
pub(crate) struct FileSink {
    file: Box<dyn DiskFile>,
    writeback: Writeback,
}

impl FileSink {
    pub(crate) fn new(file: Box<dyn DiskFile>, writeback_every: Option<NonZero<u64>>) -> Self {
        Self { file, writeback: Writeback::new(writeback_every) }
    }

    /// Writes all extents, in as few calls as the system allows.
    fn write_put(&mut self, put: &Put) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = put.extents().map(IoSlice::new).collect();
        for slices in slices.chunks_mut(MOST_EXTENTS) {
            self.write_all(slices)?;
        }
        self.writeback.wrote(self.file.as_ref(), put.len() as u64);
        Ok(())
    }

    /// Goes on where the system took less than all, or was interrupted.
    fn write_all(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        // An empty slice in front would be taken for a disk that takes nothing.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match self.file.write(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) fn file(&self) -> &dyn DiskFile {
        self.file.as_ref()
    }
}

impl Sink for FileSink {
    fn put_size(&self) -> BufferSize {
        WRITE_SIZE
    }

    fn put(&mut self, put: &Put) -> Result<(), ErrorKind> {
        self.write_put(put).map_err(|error| ErrorKind::io(Doing::Writing, error))
    }
}

/// Counts the bytes written, and asks the system to start writing them every so
/// many.
struct Writeback {
    every: Option<NonZero<u64>>,
    asked_up_to: u64,
    written: u64,
}

impl Writeback {
    fn new(every: Option<NonZero<u64>>) -> Self {
        Self { every, asked_up_to: 0, written: 0 }
    }

    /// So many more bytes were written to the end of `file`.
    fn wrote(&mut self, file: &dyn DiskFile, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
        let waiting = self.written - self.asked_up_to;
        if self.every.is_some_and(|every| waiting >= every.get()) {
            file.start_writing(self.asked_up_to, waiting);
            self.asked_up_to = self.written;
        }
    }
}
