//! Writes a pack to any `std::io::Write`.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::format::Trailer;
use sealpack_core::stream::{BufferSize, Put};
use sealpack_core::write::RecordBuilder;

use super::options::WriterOptions;
use super::output::{PackOutput, Written};
use super::packer::{PackPlan, Packer};
use super::progress::WriteMonitor;
use super::sink::{PackSink, WRITE_SIZE};
use super::vectored::write_put;
use crate::error::{Error, ErrorKind, IoOperation, OptionsError};

/// Writes a pack into a [`Write`]: a socket, a pipe, an open [`File`], memory.
/// Made by [`WriterOptions::write_to`].
///
/// The sink gets the bytes of the pack in order, in writes of 1 MiB, on a thread of
/// the writer (on the caller's with `threads(0)`). The writer renames, removes and
/// syncs nothing; that is up to the program. So is cleaning up after a pack that was
/// never finished.
///
/// ```
/// use sealpack::{Reader, Writer};
///
/// let mut writer = Writer::options().write_to(Vec::new())?;
/// writer.append(b"an item")?;
/// let sealed = writer.finish()?;
/// assert_eq!(sealed.sink.len() as u64, sealed.size);
///
/// let reader = Reader::options().open_source(sealed.sink, "memory")?;
/// assert_eq!(reader.get(0)?, b"an item"[..]);
/// # Ok::<(), sealpack::Error>(())
/// ```
///
/// [`File`]: std::fs::File
pub struct StreamWriter<W: Write + Send + 'static> {
    packer: Packer<WriteSink<W>>,
}

/// A complete pack in a sink, and the sink.
#[derive(Clone, Debug)]
pub struct SealedStream<W> {
    /// The sink, flushed.
    pub sink: W,
    /// The pack's trailer.
    pub trailer: Trailer,
    /// The size of the pack in bytes.
    pub size: u64,
}

/// Makes an error about a sink. It has no path; `(stream)` stands in for one.
pub(super) fn error(kind: ErrorKind) -> Error {
    Error::new(&Arc::new(PathBuf::from("(stream)")), kind)
}

/// Fails if the options ask for a digest list, which only a file can have.
pub(super) fn refuse_digest_list(options: &WriterOptions) -> Result<(), ErrorKind> {
    if options.wants_digest_list()? {
        return Err(ErrorKind::Options(OptionsError::DigestListOfStream));
    }
    Ok(())
}

impl WriterOptions {
    /// Starts a pack that is written to `sink`, from its current position on. The
    /// options `overwrite` and `writeback_every`, which concern files, have no effect.
    ///
    /// # Errors
    /// [`ErrorKind::Options`], also for a [digest list](Self::digest_list), which is a
    /// file next to its pack; [`ErrorKind::Encoder`].
    pub fn write_to<W: Write + Send + 'static>(self, sink: W) -> Result<StreamWriter<W>, Error> {
        self.start_stream(WriteSink(sink)).map_err(error)
    }

    fn start_stream<W: Write + Send + 'static>(
        self,
        sink: WriteSink<W>,
    ) -> Result<StreamWriter<W>, ErrorKind> {
        refuse_digest_list(&self)?;
        let plan = PackPlan::without_companions(&self)?;
        let output = PackOutput::new(plan.shape(), sink, None);
        Ok(StreamWriter { packer: Packer::start(plan, output)? })
    }
}

impl<W: Write + Send + 'static> StreamWriter<W> {
    /// As [`Writer::append`](crate::Writer::append).
    ///
    /// # Errors
    /// As there.
    pub fn append(&mut self, item: &[u8]) -> Result<(), Error> {
        self.append_with(|builder| builder.push(item))
    }

    /// As [`Writer::append_parts`](crate::Writer::append_parts).
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_parts(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        self.append_with(|builder| builder.push_parts(parts))
    }

    /// As [`Writer::append_owned`](crate::Writer::append_owned).
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_owned(&mut self, item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_with(|builder| builder.push_owned(item))
    }

    /// As [`Writer::append_named`](crate::Writer::append_named).
    ///
    /// # Errors
    /// As there.
    pub fn append_named(&mut self, name: &[u8], item: &[u8]) -> Result<(), Error> {
        self.append_named_with(name, |builder| builder.push(item))
    }

    /// As [`append_owned`](Self::append_owned), for an item with a name.
    ///
    /// # Errors
    /// As [`append_named`](Self::append_named).
    pub fn append_named_owned(&mut self, name: &[u8], item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_named_with(name, |builder| builder.push_owned(item))
    }

    /// As [`Writer::set_app_data`](crate::Writer::set_app_data).
    ///
    /// # Errors
    /// [`Limit::AppData`](sealpack_core::error::Limit::AppData) above 2^32-1
    /// bytes.
    pub fn set_app_data(&mut self, app_data: impl Into<Bytes>) -> Result<(), Error> {
        self.packer.set_app_data(app_data.into()).map_err(error)
    }

    /// Returns the number of items appended so far.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.packer.item_count()
    }

    /// Returns a handle that watches this writer and can cancel it.
    #[must_use]
    pub fn monitor(&self) -> WriteMonitor {
        self.packer.monitor().clone()
    }

    /// Writes the remaining bytes, flushes the sink and returns it.
    ///
    /// # Errors
    /// The first error of the writer or of the sink. Then the sink is dropped.
    pub fn finish(self) -> Result<SealedStream<W>, Error> {
        self.finish_all().map_err(error)
    }

    fn finish_all(self) -> Result<SealedStream<W>, ErrorKind> {
        let Written { sink, trailer, file_size, .. } = self.packer.finish()?;
        let mut sink = sink.0;
        sink.flush().map_err(|error| ErrorKind::io(IoOperation::Writing, error))?;
        Ok(SealedStream { sink, trailer, size: file_size })
    }

    fn append_named_with(
        &mut self,
        name: &[u8],
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        self.packer.append_named_with(name, push).map_err(error)
    }

    fn append_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        self.packer.append_with(push).map_err(error)
    }
}

impl<W: Write + Send + 'static> fmt::Debug for StreamWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWriter")
            .field("item_count", &self.item_count())
            .finish_non_exhaustive()
    }
}

/// A sink that writes to a [`Write`].
struct WriteSink<W>(W);

impl<W: Write + Send> PackSink for WriteSink<W> {
    fn put_size(&self) -> BufferSize {
        WRITE_SIZE
    }

    fn put(&mut self, put: &Put) -> Result<(), ErrorKind> {
        let written = write_put(put, |slices| self.0.write_vectored(slices));
        written.map_err(|error| ErrorKind::io(IoOperation::Writing, error))
    }
}
