//! Reads a digest list block by block, as records need it.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::error::Misuse;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::record_digest;
use sealpack_core::read::{Pack, Record};
use sealpack_core::trust::{AuthenticatedList, ListOpened, ListOpening, ProvenBlock, TrustedList};

use super::Trust;
use crate::error::{Error, ErrorKind};
use crate::source::Source;

/// The most proven blocks that a reader caches: a quarter of a mebibyte. A scan
/// needs one for each of its threads.
pub(crate) const MAX_CACHED_BLOCKS: usize = 64;

/// The digests that records are authenticated against.
pub(crate) struct TrustedDigests {
    list: TrustedList,
    file: ListSource,
    /// The most recently proven block is first.
    cached: Mutex<VecDeque<ProvenBlock>>,
}

impl TrustedDigests {
    /// Opens the list and binds it to the pack. `read` returns a record of the pack,
    /// decoded but not yet authenticated.
    pub(crate) fn open(
        trust: &Trust,
        path: &Arc<PathBuf>,
        pack: &Pack,
        read: impl Fn(u32) -> Result<Record, ErrorKind>,
    ) -> Result<Self, ErrorKind> {
        let (bytes, name) = trust.open(path).map_err(list_error)?;
        let path = Arc::new(name);
        let source = Source::open(bytes).map_err(|kind| list_error(Error::new(&path, kind)))?;
        let file = ListSource { source, path };
        let bound = file.anchor(ListOpening::new(trust.anchor))?;
        let mut binding = bound.bind(pack)?;
        while let Some(number) = binding.wanted() {
            let proven = file.prove(binding.list(), number)?;
            binding.confirm(&proven, &record_digest(read(number)?.slices())?)?;
        }
        Ok(Self { list: binding.finish()?, file, cached: Mutex::default() })
    }

    /// Returns the list.
    pub(crate) fn list(&self) -> &TrustedList {
        &self.list
    }

    /// Checks the items of record `number`.
    pub(crate) fn check(&self, number: u32, record: &Record) -> Result<(), ErrorKind> {
        self.check_digest(number, &record_digest(record.slices())?)
    }

    /// Checks the digest of record `number`.
    pub(crate) fn check_digest(&self, number: u32, digest: &Hash) -> Result<(), ErrorKind> {
        let cached = || self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        // The block is read without the lock, so that other threads can continue.
        if let Some(block) = cached().iter().find(|block| block.digest(number).is_some()) {
            return Ok(block.check(number, digest)?);
        }
        let block = self.file.prove(&self.list, number)?;
        let checked = block.check(number, digest);
        let mut cached = cached();
        cached.truncate(MAX_CACHED_BLOCKS - 1);
        cached.push_front(block);
        Ok(checked?)
    }
}

/// The source of a digest list, and its name.
struct ListSource {
    source: Source,
    path: Arc<PathBuf>,
}

impl ListSource {
    /// Opens the list: fetches ranges until `ListOpening` is complete.
    fn anchor(&self, mut opening: ListOpening) -> Result<AuthenticatedList, ErrorKind> {
        loop {
            let bytes = self.fetch(&opening.range())?;
            match opening.supply(bytes).map_err(|error| self.error(error))? {
                ListOpened::More(next) => opening = next,
                ListOpened::Ready(list) => return Ok(list),
            }
        }
    }

    /// Reads and proves the block that contains the digest of a record.
    fn prove(&self, list: &TrustedList, record: u32) -> Result<ProvenBlock, ErrorKind> {
        let block = block_of(list, record)?;
        let bytes = self.fetch(&list.shape().range(block))?;
        list.prove(block, bytes).map_err(|error| self.error(error))
    }

    fn fetch(&self, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        let fetched = self.source.fetch(range);
        fetched.map_err(|kind| list_error(Error::new(&self.path, kind)))
    }

    fn error(&self, error: PackError) -> ErrorKind {
        list_error(Error::new(&self.path, error.into()))
    }
}

/// Returns the number of the block that contains the digest of a record.
pub(crate) fn block_of(list: &TrustedList, record: u32) -> Result<u32, ErrorKind> {
    let shape = list.shape();
    let block = shape.block_of(record);
    if shape.records(block).is_empty() {
        let (record, records) = (record.into(), list.header().record_count);
        return Err(PackError::Misuse(Misuse::RecordNumber { record, records }).into());
    }
    Ok(block)
}

/// Marks an error as one of the digest list, not of the pack.
pub(crate) fn list_error(error: Error) -> ErrorKind {
    ErrorKind::DigestList(Arc::new(error))
}
