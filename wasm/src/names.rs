//! The names of a pack's items: blocks of names by position, positions by name, and the
//! names of a pack that is being built. This module contains no zstd: the reader's
//! module decodes the blocks and the builder's encodes them, called through JavaScript.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;
use js_sys::{Array, Function, Uint8Array, Uint32Array};
use sealpack_core::codec::{Decode, Encode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError, Error, Fault, Misuse, NamesFault, Section};
use sealpack_core::names::{NameLookup, NamesBuilder, StoredNames};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{thrown, to_f64};

/// The size of the file next to the pack that contains its names; `undefined` if this
/// section contains them.
///
/// # Errors
/// If the section is damaged.
#[wasm_bindgen(js_name = namesFileSize)]
pub fn names_file_size(section: Vec<u8>, items: u32) -> Result<Option<f64>, JsValue> {
    match StoredNames::parse(section.into(), items).map_err(|error| thrown(&error))? {
        StoredNames::Section(_) => Ok(None),
        StoredNames::Companion(companion) => Ok(Some(to_f64(companion.size))),
    }
}

/// The names of an open pack.
#[wasm_bindgen]
pub struct NamesHandle {
    lookup: NameLookup,
    decoder: ReaderDecoder,
}

#[wasm_bindgen]
impl NamesHandle {
    /// Takes the names section of a pack with this number of items, and the content
    /// of the file that contains the names, if they are not in the section. Decodes
    /// nothing. `decode(bytes, size)` returns the content of a zstd frame, or throws.
    ///
    /// # Errors
    /// If the names are damaged, or the file is missing or belongs to another pack.
    #[wasm_bindgen(constructor)]
    pub fn new(
        section: Vec<u8>,
        items: u32,
        decode: Function,
        file: Option<Vec<u8>>,
    ) -> Result<Self, JsValue> {
        let missing = || Fault::Names(NamesFault::Companion).in_section(Section::Names);
        let opened = StoredNames::parse(section.into(), items).and_then(|stored| match stored {
            StoredNames::Section(section) => Ok(section),
            StoredNames::Companion(companion) => {
                file.ok_or_else(missing).and_then(|file| companion.open(file.into()))
            }
        });
        let lookup = NameLookup::new(opened.map_err(|error| thrown(&error))?);
        Ok(Self { lookup, decoder: ReaderDecoder { decode } })
    }

    /// Whether the names ascend with the positions.
    #[wasm_bindgen(getter, js_name = isSorted)]
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        self.lookup.section().is_sorted()
    }

    /// The block that contains the name of this position: `[first position, names,
    /// ends]`. `ends` are the offsets at which the names end.
    ///
    /// # Errors
    /// `out-of-range`; another code if the names are damaged.
    pub fn block(&self, position: u32) -> Result<Array, JsValue> {
        let section = self.lookup.section();
        let block = section.block_of(position).ok_or_else(|| {
            let items = section.count();
            thrown(&Error::Misuse(Misuse::Position { position: position.into(), items }))
        })?;
        let block = section.decode_block(block, &self.decoder).map_err(|error| thrown(&error))?;
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for position in block.positions() {
            names.extend_from_slice(block.name(position));
            ends.push(u32::try_from(names.len()).unwrap_or(u32::MAX));
        }
        let first = block.positions().start.into();
        Ok(Array::of3(&first, &Uint8Array::from(&names[..]), &Uint32Array::from(&ends[..])))
    }

    /// The positions of all items with this name, ascending.
    ///
    /// # Errors
    /// `limit` if more than a million items have the name; another code if the names are
    /// damaged.
    pub fn find(&mut self, name: Vec<u8>) -> Result<Vec<u32>, JsValue> {
        self.lookup.find(&name, &self.decoder).map_err(|error| thrown(&error))
    }
}

/// The names of a pack that is being built.
#[wasm_bindgen]
pub struct NamesWriter {
    names: NamesBuilder,
    decoder: ReaderDecoder,
}

#[wasm_bindgen]
impl NamesWriter {
    /// A writer without names. `encode(bytes)` returns a zstd frame, and
    /// `decode(bytes, size)` the content of one; both may throw.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(encode: Function, decode: Function) -> Self {
        let names = NamesBuilder::new(Box::new(BuilderEncoder { encode }));
        Self { names, decoder: ReaderDecoder { decode } }
    }

    /// Adds the name of the item at `position`. Items between the last named one and this
    /// one have none. Returns the maximum number of bytes that the names now take.
    ///
    /// # Errors
    /// For a name that `js/builder-names.js` refuses; the error of `encode`.
    pub fn push(&mut self, position: u32, name: Vec<u8>) -> Result<f64, JsValue> {
        self.pad(position).and_then(|()| self.names.push(&name)).map_err(|error| thrown(&error))?;
        Ok(to_f64(self.names.size_bound()))
    }

    /// The names of this many items, as the pack stores them.
    ///
    /// # Errors
    /// The errors of `encode` and `decode`.
    pub fn finish(mut self, items: u32) -> Result<Uint8Array, JsValue> {
        let padded = self.pad(items);
        let names = padded.and_then(|()| self.names.finish(&self.decoder));
        names.map(|names| Uint8Array::from(&names[..])).map_err(|error| thrown(&error))
    }

    /// Adds empty names up to this number of names.
    fn pad(&mut self, count: u32) -> Result<(), Error> {
        while self.names.count() < count {
            self.names.push(b"")?;
        }
        Ok(())
    }
}

/// The zstd encoder of the builder's module. If it throws, `js/builder-names.js` keeps
/// the error.
struct BuilderEncoder {
    encode: Function,
}

impl Encode for BuilderEncoder {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        let failed = |_| Cause::text("the names could not be compressed");
        let frame =
            self.encode.call1(&JsValue::NULL, &Uint8Array::from(payload)).map_err(failed)?;
        let frame: Uint8Array = frame.unchecked_into();
        out.extend_from_slice(&frame.to_vec());
        Ok(())
    }
}

/// The zstd decoder of the reader's module. If it throws, JavaScript keeps the error.
struct ReaderDecoder {
    decode: Function,
}

impl Decode for ReaderDecoder {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let bytes = Uint8Array::from(&encoded[..]);
        // At most `MAX_BLOCK` bytes.
        let expected = u32::try_from(size.upper_bound()).unwrap_or(u32::MAX);
        let failed = |_| DecodeError::Codec(Cause::text("the frame is damaged"));
        let decoded = self.decode.call2(&JsValue::NULL, &bytes, &expected.into());
        let decoded: Uint8Array = decoded.map_err(failed)?.unchecked_into();
        Ok(decoded.to_vec().into())
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::Unsupported
    }
}
