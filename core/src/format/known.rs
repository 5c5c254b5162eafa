//! Format ids with a known meaning.
//!
//! To the format itself the id is a number that the caller assigns. Known are
//! the ids that sealpack writes by default, and those that the users of the Go
//! library write.

/// The meaning of a known format id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFormat {
    /// What such packs are called.
    pub name: &'static str,
    /// The codec of their records.
    pub codec: KnownCodec,
}

/// The codecs that a known format id can imply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum KnownCodec {
    /// None: payloads are stored unchanged.
    None,
    /// zstd: each payload is one frame.
    Zstd,
}

impl KnownCodec {
    /// The name used on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }

    /// The format id that is written by default for this codec.
    #[must_use]
    pub fn default_format_id(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
        }
    }
}

/// The meaning of `format_id`, if it is known.
///
/// ```
/// use sealpack_core::format::known::{KnownCodec, known};
///
/// assert_eq!(known(1).unwrap().codec, KnownCodec::Zstd);
/// assert!(known(77).is_none());
/// ```
#[must_use]
pub fn known(format_id: u32) -> Option<KnownFormat> {
    let (name, codec) = match format_id {
        0 => ("plain", KnownCodec::None),
        1 => ("zstd, or ledgers", KnownCodec::Zstd),
        0xFE1E_000B => ("event index", KnownCodec::None),
        0xFE1E_000C => ("events", KnownCodec::Zstd),
        _ => return None,
    };
    Some(KnownFormat { name, codec })
}
