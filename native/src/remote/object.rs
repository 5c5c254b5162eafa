//! An object in a store, and one version of it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use sealpack_core::read::{DEFAULT_TAIL, FileTail, Opened, Opening, Pack, ReadLimits};

use super::error::{StoreError, StoreFault};
use crate::error::{Doing, Error, ErrorKind};
use crate::trust::digest_list_path;

/// Where a pack lies: a store, and the path of an object in it.
///
/// ```
/// use object_store::memory::InMemory;
/// use sealpack::remote::Location;
///
/// let location = Location::new(InMemory::new(), "logs/2026.pack".into());
/// assert_eq!(location.to_string(), "InMemory/logs/2026.pack");
/// let location = location.named("s3://bucket/logs/2026.pack");
/// assert_eq!(location.to_string(), "s3://bucket/logs/2026.pack");
/// ```
#[derive(Clone)]
pub struct Location {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    pub(super) name: Arc<PathBuf>,
}

impl Location {
    /// The object at `path` of `store`, named after both.
    #[must_use]
    pub fn new(store: impl ObjectStore, path: ObjectPath) -> Self {
        Self::shared(Arc::new(store), path)
    }

    /// As [`new`](Self::new), with a store that others use too.
    #[must_use]
    pub fn shared(store: Arc<dyn ObjectStore>, path: ObjectPath) -> Self {
        let name = Arc::new(PathBuf::from(format!("{store}/{path}")));
        Self { store, path, name }
    }

    /// The same with another name for people: what errors begin with. Two
    /// objects must not share one: a [`ReaderCache`](super::ReaderCache) tells
    /// them apart by it.
    #[must_use]
    pub fn named(mut self, name: impl Into<PathBuf>) -> Self {
        self.name = Arc::new(name.into());
        self
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The path of the object in the store.
    #[must_use]
    pub fn path(&self) -> &ObjectPath {
        &self.path
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Where the digest list of this pack lies unless somebody says otherwise:
    /// beside it, with `.digests` behind its name.
    ///
    /// ```
    /// # use object_store::memory::InMemory;
    /// # use sealpack::remote::Location;
    /// let pack = Location::new(InMemory::new(), "a.pack".into()).named("s3://bucket/a.pack");
    /// assert_eq!(pack.digest_list().path().as_ref(), "a.pack.digests");
    /// assert_eq!(pack.digest_list().to_string(), "s3://bucket/a.pack.digests");
    /// ```
    #[must_use]
    pub fn digest_list(&self) -> Self {
        // What is behind the last slash is part of a path already, so nothing
        // in it is escaped anew.
        let path = format!("{}.digests", self.path);
        let path = ObjectPath::parse(&path).unwrap_or_else(|_| path.into());
        let store = Arc::clone(&self.store);
        Self { store, path, name: Arc::new(digest_list_path(&*self.name)) }
    }

    /// The version that is there now: one request.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn version(&self) -> Result<Version, Error> {
        let version = self.head().await;
        version.map_err(|error| Error::new(&self.name, error.while_doing(Doing::Opening)))
    }

    /// The objects below this location, which is a prefix then, and their
    /// versions; sorted by path. A request for every thousand in most stores.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn list(&self) -> Result<Vec<(Self, Version)>, Error> {
        let found: Result<Vec<ObjectMeta>, _> =
            self.store.list(Some(&self.path)).try_collect().await;
        let failed = |error| self.error(StoreError::writing(error).while_doing(Doing::Opening));
        let mut found = found.map_err(failed)?;
        found.sort_by(|a, b| a.location.cmp(&b.location));
        let below = |meta: ObjectMeta| {
            let mut name = self.name.display().to_string();
            let parts = meta.location.prefix_match(&self.path).into_iter().flatten();
            for part in parts {
                name = format!("{}/{}", name.trim_end_matches('/'), part.as_ref());
            }
            let location = Self::shared(Arc::clone(&self.store), meta.location.clone());
            (location.named(name), Version::from(meta))
        };
        Ok(found.into_iter().map(below).collect())
    }

    /// The bytes of a range of whichever version is there: one request. Fewer
    /// where the object ends before.
    pub(super) async fn fetch(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let options = GetOptions::new().with_range(Some(range));
        let got = self.store.get_opts(&self.path, options).await.map_err(StoreError::reading)?;
        got.bytes().await.map_err(StoreError::reading)
    }

    pub(super) async fn head(&self) -> Result<Version, StoreError> {
        let got = self.store.get_opts(&self.path, GetOptions::new().with_head(true)).await;
        got.map(|got| got.meta.into()).map_err(StoreError::reading)
    }

    /// The version that is there now, and the bytes at its end where they
    /// came with it.
    pub(super) async fn end(&self) -> Result<(Version, Option<Bytes>), ErrorKind> {
        end_of(self).await.map_err(|error| error.while_doing(Doing::Opening))
    }

    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.name, kind)
    }
}

/// Of the store no more than its name: it may hold credentials, or everything.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location")
            .field("name", &self.name)
            .field("store", &self.store.to_string())
            .field("path", &self.path)
            .finish()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.display().fmt(f)
    }
}

/// One version of an object: its size, and what tells it from others.
///
/// An [`ObjectMeta`], from a listing say, is one; so are a size and an ETag
/// that the caller has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    meta: ObjectMeta,
}

impl From<ObjectMeta> for Version {
    fn from(meta: ObjectMeta) -> Self {
        Self { meta }
    }
}

impl Version {
    /// A version of this size, with the ETag that the store gave it, quotes
    /// and all. Without one a change is noticed only by the size.
    #[must_use]
    pub fn new(size: u64, e_tag: Option<String>) -> Self {
        let (location, last_modified) = (ObjectPath::default(), Default::default());
        Self { meta: ObjectMeta { location, last_modified, size, e_tag, version: None } }
    }

    /// The size of the object in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// The ETag, where the store gives one.
    #[must_use]
    pub fn e_tag(&self) -> Option<&str> {
        self.meta.e_tag.as_deref()
    }

    /// What tells this version from others of the same object, in words that
    /// stay the same from run to run: the ETag, or size and date.
    #[must_use]
    pub fn id(&self) -> String {
        let size = self.meta.size;
        match (&self.meta.e_tag, self.last_modified_is_known()) {
            (Some(e_tag), _) => e_tag.clone(),
            (None, true) => format!("{size} bytes of {}", self.meta.last_modified.to_rfc3339()),
            (None, false) => format!("{size} bytes"),
        }
    }

    /// Servers that do not tell the date are said to have modified it in 1970.
    fn last_modified_is_known(&self) -> bool {
        self.meta.last_modified.timestamp() != 0
    }

    fn is_in_whole_seconds(&self) -> bool {
        self.meta.last_modified.timestamp_subsec_nanos() == 0
    }

    /// The conditions of a request for this version. A weak ETag matches
    /// nothing under `If-Match` (RFC 9110, 13.1.1), so it is only compared; and
    /// a date that a listing told to the millisecond is later than the same one
    /// in a header, which has whole seconds.
    fn conditions(&self) -> GetOptions {
        let options = GetOptions::new();
        match &self.meta.e_tag {
            Some(e_tag) if !e_tag.starts_with("W/") => options.with_if_match(Some(e_tag)),
            None if self.meta.version.is_some() => options.with_version(self.meta.version.clone()),
            None if self.last_modified_is_known() && self.is_in_whole_seconds() => {
                options.with_if_unmodified_since(Some(self.meta.last_modified))
            }
            _ => options,
        }
    }

    /// Whether a response is about this version: a server need not look at
    /// the conditions of a request.
    fn check(&self, found: &ObjectMeta) -> Result<(), StoreError> {
        let dates = (self.meta.last_modified.timestamp(), found.last_modified.timestamp());
        let same = match (&self.meta.e_tag, &found.e_tag) {
            (Some(expected), Some(found)) => expected == found,
            _ if dates.0 != 0 && dates.1 != 0 => dates.0 == dates.1,
            _ => true,
        };
        if same && self.meta.size == found.size {
            Ok(())
        } else {
            Err(StoreError::new(StoreFault::Changed))
        }
    }
}

/// An object, pinned to the version that was opened.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) location: Location,
    pub(super) version: Version,
}

impl Object {
    /// The bytes of a range: one request.
    pub(super) async fn fetch(&self, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let length = range.end - range.start;
        let got = self.request(range, length).await;
        got.map_err(|error| error.while_doing(Doing::Reading { offset: range.start, length }))
    }

    async fn request(&self, range: &Range<u64>, length: u64) -> Result<Bytes, StoreError> {
        let options = self.version.conditions().with_range(Some(range.clone()));
        let Location { store, path, .. } = &self.location;
        let got = store.get_opts(path, options).await.map_err(StoreError::reading)?;
        self.version.check(&got.meta)?;
        let bytes = got.bytes().await.map_err(StoreError::reading)?;
        // Fewer bytes of a range within the object: it shrank under way.
        if bytes.len() as u64 != length {
            return Err(StoreError::new(StoreFault::Changed));
        }
        Ok(bytes)
    }

    /// Opens a pack: one request where the version is known, or where the
    /// store answers for the end of an object without knowing its size; else
    /// two. One more for an index above 256 KiB.
    pub(super) async fn open(
        location: &Location,
        known: Option<Version>,
        limits: ReadLimits,
    ) -> Result<(Self, Pack), ErrorKind> {
        let (version, mut tail) = match known {
            Some(version) => (version, None),
            None => location.end().await?,
        };
        let object = Self { location: location.clone(), version };
        let mut opening = Opening::new(object.version.size())?.with_limits(limits);
        loop {
            let bytes = match tail.take() {
                Some(bytes) => bytes,
                None => object.fetch(&opening.range()).await?,
            };
            match opening.supply(bytes)? {
                Opened::More(next) => opening = next,
                Opened::Ready(pack) => return Ok((object, pack)),
            }
        }
    }
}

/// The version of an object, and the bytes at its end, where one request
/// tells both.
async fn end_of(location: &Location) -> Result<(Version, Option<Bytes>), StoreError> {
    let options = GetOptions::new().with_range(Some(GetRange::Suffix(DEFAULT_TAIL)));
    let got = match location.store.get_opts(&location.path, options).await {
        Ok(got) => got,
        Err(error) => return without_suffix(location, StoreError::reading(error)).await,
    };
    let version = Version::from(got.meta.clone());
    let expected = version.size().min(DEFAULT_TAIL);
    let bytes = got.bytes().await.map_err(StoreError::reading)?;
    let tail = (bytes.len() as u64 == expected).then_some(bytes);
    Ok((version, tail))
}

/// Azure knows no ranges that count from the end, and no store has a last byte
/// of an empty object.
async fn without_suffix(
    location: &Location,
    refused: StoreError,
) -> Result<(Version, Option<Bytes>), StoreError> {
    match refused.fault() {
        StoreFault::NoRanges | StoreFault::Other => match location.head().await {
            Ok(version) => Ok((version, None)),
            Err(_) => Err(refused),
        },
        _ => Err(refused),
    }
}

/// The tail of an object that is larger is worth little once the pack is
/// open; the whole of a small one saves every request.
pub(super) fn keep_only_whole(pack: &mut Pack, size: u64) {
    if pack.tail.start > 0 {
        pack.tail = FileTail { start: size, bytes: Bytes::new() };
    }
}
