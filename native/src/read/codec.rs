//! Which decoder the records of a pack need.
//!
//! The format id is the caller's number, so it is a hint and no more. Under
//! [`ReadCodec::Auto`] it is believed where it is known and where the first
//! record that is read looks as it says; otherwise the magic of the pack's
//! first record decides, and the reader says that it did.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sealpack_core::codec::{Decode, FrameChecksum, Plain, Size};
use sealpack_core::error::DecodeError;
use sealpack_core::format::known::{self, known};

use crate::caught::Caught;
use crate::options::ReadCodec;
use crate::zstd::{Decoder, looks_like_zstd};

/// The codec that a reader uses, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChosenCodec {
    /// The codec; `None` where it is the caller's own.
    pub codec: Option<known::Codec>,
    /// What decided it.
    pub decided_by: DecidedBy,
}

/// What decided the codec of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// The caller.
    Caller,
    /// The format id, which is known.
    FormatId,
    /// The magic of the first record: the format id is not known, or the
    /// records do not look as it says.
    FirstRecord,
}

impl DecidedBy {
    /// A stable name, for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::FormatId => "format_id",
            Self::FirstRecord => "first_record",
        }
    }
}

/// The decoders of a reader; which one is settled on first use.
pub(super) struct Decoders {
    zstd: Decoder,
    own: Option<Arc<dyn Decode + Send + Sync>>,
    chosen: OnceLock<ChosenCodec>,
}

impl Decoders {
    pub(super) fn new(codec: ReadCodec) -> Self {
        let (fixed, own) = match codec {
            ReadCodec::Auto => (None, None),
            ReadCodec::Plain => (Some(Some(known::Codec::None)), None),
            ReadCodec::Zstd => (Some(Some(known::Codec::Zstd)), None),
            ReadCodec::Own(own) => (Some(None), Some(own)),
        };
        let chosen = OnceLock::new();
        if let Some(codec) = fixed {
            chosen.get_or_init(|| ChosenCodec { codec, decided_by: DecidedBy::Caller });
        }
        Self { zstd: Decoder::default(), own, chosen }
    }

    /// What was settled, if anything was.
    pub(super) fn chosen(&self) -> Option<ChosenCodec> {
        self.chosen.get().copied()
    }

    /// Settles on a codec, given a record that was read, and a way to the
    /// pack's first record for when that one does not look as it should. A
    /// record of nothing settles nothing.
    pub(super) fn settle<E>(
        &self,
        format_id: u32,
        record: &[u8],
        first_record: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<(), E> {
        if self.chosen.get().is_some() || record.is_empty() {
            return Ok(());
        }
        let by_id = known(format_id).map(|known| known.codec);
        let by_magic = |record: &[u8]| match looks_like_zstd(record) {
            true => known::Codec::Zstd,
            false => known::Codec::None,
        };
        let chosen = match by_id {
            Some(codec) if codec == by_magic(record) => {
                ChosenCodec { codec: Some(codec), decided_by: DecidedBy::FormatId }
            }
            _ => ChosenCodec {
                codec: Some(by_magic(&first_record()?)),
                decided_by: DecidedBy::FirstRecord,
            },
        };
        self.chosen.get_or_init(|| chosen);
        Ok(())
    }

    /// Whether records are known to be stored as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.chosen().is_some_and(|chosen| chosen.codec == Some(known::Codec::None))
    }

    /// Calls `work` with the decoder. The caller's own runs on our threads.
    fn with_decoder<T>(&self, work: impl FnOnce(&dyn Decode) -> T) -> T {
        match (self.chosen().and_then(|chosen| chosen.codec), &self.own) {
            (Some(known::Codec::Zstd), _) => work(&self.zstd),
            (None, Some(own)) => work(&Caught(own.as_ref())),
            // Nothing settled: every record so far was empty.
            _ => work(&Plain),
        }
    }
}

impl Decode for Decoders {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        self.with_decoder(|decoder| decoder.decode(encoded, size))
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        self.with_decoder(|decoder| decoder.checksum(encoded))
    }
}
