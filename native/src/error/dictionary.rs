//! Why a dictionary cannot be used or trained.

use std::fmt;

use sealpack_core::error::{Cause, DictionaryFault};

/// Why a dictionary cannot be used or trained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DictionaryError {
    /// The bytes are not a dictionary that zstd and a pack can use.
    Unusable(DictionaryFault),
    /// The requested size is not within 1 KiB and 1 MiB.
    Size {
        /// The requested size in bytes.
        size: u64,
    },
    /// The samples are too few or too small to train a dictionary, or have nothing in
    /// common.
    Samples {
        /// The number of samples of at least 8 bytes.
        count: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// zstd's own error.
    Training(Cause),
}

impl fmt::Display for DictionaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(fault) => fault.fmt(f),
            Self::Size { size } => {
                write!(f, "a dictionary has 1 KiB to 1 MiB, not {size} bytes")
            }
            Self::Samples { count, bytes } => write!(
                f,
                "too few samples to train a dictionary, or too different ones: {count} samples of \
                 {bytes} bytes in all"
            ),
            Self::Training(_) => f.write_str("the dictionary cannot be trained"),
        }
    }
}

impl std::error::Error for DictionaryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unusable(fault) => Some(fault),
            Self::Training(cause) => Some(cause.get()),
            Self::Size { .. } | Self::Samples { .. } => None,
        }
    }
}
