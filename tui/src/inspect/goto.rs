//! Parses the answer to "go to": an item, a record or a byte of the file, decimal or hex.

use sealpack::core::read::Directory;

use super::search::ItemAddress;
use crate::terminal::text::count;

/// The hint, which lists the accepted answers.
pub const ACCEPTED_ANSWERS: &str = "42 an item · r7 a record · @4096 an offset · 0x2a in hex";

/// The same for a pack that stores names.
pub const ACCEPTED_WITH_NAMES: &str = "a name · 42 an item · r7 a record · @4096 an offset";

/// Returns the name in an answer, in a pack that stores names: everything after `n:`, or
/// any text that is not a number.
pub fn name(answer: &str) -> Option<&str> {
    if let Some(name) = answer.strip_prefix("n:") {
        return Some(name);
    }
    let answer = answer.trim();
    let number_at = answer.strip_prefix(['@', 'r', 'R']).unwrap_or(answer);
    (!answer.is_empty() && number(number_at).is_err()).then_some(answer)
}

/// Why an answer does not name a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoToError {
    /// It is not a number.
    NoNumber,
    /// The pack has no such item, only this many.
    Item(u32),
    /// The pack has no such record, only this many.
    Record(u32),
    /// No record lies at that offset; the records end here.
    Offset(u64),
}

impl std::fmt::Display for GoToError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoNumber => f.write_str("type a number: 42, r7, @0x1000"),
            Self::Item(items) => {
                write!(f, "the pack has {}, counted from 0", count(u64::from(*items), "item"))
            }
            Self::Record(records) => {
                write!(f, "the pack has {}, counted from 0", count(u64::from(*records), "record"))
            }
            Self::Offset(end) => write!(f, "no record lies there: the records end at {end}"),
        }
    }
}

/// Returns the place that an answer names: a record and one of its items.
///
/// # Errors
/// [`GoToError`].
pub fn place(answer: &str, directory: &Directory) -> Result<ItemAddress, GoToError> {
    let answer = answer.trim();
    let (records, items) = (directory.record_count(), directory.item_count());
    if let Some(offset) = answer.strip_prefix('@') {
        let offset = number(offset)?;
        let record =
            directory.record_at(offset).ok_or(GoToError::Offset(directory.records_end()))?;
        return Ok(ItemAddress { record, slot: 0 });
    }
    if let Some(record) = answer.strip_prefix(['r', 'R']) {
        let record = u32::try_from(number(record)?).map_err(|_| GoToError::Record(records))?;
        return match record < records {
            true => Ok(ItemAddress { record, slot: 0 }),
            false => Err(GoToError::Record(records)),
        };
    }
    let item = u32::try_from(number(answer)?).map_err(|_| GoToError::Item(items))?;
    let place = directory.place(item).map_err(|_| GoToError::Item(items))?;
    Ok(ItemAddress { record: place.record.number, slot: place.slot })
}

/// Parses a number in decimal or, after `0x`, in hex; `_` and `,` may separate its
/// digits.
fn number(text: &str) -> Result<u64, GoToError> {
    let digits: String = text.trim().chars().filter(|char| !matches!(char, '_' | ',')).collect();
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    parsed.map_err(|_| GoToError::NoNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_name_unless_it_is_a_number() {
        for answer in ["42", "0x2a", "r7", "@4096", " 1,000 ", ""] {
            assert_eq!(name(answer), None, "{answer}");
        }
        for (answer, wanted) in [
            ("src/lib.rs", "src/lib.rs"),
            ("readme", "readme"),
            (" a b ", "a b"),
            ("n:42", "42"),
            ("n:r7 ", "r7 "),
        ] {
            assert_eq!(name(answer), Some(wanted));
        }
    }

    #[test]
    fn numbers_are_read_in_decimal_and_hex() {
        assert_eq!(number("42"), Ok(42));
        assert_eq!(number(" 8,600_000 "), Ok(8_600_000));
        assert_eq!(number("0xFF"), Ok(255));
        assert_eq!(number("ff"), Err(GoToError::NoNumber));
        assert_eq!(number(""), Err(GoToError::NoNumber));
        assert_eq!(number("18446744073709551616"), Err(GoToError::NoNumber));
    }
}
