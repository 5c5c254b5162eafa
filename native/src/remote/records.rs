//! Reads whole records: each with its own outcome, or only the lengths of its items.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use sealpack_core::read::{ItemLengths, PlannedRead, Record, RecordPlace};

use super::reader::{RemoteReader, RemoteReaderInner};
use super::room::RoomShare;
use super::scan::{record_outcomes, scan};
use super::unseal::{RecordOutcome, StoredRecord};
use crate::error::{Error, ErrorKind};
use crate::read::{records_of_read, view};

/// A larger record is not fetched whole for the lengths of its items.
const MAX_FETCHED_FOR_LENGTHS: u64 = 1 << 20;

impl RemoteReader {
    /// Returns the records with these numbers, in order, as a stream. A record that is
    /// damaged is an error in its own place, and the next ones follow. Numbers beyond the
    /// last record are skipped. Requests run ahead as in [`range`](Self::range).
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
    /// let mut records = reader.records(0..2);
    /// while let Some((place, record)) = records.try_next().await? {
    ///     match record {
    ///         Ok(record) => println!("{:?}: {} bytes", place.positions(), record.payload().len()),
    ///         Err(damage) => println!("{damage}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The stream ends with [`ErrorKind::Io`], with [`Error::store`], if a request fails.
    pub fn records(
        &self,
        numbers: Range<u32>,
    ) -> impl Stream<Item = Result<(RecordPlace, Result<Record, Error>), Error>> + Send + Unpin + use<>
    {
        self.by_place(record_outcomes(&self.inner, scan(&self.inner, numbers)))
    }

    /// Returns outcomes with the places of their records, and with errors of this pack.
    pub(super) fn by_place<T, S>(
        &self,
        outcomes: S,
    ) -> impl Stream<Item = Result<(RecordPlace, Result<T, Error>), Error>> + Send + Unpin + use<T, S>
    where
        T: Send + 'static,
        S: Stream<Item = Result<RecordOutcome<T>, ErrorKind>> + Send + 'static,
    {
        let (reader, outer) = (self.clone(), self.clone());
        let outcomes = outcomes.map_ok(move |(planned, outcome)| {
            (planned.place, outcome.map_err(|kind| reader.error(kind)))
        });
        outcomes.map_err(move |kind| outer.error(kind)).boxed()
    }

    /// Returns the lengths of the items of these records, in order, as a stream. Nothing is
    /// decoded: the lengths are the end of a record, or the header of its zstd frame. Only
    /// that part of a record above 1 MiB is fetched; smaller records share requests.
    ///
    /// As [`Reader::item_lengths`](crate::Reader::item_lengths), damage to a record may go
    /// undetected, and a reader that [trusts](super::RemoteTrust) a hash reads and checks
    /// whole records.
    ///
    /// # Errors
    /// The stream ends with the error of the first record that cannot be read.
    pub fn record_lengths(
        &self,
        numbers: Range<u32>,
    ) -> impl Stream<Item = Result<(RecordPlace, ItemLengths), Error>> + Send + Unpin + use<> {
        let inner = Arc::clone(&self.inner);
        let room = inner.room();
        let requests = inner.requests;
        let lengths = stream::iter(scan(&self.inner, numbers))
            .then(move |read| Box::pin(room.clone().take(read)))
            .map(move |(read, share)| Arc::clone(&inner).lengths(read, share))
            .buffered(requests)
            .map_ok(|lengths| stream::iter(lengths.into_iter().map(Ok)))
            .try_flatten();
        let reader = self.clone();
        lengths.map_err(move |kind| reader.error(kind)).boxed()
    }
}

impl RemoteReaderInner {
    /// Returns the lengths of the items of each record of a read.
    async fn lengths(
        self: Arc<Self>,
        read: PlannedRead,
        share: RoomShare,
    ) -> Result<Vec<(RecordPlace, ItemLengths)>, ErrorKind> {
        if self.trusted.get().is_none() {
            self.choose_codec_by_first_record().await?;
            if let [only] = read.records.as_slice()
                && only.place.size() > MAX_FETCHED_FOR_LENGTHS
            {
                let place = only.place.clone();
                let lengths = self.lengths_of_large(&place).await?;
                return Ok(vec![(place, lengths)]);
            }
        }
        let bytes = self.fetch_read(&read).await?;
        let mut found = Vec::with_capacity(read.records.len());
        let mut unknown = Vec::new();
        for (planned, stored) in records_of_read(read, &bytes) {
            match self.lengths_in(&planned.place, &stored)? {
                Some(lengths) => found.push((planned.place, lengths)),
                None => unknown.push((planned, stored)),
            }
        }
        if !unknown.is_empty() {
            if let Some((first, stored)) = unknown.first() {
                self.choose_codec(&first.place, stored).await?;
            }
            for (planned, record) in self.unseal_all(unknown).await? {
                found.push((planned.place, record?.lengths()));
            }
            found.sort_by_key(|(place, _)| place.number);
        }
        drop(share);
        Ok(found)
    }

    /// Returns the lengths that a stored record states; `None` if it has to be decoded.
    fn lengths_in(
        &self,
        place: &RecordPlace,
        stored: &Bytes,
    ) -> Result<Option<ItemLengths>, ErrorKind> {
        if self.trusted.get().is_some() {
            return Ok(None);
        }
        self.lengths_in_stored(place, stored)
    }

    fn lengths_in_stored(
        &self,
        place: &RecordPlace,
        stored: &Bytes,
    ) -> Result<Option<ItemLengths>, ErrorKind> {
        let part = self.opened.lengths_part(place);
        let range = part.range();
        let bytes = match range.is_empty() {
            true => Bytes::new(),
            false => view(stored, &place.range, &range),
        };
        part.parse(&self.opened, place, &bytes)
    }

    /// Returns the size that stored records state to decode to together; nothing is
    /// checked. `None` if one of them does not state it.
    pub(super) fn stated_decoded_size(&self, records: &[StoredRecord]) -> Option<u64> {
        records.iter().try_fold(0, |sum: u64, (planned, stored)| {
            let lengths = self.lengths_in_stored(&planned.place, stored).ok()??;
            Some(lengths.iter().fold(sum, u64::saturating_add))
        })
    }

    async fn lengths_of_large(
        self: &Arc<Self>,
        place: &RecordPlace,
    ) -> Result<ItemLengths, ErrorKind> {
        let part = self.opened.lengths_part(place);
        let range = part.range();
        let bytes = if range.is_empty() { Bytes::new() } else { self.fetch(&range).await? };
        match part.parse(&self.opened, place, &bytes)? {
            Some(lengths) => Ok(lengths),
            None => Ok(self.record(place.clone()).await?.lengths()),
        }
    }
}
