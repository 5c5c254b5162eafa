//! Why a payload could not be decoded.

use core::fmt;

use super::{Cause, DictionaryFault, write_cause};

/// Why a payload could not be decoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes do not start like a frame of this codec.
    NotAFrame,
    /// The frame ends early.
    Truncated,
    /// The frame is followed by bytes that are not an empty frame.
    Trailing {
        /// The number of bytes after the first frame.
        bytes: u64,
    },
    /// The payload does not have the expected length.
    Length {
        /// The expected length in bytes.
        expected: u64,
        /// Its actual or stated length, or a lower bound of it.
        found: u64,
    },
    /// The payload is longer than the caller's limit.
    AboveLimit {
        /// The limit in bytes.
        limit: u64,
        /// A lower bound of its actual or stated length.
        found: u64,
    },
    /// The frame's own checksum does not match its content.
    FrameChecksum,
    /// The frame carries no content size, and decodes to more bytes than such
    /// a frame may.
    NoContentSize {
        /// Four times the encoded payload.
        allowed: u64,
    },
    /// The frame needs a dictionary that neither the pack nor the caller provides.
    /// The record may be sound.
    MissingDictionary {
        /// The id of the dictionary that the frame names.
        id: u32,
        /// The id of the dictionary that the caller gave, if any.
        given: Option<u32>,
    },
    /// The frame needs a dictionary, and the one that the pack stores is not usable.
    Dictionary(DictionaryFault),
    /// The codec's own error.
    Codec(Cause),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFrame => f.write_str("the payload is not a frame of this codec"),
            Self::Truncated => f.write_str("the frame ends early"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes follow the frame"),
            Self::Length { expected, found } => {
                write!(f, "the payload decodes to {found} bytes instead of {expected}")
            }
            Self::AboveLimit { limit, found } => {
                write!(f, "the payload decodes to {found} bytes, above the limit of {limit}")
            }
            Self::FrameChecksum => f.write_str("the frame's checksum does not match"),
            Self::NoContentSize { allowed } => write!(
                f,
                "the frame carries no content size and decodes to more than four times its bytes ({allowed})"
            ),
            Self::MissingDictionary { id, given: None } => {
                write!(f, "the frame needs dictionary {id}, which this reader does not have")
            }
            Self::MissingDictionary { id, given: Some(given) } => write!(
                f,
                "the frame needs dictionary {id}, which this reader does not have; the one given is dictionary {given}"
            ),
            Self::Dictionary(fault) => fault.fmt(f),
            Self::Codec(cause) => {
                f.write_str("the payload cannot be decoded")?;
                write_cause(f, cause)
            }
        }
    }
}

impl core::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Codec(cause) => Some(cause.get()),
            _ => None,
        }
    }
}
