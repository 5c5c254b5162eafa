//! Builds a digest list.

use alloc::vec::Vec;

use super::header::ListHeader;
use super::shape::{BLOCK, HEADER_SIZE, ListShape};
use super::tree::{Tree, block_hash, sha256};
use crate::error::{Error, Fault, Limit, Misuse, Section};
use crate::format::digest::Hash;
use crate::format::{ContentHasher, Trailer};

/// Builds the digest list of a pack from the records' digests, in order. It keeps
/// 32 bytes for every 128 digests. The driver keeps the digests themselves, and
/// writes them once the paths are known.
///
/// ```
/// use sealpack_core::format::record_digest;
/// use sealpack_core::trust::DigestListBuilder;
/// # use sealpack_core::format::Trailer;
/// # let digests: Vec<_> = (0..300u32)
/// #     .map(|i| record_digest([&i.to_le_bytes()[..]]).unwrap()).collect();
/// # let trailer = Trailer {
/// #     format_id: 0, record_count: 300, total_items: 300, items_per_record: 1,
/// #     index_size: 0, app_data_size: 0, content_hash: None, app_data_crc: 0,
/// #     record_checksum: false,
/// # };
///
/// let mut builder = DigestListBuilder::new();
/// digests.iter().try_for_each(|digest| builder.push(digest))?;
/// let list = builder.finish(&trailer, b"app data")?;
/// let mut file = list.header().encode().to_vec();
/// for block in 0..list.shape().blocks() {
///     let records = list.shape().records(block);
///     digests[records.start as usize..records.end as usize]
///         .iter()
///         .for_each(|digest| file.extend_from_slice(digest));
///     file.extend_from_slice(&list.path(block));
/// }
/// assert_eq!(file.len() as u64, list.shape().file_size());
/// # Ok::<(), sealpack_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DigestListBuilder {
    content: ContentHasher,
    blocks: Vec<Hash>,
    /// The digests of the last, incomplete block.
    open: Vec<u8>,
    records: u32,
}

impl DigestListBuilder {
    /// A list without digests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the digest of the next record.
    ///
    /// # Errors
    /// [`Limit::Items`] above 2^32-1 records.
    pub fn push(&mut self, digest: &Hash) -> Result<(), Error> {
        self.records = self.records.checked_add(1).ok_or(Error::Limit(Limit::Items))?;
        self.content.record(digest);
        self.open.extend_from_slice(digest);
        if self.records.is_multiple_of(BLOCK) {
            self.close_block();
        }
        Ok(())
    }

    fn close_block(&mut self) {
        self.blocks.push(block_hash(&self.open));
        self.open.clear();
    }

    /// Completes the list of the pack with this trailer and app data.
    ///
    /// # Errors
    /// [`Misuse::RecordNumber`] if the number of digests is not the number of
    /// records; [`Fault::ContentHash`] if the trailer stores a content hash that
    /// differs from that of the digests.
    pub fn finish(mut self, trailer: &Trailer, app_data: &[u8]) -> Result<DigestList, Error> {
        let (record, records) = (self.records, trailer.record_count);
        if record != records {
            let record = record.into();
            return Err(Error::Misuse(Misuse::RecordNumber { record, records }));
        }
        if !self.open.is_empty() {
            self.close_block();
        }
        let content_hash = self.content.finish();
        if let Some(stored) = trailer.content_hash.filter(|&stored| stored != content_hash) {
            let fault = Fault::ContentHash { stored, computed: content_hash };
            return Err(fault.in_section(Section::ContentHash));
        }
        let tree = Tree::new(self.blocks);
        let header = ListHeader {
            format_id: trailer.format_id,
            record_count: trailer.record_count,
            total_items: trailer.total_items,
            items_per_record: trailer.items_per_record,
            content_hash,
            app_data_hash: sha256(&[app_data]),
            top: tree.top(),
        };
        Ok(DigestList { header, tree })
    }
}

/// A digest list without its digests: the header, and the path of each block.
#[derive(Clone, Debug)]
pub struct DigestList {
    header: ListHeader,
    tree: Tree,
}

impl DigestList {
    /// The header, which comes first in the file.
    #[must_use]
    pub fn header(&self) -> &ListHeader {
        &self.header
    }

    /// The layout of the list.
    #[must_use]
    pub fn shape(&self) -> ListShape {
        self.header.shape()
    }

    /// The path of a block, which follows its digests in the file.
    #[must_use]
    pub fn path(&self, block: u32) -> Vec<u8> {
        self.tree.path(self.shape(), block)
    }

    /// Bytes of the header.
    pub const HEADER_SIZE: usize = HEADER_SIZE;
}
