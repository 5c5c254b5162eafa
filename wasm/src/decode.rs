//! zstd by zstd-rs, between core's checks of the frame and our own checks of
//! its content.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::cell::{OnceCell, RefCell};

use bytes::Bytes;
use sealpack_core::codec::dictionary::{DictionaryId, ZstdDictionary};
use sealpack_core::codec::zstd_frame::{self, FrameHeader, FrameLayout};
use sealpack_core::codec::{Decode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError, DictionaryFault};
use zstd_rs::{DecoderDictionary, Decompressor, Dictionary, DictionaryFormat, Error};

/// The largest window that zstd writes without an explicit request for more
/// (`--long=27`), in bytes.
const LARGEST_WINDOW: u64 = 128 << 20;

/// Bytes that zstd-rs writes after the content while it decodes.
const SLACK: u64 = 32;

/// Decodes one zstd frame at a time, reusing the decoder's tables.
#[derive(Default)]
pub struct FrameDecoder {
    decompressor: RefCell<Option<Decompressor>>,
    /// The dictionary that the pack stores.
    stored: Option<Bytes>,
    prepared: OnceCell<Result<DecoderDictionary, DictionaryFault>>,
}

impl FrameDecoder {
    /// A decoder of frames that may name the dictionary in these bytes. They are checked
    /// when the first frame does.
    #[must_use]
    pub fn with_dictionary(stored: Option<Bytes>) -> Self {
        Self { stored, ..Self::default() }
    }

    fn dictionary(&self, id: DictionaryId) -> Result<&DecoderDictionary, DecodeError> {
        let named = id.get();
        let missing = DecodeError::MissingDictionary { id: named, given: None };
        // Dictionaries take 1.9 KB of a module, gzipped, which would exceed its size limit.
        if cfg!(sealpack_module) {
            return Err(missing);
        }
        let stored = self.stored.as_ref().ok_or(missing)?;
        let prepared = self.prepared.get_or_init(|| prepare(stored)).as_ref();
        let differs = |stored| Err(DictionaryFault::Differs { named, stored });
        let found = prepared.map_err(|&fault| fault).and_then(|found| {
            let stored = found.dictionary().id();
            if stored == named { Ok(found) } else { differs(stored) }
        });
        found.map_err(DecodeError::Dictionary)
    }
}

fn prepare(stored: &Bytes) -> Result<DecoderDictionary, DictionaryFault> {
    let checked = ZstdDictionary::parse(stored.clone())?;
    let damaged = |_| DictionaryFault::Tables;
    let parsed = Dictionary::new(checked.bytes(), DictionaryFormat::Zstd).map_err(damaged)?;
    DecoderDictionary::new(parsed).map_err(damaged)
}

impl Decode for FrameDecoder {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let layout = FrameLayout::parse(&encoded, size)?;
        if layout.header.window_size > LARGEST_WINDOW.max(size.upper_bound()) {
            return Err(refused("the window is above 128 MiB"));
        }
        let frame = encoded.get(..layout.length).ok_or(DecodeError::Truncated)?;
        let dictionary = match layout.header.dictionary {
            Some(id) => Some(self.dictionary(id)?),
            None => None,
        };
        // After an error the decompressor is dropped: its state is unknown.
        let mut decompressor = self.decompressor.take().unwrap_or_default();
        let payload = run(&mut decompressor, frame, &layout, size, dictionary)?;
        self.decompressor.replace(Some(decompressor));
        Ok(payload.into())
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        match FrameHeader::parse(encoded) {
            Ok(FrameHeader { checksum: true, .. }) => FrameChecksum::Present,
            _ => FrameChecksum::Absent,
        }
    }
}

// The decoder's own messages would make the module larger.
fn refused(what: &str) -> DecodeError {
    DecodeError::Codec(Cause::text(what))
}

fn run(
    decompressor: &mut Decompressor,
    frame: &[u8],
    layout: &FrameLayout,
    size: Size,
    dictionary: Option<&DecoderDictionary>,
) -> Result<Vec<u8>, DecodeError> {
    let plausible = size.plausible(Some(layout.max_output), frame.len());
    let claimed = layout.header.content_size;
    // zstd-rs allocates the content size; without one, it grows with what the frame yields.
    let frame = match claimed {
        Some(claimed) if claimed > plausible => Cow::Owned(without_content_size(frame, layout)?),
        _ => Cow::Borrowed(frame),
    };
    let memory = || refused("out of memory");
    let mut payload = Vec::new();
    let reserve = usize::try_from(plausible.saturating_add(SLACK)).map_err(|_| memory())?;
    payload.try_reserve_exact(reserve).map_err(|_| memory())?;
    let limit = usize::try_from(layout.max_output).unwrap_or(usize::MAX);
    let used = decompressor.decompress_frame(&frame, dictionary, limit, &mut payload);
    let found = payload.len() as u64;
    match used {
        Ok(used) if used == frame.len() => {}
        Err(Error::OutputLimit) => return Err(layout.too_long(size)),
        Err(Error::Checksum) => return Err(DecodeError::FrameChecksum),
        Err(Error::ContentSize) => {}
        _ => return Err(refused("a block is damaged")),
    }
    match claimed {
        Some(expected) if expected != found => Err(DecodeError::Length { expected, found }),
        _ => size.check(found).map(|()| payload),
    }
}

/// The frame with a header that states no content size.
fn without_content_size(frame: &[u8], layout: &FrameLayout) -> Result<Vec<u8>, DecodeError> {
    const CHECKSUM: u8 = 0b100;
    /// A window of 2 GiB, the largest that zstd-rs accepts: it refuses none of
    /// the content, and allocates nothing for it.
    const WINDOW: u8 = 21 << 3;
    let blocks = frame.get(layout.header.length..).ok_or(DecodeError::Truncated)?;
    let mut unsized_frame = Vec::with_capacity(10 + blocks.len());
    unsized_frame.extend_from_slice(&zstd_frame::MAGIC.to_le_bytes());
    let checksum = if layout.header.checksum { CHECKSUM } else { 0 };
    // Four bytes of dictionary id; 0 is none.
    unsized_frame.push(checksum | 0b11);
    unsized_frame.push(WINDOW);
    let dictionary = layout.header.dictionary.map_or(0, DictionaryId::get);
    unsized_frame.extend_from_slice(&dictionary.to_le_bytes());
    unsized_frame.extend_from_slice(blocks);
    Ok(unsized_frame)
}
