//! Authenticates items against a hash that the caller trusts (FORMAT.md, *Digest
//! list*).
//!
//! ```text
//! Writer, digest_list(true) ──digests──> collect.rs ──> file.rs   PACK.digests, before the pack
//! DigestListFile::write ── reads all ──> collect.rs ──> file.rs   for an existing pack
//! DigestListReader ──── two of them ───> compare.rs               records that differ
//! ReaderOptions::trust ────────────────> anchored.rs              checks every record read
//! ```

mod anchored;
mod collect;
mod compare;
mod file;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack_core::format::digest::Hash;
use sealpack_core::trust::Anchor;

use crate::error::Error;
use crate::source::{FileSource, ReadAt, path_with_ending};

pub(crate) use anchored::TrustedDigests;
#[cfg(feature = "remote")]
pub(crate) use anchored::{MAX_CACHED_BLOCKS, block_of, list_error};
pub(crate) use collect::DigestSpool;
pub use compare::{DifferingRecords, DigestListReader};
pub use file::{DigestListFile, SealedDigests};

/// The hash that a reader authenticates a pack against. The caller gets it from a trusted
/// source; the digest list connects the records to it. Neither the pack nor the list
/// need come from a trusted source.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// use sealpack::{Reader, Trust, Writer};
///
/// let mut writer = Writer::options().digest_list(true).create(&path)?;
/// writer.append(b"an item")?;
/// let root = writer.finish()?.digests.unwrap().root; // store it in a safe place
///
/// let reader = Reader::open_trusted(&path, Trust::root(root))?;
/// assert_eq!(reader.get(0)?, b"an item"[..]);
/// assert!(Reader::open_trusted(&path, Trust::root([0; 32])).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Trust {
    anchor: Anchor,
    digests: Option<ListPlace>,
}

/// The place of the digest list.
#[derive(Clone)]
enum ListPlace {
    Path(PathBuf),
    Source(Arc<dyn ReadAt>, PathBuf),
}

impl Trust {
    /// Trusts the root of a digest list. It authenticates the items, their
    /// positions, the format id and the app data; reading an item also reads a few
    /// kilobytes of the list.
    #[must_use]
    pub fn root(root: Hash) -> Self {
        Self::new(Anchor::Root(root))
    }

    /// Trusts a content hash. It authenticates the items and their positions, but
    /// not the app data. Opening the pack reads all of the list, and the first and
    /// the last record.
    #[must_use]
    pub fn content_hash(hash: Hash) -> Self {
        Self::new(Anchor::ContentHash(hash))
    }

    /// Trusts a hash that is either of the two. The root of a list is never the content
    /// hash of a pack, or vice versa, so this is as strict as naming the kind.
    #[must_use]
    pub fn either(hash: Hash) -> Self {
        Self::new(Anchor::Either(hash))
    }

    fn new(anchor: Anchor) -> Self {
        Self { anchor, digests: None }
    }

    /// Sets the path of the digest list. Default: [`digest_list_path`] of the pack.
    #[must_use]
    pub fn digests(mut self, path: impl Into<PathBuf>) -> Self {
        self.digests = Some(ListPlace::Path(path.into()));
        self
    }

    /// Sets a source for the digest list other than a file. Errors have `name` in
    /// place of the path.
    #[must_use]
    pub fn digests_source(
        mut self,
        source: impl ReadAt + 'static,
        name: impl Into<PathBuf>,
    ) -> Self {
        self.digests = Some(ListPlace::Source(Arc::new(source), name.into()));
        self
    }

    /// Opens the list; by default it is next to `pack`.
    fn open(&self, pack: &Path) -> Result<(Arc<dyn ReadAt>, PathBuf), Error> {
        let open = |path: PathBuf| {
            let source = FileSource::open(&path)?;
            Ok((Arc::new(source) as Arc<dyn ReadAt>, path))
        };
        match &self.digests {
            None => open(digest_list_path(pack)),
            Some(ListPlace::Path(path)) => open(path.clone()),
            Some(ListPlace::Source(source, name)) => Ok((Arc::clone(source), name.clone())),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trust").field(&self.anchor).finish()
    }
}

/// What the name of a pack is followed by in the name of its digest list.
pub(crate) const DIGEST_LIST_ENDING: &str = ".digests";

/// Returns the default path of a pack's digest list: next to the pack, with
/// `.digests` appended to its name.
///
/// ```
/// use std::path::Path;
/// assert_eq!(sealpack::digest_list_path("a/b.pack"), Path::new("a/b.pack.digests"));
/// ```
#[must_use]
pub fn digest_list_path(pack: impl AsRef<Path>) -> PathBuf {
    path_with_ending(pack, DIGEST_LIST_ENDING)
}
