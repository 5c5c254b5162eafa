//! Opening a pack and reading items, in steps; JavaScript fetches bytes between them.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Range;

use bytes::Bytes;
use js_sys::{Array, Float64Array, Function, Uint8Array};
use sealpack_core::Error;
use sealpack_core::codec::{Decode, Size};
#[cfg(feature = "fast")]
use sealpack_core::error::DecodeError;
use sealpack_core::error::{Fault, Section};
use sealpack_core::format::digest::{Hash, record_digest};
use sealpack_core::format::known::{KnownCodec, known};
use sealpack_core::format::{Dialect, ExtensionKind, trailer};
use sealpack_core::read::{
    CodecDetection, DEFAULT_TAIL, Opening, Pack, PackOpened, ReadLimits, Record, RecordPlace,
    unseal,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codec::{NamedDecoder, UNKNOWN};
use crate::decode::{DictionaryOrigin, FrameDecoder};
use crate::error::{ModuleRefusal, thrown, to_f64, to_u64};

/// The number of bytes to fetch first, from the end of the file.
#[wasm_bindgen(js_name = tailSize)]
#[must_use]
pub fn tail_size() -> f64 {
    to_f64(DEFAULT_TAIL)
}

/// Decodes a block of names: a zstd frame whose content has `size` bytes.
///
/// # Errors
/// Damage to the frame.
#[wasm_bindgen(js_name = decodeNames)]
pub fn decode_names(frame: Vec<u8>, size: u32) -> Result<Uint8Array, JsValue> {
    let codec = NamedDecoder::of(KnownCodec::Zstd, || None);
    let decoded = codec.decoder.decode(frame.into(), Size::Exactly(size.into()));
    let in_names = |error| thrown(&Fault::Decode(error).in_section(Section::Names));
    decoded.map(|bytes| Uint8Array::from(&bytes[..])).map_err(in_names)
}

/// A pack being opened: fetch the `wanted` bytes and `supply` them, until
/// `supply` returns the pack.
#[wasm_bindgen]
pub struct PackOpening {
    state: Option<Opening>,
    limits: ReadLimits,
}

#[wasm_bindgen]
impl PackOpening {
    /// Starts with the size of the file and the limit on the decoded size of a
    /// record, both in bytes.
    ///
    /// # Errors
    /// `not-a-pack` for a file too small to be one.
    #[wasm_bindgen(constructor)]
    pub fn new(file_size: f64, record_limit: f64) -> Result<Self, JsValue> {
        let state = Opening::new(to_u64(file_size)?).map_err(|error| thrown(&error))?;
        let limits = ReadLimits { decoded_record: to_u64(record_limit)?, ..ReadLimits::default() };
        Ok(Self { state: Some(state), limits })
    }

    /// `[start, end]` of the bytes to supply next.
    #[must_use]
    pub fn wanted(&self) -> Vec<f64> {
        let range = self.state.as_ref().map(Opening::range).unwrap_or_default();
        vec![to_f64(range.start), to_f64(range.end)]
    }

    /// Takes the bytes; returns the pack, or nothing if more bytes are wanted.
    ///
    /// # Errors
    /// Damage to trailer, index or app data.
    pub fn supply(&mut self, bytes: Vec<u8>) -> Result<Option<PackHandle>, JsValue> {
        let finished = || JsValue::from(ModuleRefusal::OpeningFinished);
        let opening = self.state.take().ok_or_else(finished)?;
        match opening.supply(bytes.into()).map_err(|error| thrown(&error))? {
            PackOpened::More(next) => {
                self.state = Some(next);
                Ok(None)
            }
            PackOpened::Ready(pack) => {
                Ok(Some(PackHandle { shared: SharedPack::new(pack, self.limits) }))
            }
        }
    }
}

/// An open pack, shared by its handle and its readers.
pub(crate) struct SharedPack {
    pub(crate) pack: Pack,
    pub(crate) limits: ReadLimits,
    codec: RefCell<Option<NamedDecoder>>,
    detection: RefCell<CodecDetection>,
    /// The dictionary that the caller gave.
    given: RefCell<Option<Bytes>>,
    /// The record that a single read decoded last.
    pub(crate) lent: RefCell<LentRecord>,
}

/// A record that JavaScript reads in the module's memory.
#[derive(Default)]
pub(crate) struct LentRecord {
    pub(crate) record: Option<Record>,
    /// The offsets at which its items end.
    ends: Vec<u32>,
}

impl LentRecord {
    /// Keeps the record, and returns its place: the address and the size of its payload,
    /// and the address and the number of `ends`.
    pub(crate) fn keep(&mut self, record: Record) -> Vec<u32> {
        let mut end = 0_u32;
        self.ends.clear();
        self.ends.extend(record.slices().map(|item| {
            end = end.saturating_add(length(item.len()));
            end
        }));
        let (payload, ends) = (record.payload(), &self.ends);
        let place = [payload.as_ptr().addr(), payload.len(), ends.as_ptr().addr(), ends.len()];
        self.record = Some(record);
        place.map(length).to_vec()
    }
}

impl SharedPack {
    fn new(pack: Pack, limits: ReadLimits) -> Rc<Self> {
        let detection = RefCell::new(CodecDetection::new(&pack.directory));
        Rc::new(Self {
            pack,
            limits,
            codec: RefCell::new(None),
            detection,
            given: RefCell::new(None),
            lent: RefCell::default(),
        })
    }

    /// The decoder; that of uncompressed payloads if the codec is not known yet.
    pub(crate) fn decoder(&self) -> Rc<dyn Decode> {
        let codec = self.codec.borrow();
        codec.as_ref().map_or_else(|| NamedDecoder::none().decoder, |it| Rc::clone(&it.decoder))
    }

    /// The decoder of a record. `None` if the codec must be detected first: it is unknown,
    /// and the record has a payload that does not agree with the format id.
    fn decoder_for(&self, place: &RecordPlace, stored: &[u8]) -> Option<Rc<dyn Decode>> {
        let name = self.codec.borrow().as_ref().map(|codec| codec.name);
        if name.is_none_or(|name| name == UNKNOWN)
            && let Some(codec) = CodecDetection::evidence(&self.pack.directory, place, stored)
        {
            if name.is_some() || self.by_format_id() != Some(codec) {
                return None;
            }
            self.codec.replace(Some(self.decoder_of(codec)));
        }
        Some(self.decoder())
    }

    /// Checks and decodes a record. `None` if the codec must be detected first.
    pub(crate) fn unseal(
        &self,
        place: &RecordPlace,
        stored: Bytes,
    ) -> Result<Option<Record>, JsValue> {
        let Some(decoder) = self.decoder_for(place, &stored) else { return Ok(None) };
        unseal(&self.pack.directory, place, stored, decoder.as_ref(), &self.limits)
            .map(Some)
            .map_err(|error| thrown(&error))
    }

    fn decoder_of(&self, codec: KnownCodec) -> NamedDecoder {
        NamedDecoder::of(codec, || self.dictionary())
    }

    /// The dictionary that the pack stores, otherwise the one that the caller gave.
    fn dictionary(&self) -> Option<DictionaryOrigin> {
        if !FrameDecoder::DICTIONARIES {
            return None;
        }
        let stored = self.pack.app_data.section(ExtensionKind::DICTIONARY);
        let given = self.given.borrow().clone();
        stored.map(DictionaryOrigin::Stored).or(given.map(DictionaryOrigin::Given))
    }

    fn by_format_id(&self) -> Option<KnownCodec> {
        known(self.pack.directory.trailer().format_id).map(|known| known.codec)
    }
}

/// An open pack.
#[wasm_bindgen]
pub struct PackHandle {
    shared: Rc<SharedPack>,
}

#[wasm_bindgen]
impl PackHandle {
    /// The fields of the trailer, as `[numbers, format name, content hash]`;
    /// `js/pack.js` names the numbers.
    #[must_use]
    pub fn info(&self) -> Array {
        let Pack { directory, dialect, app_data, .. } = &self.shared.pack;
        let trailer = directory.trailer();
        let numbers = [
            trailer.format_id.into(),
            trailer.record_count.into(),
            trailer.total_items.into(),
            trailer.items_per_record.into(),
            trailer.index_size.into(),
            trailer.app_data_size.into(),
            to_f64(trailer::SIZE as u64),
            to_f64(directory.records_end()),
            to_f64(self.shared.pack.tail.start),
            trailer.record_checksum.into(),
            (*dialect == Dialect::AppDataCrc).into(),
            app_data.section(ExtensionKind::DICTIONARY).is_some().into(),
        ];
        let name = known(trailer.format_id).map_or(JsValue::NULL, |known| known.name.into());
        let hash =
            trailer.content_hash.map_or(JsValue::NULL, |hash| Uint8Array::from(&hash[..]).into());
        Array::of3(&Float64Array::from(&numbers[..]), &name, &hash)
    }

    /// The application's own data, or with `raw` all of the app data: what a digest
    /// list covers.
    #[wasm_bindgen(js_name = appData)]
    #[must_use]
    pub fn app_data(&self, raw: bool) -> Uint8Array {
        let app_data = &self.shared.pack.app_data;
        Uint8Array::from(&if raw { app_data.raw() } else { app_data.caller() }[..])
    }

    /// The names section of the app data, or nothing if the items have no names.
    #[wasm_bindgen(js_name = namesSection)]
    #[must_use]
    pub fn names_section(&self) -> Option<Uint8Array> {
        let section = self.shared.pack.app_data.section(ExtensionKind::NAMES);
        section.map(|bytes| Uint8Array::from(&bytes[..]))
    }

    /// Bytes `start..end` of the file if opening read them, else nothing.
    ///
    /// # Errors
    /// `invalid-argument`.
    #[wasm_bindgen(js_name = tailBytes)]
    pub fn tail_bytes(&self, start: f64, end: f64) -> Result<Option<Uint8Array>, JsValue> {
        let range = to_u64(start)?..to_u64(end)?;
        Ok(self.shared.pack.tail.get(&range).map(|bytes| Uint8Array::from(&bytes[..])))
    }

    // ---- the codec

    /// The name of the codec, or nothing if it is not known yet.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn codec(&self) -> JsValue {
        let codec = self.shared.codec.borrow();
        codec.as_ref().map_or(JsValue::UNDEFINED, |codec| codec.name.into())
    }

    /// Sets the codec: `none`, `zstd`, or `custom` with the caller's
    /// `decode(bytes, size)`.
    ///
    /// # Errors
    /// `unsupported` for another name.
    #[wasm_bindgen(js_name = setCodec)]
    pub fn set_codec(&self, name: &str, decode: Option<Function>) -> Result<(), JsValue> {
        let codec = match (name, decode) {
            ("none", _) => NamedDecoder::none(),
            ("zstd", _) => self.shared.decoder_of(KnownCodec::Zstd),
            ("custom", Some(decode)) => NamedDecoder::custom(decode),
            _ => return Err(ModuleRefusal::UnknownCodec.into()),
        };
        self.shared.codec.replace(Some(codec));
        Ok(())
    }

    /// Sets the dictionary of a pack that stores none; `setCodec` and `detect` come after
    /// it.
    ///
    /// # Errors
    /// If it is no dictionary that zstd and a pack can use.
    #[cfg(feature = "fast")]
    #[wasm_bindgen(js_name = setDictionary)]
    pub fn set_dictionary(&self, bytes: Vec<u8>) -> Result<(), JsValue> {
        let bytes = Bytes::from(bytes);
        let given = DictionaryOrigin::Given(bytes.clone());
        FrameDecoder::with_dictionary(Some(given)).check_dictionary().map_err(|fault| {
            thrown(&Fault::Decode(DecodeError::Dictionary(fault)).in_section(Section::AppData))
        })?;
        self.shared.given.replace(Some(bytes));
        Ok(())
    }

    /// Detects the codec, a step at a time. Returns its name, and sets it, once it
    /// is known, or `unknown` if the caller has to choose; until then `[start,
    /// end]` of the bytes to pass to the next call.
    #[must_use]
    pub fn detect(&self, bytes: Option<Vec<u8>>) -> JsValue {
        let mut detection = self.shared.detection.borrow_mut();
        let found = match (detection.wanted(), bytes) {
            (None, _) => Some(detection.fallback()),
            (Some(_), None) => None,
            (Some(_), Some(bytes)) => detection.supply(&bytes).map(|codec| {
                // Plain, or in an encoding that this module does not know.
                let plain = codec == KnownCodec::None;
                (!plain || self.shared.by_format_id().is_some()).then_some(codec)
            }),
        };
        let Some(codec) = found else {
            let Range { start, end } = detection.wanted().unwrap_or_default();
            return Array::of2(&to_f64(start).into(), &to_f64(end).into()).into();
        };
        let codec = codec.map_or_else(NamedDecoder::unknown, |codec| self.shared.decoder_of(codec));
        let name = codec.name.into();
        self.shared.codec.replace(Some(codec));
        name
    }

    /// The record of this number, or the one that holds the item of this
    /// position: `[number, offset, size, first item, item count]`.
    ///
    /// # Errors
    /// `out-of-range`.
    pub fn record(&self, number: u32, is_position: bool) -> Result<Vec<f64>, JsValue> {
        let directory = &self.shared.pack.directory;
        let place = match is_position {
            true => directory.place(number).map(|place| place.record),
            false => directory.record(number),
        };
        let place = place.map_err(|error| thrown(&error))?;
        let (offset, size) = (to_f64(place.range.start), to_f64(place.size()));
        Ok(vec![
            place.number.into(),
            offset,
            size,
            place.first_item.into(),
            place.item_count.into(),
        ])
    }

    pub(crate) fn shared(&self) -> &Rc<SharedPack> {
        &self.shared
    }
}

/// A count or a length within this module's 32-bit memory.
pub(crate) fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The digest of a record. Never inlined: the module would hold it twice.
#[inline(never)]
pub(crate) fn digest(record: &Record) -> Result<Hash, Error> {
    record_digest(record.slices())
}

/// Bytes `range` of the file, from `bytes` that start at `from`.
pub(crate) fn part_of(bytes: &Bytes, from: u64, range: &Range<u64>) -> Result<Bytes, JsValue> {
    let offset = |at: u64| usize::try_from(at.checked_sub(from)?).ok();
    match (offset(range.start), offset(range.end)) {
        (Some(start), Some(end)) if start <= end && end <= bytes.len() => {
            Ok(bytes.slice(start..end))
        }
        _ => Err(ModuleRefusal::FewerBytes.into()),
    }
}
