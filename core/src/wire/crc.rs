//! CRC-32C (Castagnoli), the only checksum of the format: reflected, initial
//! value and final exclusive-or all ones (FORMAT.md, *Conventions*).

/// The checksum of `bytes`; of nothing it is 0.
///
/// ```
/// assert_eq!(sealpack_core::wire::crc::crc32c(b"123456789"), 0xe306_9283);
/// assert_eq!(sealpack_core::wire::crc::crc32c(b""), 0);
/// ```
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`.
#[must_use]
pub fn extend(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}
