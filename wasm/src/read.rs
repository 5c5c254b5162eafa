//! Opening a pack and reading items, as steps between which JavaScript waits.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use js_sys::{Array, Function, Object, Uint8Array};
use sealpack_core::Error;
use sealpack_core::codec::Decode;
use sealpack_core::format::known::{self, known};
use sealpack_core::format::trailer;
use sealpack_core::read::{
    DEFAULT_TAIL, Merge, Opened, Opening as CoreOpening, Pack as CorePack, PlannedRead, ReadLimits,
    RecordPlace, plan, plan_records, unseal,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codec::{Chosen, Detection, LastThrown};
use crate::error::{coded, set, thrown, to_f64, to_u64};

/// Bytes at the end of a file that are wanted first.
#[wasm_bindgen(js_name = tailSize)]
#[must_use]
pub fn tail_size() -> f64 {
    to_f64(DEFAULT_TAIL)
}

/// A pack being opened: fetch `start..end`, `supply` it, again where that
/// answers nothing.
#[wasm_bindgen]
pub struct Opening {
    state: Option<CoreOpening>,
    limits: ReadLimits,
}

#[wasm_bindgen]
impl Opening {
    /// Starts with the file's size, and the most bytes that a record may
    /// decode to.
    ///
    /// # Errors
    /// `not-a-pack` for a file too small to be one.
    #[wasm_bindgen(constructor)]
    pub fn new(file_size: f64, record_limit: f64) -> Result<Self, JsValue> {
        let state = CoreOpening::new(to_u64(file_size)?).map_err(|error| thrown(&error))?;
        let limits = ReadLimits { decoded_record: to_u64(record_limit)? };
        Ok(Self { state: Some(state), limits })
    }

    /// Where the bytes that are wanted start.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn start(&self) -> f64 {
        to_f64(self.range().start)
    }

    /// Where they end.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn end(&self) -> f64 {
        to_f64(self.range().end)
    }

    fn range(&self) -> Range<u64> {
        self.state.as_ref().map(CoreOpening::range).unwrap_or_default()
    }

    /// Takes the bytes; answers the pack, or nothing where more are wanted.
    ///
    /// # Errors
    /// Whatever is wrong with trailer, index or app data.
    pub fn supply(&mut self, bytes: Vec<u8>) -> Result<Option<Pack>, JsValue> {
        let spent = || coded("invalid-argument", "the pack is open, or was refused");
        let opening = self.state.take().ok_or_else(spent)?;
        match opening.supply(bytes.into()).map_err(|error| thrown(&error))? {
            Opened::More(next) => {
                self.state = Some(next);
                Ok(None)
            }
            Opened::Ready(pack) => Ok(Some(Pack { shared: Shared::new(pack, self.limits) })),
        }
    }
}

/// An open pack, shared by what reads it.
pub(crate) struct Shared {
    pub(crate) pack: CorePack,
    pub(crate) limits: ReadLimits,
    chosen: RefCell<Chosen>,
    last: LastThrown,
}

impl Shared {
    fn new(pack: CorePack, limits: ReadLimits) -> Rc<Self> {
        let chosen = RefCell::new(Chosen::none());
        Rc::new(Self { pack, limits, chosen, last: LastThrown::default() })
    }

    pub(crate) fn decoder(&self) -> Rc<dyn Decode> {
        Rc::clone(&self.chosen.borrow().decoder)
    }

    /// The error as it is thrown, with what the caller's codec threw as its
    /// `cause`.
    pub(crate) fn thrown(&self, error: &Error) -> JsValue {
        let js = thrown(error);
        if let Some(cause) = self.last.take().filter(|cause| !cause.is_undefined()) {
            set(&js, "cause", &cause);
        }
        js
    }
}

/// An open pack.
#[wasm_bindgen]
pub struct Pack {
    shared: Rc<Shared>,
}

#[wasm_bindgen]
impl Pack {
    /// What the trailer says, as plain data.
    #[must_use]
    pub fn info(&self) -> JsValue {
        let CorePack { directory, dialect, .. } = &self.shared.pack;
        let trailer = directory.trailer();
        let info = Object::new().into();
        let number = |key, value: u32| set(&info, key, &value.into());
        number("formatId", trailer.format_id);
        number("recordCount", trailer.record_count);
        number("totalItems", trailer.total_items);
        number("itemsPerRecord", trailer.items_per_record);
        number("indexSize", trailer.index_size);
        number("appDataSize", trailer.app_data_size);
        set(&info, "version", &1.into());
        set(&info, "trailerSize", &to_f64(trailer::SIZE as u64).into());
        set(&info, "recordsSize", &to_f64(directory.records_end()).into());
        set(&info, "recordChecksum", &trailer.record_checksum.into());
        set(&info, "dialect", &dialect.name().into());
        let name = known(trailer.format_id).map_or(JsValue::NULL, |known| known.name.into());
        set(&info, "formatName", &name);
        let hash =
            trailer.content_hash.map_or(JsValue::NULL, |hash| Uint8Array::from(&hash[..]).into());
        set(&info, "contentHash", &hash);
        info
    }

    /// The application's data.
    #[wasm_bindgen(js_name = appData)]
    #[must_use]
    pub fn app_data(&self) -> Uint8Array {
        Uint8Array::from(&self.shared.pack.app_data[..])
    }

    /// The bytes of the file's end that were read to open it.
    #[wasm_bindgen(js_name = tailStart)]
    #[must_use]
    pub fn tail_start(&self) -> f64 {
        to_f64(self.shared.pack.tail.start)
    }

    /// Bytes `start..end` of the file, where they were read to open it.
    ///
    /// # Errors
    /// `invalid-argument`.
    #[wasm_bindgen(js_name = tailBytes)]
    pub fn tail_bytes(&self, start: f64, end: f64) -> Result<Option<Uint8Array>, JsValue> {
        let range = to_u64(start)?..to_u64(end)?;
        Ok(self.shared.pack.tail.get(&range).map(|bytes| Uint8Array::from(&bytes[..])))
    }

    /// The trailer, as it stands in the file.
    #[must_use]
    pub fn trailer(&self) -> Uint8Array {
        let trailer = self.shared.pack.tail.bytes.last_chunk::<{ trailer::SIZE }>();
        Uint8Array::from(trailer.map(|bytes| &bytes[..]).unwrap_or_default())
    }

    // ---- the codec

    /// Sets the codec by name.
    ///
    /// # Errors
    /// `unsupported` for another name than `none` and `zstd`.
    #[wasm_bindgen(js_name = setCodec)]
    pub fn set_codec(&self, name: &str) -> Result<(), JsValue> {
        let chosen = match name {
            "none" => Chosen::none(),
            "zstd" => Chosen::zstd(),
            _ => {
                return Err(coded(
                    "unsupported",
                    &format!("no codec is called {name}: there are none and zstd, or your own"),
                ));
            }
        };
        self.shared.chosen.replace(chosen);
        Ok(())
    }

    /// Sets the caller's own codec, `decode(bytes, size)`.
    #[wasm_bindgen(js_name = setCustomCodec)]
    pub fn set_custom_codec(&self, decode: Function) {
        let last = Rc::clone(&self.shared.last);
        self.shared.chosen.replace(Chosen::custom(decode, last));
    }

    /// Finds the codec out; see [`Detecting`].
    #[must_use]
    pub fn detect(&self) -> Detecting {
        let detection = Detection::new(&self.shared.pack.directory);
        Detecting { shared: Rc::clone(&self.shared), detection }
    }

    // ---- places

    /// The record of this number: `[offset, size, first item, item count]`.
    ///
    /// # Errors
    /// `out-of-range`.
    pub fn record(&self, number: u32) -> Result<Vec<f64>, JsValue> {
        let place = self.shared.pack.directory.record(number).map_err(|error| thrown(&error))?;
        Ok(described(&place))
    }

    /// The number of the record that holds an item.
    ///
    /// # Errors
    /// `out-of-range`.
    #[wasm_bindgen(js_name = recordOf)]
    pub fn record_of(&self, position: u32) -> Result<u32, JsValue> {
        let place = self.shared.pack.directory.place(position).map_err(|error| thrown(&error))?;
        Ok(place.record.number)
    }

    // ---- reading

    /// The reads for these positions, in file order.
    ///
    /// # Errors
    /// `out-of-range`, before anything is read.
    pub fn plan(&self, positions: &[u32], gap: f64, most: f64) -> Result<Vec<Read>, JsValue> {
        let merge = Merge { gap: to_u64(gap)?, most: to_u64(most)? };
        let reads =
            plan(&self.shared.pack.directory, positions, merge).map_err(|error| thrown(&error))?;
        let read = |planned| Read { shared: Rc::clone(&self.shared), planned, window: 0..u32::MAX };
        Ok(reads.into_iter().map(read).collect())
    }

    /// The reads for a run of items, one after another.
    ///
    /// # Errors
    /// `out-of-range`.
    pub fn scan(&self, start: u32, end: u32, gap: f64, most: f64) -> Result<Scan, JsValue> {
        let window = start..end;
        let records =
            self.shared.pack.directory.records_of(&window).map_err(|error| thrown(&error))?;
        let merge = Merge { gap: to_u64(gap)?, most: to_u64(most)? };
        Ok(Scan { shared: Rc::clone(&self.shared), records, window, merge })
    }

    pub(crate) fn shared(&self) -> &Rc<Shared> {
        &self.shared
    }
}

pub(crate) fn described(place: &RecordPlace) -> Vec<f64> {
    let (offset, size) = (to_f64(place.range.start), to_f64(place.size()));
    vec![offset, size, place.first_item.into(), place.item_count.into()]
}

/// A codec being found out: fetch `start..end` and `look` at it, until that
/// answers a name.
#[wasm_bindgen]
pub struct Detecting {
    shared: Rc<Shared>,
    detection: Detection,
}

#[wasm_bindgen]
impl Detecting {
    /// `[start, end]` of the next bytes to look at; nothing where no record
    /// has any, and then `look` answers without.
    #[must_use]
    pub fn wanted(&self) -> Option<Vec<f64>> {
        let (start, end) = self.detection.wanted()?;
        Some(vec![to_f64(start), to_f64(end)])
    }

    /// Looks at the bytes; answers the codec's name once it is known, and sets
    /// it.
    pub fn look(&mut self, bytes: &[u8]) -> Option<String> {
        let codec = match self.detection.wanted() {
            Some(_) => self.detection.look(bytes)?,
            None => self.detection.untold(),
        };
        let chosen = match codec {
            known::Codec::None => Chosen::none(),
            known::Codec::Zstd => Chosen::zstd(),
        };
        let name = chosen.name.into();
        self.shared.chosen.replace(chosen);
        Some(name)
    }
}

/// A run of items being read.
#[wasm_bindgen]
pub struct Scan {
    shared: Rc<Shared>,
    records: Range<u32>,
    window: Range<u32>,
    merge: Merge,
}

#[wasm_bindgen]
impl Scan {
    /// The next read; nothing at the end.
    #[allow(clippy::should_implement_trait, reason = "called from JavaScript, by that name")]
    pub fn next(&mut self) -> Option<Read> {
        let directory = &self.shared.pack.directory;
        let planned = plan_records(directory, self.records.clone(), self.merge).next()?;
        self.records.start = planned.records.last()?.place.number.saturating_add(1);
        Some(Read { shared: Rc::clone(&self.shared), planned, window: self.window.clone() })
    }
}

/// A range of the file to fetch, and what to take out of it.
#[wasm_bindgen]
pub struct Read {
    shared: Rc<Shared>,
    planned: PlannedRead,
    window: Range<u32>,
}

#[wasm_bindgen]
impl Read {
    /// Where it starts.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn start(&self) -> f64 {
        to_f64(self.planned.range.start)
    }

    /// Where it ends.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn end(&self) -> f64 {
        to_f64(self.planned.range.end)
    }

    /// Whether all of it was read when the pack was opened.
    #[wasm_bindgen(getter, js_name = isHere)]
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.shared.pack.tail.get(&self.planned.range).is_some()
    }

    /// Takes the items out of bytes that were read when the pack was opened.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    #[wasm_bindgen(js_name = takeHere)]
    pub fn take_here(&self, items: &Array) -> Result<(), JsValue> {
        let bytes = self.shared.pack.tail.get(&self.planned.range).unwrap_or_default();
        self.unseal_all(&bytes, items)
    }

    /// Takes the items out of the bytes of `start..end` into `items`: at the
    /// places of the request, or one behind the other for a scan. Each is a
    /// copy of its own.
    ///
    /// # Errors
    /// Whatever is wrong with a record; the items before it have been taken.
    pub fn take(&self, bytes: Vec<u8>, items: &Array) -> Result<(), JsValue> {
        self.unseal_all(&bytes.into(), items)
    }

    fn unseal_all(&self, bytes: &Bytes, items: &Array) -> Result<(), JsValue> {
        let decoder = self.shared.decoder();
        for planned in &self.planned.records {
            let stored = within(bytes, self.planned.range.start, &planned.place.range)?;
            let directory = &self.shared.pack.directory;
            let record =
                unseal(directory, &planned.place, stored, decoder.as_ref(), &self.shared.limits)
                    .map_err(|error| self.shared.thrown(&error))?;
            for (request, slot) in &planned.wanted {
                let item = record.item(*slot).unwrap_or_default();
                let request = u32::try_from(*request).unwrap_or(u32::MAX);
                items.set(request, Uint8Array::from(&item[..]).into());
            }
            if planned.wanted.is_empty() {
                for (position, item) in (planned.place.first_item..).zip(record.slices()) {
                    if self.window.contains(&position) {
                        items.push(&Uint8Array::from(item));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The bytes of `range`, out of `bytes` that start at `from` of the file.
pub(crate) fn within(bytes: &Bytes, from: u64, range: &Range<u64>) -> Result<Bytes, JsValue> {
    let offset = |at: u64| usize::try_from(at.checked_sub(from)?).ok();
    match (offset(range.start), offset(range.end)) {
        (Some(start), Some(end)) if start <= end && end <= bytes.len() => {
            Ok(bytes.slice(start..end))
        }
        _ => Err(coded("invalid-argument", "fewer bytes were handed over than were asked for")),
    }
}
