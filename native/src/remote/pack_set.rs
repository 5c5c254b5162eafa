//! Several packs in a store as one sequence of items.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::ops::{ControlFlow, RangeBounds};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sealpack_core::read::Report;
use tokio::sync::OnceCell;

use super::location::Location;
use super::options::RemoteReaderOptions;
use super::reader::RemoteReader;
use super::trust::RemoteTrust;
use super::version::Version;
use crate::error::{Error, ErrorKind, SetFault};
use crate::read::VerifyProgress;
use crate::set::{
    MemberPosition, MemberReport, PackIdentity, PackSetReport, PositionMap, SetManifest,
    SetProgress, set_range,
};

/// How many members one call of [`RemotePackSet::get_many`] reads concurrently.
const READ_TOGETHER: usize = 4;

/// Several packs in an object store that are read as one sequence of items: the
/// counterpart of [`PackSet`](crate::PackSet) for async programs.
///
/// The set itself takes one request, for its manifest. A member takes one more when it is
/// opened, and another one for its digest list if the manifest has the list's root. A
/// bounded number of members [stays open](super::RemotePackSetOptions::max_open); concurrent
/// calls share one opening.
///
/// ```
/// use futures_util::TryStreamExt as _;
/// use object_store::{ObjectStoreExt as _, memory::InMemory};
/// use sealpack::remote::{Location, RemotePackSet};
/// use sealpack::{PackIdentity, SetManifest, SetMember};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let store = InMemory::new();
/// let mut members = Vec::new();
/// for name in ["01.pack", "02.pack"] {
///     let path = folder.path().join(name);
///     let mut writer = sealpack::Writer::options().create(&path)?;
///     writer.append(name.as_bytes())?;
///     writer.finish()?;
///     members.push(SetMember { name: name.parse()?, identity: PackIdentity::of_file(&path)? });
///     store.put(&format!("logs/{name}").into(), std::fs::read(&path)?.into()).await?;
/// }
/// let manifest = SetManifest::new(members)?;
/// store.put(&"logs/set.json".into(), manifest.to_json().into()).await?;
///
/// let set = RemotePackSet::open(&Location::new(store, "logs/set.json".into())).await?;
/// assert_eq!(set.get(1).await?, b"02.pack"[..]);
/// assert_eq!(set.get_many(&[1, 0]).await?, [&b"02.pack"[..], b"01.pack"]);
/// let all: Vec<_> = set.range(..)?.try_collect().await?;
/// assert_eq!(all.len(), 2);
/// assert!(set.verify().await.is_ok());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemotePackSet {
    inner: Arc<RemotePackSetInner>,
}

/// The state that the clones of a set share.
struct RemotePackSetInner {
    location: Location,
    members: Vec<RemoteMember>,
    positions: PositionMap,
    manifest: Option<SetManifest>,
    reading: RemoteReaderOptions,
    max_open: usize,
    /// Whether the caller trusts the root, so that every record is authenticated.
    is_trusted: bool,
    /// The most recently used member is last.
    open: Mutex<VecDeque<(usize, OpeningMember)>>,
}

/// A member that is open, or that the first caller is opening.
type OpeningMember = Arc<OnceCell<RemoteReader>>;

/// A member of a set in a store.
#[derive(Clone, Debug)]
pub struct RemoteMember {
    /// The location of the pack.
    pub location: Location,
    /// What the set states about the pack.
    pub identity: PackIdentity,
    /// The version that a listing found.
    pub(super) version: Option<Version>,
}

impl fmt::Debug for RemotePackSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemotePackSet")
            .field("location", &self.inner.location)
            .field("members", &self.members().len())
            .field("items", &self.item_count())
            .field("open", &self.open_count())
            .finish_non_exhaustive()
    }
}

impl RemotePackSet {
    pub(super) fn new(
        location: &Location,
        members: Vec<RemoteMember>,
        manifest: Option<SetManifest>,
        reading: RemoteReaderOptions,
        max_open: usize,
        is_trusted: bool,
    ) -> Self {
        let positions = PositionMap::new(members.iter().map(|member| member.identity.items));
        let (location, open) = (location.clone(), Mutex::default());
        let inner = RemotePackSetInner {
            location,
            members,
            positions,
            manifest,
            reading,
            max_open,
            is_trusted,
            open,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the item at `position`, counted from 0 through all members.
    ///
    /// # Errors
    /// [`SetFault::Position`] if there is no such item; those of
    /// [`reader`](Self::reader) and [`RemoteReader::get`].
    pub async fn get(&self, position: u64) -> Result<Bytes, Error> {
        let place = self.locate(position)?;
        self.reader(place.member).await?.get(place.position).await
    }

    /// Returns the items at `positions`, in this order, repeated or not. Each member
    /// reads its own in one batch ([`RemoteReader::get_many`]), a few members in
    /// parallel.
    ///
    /// # Errors
    /// [`SetFault::Position`] if a position does not exist, before anything is read;
    /// otherwise the error of the first member that cannot be read.
    pub async fn get_many(&self, positions: &[u64]) -> Result<Vec<Bytes>, Error> {
        let wanted = self.inner.positions.by_member(positions);
        let wanted = wanted.map_err(|fault| self.error(fault))?;
        let batches: Vec<_> =
            wanted.chunk_by(|(one, _), (other, _)| one.member == other.member).collect();
        let read = stream::iter(batches).map(|batch| self.get_batch(batch));
        let mut read = std::pin::pin!(read.buffered(READ_TOGETHER));
        let mut items = vec![Bytes::new(); positions.len()];
        while let Some((batch, found)) = read.try_next().await? {
            for ((_, request), item) in batch.iter().zip(found) {
                if let Some(place) = items.get_mut(*request) {
                    *place = item;
                }
            }
        }
        Ok(items)
    }

    /// Reads items of one member.
    async fn get_batch<'a>(
        &self,
        batch: &'a [(MemberPosition, usize)],
    ) -> Result<(&'a [(MemberPosition, usize)], Vec<Bytes>), Error> {
        let Some((first, _)) = batch.first() else { return Ok((batch, Vec::new())) };
        let own: Vec<u32> = batch.iter().map(|(place, _)| place.position).collect();
        Ok((batch, self.reader(first.member).await?.get_many(&own).await?))
    }

    /// Returns the items at a range of positions, in order, as a stream: `10..20`,
    /// `..=7`, `5..`. The members are read one after another, each as
    /// [`RemoteReader::range`] reads it.
    ///
    /// # Errors
    /// [`SetFault::Position`] or [`SetFault::Range`] for a range that the set does not
    /// have. The stream returns the error of the first member or record that cannot be
    /// read, after the items before it.
    pub fn range(
        &self,
        positions: impl RangeBounds<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let range = set_range(&positions, self.item_count()).map_err(|fault| self.error(fault))?;
        let set = self.clone();
        let parts = stream::unfold(range.start, move |start| {
            let set = set.clone();
            async move {
                if start >= range.end {
                    return None;
                }
                match set.range_of_member(start, range.end).await {
                    Ok((items, next)) => Some((Ok(items), next)),
                    // Nothing follows an error.
                    Err(error) => Some((Err(error), u64::MAX)),
                }
            }
        });
        Ok(end_on_error(parts.try_flatten()).boxed())
    }

    /// Starts reading at `start`, up to `end` or the end of the member. Also returns the
    /// position after the last item that is read.
    async fn range_of_member(
        &self,
        start: u64,
        end: u64,
    ) -> Result<(BoxStream<'static, Result<Bytes, Error>>, u64), Error> {
        let MemberPosition { member, position } = self.locate(start)?;
        let reader = self.reader(member).await?;
        let left = u32::try_from(end - start).unwrap_or(u32::MAX);
        let last = reader.item_count().min(position.saturating_add(left));
        let items = reader.range(position..last)?;
        Ok((items.boxed(), start + u64::from(last.saturating_sub(position))))
    }

    /// Returns where the item at `position` lies.
    ///
    /// # Errors
    /// [`SetFault::Position`].
    pub fn locate(&self, position: u64) -> Result<MemberPosition, Error> {
        self.inner.positions.find(position).map_err(|fault| self.error(fault))
    }

    /// Returns the number of items in all members.
    #[must_use]
    pub fn item_count(&self) -> u64 {
        self.inner.positions.item_count()
    }

    /// Returns the members, in order.
    #[must_use]
    pub fn members(&self) -> &[RemoteMember] {
        &self.inner.members
    }

    /// Returns the position of a member's first item in the set.
    ///
    /// # Errors
    /// [`SetFault::MemberNumber`].
    pub fn first_position(&self, member: usize) -> Result<u64, Error> {
        let positions = self.inner.positions.of(member);
        positions.map(|positions| positions.start).ok_or_else(|| self.no_member(member))
    }

    /// Returns the manifest; `None` for a set that was opened from a prefix.
    #[must_use]
    pub fn manifest(&self) -> Option<&SetManifest> {
        self.inner.manifest.as_ref()
    }

    /// Returns the location of the manifest, or the prefix.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Returns the number of members that are open now, or being opened.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns the reader of a member, and opens it if it is not open.
    ///
    /// # Errors
    /// As [`PackSet::reader`](crate::PackSet::reader); [`ErrorKind::Io`], with
    /// [`Error::store`].
    pub async fn reader(&self, member: usize) -> Result<RemoteReader, Error> {
        let pack = self.members().get(member).ok_or_else(|| self.no_member(member))?;
        let identity = pack.identity;
        let by_root = identity.digest_root.map(RemoteTrust::root);
        let trusted = identity.content_hash.filter(|_| self.inner.is_trusted);
        let trust = by_root.or(trusted.map(RemoteTrust::content_hash));
        let cell = self.cell(member);
        // Concurrent callers share one opening; if it fails or is cancelled, the next one
        // retries.
        cell.get_or_try_init(|| self.open_member(pack, trust)).await.cloned()
    }

    /// Returns the cell of a member, which becomes the most recently used one.
    fn cell(&self, member: usize) -> OpeningMember {
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.iter().position(|(number, _)| *number == member);
        let cell = found.and_then(|at| open.remove(at)).map(|(_, cell)| cell).unwrap_or_default();
        while open.len() >= self.inner.max_open {
            open.pop_front();
        }
        open.push_back((member, Arc::clone(&cell)));
        cell
    }

    /// Opens a member, and compares it with what the set states.
    async fn open_member(
        &self,
        pack: &RemoteMember,
        trust: Option<RemoteTrust>,
    ) -> Result<RemoteReader, Error> {
        let size = Some(pack.identity.size);
        let options = self.inner.reading.clone();
        let options = RemoteReaderOptions { trust, listed_size: size, ..options };
        let reader = match pack.version.clone() {
            Some(version) => options.open_version(&pack.location, version).await?,
            None => options.open(&pack.location).await?,
        };
        let list = reader.trusted().map(|list| list.header().content_hash);
        let hashes = [reader.trailer().content_hash, list];
        let checked = pack.identity.check(reader.item_count(), hashes);
        checked.map_err(|fault| pack.location.error(ErrorKind::Set(fault)))?;
        Ok(reader)
    }

    /// Checks everything in every member, as [`PackSet::verify`](crate::PackSet::verify).
    pub async fn verify(&self) -> PackSetReport {
        let ControlFlow::Continue(report) =
            self.verify_with(|_| ControlFlow::<Infallible>::Continue(())).await;
        report
    }

    /// As [`verify`](Self::verify); `progress` is called after every read, and may stop
    /// the verification. The call then returns the value of its `Break`.
    pub async fn verify_with<B>(
        &self,
        mut progress: impl FnMut(SetProgress) -> ControlFlow<B>,
    ) -> ControlFlow<B, PackSetReport> {
        let mut members = Vec::new();
        for (member, pack) in self.members().iter().enumerate() {
            let path = pack.location.name().to_path_buf();
            let outcome = self
                .verify_pack(pack, |within_member| progress(SetProgress { member, within_member }));
            let outcome = match outcome.await {
                Ok(ControlFlow::Continue(report)) => Ok(report),
                Ok(ControlFlow::Break(reason)) => return ControlFlow::Break(reason),
                Err(error) => Err(error),
            };
            members.push(MemberReport { path, outcome });
        }
        ControlFlow::Continue(PackSetReport { members })
    }

    async fn verify_pack<B>(
        &self,
        pack: &RemoteMember,
        progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        let PackIdentity { digest_root, content_hash, .. } = pack.identity;
        // A reader of its own, so that no open member is closed for it. All records are
        // read, so the content hash is checked without a digest list.
        let reader = self.open_member(pack, digest_root.map(RemoteTrust::root)).await?;
        let trusted = reader.trusted().map(|list| list.header().content_hash);
        reader.verify_against(trusted.or(content_hash), progress).await
    }

    fn no_member(&self, member: usize) -> Error {
        self.error(SetFault::MemberNumber { member, members: self.members().len() })
    }

    fn error(&self, fault: SetFault) -> Error {
        self.inner.location.error(ErrorKind::Set(fault))
    }
}

/// Ends a stream after its first error.
fn end_on_error(
    items: impl stream::Stream<Item = Result<Bytes, Error>> + Send + 'static,
) -> impl stream::Stream<Item = Result<Bytes, Error>> + Send + 'static {
    items.scan(false, |has_failed, item| {
        let next = (!*has_failed).then_some(item);
        *has_failed |= next.as_ref().is_some_and(Result::is_err);
        std::future::ready(next)
    })
}
