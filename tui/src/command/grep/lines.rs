//! Finds the matching lines of an item.

use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use memchr::{memchr, memchr_iter, memrchr, memrchr_iter};

/// A selected line of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedLine<'a> {
    /// Its number in the item, from 1.
    pub number: u64,
    /// Where it begins in the item, in bytes.
    pub start: usize,
    /// Its bytes without the newline.
    pub bytes: &'a [u8],
}

/// Calls `on_line` with the selected lines of an item, in order, until it returns
/// false. Returns whether any line was selected.
///
/// An item without a newline is one line, even if it is empty. The newline at the end of
/// an item does not begin another line.
pub fn select<'a>(
    matcher: &RegexMatcher,
    inverted: bool,
    item: &'a [u8],
    on_line: impl FnMut(SelectedLine<'a>) -> bool,
) -> bool {
    if inverted {
        select_others(matcher, item, on_line)
    } else {
        select_matching(matcher, item, on_line)
    }
}

/// Returns where the first match at or after `start` begins. A matcher of regular
/// expressions has no errors.
fn find(matcher: &RegexMatcher, item: &[u8], start: usize) -> Option<usize> {
    matcher.find_at(item, start).unwrap_or_default().map(|found| found.start())
}

/// Searches the item as a whole, and then finds the line around each match. This is faster
/// than searching each line, since most items do not match.
fn select_matching<'a>(
    matcher: &RegexMatcher,
    item: &'a [u8],
    mut on_line: impl FnMut(SelectedLine<'a>) -> bool,
) -> bool {
    let (mut searched, mut newlines, mut counted) = (0, 0, 0);
    let mut selected = false;
    while let Some(at) = find(matcher, item, searched) {
        let (before, after) = item.split_at_checked(at).unwrap_or((item, &[]));
        let start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let end = memchr(b'\n', after).map_or(item.len(), |newline| at + newline);
        // An empty match after the last newline is in no line.
        if start == item.len() && start > 0 {
            break;
        }
        newlines += memchr_iter(b'\n', item.get(counted..start).unwrap_or_default()).count();
        counted = start;
        selected = true;
        let bytes = item.get(start..end).unwrap_or_default();
        let line = SelectedLine { number: newlines as u64 + 1, start, bytes };
        if !on_line(line) || end == item.len() {
            break;
        }
        searched = end + 1;
    }
    selected
}

fn select_others<'a>(
    matcher: &RegexMatcher,
    item: &'a [u8],
    mut on_line: impl FnMut(SelectedLine<'a>) -> bool,
) -> bool {
    let mut selected = false;
    for line in lines_of(item) {
        if find(matcher, line.bytes, 0).is_some() {
            continue;
        }
        selected = true;
        if !on_line(line) {
            break;
        }
    }
    selected
}

/// Returns the lines of an item, or of a part of it that begins at the start of a line.
pub fn lines_of(item: &[u8]) -> impl Iterator<Item = SelectedLine<'_>> {
    let text = item.strip_suffix(b"\n").unwrap_or(item);
    let mut next = 0;
    text.split(|byte| *byte == b'\n').zip(1..).map(move |(bytes, number)| {
        let start = next;
        next += bytes.len() + 1;
        SelectedLine { number, start, bytes }
    })
}

/// Returns where the last lines begin, at most `wanted` of them, and how many they are.
pub fn last_lines(lines: &[u8], wanted: usize) -> (usize, usize) {
    let text = lines.strip_suffix(b"\n").unwrap_or(lines);
    let (mut start, mut found) = (lines.len(), 0);
    let mut newlines = memrchr_iter(b'\n', text);
    while found < wanted {
        found += 1;
        match newlines.next() {
            Some(newline) => start = newline + 1,
            None => return (0, found),
        }
    }
    (start, found)
}

/// Returns the start and the end of each match in a line, in bytes.
pub fn matches(matcher: &RegexMatcher, line: &[u8]) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let found = matcher.find_iter(line, |found| {
        spans.push((found.start(), found.end()));
        true
    });
    // A matcher of regular expressions has no errors.
    found.map_or_else(|_| Vec::new(), |()| spans)
}

#[cfg(test)]
mod tests {
    use grep_regex::RegexMatcherBuilder;

    use super::*;

    fn matcher(pattern: &str) -> RegexMatcher {
        let mut builder = RegexMatcherBuilder::new();
        builder.multi_line(true).line_terminator(Some(b'\n')).build(pattern).unwrap()
    }

    fn selected(pattern: &str, inverted: bool, item: &str) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        let any = select(&matcher(pattern), inverted, item.as_bytes(), |line| {
            lines.push((line.number, String::from_utf8(line.bytes.to_vec()).unwrap()));
            true
        });
        assert_eq!(any, !lines.is_empty());
        lines
    }

    /// The same in a simple way: splits the item into lines, and searches each.
    fn expected(pattern: &str, inverted: bool, item: &str) -> Vec<(u64, String)> {
        let lines = item.strip_suffix('\n').unwrap_or(item).split('\n').zip(1..);
        let wanted = |line: &str| find(&matcher(pattern), line.as_bytes(), 0).is_some() != inverted;
        lines.filter(|(line, _)| wanted(line)).map(|(line, at)| (at, line.to_string())).collect()
    }

    #[test]
    fn the_selected_lines_are_those_that_match_alone() {
        let items = ["", "\n", "a", "a\n", "\na", "a\n\nb", "ab\nba\n\nb\na\n", "\n\n", "b\nb\nb"];
        for pattern in ["a", "b$", "^a", "^$", "", "^", "$", "a|b", r"\w+", r"^.{2}$", r"\bb"] {
            for item in items {
                for inverted in [false, true] {
                    let found = selected(pattern, inverted, item);
                    assert_eq!(
                        found,
                        expected(pattern, inverted, item),
                        "{pattern:?} in {item:?}, inverted {inverted}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_search_ends_when_the_caller_has_enough() {
        let mut calls = 0;
        for inverted in [false, true] {
            assert!(
                select(&matcher("a?"), inverted, b"b\nb", |_| {
                    calls += 1;
                    false
                }) || inverted
            );
        }
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_last_lines_are_counted_from_the_end() {
        let lines = b"a\n\nbc\n";
        for (wanted, start, found) in [(0, 6, 0), (1, 3, 1), (2, 2, 2), (3, 0, 3), (9, 0, 3)] {
            assert_eq!(last_lines(lines, wanted), (start, found), "{wanted}");
        }
        assert_eq!((last_lines(b"", 2), last_lines(b"\n", 2)), ((0, 1), (0, 1)));
        let starts = lines_of(lines).map(|line| line.start);
        assert_eq!(starts.collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn every_match_of_a_line_is_found_once() {
        assert_eq!(matches(&matcher("a+"), b"aa b a"), [(0, 2), (5, 6)]);
        assert_eq!(matches(&matcher("x"), b"aa"), []);
    }
}
