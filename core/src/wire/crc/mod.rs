//! CRC-32C (Castagnoli), the only checksum of the format: reflected, initial
//! value and final exclusive-or all ones (FORMAT.md, *Conventions*).
//!
//! The crate `crc32c` computes it, with the processor's instruction if there is
//! one. Wasm has no such instruction, and the crate's tables would be a quarter of
//! what a page loads, so there the module `narrow` uses tables an eighth of their size.

#[cfg(any(test, target_family = "wasm"))]
mod narrow;

/// The checksum of `bytes`; 0 for an empty slice.
///
/// ```
/// assert_eq!(sealpack_core::wire::crc::crc32c(b"123456789"), 0xe306_9283);
/// assert_eq!(sealpack_core::wire::crc::crc32c(b""), 0);
/// ```
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    extend(0, bytes)
}

/// Extends `crc`, the checksum of earlier bytes, by `bytes`.
#[must_use]
#[cfg(not(target_family = "wasm"))]
pub fn extend(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// Extends `crc`, the checksum of earlier bytes, by `bytes`.
#[must_use]
#[cfg(target_family = "wasm")]
pub fn extend(crc: u32, bytes: &[u8]) -> u32 {
    narrow::extend(crc, bytes)
}
