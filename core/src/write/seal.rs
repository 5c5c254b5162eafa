//! Seals drafts: encodes each record, adds what stands behind its payload,
//! takes its digest. The costly step; one [`Sealer`] a thread.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use super::builder::Draft;
use super::{Hashing, PackShape};
use crate::codec::Encode;
use crate::error::{Cause, Error, Limit};
use crate::format::digest::{Hash, RecordHasher};
use crate::format::{Layout, MOST};

/// Records of a draft up to this size are joined with what stands behind them
/// into one extent, where they would otherwise be many.
const JOINED_SIZE: usize = 64 << 10;

/// A draft as it goes to the file.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The draft's number.
    pub number: u64,
    /// The number of its first record.
    pub first_record: u32,
    /// How many items it holds.
    pub item_count: u32,
    /// The stored size of each record, in bytes.
    pub sizes: Vec<u32>,
    /// The digest of each record; none where the pack stores no hash.
    pub digests: Vec<Hash>,
    /// The bytes of the records, in file order.
    pub extents: Vec<Bytes>,
}

impl Sealed {
    /// Bytes of all its records.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.sizes.iter().map(|&size| u64::from(size)).sum()
    }
}

/// Seals one draft after another; holds an encoder's state.
pub struct Sealer {
    layout: Layout,
    items_per_record: usize,
    hashing: Hashing,
    encoder: Option<Box<dyn Encode>>,
}

impl Sealer {
    /// A sealer that stores payloads as they are.
    #[must_use]
    pub fn plain(shape: &PackShape) -> Self {
        Self::new(shape, None)
    }

    /// A sealer that encodes payloads.
    #[must_use]
    pub fn with_encoder(shape: &PackShape, encoder: Box<dyn Encode>) -> Self {
        Self::new(shape, Some(encoder))
    }

    fn new(shape: &PackShape, encoder: Option<Box<dyn Encode>>) -> Self {
        Self {
            layout: shape.layout(),
            items_per_record: shape.items_per_record.get() as usize,
            hashing: shape.content_hash.clone(),
            encoder,
        }
    }

    /// Seals a draft.
    ///
    /// # Errors
    /// [`Error::Encode`] where the encoder or the extract fails,
    /// [`Limit::Record`] where a record, as stored, passes 2^32-1 bytes.
    pub fn seal(&mut self, draft: Draft) -> Result<Sealed, Error> {
        let digests = self.digests(&draft)?;
        let mut sealed = Sealed {
            number: draft.number,
            first_record: draft.first_record,
            // A draft's items were counted against 2^32-1 when they were taken.
            item_count: u32::try_from(draft.lengths.len())
                .map_err(|_| Error::Limit(Limit::Items))?,
            sizes: Vec::with_capacity(draft.lengths.len().div_ceil(self.items_per_record)),
            digests,
            extents: Vec::new(),
        };
        match &mut self.encoder {
            Some(encoder) => {
                encode(self.layout, self.items_per_record, encoder.as_mut(), &draft, &mut sealed)?;
            }
            None => store(self.layout, self.items_per_record, draft, &mut sealed)?,
        }
        Ok(sealed)
    }

    /// Ends the encoder's work.
    ///
    /// # Errors
    /// [`Error::Encode`] without a record, where the encoder fails on being
    /// closed.
    pub fn finish(self) -> Result<(), Error> {
        match self.encoder {
            Some(encoder) => {
                encoder.finish().map_err(|cause| Error::Encode { record: None, cause })
            }
            None => Ok(()),
        }
    }

    fn digests(&self, draft: &Draft) -> Result<Vec<Hash>, Error> {
        let extract = match &self.hashing {
            Hashing::None => return Ok(Vec::new()),
            Hashing::Items => None,
            Hashing::Extracted(extract) => Some(extract),
        };
        let mut items = Items::new(&draft.extents);
        (draft.first_record..)
            .zip(draft.lengths.chunks(self.items_per_record))
            .map(|(record, lengths)| {
                let failed = |cause| Error::Encode { record: Some(record), cause };
                let mut hasher = RecordHasher::new();
                for &length in lengths {
                    let item = items.next(length);
                    match extract {
                        Some(extract) => hasher.item(&extract.extract(item).map_err(failed)?)?,
                        None => hasher.item(item)?,
                    }
                }
                Ok(hasher.finish())
            })
            .collect()
    }
}

/// Walks the items of a draft.
struct Items<'a> {
    extents: core::slice::Iter<'a, Bytes>,
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    fn new(extents: &'a [Bytes]) -> Self {
        Self { extents: extents.iter(), rest: &[] }
    }

    /// The next item, or the next record where that is one extent.
    fn next(&mut self, length: u32) -> &'a [u8] {
        if length == 0 {
            return &[];
        }
        if self.rest.is_empty() {
            self.rest = self.extents.next().map(|extent| &extent[..]).unwrap_or_default();
        }
        let length = (length as usize).min(self.rest.len());
        let (item, rest) = self.rest.split_at(length);
        self.rest = rest;
        item
    }
}

fn record_size(record: u32, size: u64) -> Result<u32, Error> {
    debug_assert!(record < MOST, "records count from 0 and are fewer than 2^32");
    u32::try_from(size).map_err(|_| Error::Limit(Limit::Record { size }))
}

/// Encodes every record of the draft into one buffer.
fn encode(
    layout: Layout,
    items_per_record: usize,
    encoder: &mut dyn Encode,
    draft: &Draft,
    sealed: &mut Sealed,
) -> Result<(), Error> {
    let gathered: Vec<u8>;
    let mut payloads: &[u8] = match &draft.extents[..] {
        [] => &[],
        [extent] => extent,
        extents => {
            gathered = extents.concat();
            &gathered
        }
    };
    let mut out = Vec::with_capacity(payloads.len() / 2);
    for (record, lengths) in (draft.first_record..).zip(draft.lengths.chunks(items_per_record)) {
        let length: usize = lengths.iter().map(|&length| length as usize).sum();
        let (payload, rest) = payloads.split_at(length.min(payloads.len()));
        payloads = rest;
        let start = out.len();
        if !payload.is_empty() {
            let failed = |cause: Cause| Error::Encode { record: Some(record), cause };
            encoder.encode(payload, &mut out).map_err(failed)?;
        }
        let mut tail = Vec::new();
        layout.encode_tail([out.get(start..).unwrap_or_default()], lengths, &mut tail);
        out.extend_from_slice(&tail);
        sealed.sizes.push(record_size(record, (out.len() - start) as u64)?);
    }
    if !out.is_empty() {
        sealed.extents.push(out.into());
    }
    Ok(())
}

/// Takes the payloads as they are; copies them only where records are so small
/// that joining them with their tails is cheaper than keeping them apart.
fn store(
    layout: Layout,
    items_per_record: usize,
    draft: Draft,
    sealed: &mut Sealed,
) -> Result<(), Error> {
    if layout.most_tail(1) == 0 {
        sealed.sizes = draft.lengths;
        sealed.extents = draft.extents;
        return Ok(());
    }
    if draft.lengths.len() <= items_per_record {
        let mut tail = Vec::new();
        layout.encode_tail(draft.extents.iter().map(|e| &e[..]), &draft.lengths, &mut tail);
        let size = draft.payload_size() + tail.len() as u64;
        sealed.sizes.push(record_size(draft.first_record, size)?);
        sealed.extents = draft.extents;
        sealed.extents.push(tail.into());
        return Ok(());
    }
    let mut items = Items::new(&draft.extents);
    let mut out = Vec::with_capacity(JOINED_SIZE);
    for (record, lengths) in (draft.first_record..).zip(draft.lengths.chunks(items_per_record)) {
        let start = out.len();
        lengths.iter().for_each(|&length| out.extend_from_slice(items.next(length)));
        let mut tail = Vec::new();
        layout.encode_tail([out.get(start..).unwrap_or_default()], lengths, &mut tail);
        out.extend_from_slice(&tail);
        sealed.sizes.push(record_size(record, (out.len() - start) as u64)?);
    }
    sealed.extents.push(out.into());
    Ok(())
}
