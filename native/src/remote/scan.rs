//! Reads many items, by position or in a range. Requests run in parallel, records are
//! decoded while others arrive, and items are returned in order.

use std::ops::{Range, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use sealpack_core::read::{PlannedRead, PlannedRecord, Record, plan, plan_records};

use super::reader::{RemoteReader, RemoteReaderInner};
use super::room::{Room, RoomShare, is_limited};
use super::unseal::{Outcomes, RecordOutcome, StoredRecord};
use crate::error::{Error, ErrorKind};
use crate::read::{positions_in, records_of_read, requested_items};
use crate::trace::in_span;

/// Stored bytes that are decoded as one batch; a larger record is a batch by itself. With
/// larger batches, more decoded records would wait in memory for the caller.
const DECODE_BATCH_SIZE: usize = 256 << 10;

impl RemoteReader {
    /// Returns the items at `positions`, in the same order; positions may repeat. One
    /// request fetches several nearby records ([`merge`](Self::merge)), and each record
    /// is fetched once.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if a position does not exist, before anything is read,
    /// or for the first record in file order that is damaged; [`ErrorKind::Io`],
    /// with [`Error::store`].
    pub async fn get_many(&self, positions: &[u32]) -> Result<Vec<Bytes>, Error> {
        let found = async {
            let mut items = vec![Bytes::new(); positions.len()];
            let mut found = std::pin::pin!(self.stream_many(positions)?);
            while let Some((request, item)) = found.try_next().await? {
                if let Some(place) = items.get_mut(request) {
                    *place = item;
                }
            }
            Ok(items)
        };
        in_span!(found, "get_many", positions = positions.len()).await
    }

    /// As [`get_many`](Self::get_many), for more items than fit into memory: returns a
    /// stream of the items in file order, each with its index in `positions`.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if a position does not exist. The stream returns the
    /// error of the first record in file order that cannot be read, after the items
    /// before it.
    pub fn stream_many(
        &self,
        positions: &[u32],
    ) -> Result<impl Stream<Item = Result<(usize, Bytes), Error>> + Send + Unpin + use<>, Error>
    {
        let planned = plan(self.directory(), positions, self.inner.opened.budget.merge);
        let reads = planned.map_err(|error| self.error(error.into()))?;
        let items = records(&self.inner, reads.into_iter()).map_ok(|(planned, record)| {
            stream::iter(requested_items(record, planned.wanted).map(Ok))
        });
        let reader = self.clone();
        Ok(items.try_flatten().map_err(move |kind| reader.error(kind)))
    }

    /// Returns the items at a range of positions, in order, as a stream: `10..20`,
    /// `..=7`, `5..`. The next requests are in flight while the caller works on
    /// these.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] for a range that the pack does not have. The stream
    /// returns the error of the first record that cannot be read, after the items
    /// before it.
    pub fn range<R: RangeBounds<u32>>(
        &self,
        positions: R,
    ) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<R>, Error> {
        let positions = positions_in(&positions, self.item_count());
        let numbers = self.directory().records_of(&positions);
        let numbers = numbers.map_err(|error| self.error(error.into()))?;
        let skipped = positions.start % self.trailer().items_per_record.max(1);
        let first = numbers.start;
        let items = records(&self.inner, scan(&self.inner, numbers)).map_ok(move |found| {
            let (planned, record) = found;
            let skipped = if planned.place.number == first { skipped } else { 0 };
            stream::iter(record.into_items(skipped).map(Ok))
        });
        let reader = self.clone();
        let left = positions.end.saturating_sub(positions.start) as usize;
        Ok(items.try_flatten().take(left).map_err(move |kind| reader.error(kind)))
    }
}

/// Returns the reads for a run of records, each planned when it is taken.
pub(super) fn scan(
    inner: &Arc<RemoteReaderInner>,
    mut numbers: Range<u32>,
) -> impl Iterator<Item = PlannedRead> + use<> {
    let inner = Arc::clone(inner);
    std::iter::from_fn(move || {
        let directory = &inner.opened.pack.directory;
        let read = plan_records(directory, numbers.clone(), inner.opened.budget.merge).next()?;
        numbers.start += u32::try_from(read.records.len()).unwrap_or(u32::MAX);
        Some(read)
    })
}

/// Returns the records of planned reads, in file order, up to the first that is damaged.
fn records<I: Iterator<Item = PlannedRead> + Send>(
    inner: &Arc<RemoteReaderInner>,
    reads: I,
) -> impl Stream<Item = Result<(PlannedRecord, Record), ErrorKind>> + Send + use<I> {
    let outcomes = record_outcomes(inner, reads);
    outcomes.map(|outcome| outcome.and_then(|(planned, record)| Ok((planned, record?))))
}

/// Returns the outcome of each record of planned reads, in file order.
pub(super) fn record_outcomes<I: Iterator<Item = PlannedRead> + Send>(
    inner: &Arc<RemoteReaderInner>,
    reads: I,
) -> impl Stream<Item = Result<RecordOutcome<Record>, ErrorKind>> + Send + use<I> {
    let inner = Arc::clone(inner);
    outcomes(&Arc::clone(&inner), reads, DECODE_BATCH_SIZE, move |batch| {
        let inner = Arc::clone(&inner);
        async move { inner.unseal_all(batch).await }
    })
}

/// Returns what `unseal` makes of each record of planned reads, in file order; it gets them
/// in batches of at most `batch_size` stored bytes. Requests run in parallel with each other
/// and with decoding.
pub(super) fn outcomes<I, U, F, T>(
    inner: &Arc<RemoteReaderInner>,
    reads: I,
    batch_size: usize,
    unseal: U,
) -> impl Stream<Item = Result<RecordOutcome<T>, ErrorKind>> + Send + use<I, U, F, T>
where
    I: Iterator<Item = PlannedRead> + Send,
    U: Fn(Vec<StoredRecord>) -> F + Send,
    F: Future<Output = Result<Outcomes<T>, ErrorKind>> + Send,
    T: Send,
{
    let fetching = Arc::clone(inner);
    let room = inner.room();
    let fetched = stream::iter(reads)
        .then(move |read| Box::pin(room.clone().take(read)))
        .map(move |(read, share)| RemoteReaderInner::read(Arc::clone(&fetching), read, share))
        .buffered(inner.requests);
    let batch_size = inner.within_limit(batch_size);
    let batching = Arc::clone(inner);
    let decoded = fetched
        .map_ok(move |(records, share)| {
            let share = Arc::new(share);
            let batches = batches(&batching, records, batch_size).into_iter();
            stream::iter(batches.map(move |batch| Ok::<_, ErrorKind>((batch, Arc::clone(&share)))))
        })
        .try_flatten()
        .map_ok(move |(batch, share)| {
            let unsealed = unseal(batch);
            async move {
                let unsealed = unsealed.await;
                drop(share);
                unsealed
            }
        })
        .try_buffered(inner.parallel_decoders());
    decoded.map_ok(|batch| stream::iter(batch.into_iter().map(Ok))).try_flatten()
}

/// Records of one batch state to decode to at most this many bytes together: well
/// compressed records would otherwise take many times the memory of their requests.
const MAX_DECODED_BATCH: u64 = 4 << 20;

/// Divides records into batches of at most `batch_size` stored bytes that state to decode
/// to at most [`MAX_DECODED_BATCH`]; a larger record is a batch by itself.
fn batches(
    inner: &RemoteReaderInner,
    records: Vec<StoredRecord>,
    batch_size: usize,
) -> Vec<Vec<StoredRecord>> {
    let mut batches: Vec<Vec<StoredRecord>> = Vec::new();
    let (mut bytes, mut decoded) = (batch_size, 0);
    for record in records {
        let size = record.1.len();
        // Decoding a record that does not state its size returns the error, or finds it.
        let decoded_size = match inner.opened.decoders.is_plain() {
            true => None,
            false => inner.stated_decoded_size(std::slice::from_ref(&record)),
        };
        let decoded_size = decoded_size.unwrap_or(size as u64);
        match batches.last_mut() {
            Some(batch)
                if bytes + size <= batch_size
                    && decoded_size.saturating_add(decoded) <= MAX_DECODED_BATCH =>
            {
                batch.push(record);
            }
            _ => {
                batches.push(vec![record]);
                (bytes, decoded) = (0, 0);
            }
        }
        bytes += size;
        decoded = decoded.saturating_add(decoded_size);
    }
    batches
}

impl RemoteReaderInner {
    pub(super) fn room(&self) -> Room {
        Room::new(self.opened.budget, &self.opened.options.limits)
    }

    /// Returns the stored bytes that are decoded as one batch. Under a memory limit each
    /// record is a batch, since every record may take the same amount of memory again.
    fn within_limit(&self, batch_size: usize) -> usize {
        if is_limited(&self.opened.options.limits) { 0 } else { batch_size }
    }

    fn parallel_decoders(&self) -> usize {
        if is_limited(&self.opened.options.limits) { 1 } else { self.opened.options.threads.max(1) }
    }

    /// Performs a read with one request; each record is a view of its bytes.
    async fn read(
        inner: Arc<Self>,
        read: PlannedRead,
        share: RoomShare,
    ) -> Result<(Vec<StoredRecord>, RoomShare), ErrorKind> {
        let bytes = inner.fetch_read(&read).await?;
        let records: Vec<_> = records_of_read(read, &bytes).collect();
        if let Some((record, stored)) = records.first() {
            inner.choose_codec(&record.place, stored).await?;
        }
        Ok((records, share))
    }

    pub(super) async fn fetch_read(&self, read: &PlannedRead) -> Result<Bytes, ErrorKind> {
        let first = read.records.first().map_or(0, |record| record.place.number);
        self.fetch_records(&read.range, first).await
    }
}
