//! CRC-32C (Castagnoli), the only checksum of the format: reflected, initial
//! value and final exclusive-or all ones (FORMAT.md, *Conventions*).
//!
//! Crate `crc32c` computes it, with the processor's instruction where there is
//! one. In wasm there is none, and the crate's tables would be a quarter of
//! what a page has to load: `narrow` does with an eighth of them.

#[cfg(any(test, target_family = "wasm"))]
mod narrow;

/// The checksum of `bytes`; of nothing it is 0.
///
/// ```
/// assert_eq!(sealpack_core::wire::crc::crc32c(b"123456789"), 0xe306_9283);
/// assert_eq!(sealpack_core::wire::crc::crc32c(b""), 0);
/// ```
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    extend(0, bytes)
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`.
#[must_use]
#[cfg(not(target_family = "wasm"))]
pub fn extend(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`.
#[must_use]
#[cfg(target_family = "wasm")]
pub fn extend(crc: u32, bytes: &[u8]) -> u32 {
    narrow::extend(crc, bytes)
}
