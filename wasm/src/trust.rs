//! Holding a pack to a hash that the caller trusts (FORMAT.md, *Digest list*).

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use sealpack_core::Error;
use sealpack_core::error::Misuse;
use sealpack_core::format::digest::Hash;
use sealpack_core::read::Record;
use sealpack_core::trust::{Anchor, Anchored, Anchoring};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{coded, thrown, to_f64};
use crate::read::{Pack, Read};
use crate::verify::digest;

/// A digest list being opened: fetch what is `wanted`, `supply` it, again
/// where that answers `false`.
#[wasm_bindgen]
pub struct Trusting {
    state: Option<Anchoring>,
}

#[wasm_bindgen]
impl Trusting {
    /// Starts with the 32 bytes that are trusted.
    ///
    /// # Errors
    /// `invalid-argument`.
    #[wasm_bindgen(constructor)]
    pub fn new(hash: &[u8], is_root: bool) -> Result<Self, JsValue> {
        let no_hash = |_| coded("invalid-argument", "a SHA-256 has 32 bytes");
        let hash = Hash::try_from(hash).map_err(no_hash)?;
        let anchor = if is_root { Anchor::Root(hash) } else { Anchor::ContentHash(hash) };
        Ok(Self { state: Some(Anchoring::new(anchor)) })
    }

    /// `[start, end]` of the bytes of the list that are wanted.
    #[must_use]
    pub fn wanted(&self) -> Vec<f64> {
        let range = self.state.as_ref().map(Anchoring::range).unwrap_or_default();
        vec![to_f64(range.start), to_f64(range.end)]
    }

    /// Takes the bytes; from `true` on the pack is held to the list. Under a
    /// content hash it gives out no item before the first and the last record
    /// were read.
    ///
    /// # Errors
    /// `untrusted`, or what is wrong with the list.
    pub fn supply(&mut self, bytes: Vec<u8>, pack: &Pack) -> Result<bool, JsValue> {
        let spent = || coded("invalid-argument", "the list is open, or was refused");
        let anchoring = self.state.take().ok_or_else(spent)?;
        match anchoring.supply(bytes.into()).map_err(|error| thrown(&error))? {
            Anchored::More(next) => {
                self.state = Some(next);
                Ok(false)
            }
            Anchored::Ready(list) => {
                let shared = pack.shared();
                let witnessing = list.of(&shared.pack).map_err(|error| thrown(&error))?;
                shared.trust.replace(Some(witnessing));
                Ok(true)
            }
        }
    }
}

/// Blocks this close together are fetched in one range.
const GAP: u64 = 16 << 10;

#[wasm_bindgen]
impl Read {
    /// The parts of the digest list that prove the records of this read:
    /// `[first block, start, end]` of each, one after another.
    #[must_use]
    pub fn proof(&self) -> Vec<f64> {
        let trust = self.shared.trust.borrow();
        let Some(trust) = trust.as_ref() else { return Vec::new() };
        let shape = trust.list().shape();
        let mut parts: Vec<(u32, u64, u64)> = Vec::new();
        for record in &self.planned.records {
            let block = shape.block_of(record.place.number);
            let range = shape.range(block);
            match parts.last_mut() {
                Some((_, _, end)) if range.start <= end.saturating_add(GAP) => *end = range.end,
                _ => parts.push((block, range.start, range.end)),
            }
        }
        let plain = |(block, start, end)| [f64::from(block), to_f64(start), to_f64(end)];
        parts.into_iter().flat_map(plain).collect()
    }

    /// Takes the bytes of one of these parts.
    ///
    /// # Errors
    /// `untrusted`.
    pub fn prove(&self, first_block: u32, bytes: Vec<u8>) -> Result<(), JsValue> {
        let trust = self.shared.trust.borrow();
        let Some(trust) = trust.as_ref() else { return Ok(()) };
        let shape = trust.list().shape();
        let mut rest = Bytes::from(bytes);
        for block in first_block..shape.blocks() {
            if rest.is_empty() {
                break;
            }
            let range = shape.range(block);
            let size = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let bytes = rest.split_to(size.min(rest.len()));
            let proven = trust.list().prove(block, bytes).map_err(|error| thrown(&error))?;
            self.proven.borrow_mut().push(proven);
        }
        Ok(())
    }
}

impl Read {
    /// Holds a record to what is trusted; whether its items may be given out.
    /// Nothing stays borrowed: the caller's codec may call us.
    pub(crate) fn believes(&self, number: u32, record: &Record) -> Result<bool, Error> {
        let mut trust = self.shared.trust.borrow_mut();
        let Some(trust) = trust.as_mut() else { return Ok(true) };
        let digest = digest(record)?;
        let proven = self.proven.borrow();
        let missing = Misuse::RecordNumber { record: number.into(), records: 0 };
        let block = proven.iter().find(|block| block.digest(number).is_some());
        let block = block.ok_or(Error::Misuse(missing))?;
        block.check(number, &digest)?;
        let believed = trust.wanted().is_none();
        if trust.wanted() == Some(number) {
            trust.seen(block, &digest)?;
        }
        Ok(believed)
    }
}
