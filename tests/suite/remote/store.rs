//! A store in memory that counts requests, asserts that parts have the sizes
//! that every store accepts, and fails when a test asks for it.

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
use sealpack::remote::{Refusal, StoreFault};

/// What was asked of a store.
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
pub enum Lost {
    /// It carries the request out, and the connection breaks.
    Connection,
    /// It carries the request out, and answers a retry: there is one, or there
    /// is no such upload.
    Retried,
    /// It carries nothing out, and says that another write is in progress.
    Conflict,
    /// Another writer's object appears, and the connection breaks.
    Beaten,
}

/// What the clones of a [`Watched`] share.
#[derive(Debug, Default)]
pub struct Log {
    requests: Mutex<Vec<Request>>,
    /// The request of this number fails, counted from 0.
    fails: AtomicUsize,
    open_uploads: AtomicUsize,
    most_parts: AtomicUsize,
    parts_in_flight: AtomicUsize,
    gets_in_flight: AtomicUsize,
    most_gets: AtomicUsize,
    slow: AtomicBool,
    /// Whether every request panics.
    panics: AtomicBool,
    /// How the next put or complete fails.
    loses: Mutex<Option<Lost>>,
    /// Whether objects come without their metadata.
    drops_metadata: AtomicBool,
    /// Whether no upload can be aborted.
    keeps_parts: AtomicBool,
    /// Whether `If-None-Match` is refused.
    knows_no_condition: AtomicBool,
    /// Listings have ETags without quotes, as Azure's.
    unquotes: AtomicBool,
    /// The next answers have another ETag each, as from other servers.
    e_tags: AtomicUsize,
    /// Every condition fails.
    refuses_conditions: AtomicBool,
}

/// A store in memory that is watched.
#[derive(Clone)]
pub struct Watched {
    pub inner: Arc<InMemory>,
    pub log: Arc<Log>,
}

impl Watched {
    pub fn new() -> Self {
        let log = Log { fails: AtomicUsize::new(usize::MAX), ..Log::default() };
        Self { inner: Arc::new(InMemory::new()), log: Arc::new(log) }
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.log.requests.lock().unwrap())
    }

    /// Has the request of this number fail from now on, counted from 0.
    pub fn fail(&self, number: usize) {
        self.requests();
        self.log.fails.store(number, Ordering::SeqCst);
    }

    /// The most reads that were in flight at once, from the last call on.
    pub fn most_gets(&self) -> usize {
        self.log.most_gets.swap(0, Ordering::SeqCst)
    }

    /// Lets parts and reads take their time.
    pub fn slow_down(&self) {
        self.log.slow.store(true, Ordering::SeqCst);
    }

    /// Panics at every request from now on.
    pub fn panic(&self) {
        self.log.panics.store(true, Ordering::SeqCst);
    }

    /// Loses the answer to the next put or complete.
    pub fn lose(&self, how: Lost) {
        *self.log.loses.lock().unwrap() = Some(how);
    }

    /// Keeps no metadata from now on.
    pub fn drop_metadata(&self) {
        self.log.drops_metadata.store(true, Ordering::SeqCst);
    }

    /// Aborts no upload from now on.
    pub fn keep_parts(&self) {
        self.log.keeps_parts.store(true, Ordering::SeqCst);
    }

    /// Refuses conditional puts from now on, as a store that does not know
    /// them.
    pub fn refuse_if_none_match(&self) {
        self.log.knows_no_condition.store(true, Ordering::SeqCst);
    }

    /// Lists ETags without their quotes from now on.
    pub fn unquote_listings(&self) {
        self.log.unquotes.store(true, Ordering::SeqCst);
    }

    /// Gives each of the next answers an ETag of its own, until 0 is set.
    pub fn vary_e_tags(&self, answers: usize) {
        self.log.e_tags.store(answers, Ordering::SeqCst);
    }

    /// Answers 412 to every condition, true or not.
    pub fn refuse_conditions(&self) {
        self.log.refuses_conditions.store(true, Ordering::SeqCst);
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.log.open_uploads.load(Ordering::SeqCst)
    }

    /// The most parts that were in flight at once.
    pub fn most_parts(&self) -> usize {
        self.log.most_parts.load(Ordering::SeqCst)
    }
}

impl Log {
    fn note(&self, request: Request) -> Result<()> {
        assert!(!self.panics.load(Ordering::SeqCst), "out of order");
        let mut requests = self.requests.lock().unwrap();
        requests.push(request);
        if requests.len() - 1 == self.fails.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "Watched", source: "a test made it fail".into() });
        }
        Ok(())
    }
}

/// Not the bytes in it.
impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("log", &self.log).finish_non_exhaustive()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.log.note(Request::Put { size: payload.content_length() })?;
        if options.mode == PutMode::Create && self.log.knows_no_condition.load(Ordering::SeqCst) {
            let why = Refusal::new(StoreFault::NoConditions, "501 Not Implemented");
            return Err(Error::Generic { store: "Watched", source: why.into() });
        }
        let lost = self.log.loses.lock().unwrap().take();
        if lost == Some(Lost::Beaten) {
            self.inner.put(location, "another writer's".into()).await?;
        }
        if !matches!(lost, Some(Lost::Conflict | Lost::Beaten)) {
            let put = self.inner.put_opts(location, payload, options).await?;
            let None = lost else { return Err(lost_answer(lost, location)) };
            return Ok(put);
        }
        Err(lost_answer(lost, location))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.log.note(Request::Begin)?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        self.log.open_uploads.fetch_add(1, Ordering::SeqCst);
        let (store, location) = (self.clone(), location.clone());
        Ok(Box::new(WatchedUpload {
            inner,
            log: Arc::clone(&self.log),
            store,
            location,
            sizes: Vec::new(),
        }))
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        self.log.note(if options.head { Request::Head } else { Request::Get })?;
        let in_flight = self.log.gets_in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.log.most_gets.fetch_max(in_flight, Ordering::SeqCst);
        if self.log.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.log.gets_in_flight.fetch_sub(1, Ordering::SeqCst);
        let varies = self.log.e_tags.load(Ordering::SeqCst);
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
            self.log.e_tags.store(varies - 1, Ordering::SeqCst);
            got.meta.e_tag = Some(format!("\"from server {varies}\""));
        }
        Ok(got)
    }

    async fn get_ranges(&self, _: &Path, _: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        panic!("its gap of 1 MiB does not suit records")
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let unquotes = self.log.unquotes.load(Ordering::SeqCst);
        let unquoted = move |mut meta: ObjectMeta| {
            meta.e_tag = meta.e_tag.map(|e_tag| e_tag.replace('"', ""));
            meta
        };
        self.inner
            .list(prefix)
            .map_ok(move |meta| if unquotes { unquoted(meta) } else { meta })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// What the writer hears of a request that was lost so.
fn lost_answer(lost: Option<Lost>, location: &Path) -> Error {
    match lost {
        Some(Lost::Connection | Lost::Beaten) | None => {
            Error::Generic { store: "Watched", source: "connection reset".into() }
        }
        Some(Lost::Retried | Lost::Conflict) => {
            Error::AlreadyExists { path: location.to_string(), source: "409".into() }
        }
    }
}

#[derive(Debug)]
struct WatchedUpload {
    inner: Box<dyn MultipartUpload>,
    log: Arc<Log>,
    store: Watched,
    location: Path,
    sizes: Vec<usize>,
}

impl WatchedUpload {
    /// Every part but the last as large as the first, none above it, and none
    /// empty: what R2 asks for, and so what is asked for here.
    fn check_the_rule(&self) {
        let (last, others) = self.sizes.split_last().unwrap();
        let first = self.sizes[0];
        assert!(others.iter().all(|&size| size == first), "parts of {:?}", self.sizes);
        assert!(*last <= first && *last > 0, "the last of {:?}", self.sizes);
    }
}

#[async_trait]
impl MultipartUpload for WatchedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let size = data.content_length();
        self.sizes.push(size);
        self.check_the_rule();
        let noted = self.log.note(Request::Part { size });
        let (log, part) = (Arc::clone(&self.log), self.inner.put_part(data));
        Box::pin(async move {
            let now = log.parts_in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            log.most_parts.fetch_max(now, Ordering::SeqCst);
            if log.slow.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            log.parts_in_flight.fetch_sub(1, Ordering::SeqCst);
            noted?;
            part.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.log.note(Request::Complete)?;
        let lost = self.log.loses.lock().unwrap().take();
        if lost == Some(Lost::Beaten) {
            self.store.inner.put(&self.location, "another writer's".into()).await?;
        }
        if matches!(lost, Some(Lost::Conflict | Lost::Beaten)) {
            return Err(lost_answer(lost, &self.location));
        }
        let completed = self.inner.complete().await?;
        self.log.open_uploads.fetch_sub(1, Ordering::SeqCst);
        match lost {
            None => Ok(completed),
            Some(Lost::Retried) => {
                let path = self.location.to_string();
                Err(Error::NotFound { path, source: "<Code>NoSuchUpload</Code>".into() })
            }
            lost => Err(lost_answer(lost, &self.location)),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.log.note(Request::Abort)?;
        if self.log.keeps_parts.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "Watched", source: "credentials expired".into() });
        }
        self.inner.abort().await?;
        self.log.open_uploads.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}
