//! Formats numbers and sizes for people, and parses them.

use std::fmt;
use std::num::IntErrorKind;

use sealpack::core::stream::BufferSize;

/// Formats a number with separated thousands: `8,600,000`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole number, formatted as [`grouped`] does; a format string can pad it.
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(true, "", &grouped(self.0))
    }
}

/// A size in decimal units: `1.23 GB`.
pub struct Decimal(pub u64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        indicatif::DecimalBytes(self.0).fmt(f)
    }
}

/// A number of bytes, exact and rounded: `1,234 bytes (1.23 kB)`.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            size @ 0..1000 => write!(f, "{size} bytes"),
            size => write!(f, "{} bytes ({})", Count(size), Decimal(size)),
        }
    }
}

/// Parses the size of the output stream's buffer, in bytes.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn parse_buffer_size(text: &str) -> Result<BufferSize, String> {
    let bytes: usize = text.parse().map_err(|error| format!("{error}"))?;
    BufferSize::new(bytes).ok_or_else(|| format!("1 to {} bytes", BufferSize::MAX))
}

/// The reason why a size cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// Not a number, or an unknown unit.
    Unknown,
    /// More than 2^64-1 bytes.
    TooLarge,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => {
                "a size is a number of bytes, with or without a unit: 65536, 64KiB, 1M, 1GB"
            }
            Self::TooLarge => "more than 2^64-1 bytes",
        })
    }
}

impl std::error::Error for SizeError {}

/// Parses a number of bytes: `1000`, `1_000`, `64KiB`, `1M`. As in `dd`, `K`
/// and `KiB` are 1024 bytes, `KB` is 1000.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: u64 = digits.replace('_', "").parse().map_err(too_large_or_unknown)?;
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(SizeError::Unknown),
    };
    number.checked_mul(unit).ok_or(SizeError::TooLarge)
}

fn too_large_or_unknown(error: std::num::ParseIntError) -> SizeError {
    match error.kind() {
        IntErrorKind::PosOverflow => SizeError::TooLarge,
        _ => SizeError::Unknown,
    }
}

/// Parses a `u32` in decimal or, after `0x`, in hexadecimal.
pub fn parse_u32(text: &str) -> Result<u32, std::num::ParseIntError> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(&digits.replace('_', ""), 16),
        None => text.replace('_', "").parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_as_in_dd() {
        for (text, bytes) in [
            ("0", 0),
            ("1_000", 1000),
            ("1MiB", 1 << 20),
            ("1M", 1 << 20),
            ("1 mb", 1_000_000),
            ("64KiB", 65536),
            ("3GB", 3_000_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5M", "1TiBs", "_"] {
            assert_eq!(parse_size(text), Err(SizeError::Unknown), "{text}");
        }
        assert_eq!(parse_size("99999999999G"), Err(SizeError::TooLarge));
        assert_eq!(parse_size("99999999999999999999"), Err(SizeError::TooLarge));
    }

    #[test]
    fn format_ids_are_decimal_or_hexadecimal() {
        assert_eq!(parse_u32("4263378956"), Ok(0xFE1E_000C));
        assert_eq!(parse_u32("0xFE1E000C"), Ok(0xFE1E_000C));
        assert_eq!(parse_u32("0XfE1E_000c"), Ok(0xFE1E_000C));
        assert!(parse_u32("0x1FE1E000C").is_err());
        assert!(parse_u32("-1").is_err());
    }

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(Count(number).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Count(1234)), "   1,234");
    }
}
