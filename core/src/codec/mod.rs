//! How payloads are encoded and decoded: two traits that a platform fills in.
//!
//! An [`Encode`] belongs to one worker and may keep state (a compression
//! context) between records; a [`Decode`] is shared. Core knows only
//! [`PlainDecoder`], which stores payloads as they are, and the *header* of a zstd
//! frame ([`zstd_frame`]): what C zstd and ruzstd do not check for us is
//! checked there, once for both.

pub mod zstd_frame;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::{Cause, DecodeError};

/// Encodes payloads, one record after another, on one thread.
pub trait Encode: Send {
    /// Appends the encoded form of `payload` to `out`.
    ///
    /// An empty payload must encode to nothing, and nothing must decode to an
    /// empty payload (FORMAT.md, *zstd records*); the caller sees to it that
    /// an encoder is never asked for one.
    ///
    /// # Errors
    /// Whatever the encoder says. The record is lost then, and the pack with it.
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause>;

    /// Ends the encoder's work. Called once, after the last record of its
    /// worker, also where another record failed.
    ///
    /// # Errors
    /// Whatever the encoder says; the pack is then not finished.
    fn finish(self: Box<Self>) -> Result<(), Cause> {
        Ok(())
    }
}

/// Decodes payloads; shared between threads.
pub trait Decode {
    /// The decoded payload. `encoded` is never empty.
    ///
    /// What is allocated must follow what the frame *yields*, never what it
    /// claims: an implementation may reserve [`Size::plausible`] bytes ahead.
    ///
    /// # Errors
    /// [`DecodeError::Length`] where the payload is not exactly
    /// [`Size::Exactly`] long, [`DecodeError::AboveLimit`] where it is longer
    /// than [`Size::AtMost`], others as they say.
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError>;

    /// Whether the codec keeps a checksum of the payload within `encoded`.
    fn checksum(&self, encoded: &[u8]) -> FrameChecksum;
}

/// What a decoder is told of the size it has to produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Exactly so many bytes: the sum of the checked item lengths.
    Exactly(u64),
    /// Any number up to this limit: the record is a single item, so the file
    /// does not say.
    AtMost(u64),
}

impl Size {
    /// The most bytes that the payload may have.
    #[must_use]
    pub fn upper_bound(self) -> u64 {
        match self {
            Self::Exactly(size) | Self::AtMost(size) => size,
        }
    }

    /// How much a decoder may reserve before it has seen output: what is
    /// `claimed`, but no more than 64 times the `encoded` bytes and a little.
    /// Honest text stays below that; a frame that claims a terabyte does not.
    #[must_use]
    pub fn plausible(self, claimed: Option<u64>, encoded: usize) -> u64 {
        const BASE: u64 = 64 << 10;
        const RATIO: u64 = 64;
        let bound = (encoded as u64).saturating_mul(RATIO).saturating_add(BASE);
        claimed.unwrap_or(bound).min(self.upper_bound()).min(bound)
    }

    /// Checks the length of what was decoded.
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
    /// Decoding checks it.
    Present,
    /// The codec could keep one; this payload has none.
    Absent,
    /// The codec has no such thing.
    NotKept,
}

/// Stores payloads as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainDecoder;

impl Decode for PlainDecoder {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        size.check(encoded.len() as u64)?;
        Ok(encoded)
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::NotKept
    }
}
