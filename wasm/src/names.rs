//! The names of a pack's items: blocks of names by position, and positions by name.
//! This module contains no zstd: the reader's module decodes the blocks, called
//! through JavaScript.

use alloc::vec::Vec;

use bytes::Bytes;
use js_sys::{Array, Function, Uint8Array, Uint32Array};
use sealpack_core::codec::{Decode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError, Error, Fault, Misuse, NamesFault, Section};
use sealpack_core::names::{NameLookup, StoredNames};
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

/// The zstd decoder of the reader's module. If it throws, `js/names.js` keeps the error.
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
