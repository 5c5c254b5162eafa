//! Finds the items of a record that contain a text.

use std::ops::Range;

use memchr::memmem::Finder;

/// Items in a row, and where the first of them begins in the payload of their record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemRun {
    pub(crate) slots: Range<usize>,
    pub(crate) offset: usize,
}

/// Returns the items among `slots` that contain the text. It searches the payload as a
/// whole, which costs less than a search of each item.
pub(crate) fn items_with(
    finder: &Finder<'_>,
    payload: &[u8],
    lengths: &[u64],
    slots: Range<usize>,
) -> Vec<ItemRun> {
    let mut runs: Vec<ItemRun> = Vec::new();
    // The slot that the search has reached, and where it begins and ends.
    let before: u64 = lengths.iter().take(slots.start).sum();
    let size = |slot: usize| {
        let length = lengths.get(slot).copied().unwrap_or(0);
        usize::try_from(length).unwrap_or(usize::MAX)
    };
    let mut slot = slots.start;
    let mut start = usize::try_from(before).unwrap_or(usize::MAX);
    let mut end = start.saturating_add(size(slot));
    let mut from = start;
    while let Some(hit) = payload.get(from..).and_then(|rest| finder.find(rest)) {
        let hit = from.saturating_add(hit);
        while slot < slots.end && end <= hit {
            slot += 1;
            (start, end) = (end, end.saturating_add(size(slot)));
        }
        if slot >= slots.end {
            break;
        }
        if hit.saturating_add(finder.needle().len()) > end {
            // The text goes on in the next item.
            from = hit + 1;
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.slots.end == slot => run.slots.end += 1,
            _ => runs.push(ItemRun { slots: slot..slot + 1, offset: start }),
        }
        from = end;
    }
    runs
}

/// Returns the size of some items together, in bytes.
pub(crate) fn size_of_items(lengths: &[u64], slots: Range<usize>) -> usize {
    let size: u64 = lengths.get(slots).unwrap_or_default().iter().sum();
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with a search of each item.
    fn check(items: &[&str], text: &str, slots: Range<usize>) {
        let payload = items.concat();
        let lengths: Vec<u64> = items.iter().map(|item| item.len() as u64).collect();
        let finder = Finder::new(text);
        let found = items_with(&finder, payload.as_bytes(), &lengths, slots.clone());
        let listed: Vec<usize> = found.iter().flat_map(|run| run.slots.clone()).collect();
        let expected: Vec<usize> = slots.filter(|&slot| items[slot].contains(text)).collect();
        assert_eq!(listed, expected, "{items:?} {text}");
        for run in found {
            let offset: usize = items[..run.slots.start].iter().map(|item| item.len()).sum();
            assert_eq!(run.offset, offset);
        }
    }

    #[test]
    fn items_are_found_whatever_lies_around_them() {
        let items = ["ab", "", "xaby", "a", "b", "abab", "", "", "ba", "bab"];
        for text in ["ab", "a", "b", "ba", "bab", "xx"] {
            for start in 0..=items.len() {
                for end in start..=items.len() {
                    check(&items, text, start..end);
                }
            }
        }
    }
}
