//! Passes the records of a pack to the caller on the threads that decode them.

use std::ops::Range;
use std::sync::Arc;

use futures_util::stream::Stream;
use sealpack_core::format::RecordContent;
use sealpack_core::read::RecordPlace;

use super::reader::{RemoteReader, RemoteReaderInner};
use super::scan::{outcomes, scan};
use super::unseal::{Outcomes, StoredRecord, Unsealed};
use crate::error::{Error, ErrorKind};
use crate::read::{BufferPool, DecodeMemory};

/// Stored bytes that one thread works on at a time. Only results wait for the caller, so
/// that there may be more records in a batch than in other scans.
const MAPPED_BATCH_SIZE: usize = 1 << 20;

/// What the threads that decode the records share.
struct Mapping<F> {
    /// The caller's work on one record.
    work: F,
    /// The buffers that records are decoded into.
    decoded: BufferPool,
}

impl RemoteReader {
    /// As [`records`](Self::records), but calls `work` with each record on the thread that
    /// decodes it, and returns the results, in order. That is the fastest way to read a
    /// pack of which little is needed, for example to search it: records are decoded into
    /// memory that is reused, and are still in the processor's cache.
    ///
    /// `work` runs on several threads, and on records in any order. It may block. If the
    /// reader [trusts](super::RemoteTrust) a hash, the records are authenticated after
    /// `work`, and the result of one that is not authentic is dropped.
    ///
    /// ```
    /// # use futures_util::TryStreamExt as _;
    /// # use object_store::{ObjectStoreExt as _, memory::InMemory};
    /// # use sealpack::{Writer, remote::{Location, RemoteReader}};
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.pack");
    /// # let mut writer = Writer::options().items_per_record(2).create(&path)?;
    /// # for item in ["a", "b", "c"] { writer.append(item.as_bytes())?; }
    /// # writer.finish()?;
    /// # let store = InMemory::new();
    /// # store.put(&"a.pack".into(), std::fs::read(&path)?.into()).await?;
    /// # let reader = RemoteReader::open(&Location::new(store, "a.pack".into())).await?;
    /// let all = 0..reader.directory().record_count();
    /// let mut counts = reader.map_records(all, |_, record| {
    ///     record.items().filter(|item| item.starts_with(b"b")).count()
    /// });
    /// let mut found = 0;
    /// while let Some((_, count)) = counts.try_next().await? {
    ///     found += count?; // an error if the record is damaged
    /// }
    /// assert_eq!(found, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`records`](Self::records).
    ///
    /// # Panics
    /// The stream panics if `work` does.
    pub fn map_records<T, F>(
        &self,
        numbers: Range<u32>,
        work: F,
    ) -> impl Stream<Item = Result<(RecordPlace, Result<T, Error>), Error>> + Send + Unpin + use<T, F>
    where
        T: Send + 'static,
        F: Fn(&RecordPlace, RecordContent<'_>) -> T + Send + Sync + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let decoded = BufferPool::with_max_idle(inner.opened.budget.max_idle());
        let mapping = Arc::new(Mapping { work, decoded });
        let reads = scan(&self.inner, numbers);
        let mapped = outcomes(&self.inner, reads, MAPPED_BATCH_SIZE, move |batch| {
            Arc::clone(&inner).map_all(batch, Arc::clone(&mapping))
        });
        self.by_place(mapped)
    }
}

impl RemoteReaderInner {
    /// Checks and decodes records, and calls the work of the caller with each.
    async fn map_all<T, F>(
        self: Arc<Self>,
        batch: Vec<StoredRecord>,
        mapping: Arc<Mapping<F>>,
    ) -> Result<Outcomes<T>, ErrorKind>
    where
        T: Send + 'static,
        F: Fn(&RecordPlace, RecordContent<'_>) -> T + Send + Sync + 'static,
    {
        let inner = Arc::clone(&self);
        let mapped = self.on_blocking_thread(move || {
            let mut memory = DecodeMemory::with_buffer(mapping.decoded.take());
            let mapped = batch.into_iter().map(|(planned, stored)| {
                let made = inner.map_one(&planned.place, &stored, &mut memory, &mapping.work);
                (planned, made)
            });
            let mapped: Outcomes<Unsealed<T>> = mapped.collect();
            mapping.decoded.give_back(memory.close(&inner.opened.decoders));
            mapped
        });
        self.authenticate_all(mapped.await?).await
    }

    fn map_one<T>(
        &self,
        place: &RecordPlace,
        stored: &[u8],
        memory: &mut DecodeMemory,
        work: &impl Fn(&RecordPlace, RecordContent<'_>) -> T,
    ) -> Result<Unsealed<T>, ErrorKind> {
        self.opened.choose_codec_by_payload(place, stored);
        let content = self.opened.unseal_lent(place, stored, memory)?;
        let digest = self.digest_to_check(content.items())?;
        Ok(Unsealed { made: work(place, content), digest })
    }
}
