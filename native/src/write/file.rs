//! The sink of a pack in a file: vectored writes.

use std::num::NonZero;

use sealpack_core::stream::{BufferSize, Put};

use super::sink::{PackSink, WRITE_SIZE};
use super::vectored::write_put;
use crate::error::{ErrorKind, IoOperation};
use crate::publish::disk::DiskFile;

/// A file that is written front to back.
pub(crate) struct FileSink {
    file: Box<dyn DiskFile>,
    writeback: Writeback,
}

impl FileSink {
    pub(crate) fn new(file: Box<dyn DiskFile>, writeback_every: Option<NonZero<u64>>) -> Self {
        Self { file, writeback: Writeback::new(writeback_every) }
    }

    pub(crate) fn file(&self) -> &dyn DiskFile {
        self.file.as_ref()
    }
}

impl PackSink for FileSink {
    fn put_size(&self) -> BufferSize {
        WRITE_SIZE
    }

    fn put(&mut self, put: &Put) -> Result<(), ErrorKind> {
        let written = write_put(put, |slices| self.file.write(slices));
        written.map_err(|error| ErrorKind::io(IoOperation::Writing, error))?;
        self.writeback.count_written(self.file.as_ref(), put.len() as u64);
        Ok(())
    }
}

/// Counts the bytes written, and after every `every` bytes asks the system to start
/// writing them to the disk.
struct Writeback {
    every: Option<NonZero<u64>>,
    requested_up_to: u64,
    written: u64,
}

impl Writeback {
    fn new(every: Option<NonZero<u64>>) -> Self {
        Self { every, requested_up_to: 0, written: 0 }
    }

    /// Counts bytes that were written to the end of `file`.
    fn count_written(&mut self, file: &dyn DiskFile, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
        let pending = self.written - self.requested_up_to;
        if self.every.is_some_and(|every| pending >= every.get()) {
            file.start_writing(self.requested_up_to, pending);
            self.requested_up_to = self.written;
        }
    }
}
