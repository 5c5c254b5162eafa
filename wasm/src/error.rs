//! Core's errors for JavaScript.
//!
//! What is thrown is numbers: which error, where, and what it is about.
//! `js/errors.js` makes the stable code and the sentence of them; sentences
//! here would bring the formatting of numbers and strings along, which is a
//! fifth of the module. `tests/errors.json` holds both sides to the same.

use alloc::vec::Vec;

use js_sys::{Array, BigUint64Array};
use sealpack_core::Error;
use sealpack_core::error::{DecodeError, Fault, Limit, Misuse, Section, Untrusted};
use wasm_bindgen::JsValue;

/// The error as it is thrown: `[numbers, words]`, as [`numbers`] and [`words`]
/// give them.
#[must_use]
pub fn thrown(error: &Error) -> JsValue {
    let words = words(error).map_or(JsValue::UNDEFINED, JsValue::from_str);
    Array::of2(&BigUint64Array::from(&numbers(error)[..]).into(), &words).into()
}

/// The error as numbers: the row of the table in `js/errors.js`, the section
/// (0 for none), the record, and the fields of the error in their order: three,
/// and behind them the two hashes that it may be about, as little-endian words.
#[must_use]
pub fn numbers(error: &Error) -> Vec<u64> {
    let (section, record) = match error {
        Error::Corrupt { section, .. } => place(*section),
        Error::Encode { record: Some(record), .. }
        | Error::Untrusted(Untrusted::Record { record, .. }) => (RECORD, *record),
        _ => (0, 0),
    };
    let (row, fields) = match error {
        Error::Corrupt { fault, .. } => fault_row(fault),
        Error::Limit(limit) => limit_row(limit),
        Error::Misuse(misuse) => misuse_row(misuse),
        Error::Encode { .. } => (39, [0; 3]),
        #[cfg(feature = "trust")]
        Error::Untrusted(untrusted) => untrusted_row(untrusted),
        _ => (0, [0; 3]),
    };
    let [a, b, c] = fields;
    let mut numbers = Vec::from([row, section, record.into(), a, b, c]);
    if let Some(hashes) = hashes(error) {
        let words = hashes.iter().flat_map(|hash| hash.as_chunks().0);
        numbers.extend(words.map(|word| u64::from_le_bytes(*word)));
    }
    numbers
}

/// The two hashes that an error is about: what there should be, what there is.
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

/// What a codec or an extract said.
#[must_use]
pub fn words(error: &Error) -> Option<&str> {
    match error {
        Error::Encode { cause, .. }
        | Error::Corrupt {
            fault: Fault::Extract(cause) | Fault::Decode(DecodeError::Codec(cause)),
            ..
        } => cause.as_text(),
        _ => None,
    }
}

const RECORD: u64 = 4;

fn place(section: Section) -> (u64, u32) {
    match section {
        Section::Trailer => (1, 0),
        Section::Index => (2, 0),
        Section::AppData => (3, 0),
        Section::Record(number) => (RECORD, number),
        Section::ContentHash => (5, 0),
        Section::DigestList => (6, 0),
        _ => (0, 0),
    }
}

/// A row of the table, and up to three fields.
type Row = (u64, [u64; 3]);

fn fault_row(fault: &Fault) -> Row {
    match *fault {
        Fault::Truncated { needed, found } => (1, [needed, found, 0]),
        Fault::Leftover { bytes } => (2, [bytes, 0, 0]),
        Fault::Magic { found } => (3, [found.into(), 0, 0]),
        Fault::EarlyDialect => (4, [0, 0, 0]),
        Fault::Version { found } => (5, [found.into(), 0, 0]),
        Fault::Checksum { stored, computed } => (6, [stored.into(), computed.into(), 0]),
        Fault::ContentHash { .. } => (7, [0, 0, 0]),
        Fault::Flags { found } => (8, [found.into(), 0, 0]),
        Fault::GroupSize { found } => (9, [found.into(), 0, 0]),
        Fault::Width { found } => (10, [found.into(), 0, 0]),
        Fault::Carry { min, residual } => (11, [min.into(), residual.into(), 0]),
        Fault::Sections { claimed, file } => (12, [claimed, file, 0]),
        Fault::RecordCount { claimed, at_most } => (13, [claimed.into(), at_most, 0]),
        Fault::ItemCount { items, per_record, records } => {
            (14, [items.into(), per_record.into(), records.into()])
        }
        Fault::Sum { expected, found } => (15, [expected, found, 0]),
        Fault::Extract(_) => (16, [0, 0, 0]),
        Fault::Decode(ref error) => decode_row(error),
        _ => (0, [0, 0, 0]),
    }
}

fn decode_row(error: &DecodeError) -> Row {
    match *error {
        DecodeError::NotAFrame => (17, [0, 0, 0]),
        DecodeError::Truncated => (18, [0, 0, 0]),
        DecodeError::Trailing { bytes } => (19, [bytes, 0, 0]),
        DecodeError::Length { expected, found } => (20, [expected, found, 0]),
        DecodeError::AboveLimit { limit, found } => (21, [limit, found, 0]),
        DecodeError::FrameChecksum => (22, [0, 0, 0]),
        DecodeError::NoContentSize { allowed } => (23, [allowed, 0, 0]),
        DecodeError::Dictionary => (24, [0, 0, 0]),
        DecodeError::Codec(_) => (25, [0, 0, 0]),
        _ => (0, [0, 0, 0]),
    }
}

fn limit_row(limit: &Limit) -> Row {
    match *limit {
        Limit::Item { length } => (26, [length, 0, 0]),
        Limit::Items => (27, [0, 0, 0]),
        Limit::Record { size } => (28, [size, 0, 0]),
        Limit::Index { size } => (29, [size, 0, 0]),
        Limit::AppData { length } => (30, [length, 0, 0]),
        Limit::File => (31, [0, 0, 0]),
        Limit::Memory { bytes } => (32, [bytes, 0, 0]),
        Limit::Decoded { size, limit } => (33, [size, limit, 0]),
        Limit::PackItems { items, limit } => (46, [items.into(), limit.into(), 0]),
        Limit::SingleAllocation { bytes, limit } => (47, [bytes, limit, 0]),
        _ => (0, [0, 0, 0]),
    }
}

fn misuse_row(misuse: &Misuse) -> Row {
    match *misuse {
        Misuse::Position { position, items } => (34, [position, items.into(), 0]),
        Misuse::RecordNumber { record, records } => (35, [record, records.into(), 0]),
        Misuse::Supplied { wanted, given } => (36, [wanted, given, 0]),
        Misuse::Range { start, end } => (37, [start.into(), end.into(), 0]),
        Misuse::Order { expected, given } => (38, [expected.into(), given.into(), 0]),
        _ => (0, [0, 0, 0]),
    }
}

#[cfg(feature = "trust")]
fn untrusted_row(untrusted: &Untrusted) -> Row {
    use sealpack_core::error::TrailerField;
    match *untrusted {
        Untrusted::List { .. } => (40, [0; 3]),
        Untrusted::ContentHash { .. } => (41, [0; 3]),
        Untrusted::Trailer { field, trusted, found } => {
            let field = match field {
                TrailerField::FormatId => 0,
                TrailerField::RecordCount => 1,
                TrailerField::TotalItems => 2,
                TrailerField::ItemsPerRecord => 3,
                _ => 4,
            };
            (42, [field, trusted.into(), found.into()])
        }
        Untrusted::AppData { .. } => (43, [0; 3]),
        Untrusted::Block { first_record, .. } => (44, [first_record.into(), 0, 0]),
        Untrusted::Record { record, .. } => (45, [record.into(), 0, 0]),
        _ => (0, [0; 3]),
    }
}

/// What the skin refuses by itself: rows of the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Refusal {
    /// A size or an offset is no whole number of bytes.
    NotWhole = 48,
    /// The pack is open already, or was refused.
    OpeningSpent,
    /// No codec of that name.
    Codec,
    /// Fewer bytes were handed over than were asked for.
    FewerBytes,
    /// Not every record was looked at.
    RecordsMissing,
    /// A hash of other than 32 bytes.
    NoHash,
    /// The digest list is open already, or was refused.
    ListSpent,
    /// No items a record.
    ItemsPerRecord,
    /// Parts of no bytes, or of too many.
    PartSize,
    /// The pack is finished, or could not be.
    Finished,
    /// The output stream took no more.
    Stream,
}

impl From<Refusal> for JsValue {
    fn from(refusal: Refusal) -> Self {
        let row = [refusal as u64, 0, 0, 0, 0, 0];
        Array::of2(&BigUint64Array::from(&row[..]).into(), &Self::UNDEFINED).into()
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

/// Sets a property; an object made here takes every one.
#[cfg(any(feature = "build", feature = "lab"))]
pub(crate) fn set(object: &JsValue, key: &str, value: &JsValue) {
    let _ = js_sys::Reflect::set(object, &key.into(), value);
}

/// A whole number of bytes from JavaScript.
///
/// # Errors
/// `invalid-argument` for a fraction, a negative number or one above 2^53.
pub fn to_u64(value: f64) -> Result<u64, JsValue> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what it cuts off is looked at below"
    )]
    let whole = value as u64;
    if value > MOST || to_f64(whole) != value {
        return Err(Refusal::NotWhole.into());
    }
    Ok(whole)
}

/// A number of bytes for JavaScript. Files end well before 2^53 bytes, and
/// [`to_u64`] let none in that does not.
#[must_use]
pub fn to_f64(value: u64) -> f64 {
    value as f64
}
