//! Authenticates records against a digest list in a store, which is read block by block.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::record_digest;
use sealpack_core::read::{Pack, Record};
use sealpack_core::trust::{
    Anchor, AuthenticatedList, ListOpened, ListOpening, ProvenBlock, TrustedList,
};
use tokio::sync::OnceCell;

use super::location::Location;
use crate::error::{ErrorKind, IoOperation};
use crate::trust::{MAX_CACHED_BLOCKS, block_of, list_error};

/// The hash that a [`RemoteReader`](super::RemoteReader) authenticates a pack against.
/// The caller gets it from a trusted source; the digest list connects the records to it.
/// Neither the store of the pack nor that of the list need be trusted.
///
/// ```
/// use object_store::{ObjectStoreExt as _, memory::InMemory};
/// use sealpack::remote::{Location, RemoteReader, RemoteTrust};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.pack");
/// let mut writer = sealpack::Writer::options().digest_list(true).create(&path)?;
/// writer.append(b"an item")?;
/// let root = writer.finish()?.digests.unwrap().root; // store it in a safe place
///
/// let store = InMemory::new(); // not under your control
/// store.put(&"a.pack".into(), std::fs::read(&path)?.into()).await?;
/// let list = std::fs::read(sealpack::digest_list_path(&path))?;
/// store.put(&"a.pack.digests".into(), list.into()).await?;
///
/// let location = Location::new(store, "a.pack".into());
/// let trusting = |hash| RemoteReader::options().trust(RemoteTrust::root(hash));
/// let reader = trusting(root).open(&location).await?;
/// assert_eq!(reader.get(0).await?, b"an item"[..]);
/// assert!(trusting([0; 32]).open(&location).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteTrust {
    anchor: Anchor,
    digests: Option<Location>,
}

impl RemoteTrust {
    /// Trusts the root of a digest list, as [`Trust::root`](crate::Trust::root).
    #[must_use]
    pub fn root(root: Hash) -> Self {
        Self { anchor: Anchor::Root(root), digests: None }
    }

    /// Trusts a content hash, as
    /// [`Trust::content_hash`](crate::Trust::content_hash): opening the pack reads
    /// all of the list.
    #[must_use]
    pub fn content_hash(hash: Hash) -> Self {
        Self { anchor: Anchor::ContentHash(hash), digests: None }
    }

    /// Trusts a hash that is either of the two, as
    /// [`Trust::either`](crate::Trust::either).
    #[must_use]
    pub fn either(hash: Hash) -> Self {
        Self { anchor: Anchor::Either(hash), digests: None }
    }

    /// Sets the location of the digest list. Default: [`Location::digest_list`] of
    /// the pack.
    #[must_use]
    pub fn digests(mut self, location: Location) -> Self {
        self.digests = Some(location);
        self
    }
}

impl fmt::Debug for RemoteTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteTrust")
            .field("anchor", &self.anchor)
            .field("digests", &self.digests)
            .finish()
    }
}

/// A proven block, or one that is being fetched.
type Block = Arc<OnceCell<ProvenBlock>>;

/// The digests that records are checked against.
pub(super) struct RemoteDigests {
    list: TrustedList,
    location: Location,
    /// Blocks by number; the most recently added block is first.
    cached: Mutex<VecDeque<(u32, Block)>>,
}

impl RemoteDigests {
    /// Opens the list and binds it to the pack. `read` returns a record of the pack,
    /// decoded but not yet authenticated.
    pub(super) async fn open<R: Future<Output = Result<Record, ErrorKind>>>(
        trust: &RemoteTrust,
        pack_location: &Location,
        pack: &Pack,
        read: impl Fn(u32) -> R,
    ) -> Result<Self, ErrorKind> {
        let location = trust.digests.clone().unwrap_or_else(|| pack_location.digest_list());
        let bound = anchor(&location, ListOpening::new(trust.anchor)).await?;
        let mut binding = bound.bind(pack)?;
        while let Some(number) = binding.wanted() {
            let block = block_of(binding.list(), number)?;
            let proven = prove(&location, binding.list(), block).await?;
            binding.confirm(&proven, &record_digest(read(number).await?.slices())?)?;
        }
        Ok(Self { list: binding.finish()?, location, cached: Mutex::default() })
    }

    /// Returns the list.
    pub(super) fn list(&self) -> &TrustedList {
        &self.list
    }

    /// Returns the maximum number of bytes that the cached blocks take in memory.
    pub(super) fn memory(&self) -> usize {
        let shape = self.list.shape();
        let block = shape.range(0);
        let blocks = MAX_CACHED_BLOCKS.min(shape.blocks() as usize);
        usize::try_from(block.end - block.start).unwrap_or(usize::MAX).saturating_mul(blocks)
    }

    /// Fetches the block of a record if it is not cached. Called in parallel with fetching
    /// the record.
    pub(super) async fn prepare(&self, number: u32) -> Result<(), ErrorKind> {
        let block = block_of(&self.list, number)?;
        self.proven(block, &self.cell(block)).await.map(|_| ())
    }

    /// Checks the digest of record `number`.
    pub(super) async fn check(&self, number: u32, digest: &Hash) -> Result<(), ErrorKind> {
        let block = block_of(&self.list, number)?;
        let cell = self.cell(block);
        Ok(self.proven(block, &cell).await?.check(number, digest)?)
    }

    /// Returns the proven block. Concurrent callers share one fetch; if it fails or is
    /// cancelled, the next one retries.
    async fn proven<'a>(
        &self,
        block: u32,
        cell: &'a OnceCell<ProvenBlock>,
    ) -> Result<&'a ProvenBlock, ErrorKind> {
        cell.get_or_try_init(|| prove(&self.location, &self.list, block)).await
    }

    fn cell(&self, block: u32) -> Block {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = cached.iter().find(|(number, _)| *number == block) {
            return Arc::clone(cell);
        }
        cached.truncate(MAX_CACHED_BLOCKS - 1);
        let cell = Block::default();
        cached.push_front((block, Arc::clone(&cell)));
        cell
    }
}

/// Opens the list: fetches ranges until `ListOpening` is complete.
async fn anchor(
    location: &Location,
    mut opening: ListOpening,
) -> Result<AuthenticatedList, ErrorKind> {
    loop {
        let bytes = fetch(location, opening.range()).await?;
        match opening.supply(bytes).map_err(|error| list_fault(location, error.into()))? {
            ListOpened::More(next) => opening = next,
            ListOpened::Ready(list) => return Ok(list),
        }
    }
}

async fn prove(
    location: &Location,
    list: &TrustedList,
    block: u32,
) -> Result<ProvenBlock, ErrorKind> {
    let bytes = fetch(location, list.shape().range(block)).await?;
    list.prove(block, bytes).map_err(|error: PackError| list_fault(location, error.into()))
}

/// Fetches a range of the current version with one request. The version does not matter,
/// because the bytes are proven afterwards.
async fn fetch(location: &Location, range: Range<u64>) -> Result<Bytes, ErrorKind> {
    let length = range.end - range.start;
    let operation = IoOperation::Reading { offset: range.start, length };
    let fetched = match location.fetch(range).await {
        Ok(bytes) if bytes.len() as u64 == length => Ok(bytes),
        Ok(_) => Err(ErrorKind::io(operation, io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(error.during(operation)),
    };
    fetched.map_err(|kind| list_fault(location, kind))
}

fn list_fault(location: &Location, kind: ErrorKind) -> ErrorKind {
    list_error(location.error(kind))
}
