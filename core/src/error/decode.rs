//! Why a payload could not be decoded.

use core::fmt;

use super::{Cause, write_cause};

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
    /// The frame needs a dictionary, which records of a pack never do.
    Dictionary,
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
            Self::Dictionary => f.write_str("the frame needs a dictionary"),
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
