//! The end of the pipeline: passes sealed drafts in order through the output stream
//! to the sink.

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::error::Limit;
use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::stream::{Outcome, Output, Shape, Stream, StreamRefusal};
use sealpack_core::write::{Assembly, PackShape, SealedDraft};

use super::progress::WriteMonitor;
use super::sink::PackSink;
use crate::error::ErrorKind;
use crate::trust::DigestSpool;

/// Extents smaller than this are copied into the stream's buffer: an entry of a
/// vectored write costs more than such a copy.
const MIN_REFERENCED_SIZE: usize = 4 << 10;

/// Assembles a pack from sealed drafts and writes it to a sink.
pub(crate) struct PackOutput<S> {
    assembly: Assembly,
    stream: SinkStream<S>,
    /// The records' digests, if a digest list is to be written.
    digests: Option<DigestSpool>,
    monitor: WriteMonitor,
}

impl<S: PackSink> PackOutput<S> {
    pub(crate) fn new(shape: &PackShape, sink: S, digests: Option<DigestSpool>) -> Self {
        let (assembly, stream) = (Assembly::new(shape), SinkStream::new(sink));
        Self { assembly, stream, digests, monitor: WriteMonitor::default() }
    }

    /// Returns the monitor that watches and cancels this output.
    pub(crate) fn monitor(&self) -> &WriteMonitor {
        &self.monitor
    }

    /// Writes the next draft.
    pub(crate) fn write(&mut self, sealed: SealedDraft) -> Result<(), ErrorKind> {
        self.check_not_cancelled()?;
        self.assembly.push(&sealed)?;
        if let Some(digests) = &mut self.digests {
            digests.push(&sealed.digests)?;
        }
        let (items, stored) = (sealed.payload_size, sealed.size());
        sealed.extents.into_iter().try_for_each(|extent| self.stream.write(extent))?;
        self.monitor.count_out(items, stored);
        Ok(())
    }

    fn check_not_cancelled(&self) -> Result<(), ErrorKind> {
        if self.monitor.is_cancelled() { Err(ErrorKind::Cancelled) } else { Ok(()) }
    }

    /// Writes the sections that follow the records. Then the pack is complete, but not
    /// yet durable. A `kept_hash` becomes the content hash; without it, the hash of
    /// the items is stored, if it was computed.
    pub(crate) fn finish(
        self,
        app_data: Bytes,
        kept_hash: Option<Hash>,
    ) -> Result<Written<S>, ErrorKind> {
        self.check_not_cancelled()?;
        let Self { assembly, mut stream, digests, monitor } = self;
        let mut ending = assembly.finish(&app_data)?;
        ending.trailer.content_hash = kept_hash.or(ending.trailer.content_hash);
        let trailer = Bytes::copy_from_slice(&ending.trailer.encode());
        for section in [ending.index.into(), app_data.clone(), trailer] {
            let bytes = section.len() as u64;
            stream.write(section)?;
            monitor.count_out(0, bytes);
        }
        let sink = stream.close()?;
        if monitor.is_cancelled() {
            return Err(ErrorKind::Cancelled);
        }
        let (trailer, file_size) = (ending.trailer, ending.file_size);
        Ok(Written { sink, trailer, file_size, app_data, digests, names_file: None })
    }
}

/// A complete pack: its sink has received all bytes.
pub(crate) struct Written<S> {
    pub(crate) sink: S,
    pub(crate) trailer: Trailer,
    pub(crate) file_size: u64,
    pub(crate) app_data: Bytes,
    pub(crate) digests: Option<DigestSpool>,
    /// The names, if they are too large for the pack.
    pub(crate) names_file: Option<Bytes>,
}

/// An output stream and the sink that it writes to.
pub(crate) struct SinkStream<S> {
    stream: Stream,
    sink: S,
}

impl<S: PackSink> SinkStream<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self { stream: Stream::new(Shape::exactly(sink.put_size())), sink }
    }

    /// Writes `extent`, without copying it if it is large.
    pub(crate) fn write(&mut self, extent: Bytes) -> Result<(), ErrorKind> {
        if extent.len() < MIN_REFERENCED_SIZE {
            return self.copy(&extent);
        }
        let taken = self.stream.write_owned(extent);
        self.drive()?;
        taken.map_err(refusal)
    }

    /// Copies `bytes` into the stream.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        let taken = self.stream.write(bytes);
        self.drive()?;
        taken.map_err(refusal)
    }

    /// Writes the remaining bytes, and returns the sink.
    pub(crate) fn close(mut self) -> Result<S, ErrorKind> {
        let closed = self.stream.close();
        self.drive()?;
        closed.map_err(refusal)?;
        Ok(self.sink)
    }

    /// Takes each output of the stream, performs it, and reports the outcome, as
    /// `Stream` requires.
    fn drive(&mut self) -> Result<(), ErrorKind> {
        let mut first_error = Ok(());
        while let Some(output) = self.stream.next_output() {
            let ended = match output {
                Output::Put(put) => {
                    let ended = self.sink.put(&put);
                    self.stream.recycle(put);
                    ended
                }
                // The publication makes the file durable.
                Output::Flush | Output::Close => Ok(()),
            };
            match ended {
                Ok(()) => self.stream.completed(Outcome::Done),
                Err(error) => {
                    self.stream.completed(Outcome::Failed { taken: 0 });
                    first_error = first_error.and(Err(error));
                }
            }
        }
        first_error
    }
}

fn refusal(refused: StreamRefusal) -> ErrorKind {
    match refused {
        StreamRefusal::TooLong => PackError::Limit(Limit::File).into(),
        // `drive` leaves no output waiting, so each of these means that the stream failed
        // before.
        StreamRefusal::Failed | StreamRefusal::Closed | StreamRefusal::OutputsWait => {
            ErrorKind::Ended
        }
    }
}
