//! Proves a block of digests by its path.

use bytes::Bytes;

use super::header::ListHeader;
use super::tree::{block_hash, node_hash};
use crate::error::{Error, Fault, Misuse, Section, Untrusted};
use crate::format::digest::Hash;

const HASH: usize = size_of::<Hash>();

/// A block whose digests have been proved to belong to the tree.
#[derive(Clone, Debug)]
pub struct ProvenBlock {
    first_record: u32,
    digests: Bytes,
}

impl ProvenBlock {
    /// The digests, in the order of the records.
    pub fn digests(&self) -> impl Iterator<Item = &Hash> {
        self.digests.as_chunks().0.iter()
    }

    /// The digest of a record; `None` if it belongs to another block.
    #[must_use]
    pub fn digest(&self, record: u32) -> Option<&Hash> {
        let at = record.checked_sub(self.first_record)? as usize;
        self.digests.as_chunks().0.get(at)
    }

    /// Compares the digest of a record's items with the trusted one.
    ///
    /// # Errors
    /// [`Untrusted::Record`]; [`Misuse::RecordNumber`] for a record of another
    /// block.
    pub fn check(&self, record: u32, found: &Hash) -> Result<(), Error> {
        match self.digest(record) {
            Some(trusted) if trusted == found => Ok(()),
            Some(&trusted) => {
                Err(Error::Untrusted(Untrusted::Record { record, trusted, found: *found }))
            }
            None => Err(Error::Misuse(Misuse::RecordNumber {
                record: record.into(),
                records: u32::try_from(self.digests.len() / HASH).unwrap_or(u32::MAX),
            })),
        }
    }
}

impl ListHeader {
    /// Proves that a block belongs to the tree whose top this header states.
    /// `bytes` are the block's digests followed by its path. Unless a trusted hash
    /// covers the header, this proves nothing about the pack.
    ///
    /// # Errors
    /// [`Untrusted::Block`], [`Misuse::Supplied`].
    pub fn prove(&self, block: u32, bytes: Bytes) -> Result<ProvenBlock, Error> {
        prove(self, block, bytes)
    }
}

/// Follows the path of a block to the top of the tree. Never inlined, for the
/// reason given at [`sha256`](super::tree::sha256).
#[inline(never)]
pub(super) fn prove(header: &ListHeader, block: u32, bytes: Bytes) -> Result<ProvenBlock, Error> {
    let shape = header.shape();
    let (records, range) = (shape.records(block), shape.range(block));
    let (wanted, given) = (range.end - range.start, bytes.len() as u64);
    if wanted != given || records.is_empty() {
        return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
    }
    let count = (records.end - records.start) as usize;
    let digests = bytes.slice(..(count * HASH).min(bytes.len()));
    let path = bytes.get(digests.len()..).unwrap_or_default();
    let mut found = block_hash(&digests);
    for ((number, sibling), hash) in shape.siblings(block).zip(path.chunks_exact(HASH)) {
        found = match sibling {
            Some(sibling) if sibling > number => node_hash(&found, hash),
            Some(_) => node_hash(hash, &found),
            None if hash.iter().all(|&byte| byte == 0) => found,
            None => {
                let fault = Fault::Leftover { bytes: HASH as u64 };
                return Err(fault.in_section(Section::DigestList));
            }
        };
    }
    let (first_record, trusted) = (records.start, header.top);
    if found == trusted {
        return Ok(ProvenBlock { first_record, digests });
    }
    Err(Error::Untrusted(Untrusted::Block { first_record, trusted, found }))
}
