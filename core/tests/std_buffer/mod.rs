//! `std::io::BufWriter` as a subject of the checker.

use std::io::{BufWriter, Write};

use bytes::Bytes;
use sealpack_core::check::{Failed, Recorder, Sink, Subject};
use sealpack_core::stream::Shape;

/// The buffer, which owns its sink and does not show its contents.
pub struct StdBuffer {
    stream: BufWriter<Sink>,
    sink: Sink,
}

impl StdBuffer {
    /// Opens a buffer of this shape over a sink of the checker.
    pub fn open(shape: Shape) -> Box<dyn Subject> {
        let sink = Sink::new();
        let stream = BufWriter::with_capacity(shape.buffer_size.get(), sink.clone());
        Box::new(StdBuffer { stream, sink })
    }
}

impl Subject for StdBuffer {
    fn write(&mut self, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failed> {
        self.sink.clone().lend(recorder, || self.stream.write_all(bytes)).map_err(|_| Failed)
    }

    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
        extents.iter().try_for_each(|extent| self.write(extent, sink))
    }

    fn flush(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let flushed = self.sink.clone().lend(recorder, || self.stream.flush());
        flushed.map_err(|_| Failed)?;
        recorder.flush()
    }

    fn close(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let flushed = self.flush(recorder);
        flushed.and(recorder.close())
    }
}
