//! Why there is no dictionary.

use std::fmt;

use sealpack_core::error::{Cause, DictionaryFault};

/// Why a dictionary cannot be used or trained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DictionaryError {
    /// The bytes are not a dictionary that zstd and a pack can use.
    Unusable(DictionaryFault),
    /// The size that was asked for is outside 1 KiB to 1 MiB.
    Size {
        /// That size in bytes.
        size: u64,
    },
    /// The samples are too few, too small or too similar to train a dictionary with.
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
                write!(f, "a dictionary of {size} bytes, outside 1 KiB to 1 MiB")
            }
            Self::Samples { count, bytes } => write!(
                f,
                "{count} samples, {bytes} bytes, are too little to train a dictionary with"
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
