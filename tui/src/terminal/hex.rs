//! Bytes as rows of an offset, hexadecimal digits and characters.

use super::text::harmless;

/// Screens with at least this many columns show 16 bytes in a row, narrower ones 8.
const WIDE_COLUMNS: usize = 78;

/// Returns the character for a byte: printable ASCII unchanged, a dot for any other byte.
#[must_use]
pub fn char_of(byte: u8) -> char {
    if byte.is_ascii() { harmless(char::from(byte)) } else { '·' }
}

/// Returns two hexadecimal digits for each byte, with a space between bytes.
#[must_use]
pub fn spaced(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

/// Returns the rows for bytes that begin at offset `start`, on a screen with this many
/// columns. An offset has at least `digits` digits.
pub fn rows(
    bytes: &[u8],
    start: u64,
    digits: usize,
    columns: usize,
) -> impl Iterator<Item = String> + '_ {
    let per_row = if columns >= WIDE_COLUMNS { 16 } else { 8 };
    (start..).step_by(per_row).zip(bytes.chunks(per_row)).map(move |(offset, row)| {
        let text: String = row.iter().copied().map(char_of).collect();
        let width = per_row * 3;
        format!("  {offset:0digits$x}  {:<width$} {text}", spaced(row))
    })
}
