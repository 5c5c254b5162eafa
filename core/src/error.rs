//! What can go wrong, as data.
//!
//! Every function of the format returns one [`Error`]. It distinguishes a
//! damaged file ([`Corrupt`](Error::Corrupt): *where* and *what*), a size that
//! the format or the caller's limits do not allow ([`Limit`](Error::Limit)),
//! data that a trusted hash does not authenticate
//! ([`Untrusted`](Error::Untrusted)), and a mistake of the caller
//! ([`Misuse`](Error::Misuse)). There is no I/O variant, because core does no
//! I/O.
//!
//! The text of an error leaves out its cause, which is its `source`. The
//! alternate form (`{:#}`) is the text followed by the cause.

mod cause;
mod decode;
mod dictionary;
mod names;

pub use cause::Cause;
pub use decode::DecodeError;
pub use dictionary::DictionaryFault;
pub use names::NamesFault;

use core::fmt;

#[cfg(feature = "serde")]
pub mod serialize;
mod untrusted;
pub use untrusted::{TrailerField, Untrusted};

/// The error type of this crate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes violate the format.
    Corrupt {
        /// The part of the file that is damaged.
        section: Section,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A size above what the format can hold, or above the caller's limit.
    Limit(Limit),
    /// The caller asked for something that the pack does not contain, or broke
    /// a rule of the interface.
    Misuse(Misuse),
    /// The trusted hash does not authenticate the data, sound or not.
    Untrusted(Untrusted),
    /// An encoder, or the caller's hash extract, failed while writing.
    Encode {
        /// The record that was being encoded; `None` if closing the encoder
        /// failed.
        record: Option<u32>,
        /// The error it returned.
        cause: Cause,
    },
}

/// A part of a packfile (FORMAT.md, *File*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Section {
    /// The last 76 bytes.
    Trailer,
    /// The offset index and its checksum.
    Index,
    /// The application's data, between index and trailer.
    AppData,
    /// The record of this number, counted from 0.
    Record(u32),
    /// The hash over all items.
    ContentHash,
    /// The list of the records' digests, a file next to the pack.
    DigestList,
    /// The names of the items: a part of the app data, or a file next to the pack.
    Names,
}

/// What is wrong with a [`Section`]: what was expected, and what was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The section needs more bytes than there are.
    Truncated {
        /// Bytes that the section needs.
        needed: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// Surplus bytes, which belong to no part of the section.
    Leftover {
        /// How many.
        bytes: u64,
    },
    /// The trailer does not begin with `SLCH`.
    Magic {
        /// The four bytes found there, read little-endian.
        found: u32,
    },
    /// The file is written in the early dialect: magic `HCLS`, a trailer of 64
    /// bytes.
    EarlyDialect,
    /// A version other than 1.
    Version {
        /// The version that the file states.
        found: u8,
    },
    /// A CRC-32C does not match.
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The content hash does not match.
    ContentHash {
        /// The hash in the trailer.
        stored: [u8; 32],
        /// The hash of the items.
        computed: [u8; 32],
    },
    /// A flag bit that version 1 does not define.
    Flags {
        /// The flags byte.
        found: u8,
    },
    /// The groups of the index do not have 128 values.
    GroupSize {
        /// The group size that the trailer states.
        found: u16,
    },
    /// A frame-of-reference group with a bit width outside 1..=32.
    Width {
        /// The width that it states.
        found: u8,
    },
    /// A value of a frame-of-reference group exceeds 2^32-1.
    Carry {
        /// The group's smallest value.
        min: u32,
        /// The residual that overflows when it is added to `min`.
        residual: u32,
    },
    /// The sections that the trailer describes are larger than the file.
    Sections {
        /// Bytes of index, app data and trailer together.
        claimed: u64,
        /// Bytes of the file.
        file: u64,
    },
    /// More records than an index of that size can describe.
    RecordCount {
        /// Records that the trailer states.
        claimed: u32,
        /// The maximum that the index can describe.
        at_most: u64,
    },
    /// The numbers of items, items per record and records contradict each
    /// other.
    ItemCount {
        /// Items that the trailer states.
        items: u32,
        /// Items per record.
        per_record: u32,
        /// Records that the trailer states.
        records: u32,
    },
    /// Sizes do not add up to the number of bytes that they describe.
    Sum {
        /// The bytes they describe.
        expected: u64,
        /// Their sum.
        found: u64,
    },
    /// The record's payload cannot be decoded.
    Decode(DecodeError),
    /// The caller's hash extract refused an item during verification.
    Extract(Cause),
    /// The app data contains an extension that this version does not know and must
    /// not ignore: the extension may change how items are read.
    Extension {
        /// The kind of the extension.
        kind: u32,
    },
    /// The names of the items contradict themselves or the pack.
    Names(NamesFault),
}

impl Fault {
    /// The error for this fault in `section`.
    #[must_use]
    pub fn in_section(self, section: Section) -> Error {
        Error::Corrupt { section, fault: self }
    }
}

/// A size that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// An item above 2^32-1 bytes.
    Item {
        /// Its length in bytes.
        length: u64,
    },
    /// A pack holds at most 2^32-1 items.
    Items,
    /// A record, as stored, above 2^32-1 bytes.
    Record {
        /// A lower bound of its size in bytes.
        size: u64,
    },
    /// The offset index above 2^32-1 bytes.
    Index {
        /// A lower bound of its size in bytes.
        size: u64,
    },
    /// App data above 2^32-1 bytes.
    AppData {
        /// Its length in bytes.
        length: u64,
    },
    /// A name above 65,535 bytes.
    Name {
        /// Its length in bytes.
        length: u64,
    },
    /// The names of a pack above 2^32-1 bytes, compressed.
    Names {
        /// A lower bound of their size in bytes.
        size: u64,
    },
    /// More items with the same name than can be returned.
    SameName {
        /// The limit.
        limit: u64,
    },
    /// A file of 2^64 bytes or more.
    File,
    /// More than this platform can address.
    Memory {
        /// The bytes that were asked for.
        bytes: u64,
    },
    /// A record decodes to more than the reader's limit.
    Decoded {
        /// A lower bound of its decoded size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The trailer states more items than the reader's limit.
    PackItems {
        /// The number of items that it states.
        items: u32,
        /// The limit.
        limit: u32,
    },
    /// Index and app data together, or one stored record, need more memory
    /// than the reader's limit allows for a single allocation.
    SingleAllocation {
        /// The bytes needed.
        bytes: u64,
        /// The maximum: a quarter of the memory limit.
        limit: u64,
    },
}

/// A rule of the interface that the caller broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// An item that the pack does not have.
    Position {
        /// The position asked for.
        position: u64,
        /// The number of items in the pack.
        items: u32,
    },
    /// A record that the pack does not have.
    RecordNumber {
        /// The record asked for.
        record: u64,
        /// The number of records in the pack.
        records: u32,
    },
    /// The driver supplied a different number of bytes than was asked for.
    Supplied {
        /// Bytes asked for.
        wanted: u64,
        /// Bytes supplied.
        given: u64,
    },
    /// A range that ends before it starts.
    Range {
        /// Its first position.
        start: u32,
        /// The position it ends before.
        end: u32,
    },
    /// A name that contains a NUL byte.
    Nul,
    /// Records supplied out of order.
    Order {
        /// The next record in order.
        expected: u32,
        /// The record that was supplied.
        given: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { section, fault } => {
                write!(f, "{section}: ")?;
                fault.fmt(f)
            }
            Self::Limit(limit) => limit.fmt(f),
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::Untrusted(untrusted) => untrusted.fmt(f),
            Self::Encode { record: Some(record), cause } => {
                write!(f, "record {record} could not be encoded")?;
                write_cause(f, cause)
            }
            Self::Encode { record: None, cause } => {
                f.write_str("closing the encoder failed")?;
                write_cause(f, cause)
            }
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Encode { cause, .. }
            | Self::Corrupt {
                fault:
                    Fault::Decode(DecodeError::Codec(cause))
                    | Fault::Names(NamesFault::Decode { error: DecodeError::Codec(cause), .. })
                    | Fault::Extract(cause),
                ..
            } => Some(cause.get()),
            _ => None,
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trailer => f.write_str("trailer"),
            Self::Index => f.write_str("offset index"),
            Self::AppData => f.write_str("app data"),
            Self::Record(number) => write!(f, "record {number}"),
            Self::ContentHash => f.write_str("content hash"),
            Self::DigestList => f.write_str("digest list"),
            Self::Names => f.write_str("names"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => {
                write!(f, "needs {needed} bytes, but has {found}")
            }
            Self::Leftover { bytes } => write!(f, "{bytes} bytes too many"),
            Self::Magic { found } => write!(f, "not a packfile: the magic is {found:#010x}"),
            Self::EarlyDialect => f.write_str(
                "the early dialect (magic HCLS, a trailer of 64 bytes) is not supported: write the file again with a newer writer",
            ),
            Self::Version { found } => write!(f, "version {found} is not supported, only version 1"),
            Self::Checksum { stored, computed } => {
                write!(f, "the checksum is {computed:#010x}, but should be {stored:#010x}")
            }
            Self::ContentHash { stored, computed } => {
                write!(f, "the hash is {}, but should be {}", Hex(computed), Hex(stored))
            }
            Self::Flags { found } => write!(f, "unknown flags: {found:#04x}"),
            Self::GroupSize { found } => write!(f, "groups of {found} values, but only 128 is supported"),
            Self::Width { found } => write!(f, "a bit width of {found}, outside 1 to 32"),
            Self::Carry { min, residual } => {
                write!(f, "the value {min} + {residual} exceeds 2^32-1")
            }
            Self::Sections { claimed, file } => {
                write!(f, "the sections take {claimed} bytes, but the file has {file}")
            }
            Self::RecordCount { claimed, at_most } => {
                write!(f, "{claimed} records stated, but the index has room for {at_most}")
            }
            Self::ItemCount { items, per_record, records } => {
                write!(f, "{items} items at {per_record} per record do not make {records} records")
            }
            Self::Sum { expected, found } => {
                write!(f, "the sizes add up to {found} bytes instead of {expected}")
            }
            Self::Decode(error) => error.fmt(f),
            Self::Extract(cause) => {
                f.write_str("the hash extract failed")?;
                write_cause(f, cause)
            }
            Self::Extension { kind } => write!(
                f,
                "extension {kind} is unknown: only a newer version can read the items"
            ),
            Self::Names(fault) => fault.fmt(f),
        }
    }
}

/// The alternate form of an error is its text followed by the cause.
fn write_cause(f: &mut fmt::Formatter<'_>, cause: &Cause) -> fmt::Result {
    if f.alternate() { write!(f, ": {cause}") } else { Ok(()) }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX: u32 = u32::MAX;
        match self {
            Self::Item { length } => {
                write!(f, "an item of {length} bytes, above the maximum of {MAX}")
            }
            Self::Items => write!(f, "a pack holds at most {MAX} items"),
            Self::Record { size } => {
                write!(f, "a record of {size} bytes, above the maximum of {MAX}")
            }
            Self::Index { size } => {
                write!(f, "an offset index of {size} bytes, above the maximum of {MAX}")
            }
            Self::AppData { length } => {
                write!(f, "app data of {length} bytes, above the maximum of {MAX}")
            }
            Self::Name { length } => {
                write!(f, "a name of {length} bytes, above the maximum of 65535")
            }
            Self::Names { size } => {
                write!(f, "names of {size} bytes, above the maximum of {MAX}")
            }
            Self::SameName { limit } => write!(f, "more than {limit} items have this name"),
            Self::File => f.write_str("a file of 2^64 bytes or more"),
            Self::Memory { bytes } => {
                write!(f, "{bytes} bytes are more than this platform can address")
            }
            Self::Decoded { size, limit } => {
                write!(f, "a record decodes to {size} bytes, above the limit of {limit}")
            }
            Self::PackItems { items, limit } => {
                write!(f, "the pack holds {items} items, above the limit of {limit}")
            }
            Self::SingleAllocation { bytes, limit } => {
                write!(f, "a single allocation of {bytes} bytes, above the limit of {limit}")
            }
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position { position, items } => {
                write!(f, "no item {position}: the pack has {items}, counted from 0")
            }
            Self::RecordNumber { record, records } => {
                write!(f, "no record {record}: the pack has {records}, counted from 0")
            }
            Self::Supplied { wanted, given } => {
                write!(f, "{given} bytes were supplied instead of {wanted}")
            }
            Self::Range { start, end } => {
                write!(f, "the range start {start} exceeds its end {end}")
            }
            Self::Nul => f.write_str("a name cannot contain a NUL byte"),
            Self::Order { expected, given } => {
                write!(f, "record {given} was supplied instead of record {expected}")
            }
        }
    }
}

/// Formats bytes as lower-case hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
