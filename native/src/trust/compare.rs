//! Compares digest lists without a trusted hash, to find the records that differ between
//! two packs.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::trust::{DigestList, ListHeader};

use crate::error::Error;
use crate::source::{FileSource, ReadAt, Source};

/// Reads a digest list without a trusted hash. The parts that are read are checked to be
/// consistent, but the list may belong to another pack: to authenticate a pack, see
/// [`Trust`](crate::Trust).
pub struct DigestListReader {
    source: Source,
    path: Arc<PathBuf>,
    header: ListHeader,
}

impl DigestListReader {
    /// Opens a list, reading its header.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) and
    /// [`ErrorKind::Pack`](crate::ErrorKind::Pack).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let source = FileSource::open(path.as_ref())?;
        Self::open_source(source, path)
    }

    /// Opens a list from a source other than a file. Errors have `name` in place of
    /// the path.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_source(
        source: impl ReadAt + 'static,
        name: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let path = Arc::new(name.as_ref().to_path_buf());
        let read = || {
            let source = Source::open(Arc::new(source))?;
            let header = source.fetch(&(0..DigestList::HEADER_SIZE as u64))?;
            Ok((ListHeader::decode(&header)?, source))
        };
        let (header, source) = read().map_err(|kind| Error::new(&path, kind))?;
        Ok(Self { source, path, header })
    }

    /// Returns the path, or the name given instead.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the list states about its pack.
    #[must_use]
    pub fn header(&self) -> &ListHeader {
        &self.header
    }

    /// Returns whether the list's counts and content hash are those of a pack with
    /// this trailer. If the trailer has no content hash, only the counts are
    /// compared.
    #[must_use]
    pub fn fits(&self, trailer: &Trailer) -> bool {
        let header = &self.header;
        let hash = trailer.content_hash.is_none_or(|hash| hash == header.content_hash);
        hash && header.record_count == trailer.record_count
            && header.total_items == trailer.total_items
            && header.items_per_record == trailer.items_per_record
    }

    /// Returns the records for which this list and `other` have different digests,
    /// in order; records that only one of them has are left out.
    ///
    /// If both lists have the same number of records, only the differing parts of the
    /// lists are read: a few kilobytes per differing record.
    #[must_use]
    pub fn differing<'a>(&'a self, other: &'a Self) -> DifferingRecords<'a> {
        DifferingRecords::new(self, other)
    }

    /// Returns the digests of a block, and its proof path.
    fn block(&self, block: u32) -> Result<(Vec<Hash>, Bytes), Error> {
        let shape = self.header.shape();
        let read = || {
            let bytes = self.source.fetch(&shape.range(block))?;
            let proven = self.header.prove(block, bytes.clone())?;
            let digests: Vec<Hash> = proven.digests().copied().collect();
            let path = bytes.slice((digests.len() * size_of::<Hash>()).min(bytes.len())..);
            Ok((digests, path))
        };
        read().map_err(|kind| Error::new(&self.path, kind))
    }
}

/// The records that differ between two digest lists. The iterator ends after an
/// error.
pub struct DifferingRecords<'a> {
    lists: [&'a DigestListReader; 2],
    /// A stack of nodes whose subtrees differ: level, and number within the level. The
    /// leftmost node is on top.
    nodes: Vec<(u32, u32)>,
    found: std::vec::IntoIter<u32>,
}

impl<'a> DifferingRecords<'a> {
    fn new(one: &'a DigestListReader, other: &'a DigestListReader) -> Self {
        let (a, b) = (&one.header, &other.header);
        let blocks = a.shape().blocks().min(b.shape().blocks());
        let nodes = match (a.record_count == b.record_count, a.top == b.top) {
            (true, true) => Vec::new(),
            (true, false) => Vec::from([(a.shape().depth(), 0)]),
            // Trees of different shapes: every block is compared.
            (false, _) => (0..blocks).rev().map(|block| (0, block)).collect(),
        };
        Self { lists: [one, other], nodes, found: Vec::new().into_iter() }
    }

    /// Compares the first block below a node. The hashes of its proof path show which
    /// other subtrees below that node differ.
    fn descend(&mut self, level: u32, number: u32) -> Result<(), Error> {
        let block = number << level;
        let [one, other] = self.lists;
        let ((a, path_a), (b, path_b)) = (one.block(block)?, other.block(block)?);
        let paths = path_a.chunks(size_of::<Hash>()).zip(path_b.chunks(size_of::<Hash>()));
        let below: Vec<_> = (0..level).zip(paths).filter(|(_, (a, b))| a != b).collect();
        // The siblings lie right of the block. The lowest one is pushed last, so that it
        // is taken first.
        let siblings = below.iter().rev().map(|&(level, _)| (level, (block >> level) ^ 1));
        self.nodes.extend(siblings);
        let Range { start, .. } = one.header.shape().records(block);
        let records = (start..).zip(a.iter().zip(&b)).filter(|(_, (a, b))| a != b);
        self.found = records.map(|(record, _)| record).collect::<Vec<_>>().into_iter();
        Ok(())
    }
}

impl Iterator for DifferingRecords<'_> {
    type Item = Result<u32, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.found.next() {
                return Some(Ok(record));
            }
            let (level, number) = self.nodes.pop()?;
            if let Err(error) = self.descend(level, number) {
                self.nodes.clear();
                return Some(Err(error));
            }
        }
    }
}

impl FusedIterator for DifferingRecords<'_> {}

impl fmt::Debug for DifferingRecords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DifferingRecords").field("lists", &self.lists).finish_non_exhaustive()
    }
}

impl fmt::Debug for DigestListReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestListReader").field("path", &self.path).finish_non_exhaustive()
    }
}
