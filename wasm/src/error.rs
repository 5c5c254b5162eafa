//! Core's errors as JavaScript receives them.
//!
//! The module throws numbers: which error, where, and its fields.
//! `js/errors.js` turns them into a stable code and a sentence. Sentences built
//! here would pull in Rust's formatting of numbers and strings, a fifth of the
//! module. `tests/errors.json` keeps the two in step.

use alloc::vec::Vec;

use js_sys::{Array, BigUint64Array};
use sealpack_core::Error;
#[cfg(feature = "names")]
use sealpack_core::error::NamesFault;
use sealpack_core::error::{
    DecodeError, DictionaryFault, Fault, Limit, Misuse, Section, Untrusted,
};
use wasm_bindgen::JsValue;

/// The rows of the table in `js/errors.js`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "each is named for the variant of core's errors that it stands for")]
pub enum ErrorRow {
    Other,
    // Fault
    Truncated,
    Leftover,
    Magic,
    EarlyDialect,
    Version,
    Checksum,
    ContentHash,
    Flags,
    GroupSize,
    Width,
    Carry,
    Sections,
    RecordCount,
    ItemCount,
    Sum,
    Extract,
    Extension,
    // DecodeError
    NotAFrame,
    FrameTruncated,
    Trailing,
    Length,
    AboveLimit,
    FrameChecksum,
    NoContentSize,
    MissingDictionary,
    DictionarySize,
    NotADictionary,
    DictionaryNoId,
    DictionaryTables,
    DictionaryDiffers,
    Codec,
    // Limit
    ItemLimit,
    ItemsLimit,
    RecordLimit,
    IndexLimit,
    AppDataLimit,
    FileLimit,
    MemoryLimit,
    DecodedLimit,
    PackItemsLimit,
    SingleAllocationLimit,
    // Misuse
    Position,
    RecordNumber,
    Supplied,
    Range,
    Order,
    // Encode
    Encode,
    // Untrusted
    UntrustedList,
    UntrustedContentHash,
    UntrustedTrailer,
    UntrustedAppData,
    UntrustedBlock,
    UntrustedRecord,
    // NamesFault, and the limit of a lookup
    NamesCount,
    NamesBlockOrder,
    NamesBlockSize,
    NamesEntry,
    NamesBlockLeftover,
    NamesShared,
    NameLength,
    NameNul,
    NamesExpanded,
    NamesOrder,
    NamesOrderEntry,
    NamesCompanion,
    NamesCompanionSize,
    NamesCompanionHash,
    SameNameLimit,
}

/// What this crate itself refuses: the last rows of the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ModuleRefusal {
    /// A size or an offset is not a whole number of bytes.
    NotWhole = ErrorRow::SameNameLimit as u32 + 1,
    /// The pack is already open, or opening it failed.
    OpeningFinished,
    /// No codec has this name.
    UnknownCodec,
    /// Fewer bytes were supplied than requested.
    FewerBytes,
    /// Not every record was examined.
    RecordsMissing,
    /// A hash of other than 32 bytes.
    HashLength,
    /// The digest list is already open, or opening it failed.
    ListFinished,
    /// No items per record.
    ItemsPerRecord,
    /// Parts of no bytes, or of too many.
    PartSize,
    /// The pack is finished, or building it failed.
    Finished,
    /// The output stream refused a write.
    Stream,
}

impl From<ModuleRefusal> for JsValue {
    fn from(refusal: ModuleRefusal) -> Self {
        let row = [refusal as u64, 0, 0, 0, 0, 0];
        Array::of2(&BigUint64Array::from(&row[..]).into(), &Self::UNDEFINED).into()
    }
}

/// The error as it is thrown: `[numbers, text]`, see [`numbers`] and [`text`].
#[must_use]
pub fn thrown(error: &Error) -> JsValue {
    let text = text(error).map_or(JsValue::UNDEFINED, JsValue::from_str);
    Array::of2(&BigUint64Array::from(&numbers(error)[..]).into(), &text).into()
}

/// The error as numbers: its [`ErrorRow`], the section (0 for none), the number of
/// the record or of the block of names, three fields in the order that the error declares them, and, where
/// the error compares two hashes, both as little-endian words.
#[must_use]
pub fn numbers(error: &Error) -> Vec<u64> {
    let (section, number) = match error {
        #[cfg(feature = "names")]
        Error::Corrupt { fault: Fault::Names(NamesFault::Decode { block, .. }), .. } => {
            (NAMES, *block)
        }
        Error::Corrupt { section, .. } => place(*section),
        Error::Encode { record: Some(record), .. }
        | Error::Untrusted(Untrusted::Record { record, .. }) => (RECORD, *record),
        _ => (0, 0),
    };
    let (row, fields) = match error {
        Error::Corrupt { fault, .. } => fault_row(fault),
        Error::Limit(limit) => limit_row(limit),
        Error::Misuse(misuse) => misuse_row(misuse),
        Error::Encode { .. } => (ErrorRow::Encode, [0; 3]),
        #[cfg(feature = "trust")]
        Error::Untrusted(untrusted) => untrusted_row(untrusted),
        _ => OTHER,
    };
    let [a, b, c] = fields;
    let mut numbers = Vec::from([row as u64, section, number.into(), a, b, c]);
    if let Some(hashes) = hashes(error) {
        let words = hashes.iter().flat_map(|hash| hash.as_chunks().0);
        numbers.extend(words.map(|word| u64::from_le_bytes(*word)));
    }
    numbers
}

/// The two hashes that an error compares: the expected one and the found one.
fn hashes(error: &Error) -> Option<[&[u8; 32]; 2]> {
    match error {
        Error::Corrupt { fault: Fault::ContentHash { stored, computed }, .. } => {
            Some([stored, computed])
        }
        Error::Untrusted(
            Untrusted::List { trusted, root: found }
            | Untrusted::ContentHash { trusted, found }
            | Untrusted::AppData { trusted, found }
            | Untrusted::Block { trusted, found, .. }
            | Untrusted::Record { trusted, found, .. },
        ) => Some([trusted, found]),
        _ => None,
    }
}

/// The message of a codec or an extract.
#[must_use]
pub fn text(error: &Error) -> Option<&str> {
    match error {
        Error::Encode { cause, .. }
        | Error::Corrupt {
            fault: Fault::Extract(cause) | Fault::Decode(DecodeError::Codec(cause)),
            ..
        } => cause.as_text(),
        #[cfg(feature = "names")]
        Error::Corrupt {
            fault: Fault::Names(NamesFault::Decode { error: DecodeError::Codec(cause), .. }),
            ..
        } => cause.as_text(),
        _ => None,
    }
}

const RECORD: u64 = 4;
const NAMES: u64 = 7;

fn place(section: Section) -> (u64, u32) {
    match section {
        Section::Trailer => (1, 0),
        Section::Index => (2, 0),
        Section::AppData => (3, 0),
        Section::Record(number) => (RECORD, number),
        Section::ContentHash => (5, 0),
        Section::DigestList => (6, 0),
        Section::Names => (NAMES, 0),
        _ => (0, 0),
    }
}

/// A row of the table, and up to three fields.
type ErrorFields = (ErrorRow, [u64; 3]);

/// Errors that a later version of core may add.
const OTHER: ErrorFields = (ErrorRow::Other, [0; 3]);

fn fault_row(fault: &Fault) -> ErrorFields {
    match *fault {
        Fault::Truncated { needed, found } => (ErrorRow::Truncated, [needed, found, 0]),
        Fault::Leftover { bytes } => (ErrorRow::Leftover, [bytes, 0, 0]),
        Fault::Magic { found } => (ErrorRow::Magic, [found.into(), 0, 0]),
        Fault::EarlyDialect => (ErrorRow::EarlyDialect, [0; 3]),
        Fault::Version { found } => (ErrorRow::Version, [found.into(), 0, 0]),
        Fault::Checksum { stored, computed } => {
            (ErrorRow::Checksum, [stored.into(), computed.into(), 0])
        }
        Fault::ContentHash { .. } => (ErrorRow::ContentHash, [0; 3]),
        Fault::Flags { found } => (ErrorRow::Flags, [found.into(), 0, 0]),
        Fault::GroupSize { found } => (ErrorRow::GroupSize, [found.into(), 0, 0]),
        Fault::Width { found } => (ErrorRow::Width, [found.into(), 0, 0]),
        Fault::Carry { min, residual } => (ErrorRow::Carry, [min.into(), residual.into(), 0]),
        Fault::Sections { claimed, file } => (ErrorRow::Sections, [claimed, file, 0]),
        Fault::RecordCount { claimed, at_most } => {
            (ErrorRow::RecordCount, [claimed.into(), at_most, 0])
        }
        Fault::ItemCount { items, per_record, records } => {
            (ErrorRow::ItemCount, [items.into(), per_record.into(), records.into()])
        }
        Fault::Sum { expected, found } => (ErrorRow::Sum, [expected, found, 0]),
        Fault::Extract(_) => (ErrorRow::Extract, [0; 3]),
        Fault::Extension { kind } => (ErrorRow::Extension, [kind.into(), 0, 0]),
        Fault::Decode(ref error) => decode_row(error),
        #[cfg(feature = "names")]
        Fault::Names(ref fault) => names_row(fault),
        _ => OTHER,
    }
}

#[cfg(feature = "names")]
fn names_row(fault: &NamesFault) -> ErrorFields {
    let (row, a, b) = match *fault {
        NamesFault::CompanionSize { expected, found } => {
            return (ErrorRow::NamesCompanionSize, [expected, found, 0]);
        }
        NamesFault::CompanionHash => (ErrorRow::NamesCompanionHash, 0, 0),
        NamesFault::Count { names, items } => (ErrorRow::NamesCount, names, items),
        NamesFault::BlockOrder { block } => (ErrorRow::NamesBlockOrder, block, 0),
        NamesFault::BlockSize { block, size } => (ErrorRow::NamesBlockSize, block, size),
        NamesFault::Decode { ref error, .. } => return decode_row(error),
        NamesFault::Entry { position } => (ErrorRow::NamesEntry, position, 0),
        NamesFault::BlockLeftover { position } => (ErrorRow::NamesBlockLeftover, position, 0),
        NamesFault::Shared { position } => (ErrorRow::NamesShared, position, 0),
        NamesFault::NameLength { position } => (ErrorRow::NameLength, position, 0),
        NamesFault::Nul { position } => (ErrorRow::NameNul, position, 0),
        NamesFault::Expanded { position } => (ErrorRow::NamesExpanded, position, 0),
        NamesFault::Order { position } => (ErrorRow::NamesOrder, position, 0),
        NamesFault::OrderEntry { rank, position } => (ErrorRow::NamesOrderEntry, rank, position),
        NamesFault::Companion => (ErrorRow::NamesCompanion, 0, 0),
        _ => return OTHER,
    };
    (row, [a.into(), b.into(), 0])
}

fn decode_row(error: &DecodeError) -> ErrorFields {
    match *error {
        DecodeError::NotAFrame => (ErrorRow::NotAFrame, [0; 3]),
        DecodeError::Truncated => (ErrorRow::FrameTruncated, [0; 3]),
        DecodeError::Trailing { bytes } => (ErrorRow::Trailing, [bytes, 0, 0]),
        DecodeError::Length { expected, found } => (ErrorRow::Length, [expected, found, 0]),
        DecodeError::AboveLimit { limit, found } => (ErrorRow::AboveLimit, [limit, found, 0]),
        DecodeError::FrameChecksum => (ErrorRow::FrameChecksum, [0; 3]),
        DecodeError::NoContentSize { allowed } => (ErrorRow::NoContentSize, [allowed, 0, 0]),
        DecodeError::MissingDictionary { id, given } => {
            (ErrorRow::MissingDictionary, [id.into(), given.unwrap_or(0).into(), 0])
        }
        DecodeError::Dictionary(ref fault) => dictionary_row(fault),
        DecodeError::Codec(_) => (ErrorRow::Codec, [0; 3]),
        _ => OTHER,
    }
}

fn dictionary_row(fault: &DictionaryFault) -> ErrorFields {
    match *fault {
        DictionaryFault::TooLarge { size } => (ErrorRow::DictionarySize, [size, 0, 0]),
        DictionaryFault::NotADictionary => (ErrorRow::NotADictionary, [0; 3]),
        DictionaryFault::NoId => (ErrorRow::DictionaryNoId, [0; 3]),
        DictionaryFault::Tables => (ErrorRow::DictionaryTables, [0; 3]),
        DictionaryFault::Differs { named, stored } => {
            (ErrorRow::DictionaryDiffers, [named.into(), stored.into(), 0])
        }
        _ => OTHER,
    }
}

fn limit_row(limit: &Limit) -> ErrorFields {
    match *limit {
        Limit::Item { length } => (ErrorRow::ItemLimit, [length, 0, 0]),
        Limit::Items => (ErrorRow::ItemsLimit, [0; 3]),
        Limit::Record { size } => (ErrorRow::RecordLimit, [size, 0, 0]),
        Limit::Index { size } => (ErrorRow::IndexLimit, [size, 0, 0]),
        Limit::AppData { length } => (ErrorRow::AppDataLimit, [length, 0, 0]),
        Limit::File => (ErrorRow::FileLimit, [0; 3]),
        Limit::Memory { bytes } => (ErrorRow::MemoryLimit, [bytes, 0, 0]),
        Limit::Decoded { size, limit } => (ErrorRow::DecodedLimit, [size, limit, 0]),
        Limit::PackItems { items, limit } => {
            (ErrorRow::PackItemsLimit, [items.into(), limit.into(), 0])
        }
        Limit::SingleAllocation { bytes, limit } => {
            (ErrorRow::SingleAllocationLimit, [bytes, limit, 0])
        }
        #[cfg(feature = "names")]
        Limit::SameName { limit } => (ErrorRow::SameNameLimit, [limit, 0, 0]),
        _ => OTHER,
    }
}

fn misuse_row(misuse: &Misuse) -> ErrorFields {
    match *misuse {
        Misuse::Position { position, items } => (ErrorRow::Position, [position, items.into(), 0]),
        Misuse::RecordNumber { record, records } => {
            (ErrorRow::RecordNumber, [record, records.into(), 0])
        }
        Misuse::Supplied { wanted, given } => (ErrorRow::Supplied, [wanted, given, 0]),
        Misuse::Range { start, end } => (ErrorRow::Range, [start.into(), end.into(), 0]),
        Misuse::Order { expected, given } => (ErrorRow::Order, [expected.into(), given.into(), 0]),
        _ => OTHER,
    }
}

#[cfg(feature = "trust")]
fn untrusted_row(untrusted: &Untrusted) -> ErrorFields {
    use sealpack_core::error::TrailerField;
    match *untrusted {
        Untrusted::List { .. } => (ErrorRow::UntrustedList, [0; 3]),
        Untrusted::ContentHash { .. } => (ErrorRow::UntrustedContentHash, [0; 3]),
        Untrusted::Trailer { field, trusted, found } => {
            let field = match field {
                TrailerField::FormatId => 0,
                TrailerField::RecordCount => 1,
                TrailerField::TotalItems => 2,
                TrailerField::ItemsPerRecord => 3,
                _ => 4,
            };
            (ErrorRow::UntrustedTrailer, [field, trusted.into(), found.into()])
        }
        Untrusted::AppData { .. } => (ErrorRow::UntrustedAppData, [0; 3]),
        Untrusted::Block { first_record, .. } => {
            (ErrorRow::UntrustedBlock, [first_record.into(), 0, 0])
        }
        Untrusted::Record { record, .. } => (ErrorRow::UntrustedRecord, [record.into(), 0, 0]),
        _ => OTHER,
    }
}

/// An error with a code of this crate's own.
#[cfg(feature = "lab")]
#[must_use]
pub fn coded(code: &str, message: &str) -> JsValue {
    let js = js_sys::Error::new(message).into();
    set(&js, "code", &code.into());
    js
}

/// Sets a property of an object made by this crate, which never refuses one.
#[cfg(any(feature = "build", feature = "lab"))]
pub(crate) fn set(object: &JsValue, key: &str, value: &JsValue) {
    let _ = js_sys::Reflect::set(object, &key.into(), value);
}

/// A whole number of bytes from JavaScript.
///
/// # Errors
/// `invalid-argument` for a fraction, a negative number or one above 2^53.
pub fn to_u64(value: f64) -> Result<u64, JsValue> {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the comparison below finds what the cast drops"
    )]
    let whole = value as u64;
    if value > MAX_EXACT || to_f64(whole) != value {
        return Err(ModuleRefusal::NotWhole.into());
    }
    Ok(whole)
}

/// A number of bytes for JavaScript. Files are far smaller than 2^53 bytes, and
/// [`to_u64`] refuses larger numbers.
#[must_use]
pub fn to_f64(value: u64) -> f64 {
    value as f64
}
