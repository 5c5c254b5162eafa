//! Which decoder a pack's records need.

use std::rc::Rc;

use bytes::Bytes;
use js_sys::{Function, Uint8Array};
use sealpack_core::codec::zstd_frame::MAGIC;
use sealpack_core::codec::{Decode, FrameChecksum, Plain, Size};
use sealpack_core::error::{Cause, DecodeError};
use sealpack_core::format::known::{self, known};
use sealpack_core::read::{Directory, RecordPlace};
use wasm_bindgen::{JsCast, JsValue};

use crate::decode::Zstd;

/// The decoder of a pack, once it is known.
#[derive(Clone)]
pub struct Chosen {
    /// `none`, `zstd` or `custom`.
    pub name: &'static str,
    /// The decoder itself.
    pub decoder: Rc<dyn Decode>,
}

impl Chosen {
    /// Payloads as they are.
    #[must_use]
    pub fn none() -> Self {
        Self { name: "none", decoder: Rc::new(Plain) }
    }

    /// A zstd frame each.
    #[must_use]
    pub fn zstd() -> Self {
        Self { name: "zstd", decoder: Rc::new(Zstd::default()) }
    }

    /// The caller's own.
    #[must_use]
    pub fn custom(decode: Function) -> Self {
        Self { name: "custom", decoder: Rc::new(Custom { decode }) }
    }
}

/// A decoder in JavaScript, `decode(bytes, size)`, where `size` is undefined
/// for a record that is a single item. `js/pack.js` wraps the caller's: it
/// answers with a `Uint8Array` or throws, and what was thrown is kept there.
struct Custom {
    decode: Function,
}

impl Decode for Custom {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let bytes = Uint8Array::from(&encoded[..]);
        let expected = match size {
            Size::Exactly(size) => JsValue::from_f64(crate::error::to_f64(size)),
            Size::AtMost(_) => JsValue::UNDEFINED,
        };
        let threw = |_| DecodeError::Codec(Cause::text("the codec failed"));
        let decoded = self.decode.call2(&JsValue::NULL, &bytes, &expected).map_err(threw)?;
        let decoded: Uint8Array = decoded.unchecked_into();
        size.check(decoded.length().into())?;
        Ok(decoded.to_vec().into())
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::NotKept
    }
}

/// Finds out how the records of a pack are encoded where the caller did not
/// say. The format id decides where it is known and the records look like it;
/// else the first record's magic does.
///
/// One damaged magic must not turn a zstd pack into one that is read as it
/// is. So a magic counts with one byte of it wrong, and where the id says
/// zstd, three more records are asked before that is given up.
#[derive(Clone, Debug)]
pub struct Detection {
    known: Option<known::Codec>,
    /// The records to ask, the first one first.
    samples: Vec<RecordPlace>,
}

const MAGIC_SIZE: u64 = 4;

impl Detection {
    /// Looks for records with a payload, in a pack of any size at no more than
    /// a few places.
    #[must_use]
    pub fn new(directory: &Directory) -> Self {
        let records = directory.record_count();
        let known = known(directory.trailer().format_id).map(|known| known.codec);
        let places = match known {
            Some(known::Codec::Zstd) => {
                vec![0, records / 3, records / 3 * 2, records.saturating_sub(1)]
            }
            _ => vec![0],
        };
        let mut samples: Vec<RecordPlace> = Vec::new();
        for place in places {
            let near = directory.records(place..place.saturating_add(64));
            let found = { near }.find(|place| place.size() > least_tail(directory, place));
            samples.extend(found.filter(|found| !samples.contains(found)));
        }
        Self { known, samples }
    }

    /// Where the next magic to look at lies: `None` once the codec is known.
    #[must_use]
    pub fn wanted(&self) -> Option<(u64, u64)> {
        let start = self.samples.first()?.range.start;
        Some((start, start + MAGIC_SIZE))
    }

    /// The codec, given the bytes of [`wanted`](Self::wanted); `None` where
    /// another sample is to be looked at.
    pub fn look(&mut self, bytes: &[u8]) -> Option<known::Codec> {
        if !self.samples.is_empty() {
            self.samples.remove(0);
        }
        let right = MAGIC.to_le_bytes().iter().zip(bytes).filter(|(a, b)| a == b).count();
        if right >= 3 {
            return Some(known::Codec::Zstd);
        }
        self.samples.is_empty().then_some(known::Codec::None)
    }

    /// The codec where no record has a payload to look at.
    #[must_use]
    pub fn untold(&self) -> known::Codec {
        self.known.unwrap_or(known::Codec::None)
    }
}

/// The bytes behind an empty payload, which has no magic. Records with room
/// for less than a magic are not asked either.
fn least_tail(directory: &Directory, place: &RecordPlace) -> u64 {
    let layout = directory.layout();
    let lengths =
        if layout.has_lengths() { u64::from(place.item_count.div_ceil(8)) + 5 + 4 } else { 0 };
    let checksum = if layout.has_record_checksum() { 4 } else { 0 };
    lengths.max(checksum) + MAGIC_SIZE - 1
}
