//! What was read, against what the caller trusts.

use core::fmt;

use super::Hex;

/// What is not what the caller trusts. The bytes may be sound in themselves:
/// no checksum need be wrong (FORMAT.md, *Digest list*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untrusted {
    /// The digest list is of another pack: it has another root, and where the
    /// hash may be either, another content hash too.
    List {
        /// The hash that the caller trusts.
        trusted: [u8; 32],
        /// The root of the list.
        root: [u8; 32],
    },
    /// The digest list, its digests, or the trailer have another content hash.
    ContentHash {
        /// The trusted one.
        trusted: [u8; 32],
        /// The one that was found.
        found: [u8; 32],
    },
    /// A field of the pack's trailer contradicts the digest list.
    Trailer {
        /// Which.
        field: TrailerField,
        /// What the list says.
        trusted: u32,
        /// What the trailer says.
        found: u32,
    },
    /// The app data is another.
    AppData {
        /// The SHA-256 that the root vouches for.
        trusted: [u8; 32],
        /// The SHA-256 of the pack's app data.
        found: [u8; 32],
    },
    /// A block of digests, with the path beside it, does not lead to the top
    /// of the tree.
    Block {
        /// The first record of the block.
        first_record: u32,
        /// The top of the tree that is trusted.
        trusted: [u8; 32],
        /// Where the path leads.
        found: [u8; 32],
    },
    /// The items of a record are others.
    Record {
        /// The record.
        record: u32,
        /// The digest that its items should have.
        trusted: [u8; 32],
        /// The digest that they have.
        found: [u8; 32],
    },
}

/// A field of the trailer that a digest list repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrailerField {
    /// What the items are.
    FormatId,
    /// The number of records.
    RecordCount,
    /// The number of items.
    TotalItems,
    /// Items in every record but the last.
    ItemsPerRecord,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List { trusted, root } => {
                write!(f, "the digest list has root {}, and {} is trusted", Hex(root), Hex(trusted))
            }
            Self::ContentHash { trusted, found } => {
                write!(f, "the content hash is {}, and {} is trusted", Hex(found), Hex(trusted))
            }
            Self::Trailer { field, trusted, found } => {
                write!(f, "the trailer's {field} is {found}, and {trusted} is trusted")
            }
            Self::AppData { trusted, found } => {
                write!(
                    f,
                    "the app data has the hash {}, and {} is trusted",
                    Hex(found),
                    Hex(trusted)
                )
            }
            Self::Block { first_record, found, .. } => write!(
                f,
                "the digests from record {first_record} on lead to {}, which is not the tree that is trusted",
                Hex(found)
            ),
            Self::Record { record, trusted, found } => write!(
                f,
                "the items of record {record} have the digest {}, and {} is trusted",
                Hex(found),
                Hex(trusted)
            ),
        }
    }
}

impl fmt::Display for TrailerField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FormatId => "format id",
            Self::RecordCount => "number of records",
            Self::TotalItems => "number of items",
            Self::ItemsPerRecord => "number of items per record",
        })
    }
}
