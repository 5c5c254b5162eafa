//! Which decoder a pack's records need.

use alloc::rc::Rc;

use bytes::Bytes;
use js_sys::{Function, Uint8Array};
use sealpack_core::codec::{Decode, FrameChecksum, PlainDecoder, Size};
use sealpack_core::error::{Cause, DecodeError};
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
        Self { name: "none", decoder: Rc::new(PlainDecoder) }
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
