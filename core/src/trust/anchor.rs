//! From a trusted hash to an authenticated digest list, as a plan.

use alloc::boxed::Box;
use bytes::Bytes;
use core::ops::Range;

use super::header::{self, ListHeader};
use super::proof::{ProvenBlock, prove};
use super::shape::{HEADER_SIZE, ListShape};
use super::tree::sha256;
use crate::error::{Error, Misuse, TrailerField, Untrusted};
use crate::format::digest::Hash;
use crate::format::{ContentHasher, Trailer};
use crate::read::Pack;

/// The hash that the caller trusts. It must come from another source than the
/// pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The root of the digest list. It covers everything, and a few kilobytes of
    /// the list prove an item.
    Root(Hash),
    /// The content hash of the pack. It covers only the items, and the whole list
    /// is read once.
    ContentHash(Hash),
    /// One or the other, whichever matches. That is safe: the two hashed messages
    /// never have the same length, so no root of a list is also the content hash of
    /// a pack.
    Either(Hash),
}

impl Anchor {
    fn hash(self) -> Hash {
        match self {
            Self::Root(hash) | Self::ContentHash(hash) | Self::Either(hash) => hash,
        }
    }
}

/// The size of one read, in bytes, if the whole list is read.
const READ_SIZE: u64 = 1 << 20;

/// A digest list being opened. Fetch [`range`](Self::range) and pass the bytes to
/// [`supply`](Self::supply), until that returns [`ListOpened::Ready`].
#[derive(Clone, Debug)]
pub struct ListOpening {
    anchor: Anchor,
    stage: ListStage,
}

#[derive(Clone, Debug)]
enum ListStage {
    Header,
    Blocks(Box<Blocks>),
}

/// The state of reading the whole list.
#[derive(Clone, Debug)]
struct Blocks {
    list: AuthenticatedList,
    /// The first block that has not been read.
    next: u32,
    content: ContentHasher,
}

/// What [`ListOpening::supply`] returns.
#[derive(Clone, Debug)]
pub enum ListOpened {
    /// Another range is wanted.
    More(ListOpening),
    /// The trusted hash authenticates the list.
    Ready(AuthenticatedList),
}

impl ListOpening {
    /// Starts opening a list that `anchor` must authenticate.
    #[must_use]
    pub fn new(anchor: Anchor) -> Self {
        Self { anchor, stage: ListStage::Header }
    }

    /// The range of the list to fetch next; never empty.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        match &self.stage {
            ListStage::Header => 0..HEADER_SIZE as u64,
            ListStage::Blocks(blocks) => {
                let (shape, next) = (blocks.list.shape(), blocks.next);
                shape.range(next).start..shape.range(last_block_of_read(shape, next)).end
            }
        }
    }

    /// Takes the bytes of [`range`](Self::range).
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a damaged list; [`Error::Untrusted`] for a list that
    /// the anchor does not authenticate; [`Misuse::Supplied`] for a different
    /// number of bytes than was asked for.
    pub fn supply(self, bytes: Bytes) -> Result<ListOpened, Error> {
        let range = self.range();
        let (wanted, given) = (range.end - range.start, bytes.len() as u64);
        if wanted != given {
            return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
        }
        match self.stage {
            ListStage::Header => supply_header(self.anchor, &bytes),
            ListStage::Blocks(blocks) => blocks.supply(self.anchor, &bytes),
        }
    }
}

/// The last block of the read that starts with block `first`.
fn last_block_of_read(shape: ListShape, first: u32) -> u32 {
    let block = shape.range(first);
    let more = READ_SIZE / (block.end - block.start).max(1);
    first.saturating_add(u32::try_from(more).unwrap_or(0)).min(shape.blocks().saturating_sub(1))
}

fn supply_header(anchor: Anchor, bytes: &[u8]) -> Result<ListOpened, Error> {
    let header = ListHeader::decode(bytes)?;
    // Decoding accepts only one byte string for each header.
    let (root, trusted) = (header::root_of(bytes), anchor.hash());
    let content_hash = header.content_hash;
    let by_root = root == trusted && !matches!(anchor, Anchor::ContentHash(_));
    let by_content = content_hash == trusted && !matches!(anchor, Anchor::Root(_));
    if by_root {
        return Ok(ListOpened::Ready(AuthenticatedList { header, by_root }));
    }
    if !by_content {
        return Err(Error::Untrusted(match anchor {
            Anchor::ContentHash(_) => Untrusted::ContentHash { trusted, found: content_hash },
            Anchor::Root(_) | Anchor::Either(_) => Untrusted::List { trusted, root },
        }));
    }
    let list = AuthenticatedList { header, by_root };
    Box::new(Blocks { list, next: 0, content: ContentHasher::new() }).proceed(anchor)
}

impl Blocks {
    fn supply(mut self: Box<Self>, anchor: Anchor, bytes: &Bytes) -> Result<ListOpened, Error> {
        let shape = self.list.shape();
        let end_block = last_block_of_read(shape, self.next).saturating_add(1);
        let from = shape.range(self.next).start;
        for block in self.next..end_block {
            let Range { start, end } = shape.range(block);
            let in_bytes =
                |at: u64| usize::try_from(at - from).unwrap_or(usize::MAX).min(bytes.len());
            let proven =
                prove(&self.list.header, block, bytes.slice(in_bytes(start)..in_bytes(end)))?;
            proven.digests().for_each(|digest| self.content.record(digest));
        }
        self.next = end_block;
        self.proceed(anchor)
    }

    /// Continues with the next read or, after the last one, compares the hash over
    /// all digests.
    fn proceed(self: Box<Self>, anchor: Anchor) -> Result<ListOpened, Error> {
        if self.next < self.list.shape().blocks() {
            return Ok(ListOpened::More(ListOpening { anchor, stage: ListStage::Blocks(self) }));
        }
        let (trusted, found) = (anchor.hash(), self.content.finish());
        if trusted == found {
            return Ok(ListOpened::Ready(self.list));
        }
        Err(Error::Untrusted(Untrusted::ContentHash { trusted, found }))
    }
}

/// A digest list that the trusted hash authenticates: its digests, and under a
/// root its whole header. It is not yet known to belong to the pack at hand.
#[derive(Clone, Debug)]
pub struct AuthenticatedList {
    header: ListHeader,
    by_root: bool,
}

impl AuthenticatedList {
    /// The layout of the list.
    #[must_use]
    pub fn shape(&self) -> ListShape {
        self.header.shape()
    }

    /// Binds the list to an open pack.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if the trailer or, under a root, the app data
    /// contradicts the list.
    pub fn bind(self, pack: &Pack) -> Result<PendingBinding, Error> {
        self.bind_sections(pack.directory.trailer(), pack.app_data.raw())
    }

    /// Binds the list to a pack that was opened elsewhere, given its trailer and
    /// its app data.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_sections(
        self,
        trailer: &Trailer,
        app_data: &[u8],
    ) -> Result<PendingBinding, Error> {
        let header = &self.header;
        let fields = [
            (TrailerField::FormatId, header.format_id, trailer.format_id),
            (TrailerField::RecordCount, header.record_count, trailer.record_count),
            (TrailerField::TotalItems, header.total_items, trailer.total_items),
            (TrailerField::ItemsPerRecord, header.items_per_record, trailer.items_per_record),
        ];
        for (field, trusted, found) in fields {
            if trusted != found {
                return Err(Error::Untrusted(Untrusted::Trailer { field, trusted, found }));
            }
        }
        let trusted = header.content_hash;
        if let Some(found) = trailer.content_hash.filter(|&found| found != trusted) {
            return Err(Error::Untrusted(Untrusted::ContentHash { trusted, found }));
        }
        let (trusted, found) = (header.app_data_hash, sha256(&[app_data]));
        if self.by_root && trusted != found {
            return Err(Error::Untrusted(Untrusted::AppData { trusted, found }));
        }
        let witnesses = if self.by_root { 0..0 } else { 0..header.record_count };
        Ok(PendingBinding { list: TrustedList { authenticated: self }, witnesses })
    }
}

/// A list that is bound to a pack, except that the number of items per record is
/// not yet confirmed.
///
/// The root covers items per record and the number of items. The content hash
/// does not, and an attacker who changes them in the trailer moves items: with a
/// smaller number of items per record, the last record's items appear at earlier
/// positions. But a digest covers the number of items in its record. So under a
/// content hash two *witnesses* are checked before any item is returned: the
/// first record, whose digest is right only for the true number of items per
/// record, and the last record, whose digest then fixes the number of items.
#[derive(Clone, Debug)]
pub struct PendingBinding {
    list: TrustedList,
    witnesses: Range<u32>,
}

impl PendingBinding {
    /// The next record to check; `None` once all witnesses are confirmed. Prove its
    /// block with the list's [`prove`](TrustedList::prove), and pass the block and
    /// the record's digest to [`confirm`](Self::confirm).
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        (!self.witnesses.is_empty()).then_some(self.witnesses.start)
    }

    /// The list, to prove a witness's block.
    #[must_use]
    pub fn list(&self) -> &TrustedList {
        &self.list
    }

    /// Compares `digest`, of the items of the record that was
    /// [`wanted`](Self::wanted), with the proven one.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if they differ. The record is then still wanted.
    pub fn confirm(&mut self, block: &ProvenBlock, digest: &Hash) -> Result<(), Error> {
        let Some(record) = self.wanted() else { return Ok(()) };
        block.check(record, digest)?;
        let Range { start, end } = self.witnesses;
        // After the first record comes the last one, and then none.
        self.witnesses.start = if start == 0 { end.saturating_sub(1).max(1) } else { end };
        Ok(())
    }

    /// The list, once every witness is confirmed.
    ///
    /// # Errors
    /// [`Misuse::RecordNumber`] with the first witness that is not.
    pub fn finish(self) -> Result<TrustedList, Error> {
        match self.wanted() {
            None => Ok(self.list),
            Some(record) => Err(Error::Misuse(Misuse::RecordNumber {
                record: record.into(),
                records: self.list.shape().records(u32::MAX).end,
            })),
        }
    }
}

/// An authenticated digest list of the pack at hand.
#[derive(Clone, Debug)]
pub struct TrustedList {
    authenticated: AuthenticatedList,
}

impl TrustedList {
    /// The header of the list.
    #[must_use]
    pub fn header(&self) -> &ListHeader {
        &self.authenticated.header
    }

    /// The layout of the list.
    #[must_use]
    pub fn shape(&self) -> ListShape {
        self.authenticated.shape()
    }

    /// Whether the app data and the format id are authenticated, too. They are if
    /// the caller trusts the root.
    #[must_use]
    pub fn covers_app_data(&self) -> bool {
        self.authenticated.by_root
    }

    /// Proves a block, given the bytes of [`ListShape::range`]: the block followed
    /// by its path.
    ///
    /// # Errors
    /// [`Untrusted::Block`], [`Misuse::Supplied`].
    pub fn prove(&self, block: u32, bytes: Bytes) -> Result<ProvenBlock, Error> {
        prove(&self.authenticated.header, block, bytes)
    }
}
