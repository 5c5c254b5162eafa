//! Encoding and decoding payloads: two traits that a platform implements.
//!
//! An [`Encode`] belongs to one worker and may keep state (a compression
//! context) between records; a [`Decode`] is shared. Core itself contains only
//! [`PlainDecoder`], for payloads that are stored unchanged, and the checks of a
//! zstd frame's *header and blocks* ([`zstd_frame`]) that C zstd and ruzstd do
//! not make.

pub mod dictionary;
pub mod zstd_frame;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::{Cause, DecodeError};

/// Encodes payloads, one record after another, on one thread.
pub trait Encode: Send {
    /// Appends the encoded form of `payload` to `out`, which may hold earlier
    /// records: they must stay as they are. Appending nothing is an error.
    ///
    /// `payload` is never empty: the caller stores an empty payload as zero
    /// bytes (FORMAT.md, *Record*).
    ///
    /// # Errors
    /// Any error of the encoder. The pack is then not finished.
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause>;

    /// Closes the encoder. It is called once, after the last record of its
    /// worker, even if a record failed.
    ///
    /// # Errors
    /// Any error of the encoder. The pack is then not finished.
    fn finish(self: Box<Self>) -> Result<(), Cause> {
        Ok(())
    }
}

/// Decodes payloads; shared between threads.
pub trait Decode {
    /// Decodes a payload. `encoded` is never empty.
    ///
    /// Memory must grow with the bytes that the frame actually *yields*, not with
    /// the size it states. An implementation may reserve [`Size::plausible`] bytes
    /// in advance.
    ///
    /// # Errors
    /// [`DecodeError::Length`] if the payload does not have the length
    /// [`Size::Exactly`], [`DecodeError::AboveLimit`] if it is longer than
    /// [`Size::AtMost`], and other variants as documented there.
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError>;

    /// Whether `encoded` contains the codec's own checksum of the payload.
    fn checksum(&self, encoded: &[u8]) -> FrameChecksum;
}

/// What is known in advance about the size of a decoded payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Exactly this many bytes: the sum of the checked item lengths.
    Exactly(u64),
    /// Any number up to this limit: the record is a single item, so the file
    /// does not state its size.
    AtMost(u64),
}

impl Size {
    /// The maximum size of the payload, in bytes.
    #[must_use]
    pub fn upper_bound(self) -> u64 {
        match self {
            Self::Exactly(size) | Self::AtMost(size) => size,
        }
    }

    /// How many bytes a decoder may reserve before it has produced output: what
    /// the frame `claimed`, but at most 64 times the `encoded` bytes plus 64 KiB.
    /// Honest text stays below that; a frame that claims a terabyte does not.
    #[must_use]
    pub fn plausible(self, claimed: Option<u64>, encoded: usize) -> u64 {
        const BASE: u64 = 64 << 10;
        const RATIO: u64 = 64;
        let bound = (encoded as u64).saturating_mul(RATIO).saturating_add(BASE);
        claimed.unwrap_or(bound).min(self.upper_bound()).min(bound)
    }

    /// Checks the length of a decoded payload.
    ///
    /// # Errors
    /// [`DecodeError::Length`] or [`DecodeError::AboveLimit`].
    pub fn check(self, found: u64) -> Result<(), DecodeError> {
        match self {
            Self::Exactly(expected) if found != expected => {
                Err(DecodeError::Length { expected, found })
            }
            Self::AtMost(limit) if found > limit => Err(DecodeError::AboveLimit { limit, found }),
            _ => Ok(()),
        }
    }
}

/// Whether a payload is protected by its codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameChecksum {
    /// It has a checksum, which decoding checks.
    Present,
    /// The codec supports checksums, but this payload has none.
    Absent,
    /// The codec has no checksums.
    Unsupported,
}

/// Decodes payloads that are stored unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainDecoder;

impl Decode for PlainDecoder {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        size.check(encoded.len() as u64)?;
        Ok(encoded)
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::Unsupported
    }
}
