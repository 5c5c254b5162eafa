//! Errors and hashes as text, for programs that serialize reports.

use serde::{Serialize, Serializer};

use super::{Error, Hex};

/// An error is serialized as its text, followed by its cause.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:#}"))
    }
}

/// A hash is serialized as hexadecimal digits.
pub fn hash<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Hex(hash))
}

/// As [`hash`]; `None` is serialized as none (`null` in JSON).
pub fn optional_hash<S: Serializer>(
    hash: &Option<[u8; 32]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match hash {
        Some(hash) => serializer.serialize_some(&Digits(hash)),
        None => serializer.serialize_none(),
    }
}

struct Digits<'a>(&'a [u8; 32]);

impl Serialize for Digits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hash(self.0, serializer)
    }
}
