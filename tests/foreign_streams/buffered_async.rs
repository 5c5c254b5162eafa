//! `tokio::io::BufWriter`: the same promises as std's, over an asynchronous sink.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use sealpack_core::check::{Failed, Invariant, Recorder, Sink, Subject};
use sealpack_core::stream::Shape;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};

use crate::{broken, size};

/// The checker's sink as tokio's `AsyncWrite`.
struct AsyncSink(Sink);

impl AsyncWrite for AsyncSink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.flush().map_err(|_| io::Error::other("the flush fails")))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.close().map_err(|_| io::Error::other("the close fails")))
    }
}

struct Tokio {
    stream: BufWriter<AsyncSink>,
    sink: Sink,
    runtime: tokio::runtime::Runtime,
}

impl Tokio {
    fn open(shape: Shape) -> Box<dyn Subject> {
        let sink = Sink::new();
        let stream = BufWriter::with_capacity(shape.buffer_size.get(), AsyncSink(sink.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Box::new(Tokio { stream, sink, runtime })
    }
}

impl Subject for Tokio {
    fn write(&mut self, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failed> {
        let Tokio { stream, sink, runtime } = self;
        sink.lend(recorder, || runtime.block_on(stream.write_all(bytes))).map_err(|_| Failed)
    }

    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
        extents.iter().try_for_each(|extent| self.write(extent, sink))
    }

    fn flush(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let Tokio { stream, sink, runtime } = self;
        sink.lend(recorder, || runtime.block_on(stream.flush())).map_err(|_| Failed)
    }

    fn close(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let flushed = self.flush(recorder);
        let Tokio { stream, sink, runtime } = self;
        let closed = sink.lend(recorder, || runtime.block_on(stream.get_mut().shutdown()));
        flushed.and(closed.map_err(|_| Failed))
    }
}

#[test]
fn tokio_s_bufwriter_keeps_the_order_and_carries_on_after_a_failure() {
    let shape = Shape::at_least(size(5));
    let found = broken(shape, &Tokio::open, false);
    let invariants: Vec<Invariant> = found.iter().map(|(invariant, _)| *invariant).collect();
    assert_eq!(invariants, [Invariant::Shape, Invariant::ZeroCopy], "{found:?}");
    let found = broken(shape, &Tokio::open, true);
    assert!(found.iter().any(|(broken, _)| *broken == Invariant::FailStop), "{found:?}");
}
