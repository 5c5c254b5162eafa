//! Chooses the decoder of a pack's records.
//!
//! The format id is any number that the writer chose, so it is only a hint. Under
//! [`ReadCodec::Auto`], the reader follows it if it is known and the first record that
//! is read looks like that codec. Otherwise the magic of the pack's first record
//! decides; if it contradicts a known id, so do those of a few more records
//! ([`CodecDetection`]). The reader reports what decided.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sealpack_core::codec::zstd_frame::FrameHeader;
use sealpack_core::codec::{Decode, FrameChecksum, PlainDecoder, Size};
use sealpack_core::error::{DecodeError, Fault, Section};
use sealpack_core::format::known::{KnownCodec, known};
use sealpack_core::read::{CodecDetection, Directory, RecordPlace};

use crate::dictionary::FrameDictionary;
use crate::error::ErrorKind;
use crate::panics::CatchPanics;
use crate::zstd::ZstdDecoder;

/// How the records of a pack are decoded.
#[derive(Clone, Default)]
pub enum ReadCodec {
    /// The codec of the format id, if that is known and the first record that is
    /// read does not contradict it; otherwise the codec whose magic the pack's
    /// first record has. If the format id is unknown and the records are not zstd
    /// frames, they are refused ([`ErrorKind::UnknownCodec`]): choose
    /// [`Plain`](Self::Plain) or [`Custom`](Self::Custom) for them.
    #[default]
    Auto,
    /// As [`Auto`](Self::Auto), but if the format id is unknown and the records are
    /// not zstd frames, they are read as plain payloads. In a pack of a codec that
    /// this crate does not know, the reader then returns encoded bytes as items.
    AutoOrPlain,
    /// Payloads are stored unencoded.
    Plain,
    /// Payloads are zstd frames.
    Zstd,
    /// The caller's own decoder.
    Custom(Arc<dyn Decode + Send + Sync>),
}

impl fmt::Debug for ReadCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "Auto",
            Self::AutoOrPlain => "AutoOrPlain",
            Self::Plain => "Plain",
            Self::Zstd => "Zstd",
            Self::Custom(_) => "Custom",
        })
    }
}

/// The codec that a reader uses, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ChosenCodec {
    /// The codec; `None` for the caller's own.
    pub codec: Option<KnownCodec>,
    /// What decided the codec.
    pub decided_by: DecidedBy,
}

/// What decided the codec of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum DecidedBy {
    /// The caller.
    Caller,
    /// The format id, which is known.
    FormatId,
    /// The magic of the first record: the format id is not known, or the records do
    /// not look like its codec.
    FirstRecord,
}

impl DecidedBy {
    /// Returns a stable name, for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::FormatId => "format_id",
            Self::FirstRecord => "first_record",
        }
    }
}

/// The decoders of a reader. One of them is chosen when the first record is read.
pub(crate) struct Decoders {
    zstd: ZstdDecoder,
    custom: Option<Arc<dyn Decode + Send + Sync>>,
    /// Whether the reader refuses records of an unknown codec.
    refuses_unknown: bool,
    chosen: OnceLock<CodecChoice>,
}

/// The outcome of choosing a codec.
#[derive(Clone, Copy)]
enum CodecChoice {
    Codec(ChosenCodec),
    /// The format id is not known and the records are not zstd frames. They may be plain
    /// or in a custom encoding: the bytes do not show which, so the caller has to choose.
    Unknown {
        format_id: u32,
    },
}

impl Decoders {
    pub(crate) fn new(codec: ReadCodec, dictionary: FrameDictionary) -> Self {
        let refuses_unknown = matches!(codec, ReadCodec::Auto);
        let (fixed, custom) = match codec {
            ReadCodec::Auto | ReadCodec::AutoOrPlain => (None, None),
            ReadCodec::Plain => (Some(Some(KnownCodec::None)), None),
            ReadCodec::Zstd => (Some(Some(KnownCodec::Zstd)), None),
            ReadCodec::Custom(custom) => (Some(None), Some(custom)),
        };
        let chosen = OnceLock::new();
        if let Some(codec) = fixed {
            let choice = ChosenCodec { codec, decided_by: DecidedBy::Caller };
            chosen.get_or_init(|| CodecChoice::Codec(choice));
        }
        Self { zstd: ZstdDecoder::new(dictionary), custom, refuses_unknown, chosen }
    }

    /// Returns the chosen codec, if there is one.
    pub(crate) fn chosen(&self) -> Option<ChosenCodec> {
        match self.chosen.get() {
            Some(CodecChoice::Codec(chosen)) => Some(*chosen),
            Some(CodecChoice::Unknown { .. }) | None => None,
        }
    }

    /// Returns whether a record has decided the codec, or that it is unknown.
    pub(super) fn is_chosen(&self) -> bool {
        self.chosen.get().is_some()
    }

    /// Fails if the codec of the records is not known.
    pub(super) fn refuse_unknown(&self) -> Result<(), ErrorKind> {
        match self.chosen.get() {
            Some(CodecChoice::Unknown { format_id }) => {
                Err(ErrorKind::UnknownCodec { format_id: *format_id })
            }
            _ => Ok(()),
        }
    }

    /// Chooses the codec, given a record that was read. If that record does not look like
    /// the format id's codec, `fetch` is called for other parts of the pack. No codec is
    /// chosen if all records are empty.
    pub(crate) fn choose<E>(
        &self,
        directory: &Directory,
        place: &RecordPlace,
        stored: &[u8],
        fetch: impl Fn(&Range<u64>) -> Result<Bytes, E>,
    ) -> Result<(), E> {
        if self.chosen.get().is_some() {
            return Ok(());
        }
        let by_id = known(directory.trailer().format_id).map(|known| known.codec);
        let evidence = CodecDetection::evidence(directory, place, stored);
        let codec = match evidence.filter(|&codec| Some(codec) == by_id) {
            Some(codec) => Some(codec),
            // If no sample has a payload and this record has one, it decides.
            None => detect(CodecDetection::new(directory), fetch)?
                .or_else(|| evidence.map(|found| by_id.unwrap_or(found))),
        };
        let choice = match codec {
            Some(KnownCodec::None) if by_id.is_none() && self.refuses_unknown => {
                CodecChoice::Unknown { format_id: directory.trailer().format_id }
            }
            Some(codec) => {
                let by_format_id = by_id == Some(codec);
                let decided_by =
                    if by_format_id { DecidedBy::FormatId } else { DecidedBy::FirstRecord };
                CodecChoice::Codec(ChosenCodec { codec: Some(codec), decided_by })
            }
            None => return Ok(()),
        };
        self.chosen.get_or_init(|| choice);
        Ok(())
    }

    /// Fails if a stored record is a frame whose dictionary is not there.
    pub(super) fn refuse_missing_dictionary(
        &self,
        place: &RecordPlace,
        stored: &[u8],
    ) -> Result<(), ErrorKind> {
        if !self.is_zstd() {
            return Ok(());
        }
        let header = FrameHeader::parse(stored).ok();
        let Some(id) = header.and_then(|header| header.dictionary) else { return Ok(()) };
        let named = self.zstd.dictionary().named(id);
        let missing = |error| Fault::Decode(error).in_section(Section::Record(place.number));
        Ok(named.map(|_| ()).map_err(missing)?)
    }

    /// Returns whether records are known to be stored unencoded.
    pub(crate) fn is_plain(&self) -> bool {
        self.chosen().is_some_and(|chosen| chosen.codec == Some(KnownCodec::None))
    }

    /// Returns whether records are known to be zstd frames.
    pub(crate) fn is_zstd(&self) -> bool {
        self.chosen().is_some_and(|chosen| chosen.codec == Some(KnownCodec::Zstd))
    }

    /// Returns the decoder of zstd frames.
    pub(super) fn zstd(&self) -> &ZstdDecoder {
        &self.zstd
    }

    /// Calls `work` with the decoder. The caller's decoder runs on this crate's
    /// threads.
    fn with_decoder<T>(&self, work: impl FnOnce(&dyn Decode) -> T) -> T {
        match (self.chosen().and_then(|chosen| chosen.codec), &self.custom) {
            (Some(KnownCodec::Zstd), _) => work(&self.zstd),
            (None, Some(custom)) => work(&CatchPanics(custom.as_ref())),
            // No codec was chosen: every record so far was empty.
            _ => work(&PlainDecoder),
        }
    }
}

/// Fetches magics until they identify the codec; `None` if no record has a payload.
fn detect<E>(
    mut detection: CodecDetection,
    fetch: impl Fn(&Range<u64>) -> Result<Bytes, E>,
) -> Result<Option<KnownCodec>, E> {
    while let Some(range) = detection.wanted() {
        if let Some(codec) = detection.supply(&fetch(&range)?) {
            return Ok(Some(codec));
        }
    }
    Ok(None)
}

impl Decode for Decoders {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        self.with_decoder(|decoder| decoder.decode(encoded, size))
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        self.with_decoder(|decoder| decoder.checksum(encoded))
    }
}
