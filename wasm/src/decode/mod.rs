//! zstd, between core's checks of the frame and our own checks of its content.
//!
//! Two decoders can stand there, behind the trait [`Backend`]: `zstd_rs`, whose code is
//! small, and with the feature `fast` `c_zstd`, which is twice as fast. A module of the
//! package contains one of them. Neither is believed: whatever a backend returns, the
//! length of the content is checked here, and `tests/decoders.rs` compares both with a
//! third decoder on damaged frames.

#[cfg(feature = "fast")]
pub mod c_zstd;
pub mod zstd_rs;

use alloc::vec::Vec;
use core::cell::{OnceCell, RefCell};

use bytes::Bytes;
use sealpack_core::codec::dictionary::{DictionaryId, ZstdDictionary};
use sealpack_core::codec::zstd_frame::{self, FrameHeader, FrameLayout};
use sealpack_core::codec::{Decode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError, DictionaryFault};

/// The largest window that zstd writes without an explicit request for more
/// (`--long=27`), in bytes.
const LARGEST_WINDOW: u64 = 128 << 20;

/// The decoder of this build.
#[cfg(not(feature = "fast"))]
pub type FrameDecoder = CheckedDecoder<zstd_rs::ZstdRs>;
/// The decoder of this build.
#[cfg(feature = "fast")]
pub type FrameDecoder = CheckedDecoder<c_zstd::CZstd>;

/// A zstd decoder, which [`CheckedDecoder`] gives one frame at a time.
pub trait Backend: Default {
    /// Whether frames may need a dictionary.
    const DICTIONARIES: bool;

    /// A dictionary, prepared for many frames.
    type Dictionary;

    /// Prepares a dictionary; `None` if its tables are damaged.
    fn prepare(dictionary: &ZstdDictionary) -> Option<Self::Dictionary>;

    /// Decodes the frame: all of it, and no more than its blocks yield. Memory is allocated
    /// for `plausible` bytes, and for more only as the frame yields them.
    ///
    /// # Errors
    /// [`Refusal`]. The backend is dropped then: its state is unknown.
    fn decode(
        &mut self,
        frame: &[u8],
        layout: &FrameLayout,
        plausible: usize,
        dictionary: Option<&Self::Dictionary>,
    ) -> Result<Vec<u8>, Refusal>;
}

/// Why a backend did not decode a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More bytes than the layout allows.
    TooLong,
    /// A length that differs from the stated content size.
    Length(u64),
    /// The checksum of the content does not match.
    Checksum,
    /// A block is damaged.
    Damaged,
    /// There is not enough memory.
    Memory,
}

impl Refusal {
    fn explain(self, layout: &FrameLayout, size: Size) -> DecodeError {
        match (self, layout.header.content_size) {
            (Self::TooLong, _) => layout.too_long(size),
            (Self::Length(found), Some(expected)) => DecodeError::Length { expected, found },
            (Self::Checksum, _) => DecodeError::FrameChecksum,
            (Self::Memory, _) => refused("out of memory"),
            _ => refused("a block is damaged"),
        }
    }
}

// The decoder's own messages would make the module larger.
fn refused(what: &str) -> DecodeError {
    DecodeError::Codec(Cause::text(what))
}

/// The dictionary that frames may name.
#[derive(Clone, Debug)]
pub enum DictionaryOrigin {
    /// The pack stores it.
    Stored(Bytes),
    /// The caller gave it, for packs that share one.
    Given(Bytes),
}

impl DictionaryOrigin {
    fn bytes(&self) -> &Bytes {
        match self {
            Self::Stored(bytes) | Self::Given(bytes) => bytes,
        }
    }

    /// The error about a frame that names another dictionary than this one.
    fn differs(&self, named: u32, own: u32) -> DecodeError {
        match self {
            Self::Stored(_) => {
                DecodeError::Dictionary(DictionaryFault::Differs { named, stored: own })
            }
            Self::Given(_) => DecodeError::MissingDictionary { id: named, given: Some(own) },
        }
    }
}

/// Decodes one zstd frame at a time, reusing the decoder's tables.
pub struct CheckedDecoder<B: Backend> {
    backend: RefCell<Option<B>>,
    dictionary: Option<DictionaryOrigin>,
    prepared: OnceCell<Result<(B::Dictionary, DictionaryId), DictionaryFault>>,
}

impl<B: Backend> Default for CheckedDecoder<B> {
    fn default() -> Self {
        Self::with_dictionary(None)
    }
}

impl<B: Backend> CheckedDecoder<B> {
    /// Whether frames may need a dictionary.
    pub const DICTIONARIES: bool = B::DICTIONARIES;

    /// A decoder of frames that may name this dictionary. It is checked when the first
    /// frame does.
    #[must_use]
    pub fn with_dictionary(dictionary: Option<DictionaryOrigin>) -> Self {
        Self { backend: RefCell::new(None), dictionary, prepared: OnceCell::new() }
    }

    /// Checks the dictionary now, if there is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_dictionary(&self) -> Result<(), DictionaryFault> {
        self.dictionary.as_ref().map_or(Ok(()), |dictionary| self.prepared(dictionary).map(|_| ()))
    }

    fn prepared(
        &self,
        dictionary: &DictionaryOrigin,
    ) -> Result<&(B::Dictionary, DictionaryId), DictionaryFault> {
        let prepared = self.prepared.get_or_init(|| prepare::<B>(dictionary.bytes()));
        prepared.as_ref().map_err(|&fault| fault)
    }

    fn dictionary(&self, id: DictionaryId) -> Result<&B::Dictionary, DecodeError> {
        let missing = DecodeError::MissingDictionary { id: id.get(), given: None };
        if !B::DICTIONARIES {
            return Err(missing);
        }
        let dictionary = self.dictionary.as_ref().ok_or(missing)?;
        let (prepared, own) = self.prepared(dictionary).map_err(DecodeError::Dictionary)?;
        if *own != id {
            return Err(dictionary.differs(id.get(), own.get()));
        }
        Ok(prepared)
    }
}

fn prepare<B: Backend>(stored: &Bytes) -> Result<(B::Dictionary, DictionaryId), DictionaryFault> {
    let checked = ZstdDictionary::parse(stored.clone())?;
    let prepared = B::prepare(&checked).ok_or(DictionaryFault::Tables)?;
    Ok((prepared, checked.id()))
}

impl<B: Backend> Decode for CheckedDecoder<B> {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let layout = FrameLayout::parse(&encoded, size)?;
        let header = &layout.header;
        if header.window_size > LARGEST_WINDOW.max(size.upper_bound()) {
            return Err(refused("the window is above 128 MiB"));
        }
        let frame = encoded.get(..layout.length).ok_or(DecodeError::Truncated)?;
        let dictionary = match header.dictionary {
            Some(id) => Some(self.dictionary(id)?),
            None => None,
        };
        let plausible = size.plausible(Some(layout.max_output), frame.len());
        let plausible = usize::try_from(plausible).map_err(|_| refused("out of memory"))?;
        let mut backend = self.backend.take().unwrap_or_default();
        let payload = backend
            .decode(frame, &layout, plausible, dictionary)
            .map_err(|refusal| refusal.explain(&layout, size))?;
        self.backend.replace(Some(backend));
        let found = payload.len() as u64;
        match header.content_size {
            Some(expected) if expected != found => Err(DecodeError::Length { expected, found }),
            _ if found > layout.max_output => Err(layout.too_long(size)),
            _ => size.check(found).map(|()| payload.into()),
        }
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        match FrameHeader::parse(encoded) {
            Ok(FrameHeader { checksum: true, .. }) => FrameChecksum::Present,
            _ => FrameChecksum::Absent,
        }
    }
}

/// The frame with a header that states no content size, and a window of 2 to this power,
/// so large that it excludes no content.
fn without_content_size(frame: &[u8], layout: &FrameLayout, window_log: u8) -> Option<Vec<u8>> {
    const CHECKSUM: u8 = 0b100;
    /// Four bytes of dictionary id; 0 is none.
    const DICTIONARY: u8 = 0b11;
    let blocks = frame.get(layout.header.length..)?;
    let mut unsized_frame = Vec::with_capacity(10 + blocks.len());
    unsized_frame.extend_from_slice(&zstd_frame::MAGIC.to_le_bytes());
    let checksum = if layout.header.checksum { CHECKSUM } else { 0 };
    unsized_frame.push(checksum | DICTIONARY);
    unsized_frame.push((window_log - 10) << 3);
    let dictionary = layout.header.dictionary.map_or(0, DictionaryId::get);
    unsized_frame.extend_from_slice(&dictionary.to_le_bytes());
    unsized_frame.extend_from_slice(blocks);
    Some(unsized_frame)
}
