//! The destination of the output stream: a file, an upload.

use sealpack_core::stream::{BufferSize, Put};

use crate::error::ErrorKind;

/// Bytes of small drafts that may be in flight for each worker: those that it works
/// on, those that wait for it, and those that it has sealed. More would not fit
/// into the caches, and the builder could not reuse their memory.
pub(crate) const BYTES_A_WORKER: u64 = 6 << 20;

/// The size of every write to a file or a stream but the last.
pub(crate) const WRITE_SIZE: BufferSize = match BufferSize::new(1 << 20) {
    Some(size) => size,
    None => unreachable!(),
};

/// The end of the pipeline: takes the output stream's puts in order.
pub(crate) trait PackSink: Send {
    /// Bytes of small drafts that may be in flight for each worker.
    const BYTES_A_WORKER: u64 = BYTES_A_WORKER;

    /// The exact size of every put but the last.
    fn put_size(&self) -> BufferSize;

    /// Writes the bytes of a put after those of earlier puts.
    fn put(&mut self, put: &Put) -> Result<(), ErrorKind>;
}
