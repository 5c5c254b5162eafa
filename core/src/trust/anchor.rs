//! From what the caller trusts to a list that can be believed, as a plan.

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

/// What the caller trusts: a hash that came by another way than the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The root of the digest list. It vouches for everything, and a few
    /// kilobytes of the list prove an item.
    Root(Hash),
    /// The content hash of the pack. It vouches for the items alone, and all
    /// of the list is read once.
    ContentHash(Hash),
    /// One or the other, whichever fits. Nobody can find a list whose root is
    /// the content hash of anything: their messages never have one length.
    Either(Hash),
}

impl Anchor {
    fn hash(self) -> Hash {
        match self {
            Self::Root(hash) | Self::ContentHash(hash) | Self::Either(hash) => hash,
        }
    }
}

/// Bytes of the list that are wanted at once where all of it is read.
const PORTION: u64 = 1 << 20;

/// A digest list being opened. Fetch [`range`](Self::range), hand it to
/// [`supply`](Self::supply), again until that answers [`ListOpened::Ready`].
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

/// The list is read whole, and has been up to a block.
#[derive(Clone, Debug)]
struct Blocks {
    list: AuthenticatedList,
    next: u32,
    content: ContentHasher,
}

/// What [`ListOpening::supply`] answers.
#[derive(Clone, Debug)]
pub enum ListOpened {
    /// More is wanted.
    More(ListOpening),
    /// The trusted hash vouches for the list.
    Ready(AuthenticatedList),
}

impl ListOpening {
    /// Starts with what the caller trusts.
    #[must_use]
    pub fn new(anchor: Anchor) -> Self {
        Self { anchor, stage: ListStage::Header }
    }

    /// The bytes of the list that are wanted next; never empty.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        match &self.stage {
            ListStage::Header => 0..HEADER_SIZE as u64,
            ListStage::Blocks(blocks) => {
                let (shape, next) = (blocks.list.shape(), blocks.next);
                shape.range(next).start..shape.range(last_of_portion(shape, next)).end
            }
        }
    }

    /// Takes the bytes of [`range`](Self::range).
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a damaged list; [`Error::Untrusted`] for one
    /// that is not what the caller trusts; [`Misuse::Supplied`].
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

fn last_of_portion(shape: ListShape, first: u32) -> u32 {
    let block = shape.range(first);
    let more = PORTION / (block.end - block.start).max(1);
    first.saturating_add(u32::try_from(more).unwrap_or(0)).min(shape.blocks().saturating_sub(1))
}

fn supply_header(anchor: Anchor, bytes: &[u8]) -> Result<ListOpened, Error> {
    let header = ListHeader::decode(bytes)?;
    // Decoding lets no other bytes pass for the same header.
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
        let behind = last_of_portion(shape, self.next).saturating_add(1);
        let from = shape.range(self.next).start;
        for block in self.next..behind {
            let Range { start, end } = shape.range(block);
            let in_bytes =
                |at: u64| usize::try_from(at - from).unwrap_or(usize::MAX).min(bytes.len());
            let proven =
                prove(&self.list.header, block, bytes.slice(in_bytes(start)..in_bytes(end)))?;
            proven.digests().for_each(|digest| self.content.record(digest));
        }
        self.next = behind;
        self.proceed(anchor)
    }

    /// Goes on to the next portion, or compares the hash over all of them.
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

/// A digest list that the trusted hash vouches for: its digests, and where it
/// was the root, its header too. It is not yet known to be of the pack at hand.
#[derive(Clone, Debug)]
pub struct AuthenticatedList {
    header: ListHeader,
    by_root: bool,
}

impl AuthenticatedList {
    /// Where the blocks lie.
    #[must_use]
    pub fn shape(&self) -> ListShape {
        self.header.shape()
    }

    /// Compares the list with a pack.
    ///
    /// # Errors
    /// [`Error::Untrusted`] where the trailer or, under a root, the app data
    /// is not that of the list's pack.
    pub fn bind(self, pack: &Pack) -> Result<PendingBinding, Error> {
        self.bind_sections(pack.directory.trailer(), &pack.app_data)
    }

    /// Compares the list with the sections of a pack that was opened
    /// elsewhere: its trailer and its app data.
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
        Ok(PendingBinding { list: TrustedList { bound: self }, witnesses })
    }
}

/// A list whose pack may still divide its items into records otherwise than
/// the true one.
///
/// The root vouches for items per record and for the number of items; the
/// content hash does not, and whoever changes them in the trailer moves items:
/// with fewer items per record claimed, the last record's items stand at
/// earlier positions. But a digest says how many items its record has. So
/// under a content hash the first record, whose digest is right only under the
/// true items per record, and the last one, whose digest then says how many
/// items there are, are looked at before anything is believed.
#[derive(Clone, Debug)]
pub struct PendingBinding {
    list: TrustedList,
    witnesses: Range<u32>,
}

impl PendingBinding {
    /// The record to look at next: check its digest with the list's
    /// [`prove`](TrustedList::prove), and say so to [`confirm`](Self::confirm).
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        (!self.witnesses.is_empty()).then_some(self.witnesses.start)
    }

    /// The list, to look up a witness.
    #[must_use]
    pub fn list(&self) -> &TrustedList {
        &self.list
    }

    /// Compares the digest of the items of the record that was
    /// [`wanted`](Self::wanted).
    ///
    /// # Errors
    /// [`Error::Untrusted`] where it is another.
    pub fn confirm(&mut self, block: &ProvenBlock, digest: &Hash) -> Result<(), Error> {
        let Some(record) = self.wanted() else { return Ok(()) };
        block.check(record, digest)?;
        let Range { start, end } = self.witnesses;
        // The last one next, then none.
        self.witnesses.start = if start == 0 { end.saturating_sub(1).max(1) } else { end };
        Ok(())
    }

    /// The list, once every witness was seen.
    ///
    /// # Errors
    /// [`Misuse::RecordNumber`] with the one that was not.
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

/// A digest list that can be believed, of the pack at hand.
#[derive(Clone, Debug)]
pub struct TrustedList {
    bound: AuthenticatedList,
}

impl TrustedList {
    /// What the list says of the pack.
    #[must_use]
    pub fn header(&self) -> &ListHeader {
        &self.bound.header
    }

    /// Where the blocks lie.
    #[must_use]
    pub fn shape(&self) -> ListShape {
        self.bound.shape()
    }

    /// Whether the app data and the format id are trusted too: they are where
    /// the caller trusts the root.
    #[must_use]
    pub fn covers_app_data(&self) -> bool {
        self.bound.by_root
    }

    /// Proves a block, given its bytes with the path beside it:
    /// [`ListShape::range`].
    ///
    /// # Errors
    /// [`Untrusted::Block`], [`Misuse::Supplied`].
    pub fn prove(&self, block: u32, bytes: Bytes) -> Result<ProvenBlock, Error> {
        prove(&self.bound.header, block, bytes)
    }
}
