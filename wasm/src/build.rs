//! Building a pack on one thread: core's write steps and core's output stream.
//!
//! Every byte goes through the stream, with trim, so JavaScript receives parts
//! of equal size, except the last, as a multipart upload requires.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::num::NonZero;

use bytes::Bytes;
use js_sys::{Object, Uint8Array};
use sealpack_core::Error;
use sealpack_core::codec::Encode as _;
use sealpack_core::format::AppDataParts;
use sealpack_core::format::known::KnownCodec;
use sealpack_core::stream::{BufferSize, Outcome, Output, Put, Shape, Stream, StreamRefusal};
use sealpack_core::write::{Assembly, Hashing, PackShape, RecordBuilder, SealedDraft, Sealer};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::encode::RuzstdEncoder;
use crate::error::{ModuleRefusal, set, thrown, to_f64};

/// The options of `create`.
#[wasm_bindgen]
pub struct BuildOptions {
    shape: PackShape,
    codec: KnownCodec,
    part_size: BufferSize,
}

#[wasm_bindgen]
impl BuildOptions {
    /// Options for the codec `none` or `zstd`.
    ///
    /// # Errors
    /// `unsupported` for another codec; `invalid-argument` for zero items per
    /// record, or for parts of zero bytes or more than 2^30.
    #[wasm_bindgen(constructor)]
    pub fn new(codec: &str, items_per_record: u32, part_size: u32) -> Result<Self, JsValue> {
        let codec = match codec {
            "none" => KnownCodec::None,
            "zstd" => KnownCodec::Zstd,
            _ => return Err(ModuleRefusal::UnknownCodec.into()),
        };
        let items_per_record = NonZero::new(items_per_record)
            .ok_or_else(|| JsValue::from(ModuleRefusal::ItemsPerRecord))?;
        let part_size = BufferSize::new(part_size as usize)
            .ok_or_else(|| JsValue::from(ModuleRefusal::PartSize))?;
        let shape = PackShape {
            items_per_record,
            format_id: codec.default_format_id(),
            ..PackShape::default()
        };
        Ok(Self { shape, codec, part_size })
    }

    /// Sets the format id (default: the codec's own).
    #[wasm_bindgen(js_name = formatId)]
    pub fn format_id(&mut self, id: u32) {
        self.shape.format_id = id;
    }

    /// Sets whether each record's checksum covers its payload.
    #[wasm_bindgen(js_name = recordChecksum)]
    pub fn record_checksum(&mut self, on: bool) {
        self.shape.record_checksum = on;
    }

    /// Sets whether the hash over all items is stored.
    #[wasm_bindgen(js_name = contentHash)]
    pub fn content_hash(&mut self, on: bool) {
        self.shape.content_hash = if on { Hashing::Items } else { Hashing::None };
    }
}

/// Compresses a block of names into a zstd frame. The module of names has no encoder of
/// its own.
///
/// # Errors
/// `encode` for a block of more than 2^32-1 bytes.
#[wasm_bindgen(js_name = encodeNames)]
pub fn encode_names(block: Vec<u8>) -> Result<Vec<u8>, JsValue> {
    let mut frame = Vec::new();
    let encoded = RuzstdEncoder::default().encode(&block, &mut frame);
    encoded.map_err(|cause| thrown(&Error::Encode { record: None, cause }))?;
    Ok(frame)
}

/// A pack being built. After each call, take the finished parts with
/// [`next_part`](Self::next_part).
#[wasm_bindgen]
pub struct PackBuilder {
    records: RecordBuilder,
    sealer: Option<Sealer>,
    assembly: Option<Assembly>,
    stream: Stream,
    ready: VecDeque<Put>,
    item_bytes: u64,
}

#[wasm_bindgen]
impl PackBuilder {
    /// Starts a pack.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(options: BuildOptions) -> Self {
        let BuildOptions { shape, codec, part_size } = options;
        let sealer = match codec {
            KnownCodec::None => Sealer::plain(&shape),
            KnownCodec::Zstd => Sealer::with_encoder(&shape, Box::new(RuzstdEncoder::default())),
        };
        Self {
            records: RecordBuilder::new(&shape, codec == KnownCodec::None),
            sealer: Some(sealer),
            assembly: Some(Assembly::new(&shape)),
            stream: Stream::new(Shape::exactly(part_size)),
            ready: VecDeque::new(),
            item_bytes: 0,
        }
    }

    /// Adds an item.
    ///
    /// # Errors
    /// `limit` if the item is too large, and the pack stays as it was; `encode`;
    /// `closed` after `finish`.
    pub fn append(&mut self, item: Vec<u8>) -> Result<(), JsValue> {
        if self.sealer.is_none() {
            return Err(finished());
        }
        let length = item.len() as u64;
        self.records.push_owned(item.into()).map_err(|error| thrown(&error))?;
        self.item_bytes = self.item_bytes.saturating_add(length);
        self.seal_ready()
    }

    /// Seals the last record and ends the pack with this app data, and with the names
    /// that the module of names has written, if items have some. Returns the pack's
    /// sizes, counts and content hash as a plain object.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn finish(
        &mut self,
        app_data: Vec<u8>,
        names: Option<Vec<u8>>,
    ) -> Result<JsValue, JsValue> {
        self.records.finish();
        self.seal_ready()?;
        let sealer = self.sealer.take().ok_or_else(finished)?;
        sealer.finish().map_err(|error| thrown(&error))?;
        let assembly = self.assembly.take().ok_or_else(finished)?;
        let names = names.map(Bytes::from);
        let parts = AppDataParts { caller: app_data.into(), names, ..AppDataParts::default() };
        let app_data = parts.encode().map_err(|error| thrown(&error))?;
        let ending = assembly.finish(&app_data).map_err(|error| thrown(&error))?;
        let sealed = Object::new().into();
        let trailer = &ending.trailer;
        set(&sealed, "fileSize", &to_f64(ending.file_size).into());
        set(&sealed, "totalItems", &trailer.total_items.into());
        set(&sealed, "recordCount", &trailer.record_count.into());
        set(&sealed, "formatId", &trailer.format_id.into());
        set(&sealed, "itemBytes", &to_f64(self.item_bytes).into());
        let hash =
            trailer.content_hash.map_or(JsValue::NULL, |hash| Uint8Array::from(&hash[..]).into());
        set(&sealed, "contentHash", &hash);
        self.write(Bytes::from(ending.index))?;
        self.write(app_data)?;
        self.write(Bytes::copy_from_slice(&trailer.encode()))?;
        let closed = self.stream.close();
        self.drain();
        closed.map_err(refused)?;
        Ok(sealed)
    }

    /// Whether a part is finished.
    #[wasm_bindgen(getter, js_name = hasParts)]
    #[must_use]
    pub fn has_parts(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next finished part of the file, or nothing.
    #[wasm_bindgen(js_name = nextPart)]
    pub fn next_part(&mut self) -> Option<Uint8Array> {
        let put = self.ready.pop_front()?;
        let part = Uint8Array::new_with_length(length(put.len()));
        let mut at = 0u32;
        for extent in put.extents() {
            let next = at.saturating_add(length(extent.len()));
            part.subarray(at, next).copy_from(extent);
            at = next;
        }
        self.stream.recycle(put);
        Some(part)
    }

    fn seal_ready(&mut self) -> Result<(), JsValue> {
        while let Some(draft) = self.records.next_draft() {
            let sealer = self.sealer.as_mut().ok_or_else(finished)?;
            let sealed = sealer.seal(draft).and_then(|sealed| self.assemble(sealed));
            for extent in sealed.map_err(|error| thrown(&error))?.extents {
                self.write(extent)?;
            }
        }
        Ok(())
    }

    fn assemble(&mut self, sealed: SealedDraft) -> Result<SealedDraft, Error> {
        if let Some(assembly) = &mut self.assembly {
            assembly.push(&sealed)?;
        }
        Ok(sealed)
    }

    /// Copies small pieces into the stream's buffer and hands over large ones.
    fn write(&mut self, extent: Bytes) -> Result<(), JsValue> {
        const SMALL: usize = 4 << 10;
        let written = match extent.len() {
            0..SMALL => self.stream.write(&extent),
            _ => self.stream.write_owned(extent),
        };
        self.drain();
        written.map_err(refused)
    }

    /// The driver's rule of the stream: after every operation, carry out each
    /// output. Here a put is queued for JavaScript; if writing it fails there,
    /// JavaScript drops the builder.
    fn drain(&mut self) {
        while let Some(output) = self.stream.next_output() {
            if let Output::Put(put) = output {
                self.ready.push_back(put);
            }
            self.stream.completed(Outcome::Done);
        }
    }
}

/// A length within this module's 32-bit memory.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn finished() -> JsValue {
    ModuleRefusal::Finished.into()
}

/// The stream has no reason to refuse: nothing is written after the end, and
/// every put succeeds. Its own message would need Rust's formatting.
fn refused(_: StreamRefusal) -> JsValue {
    ModuleRefusal::Stream.into()
}
