//! Puts as text: the two forms, and numbers without the formatting machinery.

use alloc::string::String;

/// The two forms that puts are printed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `5|7`: each put's total.
    A,
    /// `2+3|7`: the extents inside.
    B,
}

/// Appends a number in decimal. The formatting machinery takes longer than running
/// a case, and a set has tens of millions of numbers, nearly all of them small.
#[inline]
pub(super) fn push_number(text: &mut String, n: usize) {
    match SMALL_NUMBERS.get(n) {
        Some(number) => text.push_str(number),
        None => push_large_number(text, n),
    }
}

fn push_large_number(text: &mut String, n: usize) {
    if n >= 10 {
        push_large_number(text, n / 10);
    }
    text.push_str(SMALL_NUMBERS.get(n % 10).copied().unwrap_or_default());
}

const SMALL_NUMBERS: [&str; 32] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
];
