//! `Location`: the place of an object in a store.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use sealpack_core::read::DEFAULT_TAIL;
use tokio::runtime::Handle;

use super::error::{StoreError, StoreFault};
use super::runtime::wait;
use super::version::Version;
use crate::error::{Error, ErrorKind, IoOperation, SetFault};
use crate::names::NAMES_ENDING;
use crate::set::MemberName;
use crate::source::path_with_ending;
use crate::trust::DIGEST_LIST_ENDING;

/// The location of a pack: a store, and the path of an object in it.
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
    uses_e_tags: bool,
}

impl Location {
    /// Makes the location of the object at `path` in `store`, named after both.
    #[must_use]
    pub fn new(store: impl ObjectStore, path: ObjectPath) -> Self {
        Self::shared(Arc::new(store), path)
    }

    /// As [`new`](Self::new), with a store that is shared.
    #[must_use]
    pub fn shared(store: Arc<dyn ObjectStore>, path: ObjectPath) -> Self {
        let name = Arc::new(PathBuf::from(format!("{store}/{path}")));
        Self { store, path, name, uses_e_tags: true }
    }

    /// Sets the name, which errors begin with. Two objects must not share a name: it is
    /// their key in a [`ReaderCache`](super::ReaderCache).
    #[must_use]
    pub fn named(mut self, name: impl Into<PathBuf>) -> Self {
        self.name = Arc::new(name.into());
        self
    }

    /// Identifies versions by size and date instead of the ETag: for several servers
    /// behind one name that have different ETags for the same file
    /// ([`StoreFault::ETagChanged`]).
    #[must_use]
    pub fn without_e_tags(mut self) -> Self {
        self.uses_e_tags = false;
        self
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Returns the path of the object in the store.
    #[must_use]
    pub fn path(&self) -> &ObjectPath {
        &self.path
    }

    /// Returns the name to show to people.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Returns the default location of this pack's digest list: next to it, with
    /// `.digests` appended to its name.
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
        self.with_ending(DIGEST_LIST_ENDING)
    }

    /// Returns the location of this pack's names file, as
    /// [`names_path`](crate::names_path).
    #[must_use]
    pub fn names_file(&self) -> Self {
        self.with_ending(NAMES_ENDING)
    }

    /// Returns the location whose name is this one's with `ending` appended.
    pub(super) fn with_ending(&self, ending: &str) -> Self {
        // `parse`, because the path is already escaped.
        let path = format!("{}{ending}", self.path);
        let path = ObjectPath::parse(&path).unwrap_or_else(|_| path.into());
        let store = Arc::clone(&self.store);
        let name = Arc::new(path_with_ending(&*self.name, ending));
        Self { store, path, name, uses_e_tags: self.uses_e_tags }
    }

    /// Returns the location of a member of the set whose manifest is here: below the
    /// manifest's folder, in the same store.
    ///
    /// ```
    /// # use object_store::memory::InMemory;
    /// # use sealpack::remote::Location;
    /// let set = Location::new(InMemory::new(), "logs/set.json".into());
    /// let member = set.named("s3://b/logs/set.json").member(&"2026/01.pack".parse()?);
    /// assert_eq!(member.path().as_ref(), "logs/2026/01.pack");
    /// assert_eq!(member.to_string(), "s3://b/logs/2026/01.pack");
    /// # Ok::<(), sealpack::SetFault>(())
    /// ```
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Self {
        let path = match self.path.as_ref().rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{name}"),
            None => name.to_string(),
        };
        // The parts of a member's name are parts of a path.
        let path = ObjectPath::parse(&path).unwrap_or_else(|_| path.into());
        let folder = self.name.parent().unwrap_or(Path::new(""));
        let member = Self::shared(Arc::clone(&self.store), path).named(folder.join(name.as_str()));
        Self { uses_e_tags: self.uses_e_tags, ..member }
    }

    /// Removes the object of a write that is taken back because of another error, which
    /// is the one to report. If this fails, the object stays.
    pub(super) fn take_back(self, runtime: &Handle) {
        drop(wait(runtime, async move { self.store.delete(&self.path).await }));
    }

    /// Returns the current version, with one request.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn version(&self) -> Result<Version, Error> {
        let version = self.head().await;
        version.map_err(|error| Error::new(&self.name, error.during(IoOperation::Opening)))
    }

    /// Returns the objects below this location, which is used as a prefix, with their
    /// versions, sorted by path. Most stores need one request per thousand objects.
    ///
    /// Fails if any of the keys cannot be expressed as a
    /// [`Path`](object_store::path::Path) (`a//b`, `..`).
    ///
    /// # Errors
    /// [`ErrorKind::Io`], with [`Error::store`].
    pub async fn list(&self) -> Result<Vec<(Self, Version)>, Error> {
        let found: Result<Vec<ObjectMeta>, _> =
            self.store.list(Some(&self.path)).try_collect().await;
        let failed = |error| self.error(StoreError::writing(error).during(IoOperation::Opening));
        let mut found = found.map_err(failed)?;
        found.sort_by(|a, b| a.location.cmp(&b.location));
        let below = |meta: ObjectMeta| {
            let mut name = self.name.display().to_string();
            let parts = meta.location.prefix_match(&self.path).into_iter().flatten();
            for part in parts {
                name = format!("{}/{}", name.trim_end_matches('/'), part.as_ref());
            }
            let location = Self::shared(Arc::clone(&self.store), meta.location.clone());
            let location = Self { uses_e_tags: self.uses_e_tags, ..location.named(name) };
            (location, self.version_of(&meta).with_quoted_e_tag())
        };
        Ok(found.into_iter().map(below).collect())
    }

    /// Fetches the whole object, in its current version, with one request. An
    /// object of more than `limit` bytes is refused, whatever size the store states.
    pub(super) async fn fetch_whole(&self, limit: u64) -> Result<Vec<u8>, ErrorKind> {
        let failed = |error: StoreError| error.during(IoOperation::Opening);
        let got = self.store.get_opts(&self.path, GetOptions::new()).await;
        let got = got.map_err(|error| failed(StoreError::reading(error)))?;
        let too_large = |size| ErrorKind::Set(SetFault::ManifestSize { size, limit });
        if got.meta.size > limit {
            return Err(too_large(got.meta.size));
        }
        let (mut bytes, mut parts) = (Vec::new(), got.into_stream());
        while let Some(part) = parts.try_next().await.map_err(|e| failed(StoreError::reading(e)))? {
            let size = bytes.len() as u64 + part.len() as u64;
            if size > limit {
                return Err(too_large(size));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }

    /// Fetches a range of the current version with one request. Returns fewer bytes if the
    /// object ends earlier.
    pub(super) async fn fetch(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let options = GetOptions::new().with_range(Some(range));
        let got = self.store.get_opts(&self.path, options).await.map_err(StoreError::reading)?;
        got.bytes().await.map_err(StoreError::reading)
    }

    /// Returns the version that a response describes.
    pub(super) fn version_of(&self, meta: &ObjectMeta) -> Version {
        let version = Version::from(meta.clone());
        if self.uses_e_tags { version } else { version.without_e_tag() }
    }

    pub(super) async fn head(&self) -> Result<Version, StoreError> {
        let got = self.store.get_opts(&self.path, GetOptions::new().with_head(true)).await;
        got.map(|got| self.version_of(&got.meta)).map_err(StoreError::reading)
    }

    /// Returns the current version, and the bytes at its end if the same response contains
    /// them.
    pub(super) async fn end(&self) -> Result<(Version, Option<Bytes>), ErrorKind> {
        end_of(self).await.map_err(|error| error.during(IoOperation::Opening))
    }

    pub(super) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.name, kind)
    }
}

/// Prints only the name of the store, which may contain credentials or data.
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

/// Returns the version of an object, and the bytes at its end if one request
/// returns both.
async fn end_of(location: &Location) -> Result<(Version, Option<Bytes>), StoreError> {
    let options = GetOptions::new().with_range(Some(GetRange::Suffix(DEFAULT_TAIL)));
    let got = match location.store.get_opts(&location.path, options).await {
        Ok(got) => got,
        Err(error) => return without_suffix(location, StoreError::reading(error)).await,
    };
    let version = location.version_of(&got.meta);
    let expected = version.size().min(DEFAULT_TAIL);
    let bytes = got.bytes().await.map_err(StoreError::reading)?;
    let tail = (bytes.len() as u64 == expected).then_some(bytes);
    Ok((version, tail))
}

/// Looks up the version without a range that counts from the end: Azure has no such
/// ranges, and an empty object has no last byte.
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
