//! Core's errors as JavaScript errors with stable codes. The codes are a
//! promise to programs; `js/index.d.ts` lists them.

use alloc::string::ToString as _;

use js_sys::{Error as JsError, Reflect};
use sealpack_core::Error;
use sealpack_core::error::{DecodeError, Fault, Misuse, Section, Untrusted};
use wasm_bindgen::JsValue;

/// The error as it is thrown: `code`, `message`, and where it applies
/// `section`, `record` and `fault`.
#[must_use]
pub fn thrown(error: &Error) -> JsValue {
    let js = coded(code(error), &error.to_string());
    if let Error::Corrupt { section, fault } = error {
        set(&js, "section", &section_name(*section).into());
        set(&js, "fault", &fault_name(fault).into());
        if let Section::Record(number) = section {
            set(&js, "record", &(*number).into());
        }
    }
    if let Error::Untrusted(Untrusted::Record { record, .. }) = error {
        set(&js, "record", &(*record).into());
    }
    js
}

/// An error with a code of this crate's own.
#[must_use]
pub fn coded(code: &str, message: &str) -> JsValue {
    let js = JsError::new(message).into();
    set(&js, "code", &code.into());
    js
}

/// Sets a property; an object made here takes every one.
pub(crate) fn set(object: &JsValue, key: &str, value: &JsValue) {
    let _ = Reflect::set(object, &key.into(), value);
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Corrupt { section, fault } => fault_code(*section, fault),
        Error::Limit(_) => "limit",
        Error::Misuse(
            Misuse::Position { .. } | Misuse::RecordNumber { .. } | Misuse::Range { .. },
        ) => "out-of-range",
        Error::Misuse(_) => "invalid-argument",
        Error::Encode { .. } => "encode",
        Error::Untrusted(_) => "untrusted",
        _ => "corrupt",
    }
}

fn fault_code(section: Section, fault: &Fault) -> &'static str {
    match fault {
        Fault::Magic { .. } => "not-a-pack",
        Fault::Truncated { .. } if section == Section::Trailer => "not-a-pack",
        Fault::EarlyDialect
        | Fault::Version { .. }
        | Fault::Flags { .. }
        | Fault::GroupSize { .. }
        | Fault::Decode(DecodeError::Dictionary) => "unsupported",
        Fault::Checksum { .. }
        | Fault::ContentHash { .. }
        | Fault::Decode(DecodeError::FrameChecksum) => "checksum",
        Fault::Decode(DecodeError::AboveLimit { .. }) => "limit",
        Fault::Extract(_) => "extract",
        _ => "corrupt",
    }
}

/// A stable name for the part of the file.
fn section_name(section: Section) -> &'static str {
    match section {
        Section::Trailer => "trailer",
        Section::Index => "index",
        Section::AppData => "app-data",
        Section::Record(_) => "record",
        Section::ContentHash => "content-hash",
        Section::DigestList => "digest-list",
        _ => "unknown",
    }
}

/// A stable name for what is wrong.
fn fault_name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Truncated { .. } => "truncated",
        Fault::Leftover { .. } => "leftover",
        Fault::Magic { .. } => "magic",
        Fault::EarlyDialect => "early-dialect",
        Fault::Version { .. } => "version",
        Fault::Checksum { .. } => "checksum",
        Fault::ContentHash { .. } => "content-hash",
        Fault::Flags { .. } => "flags",
        Fault::GroupSize { .. } => "group-size",
        Fault::Width { .. } => "width",
        Fault::Carry { .. } => "carry",
        Fault::Sections { .. } => "sections",
        Fault::RecordCount { .. } => "record-count",
        Fault::ItemCount { .. } => "item-count",
        Fault::Sum { .. } => "sum",
        Fault::Decode(_) => "decode",
        Fault::Extract(_) => "extract",
        _ => "other",
    }
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
        return Err(coded("invalid-argument", "a size or an offset is no whole number of bytes"));
    }
    Ok(whole)
}

/// A number of bytes for JavaScript. Files end well before 2^53 bytes, and
/// [`to_u64`] let none in that does not.
#[must_use]
pub fn to_f64(value: u64) -> f64 {
    value as f64
}
