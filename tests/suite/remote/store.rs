//! A store around another one that counts what is asked of it, holds uploads to
//! the rule that all stores have in common, and fails when it is told to.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

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

/// What the clones of a [`Watched`] share.
#[derive(Debug, Default)]
pub struct Log {
    requests: Mutex<Vec<Request>>,
    /// The request of this number fails, counted from 0.
    fails: AtomicUsize,
    open_uploads: AtomicUsize,
    most_parts: AtomicUsize,
    parts_under_way: AtomicUsize,
    gets_under_way: AtomicUsize,
    most_gets: AtomicUsize,
    slow: AtomicBool,
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

    /// The most reads that were under way at once, from the last call on.
    pub fn most_gets(&self) -> usize {
        self.log.most_gets.swap(0, Ordering::SeqCst)
    }

    /// Lets parts and reads take their time.
    pub fn slow_down(&self) {
        self.log.slow.store(true, Ordering::SeqCst);
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.log.open_uploads.load(Ordering::SeqCst)
    }

    /// The most parts that were under way at once.
    pub fn most_parts(&self) -> usize {
        self.log.most_parts.load(Ordering::SeqCst)
    }
}

impl Log {
    fn note(&self, request: Request) -> Result<()> {
        let mut requests = self.requests.lock().unwrap();
        requests.push(request);
        if requests.len() - 1 == self.fails.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "Watched", source: "it was told to fail".into() });
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
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.log.note(Request::Begin)?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        self.log.open_uploads.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(WatchedUpload { inner, log: Arc::clone(&self.log), sizes: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.log.note(if options.head { Request::Head } else { Request::Get })?;
        let under_way = self.log.gets_under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.log.most_gets.fetch_max(under_way, Ordering::SeqCst);
        if self.log.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.log.gets_under_way.fetch_sub(1, Ordering::SeqCst);
        self.inner.get_opts(location, options).await
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
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct WatchedUpload {
    inner: Box<dyn MultipartUpload>,
    log: Arc<Log>,
    sizes: Vec<usize>,
}

impl WatchedUpload {
    /// Every part but the last as large as the first, none above it, and none
    /// empty: what R2 asks for, and so what is asked for here.
    fn hold_to_the_rule(&self) {
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
        self.hold_to_the_rule();
        let noted = self.log.note(Request::Part { size });
        let (log, part) = (Arc::clone(&self.log), self.inner.put_part(data));
        Box::pin(async move {
            let now = log.parts_under_way.fetch_add(1, Ordering::SeqCst) + 1;
            log.most_parts.fetch_max(now, Ordering::SeqCst);
            if log.slow.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            log.parts_under_way.fetch_sub(1, Ordering::SeqCst);
            noted?;
            part.await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.log.note(Request::Complete)?;
        let completed = self.inner.complete().await?;
        self.log.open_uploads.fetch_sub(1, Ordering::SeqCst);
        Ok(completed)
    }

    async fn abort(&mut self) -> Result<()> {
        self.log.note(Request::Abort)?;
        self.inner.abort().await?;
        self.log.open_uploads.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}
