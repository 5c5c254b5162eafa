//! What is wrong with the names of a pack.

use core::fmt;

use super::DecodeError;

/// What is wrong with the names of a pack (FORMAT.md, *Names*). The items can still
/// be read by position.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NamesFault {
    /// The number of names differs from the number of items.
    Count {
        /// The number of names.
        names: u32,
        /// The number of items.
        items: u32,
    },
    /// A block does not end after the block before it, in positions or in bytes; or
    /// there is no such block.
    BlockOrder {
        /// The block, counted from 0.
        block: u32,
    },
    /// A block claims an impossible size.
    BlockSize {
        /// The block, counted from 0.
        block: u32,
        /// Its claimed size before compression, in bytes.
        size: u32,
    },
    /// A block cannot be decompressed.
    Decode {
        /// The block, counted from 0.
        block: u32,
        /// Why not.
        error: DecodeError,
    },
    /// A block ends before the name of this position does, or one of its lengths
    /// takes more than three bytes.
    Entry {
        /// The position.
        position: u32,
    },
    /// Bytes follow the last name of a block.
    BlockLeftover {
        /// The first position of the block.
        position: u32,
    },
    /// A name claims to share more bytes with the previous name than that name has.
    Shared {
        /// The position of the name.
        position: u32,
    },
    /// A name above 65,535 bytes.
    NameLength {
        /// The position of the name.
        position: u32,
    },
    /// A name that contains a NUL byte.
    Nul {
        /// The position of the name.
        position: u32,
    },
    /// The expanded names of a block take more than 4 MiB.
    Expanded {
        /// The position of the first name above the limit.
        position: u32,
    },
    /// The names are marked as sorted, but this one sorts before the previous one.
    Order {
        /// The position of the name.
        position: u32,
    },
    /// The sorted order contains a position that the pack does not have.
    OrderEntry {
        /// The place in the sorted order, counted from 0.
        rank: u32,
        /// The position.
        position: u32,
    },
    /// The names are in a file next to the pack, which this reader cannot open.
    Companion,
    /// The file next to the pack does not have the size that the pack states.
    CompanionSize {
        /// The size that the pack states, in bytes.
        expected: u64,
        /// The size of the file, in bytes.
        found: u64,
    },
    /// The file next to the pack does not have the hash that the pack states: it
    /// belongs to another pack, or is damaged.
    CompanionHash,
}

impl fmt::Display for NamesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { names, items } => {
                write!(f, "there are {names} names for {items} items")
            }
            Self::BlockOrder { block } => {
                write!(f, "block {block} does not follow the block before it")
            }
            Self::BlockSize { block, size } => {
                write!(f, "block {block} claims an impossible size of {size} bytes")
            }
            Self::Decode { block, error } => {
                write!(f, "block {block}: ")?;
                error.fmt(f)
            }
            Self::Entry { position } => write!(f, "the name of item {position} is cut short"),
            Self::BlockLeftover { position } => {
                write!(f, "bytes follow the last name of the block of item {position}")
            }
            Self::Shared { position } => write!(
                f,
                "the name of item {position} claims to share more bytes with the previous name than that name has"
            ),
            Self::NameLength { position } => {
                write!(f, "the name of item {position} has more than 65535 bytes")
            }
            Self::Nul { position } => {
                write!(f, "the name of item {position} contains a NUL byte")
            }
            Self::Expanded { position } => {
                write!(f, "the names of the block of item {position} take more than 4 MiB")
            }
            Self::Order { position } => write!(
                f,
                "the name of item {position} sorts before the previous one, but the names are marked as sorted"
            ),
            Self::OrderEntry { rank, position } => {
                write!(
                    f,
                    "entry {rank} of the sorted order is item {position}, which does not exist"
                )
            }
            Self::Companion => {
                f.write_str("they are in a file next to the pack, which cannot be opened here")
            }
            Self::CompanionSize { expected, found } => {
                write!(f, "the file next to the pack has {found} bytes instead of {expected}")
            }
            Self::CompanionHash => {
                f.write_str("the file next to the pack does not have the hash that the pack states")
            }
        }
    }
}
