//! Data that the caller's trusted hash does not authenticate.

use core::fmt;

use super::Hex;

/// What the trusted hash does not authenticate. The bytes may be sound in
/// themselves: every checksum may be right (FORMAT.md, *Digest list*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Untrusted {
    /// The digest list belongs to another pack: its root differs from the
    /// trusted hash. If the caller did not say which of the two hashes it trusts,
    /// the list's content hash differs too.
    List {
        /// The hash that the caller trusts.
        trusted: [u8; 32],
        /// The root of the list.
        root: [u8; 32],
    },
    /// The content hash of the digest list, of its digests, or of the trailer
    /// differs.
    ContentHash {
        /// The trusted hash.
        trusted: [u8; 32],
        /// The hash that was found.
        found: [u8; 32],
    },
    /// A field of the pack's trailer contradicts the digest list.
    Trailer {
        /// The field.
        field: TrailerField,
        /// Its value in the list.
        trusted: u32,
        /// Its value in the trailer.
        found: u32,
    },
    /// The app data differs.
    AppData {
        /// The SHA-256 that the root covers.
        trusted: [u8; 32],
        /// The SHA-256 of the pack's app data.
        found: [u8; 32],
    },
    /// A block of digests, together with its path, does not lead to the top of
    /// the tree.
    Block {
        /// The first record of the block.
        first_record: u32,
        /// The top of the trusted tree.
        trusted: [u8; 32],
        /// The hash to which the path leads.
        found: [u8; 32],
    },
    /// The items of a record differ.
    Record {
        /// The record.
        record: u32,
        /// The trusted digest of its items.
        trusted: [u8; 32],
        /// The digest of the items that were read.
        found: [u8; 32],
    },
}

/// A field of the trailer that a digest list repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrailerField {
    /// The format id.
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
                write!(f, "the digest list has root {}, but {} is trusted", Hex(root), Hex(trusted))
            }
            Self::ContentHash { trusted, found } => {
                write!(f, "the content hash is {}, but {} is trusted", Hex(found), Hex(trusted))
            }
            Self::Trailer { field, trusted, found } => {
                write!(f, "the trailer's {field} is {found}, but {trusted} is trusted")
            }
            Self::AppData { trusted, found } => {
                write!(
                    f,
                    "the app data has the hash {}, but {} is trusted",
                    Hex(found),
                    Hex(trusted)
                )
            }
            Self::Block { first_record, found, .. } => write!(
                f,
                "the digests from record {first_record} on lead to {}, which is not the top of the trusted tree",
                Hex(found)
            ),
            Self::Record { record, trusted, found } => write!(
                f,
                "the items of record {record} have the digest {}, but {} is trusted",
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
