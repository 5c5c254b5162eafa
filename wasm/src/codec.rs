//! Which decoder a pack's records need.

use alloc::rc::Rc;

use bytes::Bytes;
use js_sys::{Function, Uint8Array};
use sealpack_core::codec::{Decode, FrameChecksum, PlainDecoder, Size};
use sealpack_core::error::{Cause, DecodeError};
use sealpack_core::format::known::KnownCodec;
use wasm_bindgen::{JsCast, JsValue};

use crate::decode::{DictionaryOrigin, FrameDecoder};

/// The name of a codec that the caller has to choose.
pub const UNKNOWN: &str = "unknown";

/// A decoder and the name that JavaScript knows it by.
#[derive(Clone)]
pub struct NamedDecoder {
    /// `none`, `zstd`, `custom` or `unknown`.
    pub name: &'static str,
    /// The decoder itself.
    pub decoder: Rc<dyn Decode>,
}

impl NamedDecoder {
    /// The decoder of a codec that the format knows. Frames may name the dictionary that
    /// `dictionary` returns.
    #[must_use]
    pub fn of(codec: KnownCodec, dictionary: impl FnOnce() -> Option<DictionaryOrigin>) -> Self {
        match codec {
            KnownCodec::None => Self::none(),
            KnownCodec::Zstd => {
                let decoder = Rc::new(FrameDecoder::with_dictionary(dictionary()));
                Self { name: "zstd", decoder }
            }
        }
    }

    /// Payloads are stored as they are.
    #[must_use]
    pub fn none() -> Self {
        Self { name: "none", decoder: Rc::new(PlainDecoder) }
    }

    /// The format id is unknown and the records are not zstd frames. The caller
    /// has to choose: nothing is decoded until then.
    #[must_use]
    pub fn unknown() -> Self {
        Self { name: UNKNOWN, ..Self::none() }
    }

    /// The caller's own decoder.
    #[must_use]
    pub fn custom(decode: Function) -> Self {
        Self { name: "custom", decoder: Rc::new(Custom { decode }) }
    }
}

/// A decoder in JavaScript, `decode(bytes, size)`; `size` is undefined for a
/// record of a single item. `js/codec.js` wraps the caller's function: the
/// wrapper returns a `Uint8Array` or throws, and keeps the error it threw.
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
        let failed = |_| DecodeError::Codec(Cause::text("the codec failed"));
        let decoded = self.decode.call2(&JsValue::NULL, &bytes, &expected).map_err(failed)?;
        let decoded: Uint8Array = decoded.unchecked_into();
        size.check(decoded.length().into())?;
        Ok(decoded.to_vec().into())
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::Unsupported
    }
}
