//! The destination of the output stream: a file, an upload.

use sealpack_core::stream::{BufferSize, Put};

use crate::error::ErrorKind;

/// Bytes of small drafts that may be in flight for each worker: waiting, being sealed,
/// or sealed but not yet written. More would not fit into the processor's caches, and
/// the builder could not reuse their memory.
pub(crate) const BYTES_PER_WORKER: u64 = 6 << 20;

/// The size of every write to a file or a stream except the last.
pub(crate) const WRITE_SIZE: BufferSize = match BufferSize::new(1 << 20) {
    Some(size) => size,
    None => unreachable!(),
};

/// The end of the pipeline: takes the output stream's puts in order.
pub(crate) trait PackSink: Send {
    /// Bytes of small drafts that may be in flight for each worker.
    const BYTES_PER_WORKER: u64 = BYTES_PER_WORKER;

    /// Returns the exact size of every put except the last.
    fn put_size(&self) -> BufferSize;

    /// Appends the bytes of a put.
    fn put(&mut self, put: &Put) -> Result<(), ErrorKind>;
}
