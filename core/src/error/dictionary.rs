//! What is wrong with a dictionary.

use core::fmt;

/// What is wrong with a dictionary (FORMAT.md, *Dictionary*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DictionaryFault {
    /// It has more than 1 MiB.
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// It does not begin like a zstd dictionary.
    NotADictionary,
    /// Its id is 0, so that no frame can name it.
    NoId,
    /// The tables after its header are damaged.
    Tables,
    /// The pack stores another dictionary than the one that a frame names.
    Differs {
        /// The id in the frame.
        named: u32,
        /// The id of the dictionary in the pack.
        stored: u32,
    },
}

impl fmt::Display for DictionaryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size } => {
                write!(f, "a dictionary of {size} bytes, above the maximum of 1 MiB")
            }
            Self::NotADictionary => f.write_str("not a zstd dictionary"),
            Self::NoId => f.write_str("a dictionary without an id"),
            Self::Tables => f.write_str("the tables of the dictionary are damaged"),
            Self::Differs { named, stored } => write!(
                f,
                "the frame needs dictionary {named}, but the pack stores dictionary {stored}"
            ),
        }
    }
}

impl core::error::Error for DictionaryFault {}
