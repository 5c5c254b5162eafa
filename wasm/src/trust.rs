//! Authenticating a pack against a hash that the caller trusts (FORMAT.md,
//! *Digest list*).
//!
//! A wasm module of its own: few pages need it. The reader's module says which
//! records a read covers and computes their digests; this one authenticates the
//! digest list and compares the digests with it.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use sealpack_core::Error;
use sealpack_core::error::Misuse;
use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::trust::{
    Anchor, ListOpened, ListOpening, PendingBinding, ProvenBlock, TrustedList,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{ModuleRefusal, thrown, to_f64};

/// Blocks at most this many bytes apart are fetched in one range.
const GAP: u64 = 16 << 10;

/// The size of a SHA-256 in bytes.
const HASH: usize = 32;

/// A digest list. While it is being opened, fetch the `wanted` bytes and
/// `supply` them until `supply` returns `true`; then `check` records.
#[wasm_bindgen]
pub struct DigestListHandle {
    opening: Option<ListOpening>,
    binding: Option<PendingBinding>,
}

#[wasm_bindgen]
impl DigestListHandle {
    /// Starts with the trusted hash: 32 bytes.
    ///
    /// # Errors
    /// `invalid-argument`.
    #[wasm_bindgen(constructor)]
    pub fn new(hash: &[u8], is_root: bool) -> Result<Self, JsValue> {
        let wrong_length = |_| JsValue::from(ModuleRefusal::HashLength);
        let hash = Hash::try_from(hash).map_err(wrong_length)?;
        let anchor = if is_root { Anchor::Root(hash) } else { Anchor::ContentHash(hash) };
        Ok(Self { opening: Some(ListOpening::new(anchor)), binding: None })
    }

    /// `[start, end]` of the bytes of the list to supply next.
    #[must_use]
    pub fn wanted(&self) -> Vec<f64> {
        let range = self.opening.as_ref().map(ListOpening::range).unwrap_or_default();
        vec![to_f64(range.start), to_f64(range.end)]
    }

    /// Takes the bytes. Returns `true` once the list is open and agrees with the
    /// trailer and the app data of the pack; `false` if more bytes are wanted.
    ///
    /// # Errors
    /// `untrusted`, or damage to the list.
    pub fn supply(
        &mut self,
        bytes: Vec<u8>,
        trailer: &[u8],
        app_data: &[u8],
    ) -> Result<bool, JsValue> {
        let finished = || JsValue::from(ModuleRefusal::ListFinished);
        let opening = self.opening.take().ok_or_else(finished)?;
        match opening.supply(bytes.into()).map_err(|error| thrown(&error))? {
            ListOpened::More(next) => {
                self.opening = Some(next);
                Ok(false)
            }
            ListOpened::Ready(list) => {
                let binding = Trailer::decode(trailer)
                    .and_then(|trailer| list.bind_sections(&trailer, app_data))
                    .map_err(|error| thrown(&error))?;
                self.binding = Some(binding);
                Ok(true)
            }
        }
    }

    /// Whether items may be returned. Under a content hash, only after the first
    /// and the last record were checked.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn settled(&self) -> bool {
        self.binding.as_ref().is_some_and(|binding| binding.wanted().is_none())
    }

    /// The content hash in the list; empty before the list is open.
    #[wasm_bindgen(js_name = contentHash)]
    #[must_use]
    pub fn content_hash(&self) -> Vec<u8> {
        let hash = |binding: &PendingBinding| binding.list().header().content_hash.to_vec();
        self.binding.as_ref().map(hash).unwrap_or_default()
    }

    /// The parts of the list that prove these records, in ascending order:
    /// `[first block, start, end]` of each, one after another.
    #[must_use]
    pub fn proof(&self, records: &[u32]) -> Vec<f64> {
        let Some(binding) = &self.binding else { return Vec::new() };
        let shape = binding.list().shape();
        let mut parts: Vec<(u32, u64, u64)> = Vec::new();
        for &record in records {
            let block = shape.block_of(record);
            let range = shape.range(block);
            match parts.last_mut() {
                Some((_, _, end)) if range.start <= end.saturating_add(GAP) => *end = range.end,
                _ => parts.push((block, range.start, range.end)),
            }
        }
        let plain = |(block, start, end)| [f64::from(block), to_f64(start), to_f64(end)];
        parts.into_iter().flat_map(plain).collect()
    }

    /// Checks the digests of records, one after another, against the list, given
    /// the bytes of all `parts` that [`proof`](Self::proof) named.
    ///
    /// # Errors
    /// `untrusted`; none of the records' items may be returned then.
    pub fn check(
        &mut self,
        records: &[u32],
        digests: &[u8],
        parts: &[f64],
        bytes: Vec<u8>,
    ) -> Result<(), JsValue> {
        self.check_all(records, digests, parts, bytes.into()).map_err(|error| thrown(&error))
    }

    fn check_all(
        &mut self,
        records: &[u32],
        digests: &[u8],
        parts: &[f64],
        bytes: Bytes,
    ) -> Result<(), Error> {
        let not_open = || Error::Misuse(Misuse::Supplied { wanted: 1, given: 0 });
        let binding = self.binding.as_mut().ok_or_else(not_open)?;
        let proven = prove(binding.list(), parts, bytes)?;
        let (digests, _) = digests.as_chunks::<HASH>();
        if digests.len() != records.len() {
            let (wanted, given) = (records.len() as u64, digests.len() as u64);
            return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
        }
        for (&number, digest) in records.iter().zip(digests) {
            let missing = Misuse::RecordNumber { record: number.into(), records: 0 };
            let block = proven.iter().find(|block| block.digest(number).is_some());
            let block = block.ok_or(Error::Misuse(missing))?;
            block.check(number, digest)?;
            if binding.wanted() == Some(number) {
                binding.confirm(block, digest)?;
            }
        }
        Ok(())
    }
}

/// The blocks of these parts, each proven to belong to the list.
fn prove(list: &TrustedList, parts: &[f64], mut bytes: Bytes) -> Result<Vec<ProvenBlock>, Error> {
    let shape = list.shape();
    let mut proven = Vec::new();
    for [first, start, end] in parts.as_chunks().0 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the numbers come from `proof`; with others no block can be proven"
        )]
        let (first, size) = (*first as u32, (end - start) as usize);
        let mut part = bytes.split_to(size.min(bytes.len()));
        for block in first..shape.blocks() {
            if part.is_empty() {
                break;
            }
            let range = shape.range(block);
            let size = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            proven.push(list.prove(block, part.split_to(size.min(part.len())))?);
        }
    }
    Ok(proven)
}
