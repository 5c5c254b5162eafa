//! `object_store::WriteMultipart`: parts of one size for a multipart upload.
//!
//! It promises what such an upload needs: the order, parts of exactly its chunk size
//! except the last, no empty part, and that `put` does not copy. It has no flush. Only
//! a call that waits for the parts reports a failed part: the adapter makes one after
//! each call.

use bytes::Bytes;
use object_store::{MultipartUpload, PutPayload, PutResult, UploadPart, WriteMultipart};
use sealpack_core::check::{Failed, Invariant, Recorder, Sink, Subject};
use sealpack_core::stream::Shape;

use crate::{broken, size};

/// The checker's sink as an upload.
#[derive(Debug)]
struct Upload(Sink);

fn failed() -> object_store::Error {
    object_store::Error::Generic {
        store: "checker",
        source: "a failure that the checker injects".into(),
    }
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        let extents: Vec<Bytes> = part.into_iter().collect();
        let put = self.0.put(&extents).map_err(|_| failed());
        Box::pin(async move { put })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        self.0.close().map_err(|_| failed())?;
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.0.close().map_err(|_| failed())
    }
}

struct Multipart {
    /// `None` after it was closed or has failed.
    stream: Option<WriteMultipart>,
    sink: Sink,
    runtime: tokio::runtime::Runtime,
}

impl Multipart {
    fn open(shape: Shape) -> Box<dyn Subject> {
        let sink = Sink::new();
        let upload = Box::new(Upload(sink.clone()));
        let stream = WriteMultipart::new_with_chunk_size(upload, shape.buffer_size.get());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Box::new(Multipart { stream: Some(stream), sink, runtime })
    }

    fn call(
        &mut self,
        recorder: &mut Recorder,
        call: impl FnOnce(&mut WriteMultipart),
    ) -> Result<(), Failed> {
        let Multipart { stream, sink, runtime } = self;
        let stream = stream.as_mut().ok_or(Failed)?;
        let waited = sink.lend(recorder, || {
            runtime.block_on(async {
                call(stream);
                stream.wait_for_capacity(1).await
            })
        });
        waited.map_err(|_| Failed)
    }
}

impl Subject for Multipart {
    fn write(&mut self, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failed> {
        self.call(recorder, |stream| stream.write(bytes))
    }

    fn write_extents(&mut self, extents: &[Bytes], recorder: &mut Recorder) -> Result<(), Failed> {
        let put = |stream: &mut WriteMultipart| {
            extents.iter().for_each(|extent| stream.put(extent.clone()));
        };
        self.call(recorder, put)
    }

    fn has_flush(&self) -> bool {
        false
    }

    fn close(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let Multipart { stream, sink, runtime } = self;
        let stream = stream.take().ok_or(Failed)?;
        let finished = sink.lend(recorder, || runtime.block_on(stream.finish()));
        finished.map(|_| ()).map_err(|_| Failed)
    }
}

#[test]
fn write_multipart_keeps_all_that_an_upload_needs() {
    let found = broken(Shape::exactly(size(5)), &Multipart::open, false);
    assert_eq!(found, []);
}

#[test]
fn write_multipart_starts_further_parts_of_a_write_after_one_failed() {
    let found = broken(Shape::exactly(size(5)), &Multipart::open, true);
    let invariants: Vec<Invariant> = found.iter().map(|(invariant, _)| *invariant).collect();
    assert_eq!(invariants, [Invariant::FailStop], "{found:?}");
}
