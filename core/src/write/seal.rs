//! Seals drafts: encodes each record, appends its lengths and checksum, and
//! computes its digest. The expensive step; one [`Sealer`] a thread.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::draft::Draft;
use super::{Hashing, PackShape};
use crate::codec::Encode;
use crate::error::{Cause, Error, Limit};
use crate::format::digest::{Extract, Hash, RecordHasher};
use crate::format::{DigestRecords, OneByOne, RecordContent, RecordLayout};

/// The maximum number of records whose digests are computed in one call: enough
/// for any number of lanes, few enough to take little memory.
const MAX_DIGEST_BATCH: usize = 256;

/// A sealed draft, ready to be written.
#[derive(Clone, Debug)]
pub struct SealedDraft {
    /// The draft's number.
    pub number: u64,
    /// The number of its first record.
    pub first_record: u32,
    /// The number of its items.
    pub item_count: u32,
    /// The bytes of its items.
    pub payload_size: u64,
    /// The stored size of each record, in bytes.
    pub sizes: Vec<u32>,
    /// The digest of each record; empty if the pack stores no hash.
    pub digests: Vec<Hash>,
    /// The bytes of the records, in file order.
    pub extents: Vec<Bytes>,
}

impl SealedDraft {
    /// The size of all its records, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.sizes.iter().map(|&size| u64::from(size)).sum()
    }
}

/// Seals one draft after another; owns the encoder's state.
pub struct Sealer {
    layout: RecordLayout,
    items_per_record: usize,
    digester: DraftDigester,
    encoder: Option<Box<dyn Encode>>,
    /// The buffer into which drafts are encoded. A fresh buffer for each would
    /// cost more than copying the result out of this one.
    encoded: Vec<u8>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("layout", &self.layout)
            .field("has_encoder", &self.encoder.is_some())
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// A sealer that stores payloads unchanged.
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
            digester: DraftDigester {
                items_per_record: shape.items_per_record.get() as usize,
                hashing: shape.content_hash.clone(),
                records: Box::new(OneByOne),
            },
            encoder,
            encoded: Vec::new(),
        }
    }

    /// Sets how digests are computed; default: [`OneByOne`].
    #[must_use]
    pub fn with_digester(mut self, digester: Box<dyn DigestRecords>) -> Self {
        self.digester.records = digester;
        self
    }

    /// The number of drafts per call at which [`seal_all`](Self::seal_all) is fastest.
    #[must_use]
    pub fn preferred_batch(&self) -> usize {
        self.digester.preferred_batch()
    }

    /// Splits off the digester, so that another thread can compute the digests
    /// with [`DraftDigester::complete`]; this sealer then computes none. `None`
    /// unless records are both encoded and hashed.
    #[must_use]
    pub fn split_digester(&mut self) -> Option<DraftDigester> {
        if self.encoder.is_none() || !matches!(self.digester.hashing, Hashing::Items) {
            return None;
        }
        let idle = DraftDigester {
            items_per_record: self.items_per_record,
            hashing: Hashing::None,
            records: Box::new(OneByOne),
        };
        Some(core::mem::replace(&mut self.digester, idle))
    }

    /// Seals a draft.
    ///
    /// # Errors
    /// [`Error::Encode`] if the encoder or the extract fails, [`Limit::Record`] if
    /// a stored record exceeds 2^32-1 bytes.
    pub fn seal(&mut self, draft: Draft) -> Result<SealedDraft, Error> {
        let mut digests = Vec::new();
        self.digester.append_digests(core::slice::from_ref(&draft), &mut digests)?;
        self.seal_hashed(draft, digests)
    }

    /// Seals several drafts and computes all their digests in one batch. It calls
    /// `sealed` with each, in order.
    ///
    /// # Errors
    /// As [`seal`](Self::seal). The drafts before the failing one have been
    /// sealed.
    pub fn seal_all(
        &mut self,
        drafts: Vec<Draft>,
        mut sealed: impl FnMut(SealedDraft),
    ) -> Result<(), Error> {
        let mut digests = Vec::new();
        self.digester.append_digests(&drafts, &mut digests)?;
        let mut digests = digests.into_iter();
        for draft in drafts {
            let records = draft.lengths.len().div_ceil(self.items_per_record);
            let own = digests.by_ref().take(records).collect();
            sealed(self.seal_hashed(draft, own)?);
        }
        Ok(())
    }

    fn seal_hashed(&mut self, mut draft: Draft, digests: Vec<Hash>) -> Result<SealedDraft, Error> {
        if let Some(stored) = draft.stored.take() {
            return Ok(SealedDraft {
                number: draft.number,
                first_record: draft.first_record,
                item_count: stored.item_count,
                payload_size: stored.payload_size,
                sizes: stored.sizes,
                digests: stored.digests,
                extents: stored.extents,
            });
        }
        let mut sealed = SealedDraft {
            number: draft.number,
            first_record: draft.first_record,
            // The builder has checked the number of items against 2^32-1.
            item_count: u32::try_from(draft.lengths.len())
                .map_err(|_| Error::Limit(Limit::Items))?,
            payload_size: draft.payload_size(),
            sizes: Vec::with_capacity(draft.lengths.len().div_ceil(self.items_per_record)),
            digests,
            extents: Vec::new(),
        };
        match &mut self.encoder {
            Some(encoder) => {
                let out = &mut self.encoded;
                out.clear();
                encode(
                    self.layout,
                    self.items_per_record,
                    encoder.as_mut(),
                    &draft,
                    &mut sealed,
                    out,
                )?;
                sealed.extents.extend(take_encoded(out));
            }
            None => store(self.layout, self.items_per_record, draft, &mut sealed)?,
        }
        Ok(sealed)
    }

    /// Closes the encoder.
    ///
    /// # Errors
    /// [`Error::Encode`] without a record, if closing the encoder fails.
    pub fn finish(self) -> Result<(), Error> {
        match self.encoder {
            Some(encoder) => {
                encoder.finish().map_err(|cause| Error::Encode { record: None, cause })
            }
            None => Ok(()),
        }
    }
}

/// Computes the digests of the records in drafts.
pub struct DraftDigester {
    items_per_record: usize,
    hashing: Hashing,
    records: Box<dyn DigestRecords>,
}

impl fmt::Debug for DraftDigester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftDigester").field("hashing", &self.hashing).finish_non_exhaustive()
    }
}

impl DraftDigester {
    /// The number of drafts per call at which it is fastest.
    #[must_use]
    pub fn preferred_batch(&self) -> usize {
        match self.hashing {
            Hashing::Items => self.records.preferred_batch().max(1),
            Hashing::None | Hashing::Extracted(_) => 1,
        }
    }

    /// Computes the digests of `drafts` and stores them in `sealed`, the same
    /// drafts after sealing.
    ///
    /// # Errors
    /// As [`Sealer::seal`], for the digests.
    pub fn complete(&mut self, drafts: &[Draft], sealed: &mut [SealedDraft]) -> Result<(), Error> {
        let mut digests = Vec::new();
        self.append_digests(drafts, &mut digests)?;
        let mut digests = digests.into_iter();
        for (draft, sealed) in drafts.iter().zip(sealed) {
            if draft.stored.is_some() {
                // Stored records come with their digests.
                continue;
            }
            let records = draft.lengths.len().div_ceil(self.items_per_record);
            sealed.digests = digests.by_ref().take(records).collect();
        }
        Ok(())
    }

    fn append_digests(&mut self, drafts: &[Draft], digests: &mut Vec<Hash>) -> Result<(), Error> {
        match &self.hashing {
            Hashing::None => Ok(()),
            Hashing::Items => {
                let mut records = drafts.iter().flat_map(|it| it.records(self.items_per_record));
                let mut batch = Vec::new();
                loop {
                    batch.extend(records.by_ref().take(MAX_DIGEST_BATCH));
                    if batch.is_empty() {
                        return Ok(());
                    }
                    self.records.digests(&batch, digests)?;
                    batch.clear();
                }
            }
            Hashing::Extracted(extract) => {
                for draft in drafts {
                    let records = draft.records(self.items_per_record);
                    for (number, record) in (draft.first_record..).zip(records) {
                        digests.push(extracted_digest(extract.as_ref(), number, record)?);
                    }
                }
                Ok(())
            }
        }
    }
}

fn extracted_digest(
    extract: &dyn Extract,
    number: u32,
    record: RecordContent<'_>,
) -> Result<Hash, Error> {
    let mut hasher = RecordHasher::new();
    for item in record.items() {
        let failed = |cause| Error::Encode { record: Some(number), cause };
        hasher.item(&extract.extract(item).map_err(failed)?)?;
    }
    Ok(hasher.finish())
}

fn record_size(size: u64) -> Result<u32, Error> {
    u32::try_from(size).map_err(|_| Error::Limit(Limit::Record { size }))
}

/// The bytes in `out` as an extent. They are copied and the buffer is kept for
/// the next draft, unless they fill most of it or it is large.
fn take_encoded(out: &mut Vec<u8>) -> Option<Bytes> {
    const LARGE: usize = 4 << 20;
    if out.is_empty() {
        return None;
    }
    if out.capacity() > LARGE || out.len() > out.capacity() / 4 * 3 {
        // An encoder reserves for the worst case, and the output stream may keep the
        // extent for a while.
        let mut owned = core::mem::take(out);
        owned.shrink_to_fit();
        return Some(owned.into());
    }
    Some(Bytes::copy_from_slice(out))
}

/// Encodes every record of the draft into one buffer.
fn encode(
    layout: RecordLayout,
    items_per_record: usize,
    encoder: &mut dyn Encode,
    draft: &Draft,
    sealed: &mut SealedDraft,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut tail = Vec::new();
    let lengths = draft.lengths.chunks(items_per_record);
    let records = (draft.first_record..).zip(lengths).zip(draft.records(items_per_record));
    for ((number, lengths), record) in records {
        let gathered: Vec<u8>;
        let payload = match record.run() {
            Some(run) => run,
            None => {
                gathered = draft.extents.concat();
                &gathered
            }
        };
        let start = out.len();
        if !payload.is_empty() {
            let failed = |cause: Cause| Error::Encode { record: Some(number), cause };
            let before = last_bytes(out);
            encoder.encode(payload, out).map_err(failed)?;
            if out.len() <= start || last_bytes(out.get(..start).unwrap_or_default()) != before {
                let what = "the encoder must append to `out` and leave what it already holds";
                return Err(failed(Cause::text(what)));
            }
        }
        tail.clear();
        layout.encode_tail([out.get(start..).unwrap_or_default()], lengths, &mut tail);
        out.extend_from_slice(&tail);
        sealed.sizes.push(record_size((out.len() - start) as u64)?);
    }
    Ok(())
}

/// The last eight bytes: enough to notice an encoder that replaces what earlier
/// records left in its buffer.
fn last_bytes(bytes: &[u8]) -> Option<[u8; 8]> {
    bytes.last_chunk().copied()
}

/// Stores the payloads unchanged. They are copied only if the draft consists of
/// several records with lengths or checksums after each.
fn store(
    layout: RecordLayout,
    items_per_record: usize,
    draft: Draft,
    sealed: &mut SealedDraft,
) -> Result<(), Error> {
    if layout.max_tail_size(1) == 0 {
        sealed.sizes = draft.lengths;
        sealed.extents = draft.extents;
        return Ok(());
    }
    if draft.lengths.len() <= items_per_record {
        let mut tail = Vec::new();
        layout.encode_tail(draft.extents.iter().map(|e| &e[..]), &draft.lengths, &mut tail);
        let size = draft.payload_size() + tail.len() as u64;
        sealed.sizes.push(record_size(size)?);
        sealed.extents = draft.extents;
        sealed.extents.push(tail.into());
        return Ok(());
    }
    let mut out = Vec::new();
    let mut tail = Vec::new();
    let lengths = draft.lengths.chunks(items_per_record);
    for (lengths, record) in lengths.zip(draft.records(items_per_record)) {
        let start = out.len();
        out.extend_from_slice(record.run().unwrap_or_default());
        tail.clear();
        layout.encode_tail([out.get(start..).unwrap_or_default()], lengths, &mut tail);
        out.extend_from_slice(&tail);
        sealed.sizes.push(record_size((out.len() - start) as u64)?);
    }
    sealed.extents.push(out.into());
    Ok(())
}
