//! Holding a pack to a hash that the caller trusts (FORMAT.md, *Digest list*).
//!
//! A module of its own, for the few pages that ask for it. The reader's module
//! says which records a read takes and what digests their items have; what
//! those should be, and whether the list may be believed, is decided here.

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

use crate::error::{Refusal, thrown, to_f64};

/// Blocks this close together are fetched in one range.
const GAP: u64 = 16 << 10;

/// The bytes of a SHA-256.
const HASH: usize = 32;

/// A digest list: being opened (fetch what is `wanted`, `supply` it, again
/// where that answers `false`), then what records are held to.
#[wasm_bindgen]
pub struct Trusting {
    state: Option<ListOpening>,
    held: Option<PendingBinding>,
}

#[wasm_bindgen]
impl Trusting {
    /// Starts with the 32 bytes that are trusted.
    ///
    /// # Errors
    /// `invalid-argument`.
    #[wasm_bindgen(constructor)]
    pub fn new(hash: &[u8], is_root: bool) -> Result<Self, JsValue> {
        let no_hash = |_| JsValue::from(Refusal::NoHash);
        let hash = Hash::try_from(hash).map_err(no_hash)?;
        let anchor = if is_root { Anchor::Root(hash) } else { Anchor::ContentHash(hash) };
        Ok(Self { state: Some(ListOpening::new(anchor)), held: None })
    }

    /// `[start, end]` of the bytes of the list that are wanted.
    #[must_use]
    pub fn wanted(&self) -> Vec<f64> {
        let range = self.state.as_ref().map(ListOpening::range).unwrap_or_default();
        vec![to_f64(range.start), to_f64(range.end)]
    }

    /// Takes the bytes; from `true` on records can be held to the list. It is
    /// compared with the trailer and the app data of the pack.
    ///
    /// # Errors
    /// `untrusted`, or what is wrong with the list.
    pub fn supply(
        &mut self,
        bytes: Vec<u8>,
        trailer: &[u8],
        app_data: &[u8],
    ) -> Result<bool, JsValue> {
        let spent = || JsValue::from(Refusal::ListSpent);
        let anchoring = self.state.take().ok_or_else(spent)?;
        match anchoring.supply(bytes.into()).map_err(|error| thrown(&error))? {
            ListOpened::More(next) => {
                self.state = Some(next);
                Ok(false)
            }
            ListOpened::Ready(list) => {
                let held = Trailer::decode(trailer)
                    .and_then(|trailer| list.bind_sections(&trailer, app_data))
                    .map_err(|error| thrown(&error))?;
                self.held = Some(held);
                Ok(true)
            }
        }
    }

    /// Whether items may be given out. Under a content hash none may before
    /// the first and the last record were checked.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn settled(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.wanted().is_none())
    }

    /// The content hash that the list vouches for; empty before it is open.
    #[wasm_bindgen(js_name = contentHash)]
    #[must_use]
    pub fn content_hash(&self) -> Vec<u8> {
        let hash = |held: &PendingBinding| held.list().header().content_hash.to_vec();
        self.held.as_ref().map(hash).unwrap_or_default()
    }

    /// The parts of the list that prove these records, in ascending order:
    /// `[first block, start, end]` of each, one after another.
    #[must_use]
    pub fn proof(&self, records: &[u32]) -> Vec<f64> {
        let Some(held) = &self.held else { return Vec::new() };
        let shape = held.list().shape();
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

    /// Holds records to the list: their digests, one after another, and the
    /// bytes of all `parts` that [`proof`](Self::proof) asked for.
    ///
    /// # Errors
    /// `untrusted`, and then none of their items may be given out.
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
        let unheld = || Error::Misuse(Misuse::Supplied { wanted: 1, given: 0 });
        let held = self.held.as_mut().ok_or_else(unheld)?;
        let proven = prove(held.list(), parts, bytes)?;
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
            if held.wanted() == Some(number) {
                held.confirm(block, digest)?;
            }
        }
        Ok(())
    }
}

/// Proves the blocks of these parts.
fn prove(list: &TrustedList, parts: &[f64], mut bytes: Bytes) -> Result<Vec<ProvenBlock>, Error> {
    let shape = list.shape();
    let mut proven = Vec::new();
    for [first, start, end] in parts.as_chunks().0 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "numbers of `proof`; of any others no block comes out that is proved"
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
