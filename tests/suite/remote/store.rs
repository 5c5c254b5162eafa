//! A store in memory that records requests, asserts that parts have sizes that every
//! store accepts, and fails on request.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};
use sealpack::WriteMonitor;
use sealpack::remote::{ServerRefusal, StoreFault};

/// A request to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Head,
    Get,
    Put { size: usize },
    Begin,
    Part { size: usize },
    Complete,
    Abort,
}

/// How the store fails a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostResponse {
    /// The store carries out the request, and the connection breaks.
    Connection,
    /// The store carries out the request, and responds to a retry: the object exists, or
    /// the upload does not.
    Retried,
    /// The store refuses the request, since another write is in progress.
    Conflict,
    /// Another writer's object appears, and the connection breaks.
    OtherWriterFirst,
}

/// The state that the clones of a [`RecordingStore`] share.
#[derive(Debug, Default)]
pub struct Log {
    requests: Mutex<Vec<Request>>,
    /// The number, from 0, of the request that fails.
    failing_request: AtomicUsize,
    open_uploads: AtomicUsize,
    max_parts: AtomicUsize,
    parts_in_flight: AtomicUsize,
    gets_in_flight: AtomicUsize,
    max_gets: AtomicUsize,
    is_slow: AtomicBool,
    /// Whether every request panics.
    panics: AtomicBool,
    /// How the next put or complete fails.
    next_failure: Mutex<Option<LostResponse>>,
    /// Whether objects are returned without their metadata.
    drops_metadata: AtomicBool,
    /// Whether no upload can be aborted.
    keeps_parts: AtomicBool,
    /// Whether `If-None-Match` is refused.
    refuses_if_none_match: AtomicBool,
    /// Whether listings have ETags without quotes, as Azure's.
    lists_unquoted_e_tags: AtomicBool,
    /// How many of the next responses have an ETag of their own, as if each came from
    /// another server.
    varying_e_tags: AtomicUsize,
    /// Whether every `If-Match` fails.
    refuses_conditions: AtomicBool,
    /// The writer to cancel at the next put.
    canceled_at_put: Mutex<Option<WriteMonitor>>,
}

/// A store in memory that records its requests.
#[derive(Clone)]
pub struct RecordingStore {
    pub inner: Arc<InMemory>,
    pub log: Arc<Log>,
}

impl RecordingStore {
    pub fn new() -> Self {
        let log = Log { failing_request: AtomicUsize::new(usize::MAX), ..Log::default() };
        Self { inner: Arc::new(InMemory::new()), log: Arc::new(log) }
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.log.requests.lock().unwrap())
    }

    /// Lets the request with this number, counted from 0 from now on, fail.
    pub fn fail(&self, number: usize) {
        self.requests();
        self.log.failing_request.store(number, Ordering::SeqCst);
    }

    /// The maximum number of reads in flight at once since the last call.
    pub fn max_gets(&self) -> usize {
        self.log.max_gets.swap(0, Ordering::SeqCst)
    }

    /// Delays parts and reads from now on.
    pub fn slow_down(&self) {
        self.log.is_slow.store(true, Ordering::SeqCst);
    }

    /// Panics at every request from now on.
    pub fn panic(&self) {
        self.log.panics.store(true, Ordering::SeqCst);
    }

    /// Loses the response to the next put or complete.
    pub fn lose(&self, how: LostResponse) {
        *self.log.next_failure.lock().unwrap() = Some(how);
    }

    /// Drops metadata from now on.
    pub fn drop_metadata(&self) {
        self.log.drops_metadata.store(true, Ordering::SeqCst);
    }

    /// Refuses to abort uploads from now on.
    pub fn keep_parts(&self) {
        self.log.keeps_parts.store(true, Ordering::SeqCst);
    }

    /// Refuses conditional puts from now on, as a store that does not support them.
    pub fn refuse_if_none_match(&self) {
        self.log.refuses_if_none_match.store(true, Ordering::SeqCst);
    }

    /// Lists ETags without their quotes from now on.
    pub fn unquote_listings(&self) {
        self.log.lists_unquoted_e_tags.store(true, Ordering::SeqCst);
    }

    /// Gives each of the next `responses` responses an ETag of its own.
    pub fn vary_e_tags(&self, responses: usize) {
        self.log.varying_e_tags.store(responses, Ordering::SeqCst);
    }

    /// Responds with 412 to every `If-Match`, even if it matches.
    pub fn refuse_conditions(&self) {
        self.log.refuses_conditions.store(true, Ordering::SeqCst);
    }

    /// Cancels this writer during the next put.
    pub fn cancel_at_put(&self, writer: WriteMonitor) {
        *self.log.canceled_at_put.lock().unwrap() = Some(writer);
    }

    /// The number of uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.log.open_uploads.load(Ordering::SeqCst)
    }

    /// The maximum number of parts in flight at once.
    pub fn max_parts(&self) -> usize {
        self.log.max_parts.load(Ordering::SeqCst)
    }
}

impl Log {
    fn record(&self, request: Request) -> Result<()> {
        assert!(!self.panics.load(Ordering::SeqCst), "the store panicked");
        let mut requests = self.requests.lock().unwrap();
        requests.push(request);
        if requests.len() - 1 == self.failing_request.load(Ordering::SeqCst) {
            return Err(Error::Generic {
                store: "recording",
                source: "a failure injected by a test".into(),
            });
        }
        Ok(())
    }
}

/// Leaves out the stored bytes.
impl fmt::Debug for RecordingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingStore").field("log", &self.log).finish_non_exhaustive()
    }
}

impl fmt::Display for RecordingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordingStore")
    }
}

#[async_trait]
impl ObjectStore for RecordingStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.log.record(Request::Put { size: payload.content_length() })?;
        if let Some(writer) = self.log.canceled_at_put.lock().unwrap().take() {
            writer.cancel();
        }
        if options.mode == PutMode::Create && self.log.refuses_if_none_match.load(Ordering::SeqCst)
        {
            let refusal = ServerRefusal::new(StoreFault::NoConditions, "501 Not Implemented");
            return Err(Error::Generic { store: "recording", source: refusal.into() });
        }
        let failure = self.log.next_failure.lock().unwrap().take();
        if failure == Some(LostResponse::OtherWriterFirst) {
            self.inner.put(location, "another writer's".into()).await?;
        }
        if !matches!(failure, Some(LostResponse::Conflict | LostResponse::OtherWriterFirst)) {
            let put = self.inner.put_opts(location, payload, options).await?;
            let None = failure else { return Err(lost_response(failure, location)) };
            return Ok(put);
        }
        Err(lost_response(failure, location))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.log.record(Request::Begin)?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        self.log.open_uploads.fetch_add(1, Ordering::SeqCst);
        let (store, location) = (self.clone(), location.clone());
        Ok(Box::new(RecordingUpload {
            inner,
            log: Arc::clone(&self.log),
            store,
            location,
            sizes: Vec::new(),
        }))
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        self.log.record(if options.head { Request::Head } else { Request::Get })?;
        let in_flight = self.log.gets_in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.log.max_gets.fetch_max(in_flight, Ordering::SeqCst);
        if self.log.is_slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.log.gets_in_flight.fetch_sub(1, Ordering::SeqCst);
        let varies = self.log.varying_e_tags.load(Ordering::SeqCst);
        if varies > 0 {
            options.if_match = None;
        }
        if options.if_match.is_some() && self.log.refuses_conditions.load(Ordering::SeqCst) {
            return Err(Error::Precondition { path: location.to_string(), source: "412".into() });
        }
        let mut got = self.inner.get_opts(location, options).await?;
        if self.log.drops_metadata.load(Ordering::SeqCst) {
            got.attributes = Attributes::new();
        }
        if varies > 0 {
            self.log.varying_e_tags.store(varies - 1, Ordering::SeqCst);
            got.meta.e_tag = Some(format!("\"from server {varies}\""));
        }
        Ok(got)
    }

    async fn get_ranges(&self, _: &Path, _: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        panic!("sealpack must not use it: it merges ranges up to 1 MiB apart")
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let lists_unquoted_e_tags = self.log.lists_unquoted_e_tags.load(Ordering::SeqCst);
        let unquoted = move |mut meta: ObjectMeta| {
            meta.e_tag = meta.e_tag.map(|e_tag| e_tag.replace('"', ""));
            meta
        };
        self.inner
            .list(prefix)
            .map_ok(move |meta| if lists_unquoted_e_tags { unquoted(meta) } else { meta })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// The error that the writer gets instead of the response.
fn lost_response(failure: Option<LostResponse>, location: &Path) -> Error {
    match failure {
        Some(LostResponse::Connection | LostResponse::OtherWriterFirst) | None => {
            Error::Generic { store: "recording", source: "connection reset".into() }
        }
        Some(LostResponse::Retried | LostResponse::Conflict) => {
            Error::AlreadyExists { path: location.to_string(), source: "409".into() }
        }
    }
}

#[derive(Debug)]
struct RecordingUpload {
    inner: Box<dyn MultipartUpload>,
    log: Arc<Log>,
    store: RecordingStore,
    location: Path,
    sizes: Vec<usize>,
}

impl RecordingUpload {
    /// Asserts that every part except the last is as large as the first, that the last
    /// is not larger, and that none is empty: the rules of R2, the strictest store.
    fn check_part_sizes(&self) {
        let (last, others) = self.sizes.split_last().unwrap();
        let first = self.sizes[0];
        assert!(others.iter().all(|&size| size == first), "parts of {:?}", self.sizes);
        assert!(*last <= first && *last > 0, "the last of {:?}", self.sizes);
    }
}

#[async_trait]
impl MultipartUpload for RecordingUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let size = data.content_length();
        self.sizes.push(size);
        self.check_part_sizes();
        let recorded = self.log.record(Request::Part { size });
        let (log, part) = (Arc::clone(&self.log), self.inner.put_part(data));
        Box::pin(async move {
            let now = log.parts_in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            log.max_parts.fetch_max(now, Ordering::SeqCst);
            if log.is_slow.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            log.parts_in_flight.fetch_sub(1, Ordering::SeqCst);
            recorded?;
            part.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.log.record(Request::Complete)?;
        let failure = self.log.next_failure.lock().unwrap().take();
        if failure == Some(LostResponse::OtherWriterFirst) {
            self.store.inner.put(&self.location, "another writer's".into()).await?;
        }
        if matches!(failure, Some(LostResponse::Conflict | LostResponse::OtherWriterFirst)) {
            return Err(lost_response(failure, &self.location));
        }
        let completed = self.inner.complete().await?;
        self.log.open_uploads.fetch_sub(1, Ordering::SeqCst);
        match failure {
            None => Ok(completed),
            Some(LostResponse::Retried) => {
                let path = self.location.to_string();
                Err(Error::NotFound { path, source: "<Code>NoSuchUpload</Code>".into() })
            }
            failure => Err(lost_response(failure, &self.location)),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.log.record(Request::Abort)?;
        if self.log.keeps_parts.load(Ordering::SeqCst) {
            return Err(Error::Generic {
                store: "recording",
                source: "credentials expired".into(),
            });
        }
        self.inner.abort().await?;
        self.log.open_uploads.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}
