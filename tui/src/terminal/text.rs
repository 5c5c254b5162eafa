//! Text as a terminal shows it: widths, numbers, and no character that moves the cursor.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printable::is_printable_char;
pub use crate::size::grouped;

/// Returns the number of columns that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Returns a printable character unchanged, and a dot, one column wide, for any other, so
/// that the bytes around it keep their columns.
#[must_use]
pub fn harmless(char: char) -> char {
    if is_printable_char(char) && char.width().is_some() { char } else { '·' }
}

/// Replaces everything in the text that a terminal would act on.
#[must_use]
pub fn sanitised(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// Returns at most `columns` columns of a text; a cut text ends in `…`.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let mut left = columns.saturating_sub(1);
    let mut kept = String::new();
    for char in text.chars() {
        let takes = char.width().unwrap_or(0);
        if takes > left {
            break;
        }
        left -= takes;
        kept.push(char);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Returns at most `columns` columns of the end of a text; a cut text begins with `…`.
#[must_use]
pub fn cut_front(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |char: &char| {
        let takes = char.width().unwrap_or(0);
        let fits = takes <= left;
        left = left.saturating_sub(takes);
        fits
    };
    let kept: Vec<char> = text.chars().rev().take_while(fits).collect();
    let ellipsis = (columns > 0).then_some('…');
    ellipsis.into_iter().chain(kept.into_iter().rev()).collect()
}

/// Wraps a text into lines of at most `columns` columns, between words if possible.
#[must_use]
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let taken = lines.last().map_or(0, |line| width(line));
        let needed = if taken == 0 { width(word) } else { taken + 1 + width(word) };
        match lines.last_mut() {
            Some(line) if needed <= columns => {
                if taken > 0 {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.into_iter().flat_map(|line| broken(&line, columns)).collect()
}

/// Splits a line into pieces of at most `columns` columns, at any character.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for char in line.chars() {
        let takes = char.width().unwrap_or(0);
        if taken + takes > columns && taken > 0 {
            pieces.push(String::new());
            taken = 0;
        }
        taken += takes;
        if let Some(piece) = pieces.last_mut() {
            piece.push(char);
        }
    }
    pieces
}

/// Formats a size in bytes for people: `1.2 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths = tenths.div_ceil(1024).max(10);
        unit = name;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Formats a number with its noun: `1 item`, `2 items`.
#[must_use]
pub fn count(number: u64, of: &str) -> String {
    format!("{} {of}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Formats a ratio with one decimal: `3.4`; `–` if the divisor is 0.
#[must_use]
pub fn ratio(of: u64, to: u64) -> String {
    let tenths = (u128::from(of) * 10 + u128::from(to) / 2).checked_div(u128::from(to));
    tenths.map_or_else(|| "–".to_string(), |t| format!("{}.{}×", t / 10, t % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(8_600_000), "8,600,000");
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(100 << 30), "100.0 GiB");
        assert_eq!(size(u64::MAX), "16.0 EiB");
        assert_eq!(ratio(34, 10), "3.4×");
        assert_eq!(ratio(1, 0), "–");
        assert_eq!(count(1, "item"), "1 item");
        assert_eq!(count(2000, "item"), "2,000 items");
    }

    #[test]
    fn nothing_that_a_terminal_would_act_on_is_left() {
        let hostile = "a\u{1b}[2Jb\u{7}\n\u{202e}c\u{9b}";
        assert_eq!(sanitised(hostile), "a·[2Jb···c·");
    }

    #[test]
    fn a_cut_text_fits_and_says_that_it_was_cut() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut_front("abcdef", 6), "abcdef");
        assert_eq!(cut_front("abcdef", 5), "…cdef");
        assert_eq!(cut_front("日本語", 5), "…本語");
        assert_eq!(cut_front("abc", 0), "");
        assert_eq!(wrapped("the tail of 3 does not fit", 11), ["the tail of", "3 does not", "fit"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
    }
}
