//! `RemoteReader`: reads a pack in a store, in async programs.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::try_join;
use object_store::ObjectMeta;
use sealpack_core::format::{AppData, Trailer};
use sealpack_core::read::{Directory, ItemLookup, ItemPlace, Merge, Record, RecordPlace};
use sealpack_core::trust::TrustedList;

use super::location::Location;
use super::options::RemoteReaderOptions;
use super::pinned::PinnedObject;
use super::trust::{RemoteDigests, RemoteTrust};
use super::version::Version;
use crate::error::{Error, ErrorKind, OptionsError};
use crate::names::Names;
use crate::read::{ChosenCodec, OpenedPack};
use crate::trace::{event, in_span};

/// The default number of requests in flight for one call.
const REQUESTS: usize = 8;

/// The largest plain record that is read whole for one of its items. For larger ones, two
/// requests are faster: one to locate the item and one to read it.
const MAX_WHOLE_READ: u64 = 4 << 20;

/// Reads a pack in an object store: single items by position, ranges, or everything.
///
/// Opening takes one request (two if the store does not support ranges that count
/// from the end, or if the index is above 256 KiB). Each item takes one more, or none if
/// the whole pack is smaller than 256 KiB. All reads are of the version that was opened:
/// if the object is replaced, the next read fails with
/// [`StoreFault::Changed`](super::StoreFault::Changed).
///
/// ```
/// use futures_util::TryStreamExt as _;
/// use object_store::{ObjectStoreExt as _, memory::InMemory};
/// use sealpack::remote::{Location, RemoteReader};
///
/// # fn pack() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
/// #     let folder = tempfile::tempdir()?;
/// #     let path = folder.path().join("out.pack");
/// #     let mut writer = sealpack::Writer::options().create(&path)?;
/// #     for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
/// #     writer.finish()?;
/// #     Ok(std::fs::read(path)?)
/// # }
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = InMemory::new(); // or AmazonS3Builder::from_env()…
/// store.put(&"a.pack".into(), pack()?.into()).await?;
///
/// let reader = RemoteReader::open(&Location::new(store, "a.pack".into())).await?;
/// assert_eq!(reader.get(42).await?, b"item 42"[..]);
/// let items = reader.get_many(&[7, 900, 7]).await?; // one request for nearby items
/// assert_eq!(items, [&b"item 7"[..], b"item 900", b"item 7"]);
/// let mut range = reader.range(10..20)?; // a stream
/// while let Some(item) = range.try_next().await? {
///     assert!(item.starts_with(b"item 1"));
/// }
/// assert!(reader.verify().await?.is_ok());
/// # Ok(()) }
/// ```
///
/// *Cancelling*: drop the future or the stream; that also ends its requests in flight.
/// *Retries* are up to the store ([`object_store::RetryConfig`]). *Decoding* takes place
/// on the runtime's blocking threads ([`tokio::task::spawn_blocking`]), so that a large
/// record does not delay other tasks. This needs a tokio runtime, as do the stores.
///
/// The reader is `Send + Sync` and cheap to clone: clones share directory and
/// codec.
#[derive(Clone)]
pub struct RemoteReader {
    pub(super) inner: Arc<RemoteReaderInner>,
}

/// The state that the clones of a reader share.
pub(super) struct RemoteReaderInner {
    pub(super) object: PinnedObject,
    pub(super) opened: OpenedPack,
    pub(super) requests: usize,
    /// The digests that every record is checked against, if the caller asked for
    /// it. They are set before the reader is returned.
    pub(super) trusted: OnceLock<RemoteDigests>,
}

impl fmt::Debug for RemoteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteReader").field("object", &self.inner.object).finish_non_exhaustive()
    }
}

impl RemoteReader {
    /// Opens a pack with the default options.
    ///
    /// # Errors
    /// As [`RemoteReaderOptions::open`].
    pub async fn open(location: &Location) -> Result<Self, Error> {
        Self::options().open(location).await
    }

    /// Opens an object from a listing, with one request.
    ///
    /// # Errors
    /// As [`RemoteReaderOptions::open_version`].
    pub async fn open_listed(location: &Location, listed: ObjectMeta) -> Result<Self, Error> {
        Self::options().open_version(location, listed.into()).await
    }

    /// Returns the default options of a reader.
    pub fn options() -> RemoteReaderOptions {
        RemoteReaderOptions::default()
    }

    /// Returns the item at `position`, counted from 0. Takes one request, or two if its
    /// record is stored unencoded and larger than 4 MiB.
    ///
    /// The item is a view of the record that was read for it, and keeps that record
    /// in memory; copy the item if you keep it for long.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if there is no such item or its record is damaged;
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn get(&self, position: u32) -> Result<Bytes, Error> {
        self.inner.get(position).await.map_err(|kind| self.error(kind))
    }

    /// Returns the record of this number, checked and decoded. Takes one request.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn record(&self, number: u32) -> Result<Record, Error> {
        let place = self.directory().record(number).map_err(|error| self.error(error.into()))?;
        self.inner.cached_record(place).await.map_err(|kind| self.error(kind))
    }

    /// Returns the stored bytes of a record. Takes one request.
    ///
    /// # Errors
    /// As [`get`](Self::get), but the bytes are neither checked nor authenticated.
    pub async fn stored_record(&self, number: u32) -> Result<Bytes, Error> {
        let place = self.directory().record(number).map_err(|error| self.error(error.into()))?;
        self.inner.fetch(&place.range).await.map_err(|kind| self.error(kind))
    }

    /// Returns the number of items.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.directory().item_count()
    }

    /// Returns the trailer.
    #[must_use]
    pub fn trailer(&self) -> &Trailer {
        self.directory().trailer()
    }

    /// Returns the directory: where records and items lie.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.opened.pack.directory
    }

    /// Returns the caller's app data, without the extensions that sealpack stores next
    /// to it. If the reader [trusts](super::RemoteTrust) a content hash and not a root, the
    /// app data is not authenticated.
    #[must_use]
    pub fn app_data(&self) -> &Bytes {
        self.extensions().caller()
    }

    /// Returns all of the app data: the caller's part and the extensions.
    #[must_use]
    pub fn extensions(&self) -> &AppData {
        &self.inner.opened.pack.app_data
    }

    /// Returns the names of the items; `None` if the pack has none. Decodes nothing.
    ///
    /// As [`Reader::names`](crate::Reader::names). If the names are in an object next to
    /// the pack, the first call takes one request.
    ///
    /// # Errors
    /// As there.
    pub async fn names(&self) -> Result<Option<Names>, Error> {
        self.inner.names().await.map_err(|kind| self.error(kind))
    }

    /// Returns the digest list that every record is checked against, if there is
    /// one.
    #[must_use]
    pub fn trusted(&self) -> Option<&TrustedList> {
        self.inner.trusted.get().map(RemoteDigests::list)
    }

    /// Returns the location of the pack.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.inner.object.location
    }

    /// Returns the version of the object that was opened.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.inner.object.version
    }

    /// Returns which records one request fetches together.
    #[must_use]
    pub fn merge(&self) -> Merge {
        self.inner.opened.budget.merge
    }

    /// Returns the codec of the records, and what decided it. Takes a request if no record
    /// was read before. `None` if every record is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn codec(&self) -> Result<Option<ChosenCodec>, Error> {
        let chosen = self.inner.choose_codec_by_first_record().await;
        chosen.map_err(|kind| self.error(kind))?;
        Ok(self.inner.opened.decoders.chosen())
    }

    /// Returns the most memory, in bytes, that the reader takes between calls.
    #[must_use]
    pub fn memory(&self) -> usize {
        let pack = &self.inner.opened.pack;
        let trusted = self.inner.trusted.get().map_or(0, RemoteDigests::memory);
        let kept = pack.directory.memory() + pack.app_data.raw().len() + pack.tail.bytes.len();
        size_of::<RemoteReaderInner>() + kept + trusted
    }

    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        self.location().error(kind)
    }
}

impl RemoteReaderOptions {
    /// Opens a pack. Takes one request in most stores.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`]; [`ErrorKind::Pack`] for an object
    /// that is not a sound pack.
    pub async fn open(self, location: &Location) -> Result<RemoteReader, Error> {
        self.open_known(location, None).await
    }

    /// Opens a known version of a pack, from a listing or an earlier opening. Takes one
    /// request in every store. Fails if the object has changed since.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_version(
        self,
        location: &Location,
        version: Version,
    ) -> Result<RemoteReader, Error> {
        self.open_known(location, Some(version)).await
    }

    async fn open_known(
        self,
        location: &Location,
        known: Option<Version>,
    ) -> Result<RemoteReader, Error> {
        in_span!(self.open_pinned(location, known), "open", path = %location.name().display()).await
    }

    async fn open_pinned(
        self,
        location: &Location,
        known: Option<Version>,
    ) -> Result<RemoteReader, Error> {
        if self.trust.is_some() && self.reading.extract.is_some() {
            return Err(location.error(ErrorKind::Options(OptionsError::DigestsWithExtract)));
        }
        let limits = self.reading.limits;
        let opened = PinnedObject::open(location, known, self.listed_size, limits).await;
        let (object, pack) = opened.map_err(|kind| location.error(kind))?;
        let merge = self.merge.unwrap_or_else(|| Merge::for_requests(&pack.directory));
        let opened = OpenedPack::new(pack, object.version.size(), self.reading, merge);
        let inner = RemoteReaderInner {
            object,
            opened,
            requests: self.requests.unwrap_or(REQUESTS),
            trusted: OnceLock::new(),
        };
        let reader = RemoteReader { inner: Arc::new(inner) };
        if let Some(trust) = &self.trust {
            let opened = reader.inner.open_digest_list(trust).await;
            opened.map_err(|kind| location.error(kind))?;
        }
        event!(
            DEBUG,
            items = reader.item_count(),
            records = reader.directory().record_count(),
            bytes = reader.version().size(),
            "opened"
        );
        Ok(reader)
    }
}

impl RemoteReaderInner {
    /// Opens the digest list; from now on every record is checked against it.
    pub(super) async fn open_digest_list(
        self: &Arc<Self>,
        trust: &RemoteTrust,
    ) -> Result<(), ErrorKind> {
        let read =
            |number| async move { self.record(self.opened.pack.directory.record(number)?).await };
        let location = &self.object.location;
        let digests = RemoteDigests::open(trust, location, &self.opened.pack, read).await?;
        self.trusted.get_or_init(|| digests);
        Ok(())
    }

    /// Returns the bytes of a range, from memory or with one request.
    pub(super) async fn fetch(&self, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        match self.opened.pack.tail.get(range) {
            Some(bytes) => Ok(bytes),
            None => {
                self.opened.options.limits.admit(range.end - range.start)?;
                self.object.fetch(range).await
            }
        }
    }

    /// Returns the bytes of a read whose first record is `first`; the block of digests that
    /// authenticates it is fetched in parallel.
    pub(super) async fn fetch_records(
        &self,
        range: &Range<u64>,
        first: u32,
    ) -> Result<Bytes, ErrorKind> {
        let Some(trusted) = self.trusted.get() else { return self.fetch(range).await };
        let (bytes, ()) = try_join(self.fetch(range), trusted.prepare(first)).await?;
        Ok(bytes)
    }

    async fn get(self: &Arc<Self>, position: u32) -> Result<Bytes, ErrorKind> {
        let place = self.opened.pack.directory.place(position)?;
        // A digest covers the whole record.
        if place.record.size() > MAX_WHOLE_READ
            && self.trusted.get().is_none()
            && let Some(item) = self.get_part(&place).await?
        {
            return Ok(item);
        }
        let record = self.cached_record(place.record).await?;
        Ok(record.item(place.slot).unwrap_or_default())
    }

    /// Reads only the end of a record and the item, unless the whole record is needed.
    async fn get_part(&self, place: &ItemPlace) -> Result<Option<Bytes>, ErrorKind> {
        self.choose_codec_by_first_record().await?;
        let directory = &self.opened.pack.directory;
        let lookup = ItemLookup::new(directory, place.record.clone(), place.slot);
        let Some(lookup) = lookup.filter(|_| self.opened.decoders.is_plain()) else {
            return Ok(None);
        };
        let range = lookup.locate(&self.fetch(&lookup.tail()).await?)?;
        self.fetch(&range).await.map(Some)
    }

    /// Returns a record from the cache; otherwise reads, checks, decodes and keeps it.
    async fn cached_record(self: &Arc<Self>, place: RecordPlace) -> Result<Record, ErrorKind> {
        if let Some(record) = self.opened.cached.get(place.number) {
            return Ok(record);
        }
        let record = self.record(place.clone()).await?;
        Ok(self.opened.cached.insert(&place, record))
    }

    /// Reads, checks and decodes a record.
    pub(super) async fn record(self: &Arc<Self>, place: RecordPlace) -> Result<Record, ErrorKind> {
        let stored = self.fetch_records(&place.range, place.number).await?;
        self.choose_codec(&place, &stored).await?;
        self.unseal_one(place, stored).await
    }

    /// Chooses the codec, given a record that was read. If that record contradicts the
    /// format id, the magics of a few more are fetched, which is rare.
    pub(super) async fn choose_codec(
        &self,
        place: &RecordPlace,
        stored: &[u8],
    ) -> Result<(), ErrorKind> {
        let mut fetched: Vec<(Range<u64>, Bytes)> = Vec::new();
        loop {
            let known = |range: &Range<u64>| {
                let known = fetched.iter().find(|(known, _)| known == range);
                known.map(|(_, bytes)| bytes.clone()).ok_or_else(|| range.clone())
            };
            match self.opened.decoders.choose(&self.opened.pack.directory, place, stored, known) {
                Ok(()) => return Ok(()),
                Err(missing) => {
                    let bytes = self.fetch(&missing).await?;
                    fetched.push((missing, bytes));
                }
            }
        }
    }

    /// Chooses the codec before any record was read.
    pub(super) async fn choose_codec_by_first_record(&self) -> Result<(), ErrorKind> {
        match self.opened.record_for_codec_choice() {
            Some(first) => self.choose_codec(&first, &[]).await,
            None => Ok(()),
        }
    }
}
