//! Format ids that are known to mean something.
//!
//! To the format itself the id is a number that the caller assigns. These are
//! the ones that this project writes by default, and those that the users of
//! the reference implementation write.

/// What a known format id says of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFormat {
    /// What such a pack is called.
    pub name: &'static str,
    /// How its records are encoded.
    pub codec: KnownCodec,
}

/// The encodings that a format id can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownCodec {
    /// Payloads as they are.
    None,
    /// A single zstd frame each.
    Zstd,
}

impl KnownCodec {
    /// The name that the command line and JSON use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }

    /// The format id that is written for this codec where the caller gives none.
    #[must_use]
    pub fn default_format_id(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
        }
    }
}

/// What `format_id` is known as.
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
