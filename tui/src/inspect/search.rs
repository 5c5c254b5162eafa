//! Searches the items, forward, backward and around the end of the pack, and counts the
//! hits.

use std::ops::{ControlFlow, Range};

use regex::bytes::{Regex, RegexBuilder};
use sealpack::Reader;

/// An item, by its record and its slot there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemAddress {
    /// The number of the record.
    pub record: u32,
    /// The item's slot in the record.
    pub slot: u32,
}

/// What to search for.
#[derive(Clone, Debug)]
pub struct Needle {
    regex: Regex,
    /// Whether it is searched for in the names, not in the items.
    pub is_of_names: bool,
    /// The text as it was typed.
    pub written: String,
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

/// The hint, which lists the accepted answers.
pub const ACCEPTED_ANSWERS: &str = "text · i:any case · r:regular expression · x:DE AD bytes";

/// The same for a pack that stores names.
pub const ACCEPTED_WITH_NAMES: &str =
    "text · n:name · i:any case · r:regular expression · x:DE AD bytes";

impl Needle {
    /// Parses what was typed: plain text; text in any case after `i:`; a regular
    /// expression after `r:`, whose `^` and `$` match at the ends of a line; bytes in hex
    /// after `x:`. After `n:` it is a part of a name, in any case. Everything after `t:` is
    /// plain text.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(written: &str) -> Result<Self, String> {
        let (kind, rest) = match written.split_at_checked(2) {
            Some((kind @ ("i:" | "r:" | "x:" | "t:" | "n:"), rest)) => (kind, rest),
            _ => ("t:", written),
        };
        if rest.is_empty() {
            return Err("type what to search for".into());
        }
        let pattern = match kind {
            "r:" => rest.to_string(),
            "x:" => bytes_pattern(rest)?,
            _ => regex::escape(rest),
        };
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(matches!(kind, "i:" | "n:"))
            .multi_line(true)
            .build()
            .map_err(|error| {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                let why = last.trim_start_matches("error: ");
                format!("not a regular expression: {why}")
            })?;
        Ok(Self { regex, is_of_names: kind == "n:", written: written.to_string() })
    }

    /// Returns the hits in some bytes, in order; empty matches are not hits.
    pub fn hits<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
        self.regex.find_iter(bytes).map(|found| found.range()).filter(|range| !range.is_empty())
    }
}

/// Returns the regular expression for bytes that are written in hex.
fn bytes_pattern(hex: &str) -> Result<String, &'static str> {
    let digits: String = hex.chars().filter(|char| !char.is_whitespace()).collect();
    if !digits.chars().all(|char| char.is_ascii_hexdigit()) {
        return Err("x: is followed by hex digits");
    }
    if digits.is_empty() || digits.len() % 2 == 1 {
        return Err("two hex digits make a byte; one is missing");
    }
    let mut pattern = String::from("(?s-u)");
    for pair in digits.as_bytes().chunks(2) {
        pattern.push_str("\\x");
        pattern.extend(pair.iter().map(|digit| char::from(*digit)));
    }
    Ok(pattern)
}

/// A hit in an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The position of the item.
    pub position: u32,
    /// The first byte of the hit in the item.
    pub at: usize,
    /// The length of the hit in bytes.
    pub length: usize,
}

/// Where a search starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchStart {
    /// The position of an item.
    pub position: u32,
    /// The search has passed the hits in the item that start before this byte; 0 if it
    /// passed none.
    pub passed: usize,
}

impl SearchStart {
    /// Returns the origin just after the start of a hit.
    #[must_use]
    pub fn of(hit: Hit) -> Self {
        Self { position: hit.position, passed: hit.at.saturating_add(1) }
    }
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchResult {
    /// The next hit, if there is one.
    pub hit: Option<Hit>,
    /// Whether the search went around the end of the pack before the hit.
    pub wrapped: bool,
    /// Records that could not be read, and so were not searched.
    pub unread: u32,
}

/// The number of hits in a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HitCount {
    /// The total number of hits.
    pub hits: u64,
    /// The number of items with a hit.
    pub items: u64,
    /// Records that could not be read, and so were not searched.
    pub unread: u32,
}

/// The target size of a batch of records that are read together, in bytes.
const BATCH_BYTES: u64 = 4 << 20;
/// The maximum number of records that are read together.
const MAX_BATCH_RECORDS: u32 = 4096;

/// Finds the next hit after `from`, or the last one before it, around the end of the
/// pack. `progress` receives the number of records searched so far and may end the
/// search.
pub fn find<B>(
    reader: &Reader,
    needle: &Needle,
    from: SearchStart,
    forward: bool,
    mut progress: impl FnMut(u32) -> ControlFlow<B>,
) -> ControlFlow<B, SearchResult> {
    let records = reader.directory().record_count();
    let start = reader.directory().place(from.position).map_or(0, |place| place.record.number);
    let mut outcome = SearchResult { hit: None, wrapped: false, unread: 0 };
    let mut searched = 0;
    // Up to the end including the starting record, then around to the starting record
    // again.
    let [first, around] = match forward {
        true => [start..records, 0..start.saturating_add(1).min(records)],
        false => [0..start.saturating_add(1).min(records), start..records],
    };
    for (wrapped, mut leg) in [(false, first), (true, around)] {
        while !leg.is_empty() {
            let part = take_part(reader, &mut leg, forward);
            searched += part.end - part.start;
            let origin = (from.position, from.passed);
            let wanted = |hit: &Hit| {
                let hit = (hit.position, hit.at.saturating_add(1));
                match (wrapped, forward) {
                    (false, true) => hit > origin,
                    (false, false) => hit < origin,
                    (true, true) => hit <= origin,
                    (true, false) => hit >= origin,
                }
            };
            let mut found: Option<Hit> = None;
            outcome.unread += visit(reader, part, &mut |position, item| {
                let hits = needle.hits(item).map(|range| Hit {
                    position,
                    at: range.start,
                    length: range.len(),
                });
                let mut hits = hits.filter(wanted);
                let hit = if forward { hits.next() } else { hits.last() };
                found = if forward { found.or(hit) } else { hit.or(found) };
                forward && found.is_some()
            });
            if found.is_some() {
                return ControlFlow::Continue(SearchResult { hit: found, wrapped, ..outcome });
            }
            progress(searched)?;
        }
    }
    ControlFlow::Continue(outcome)
}

/// Counts all hits. `progress` receives the number of records searched so far and may end
/// the count.
pub fn count<B>(
    reader: &Reader,
    needle: &Needle,
    mut progress: impl FnMut(u32) -> ControlFlow<B>,
) -> ControlFlow<B, HitCount> {
    let mut counted = HitCount::default();
    let mut rest = 0..reader.directory().record_count();
    while !rest.is_empty() {
        let part = take_part(reader, &mut rest, true);
        let searched = part.end;
        counted.unread += visit(reader, part, &mut |_, item| {
            let hits = needle.hits(item).count() as u64;
            counted.hits += hits;
            counted.items += u64::from(hits > 0);
            false
        });
        progress(searched)?;
    }
    ControlFlow::Continue(counted)
}

/// Removes the next batch of records from a leg and returns it.
fn take_part(reader: &Reader, leg: &mut Range<u32>, forward: bool) -> Range<u32> {
    let (mut bytes, mut count) = (0, 0);
    while count < leg.end - leg.start && count < MAX_BATCH_RECORDS && bytes < BATCH_BYTES {
        let number = if forward { leg.start + count } else { leg.end - 1 - count };
        bytes += reader.directory().record(number).map_or(0, |place| place.size());
        count += 1;
    }
    if forward {
        leg.start += count;
        leg.start - count..leg.start
    } else {
        leg.end -= count;
        leg.end..leg.end + count
    }
}

/// Visits the items of records in order until the visitor returns `true`; returns how many
/// records could not be read.
fn visit(
    reader: &Reader,
    records: Range<u32>,
    visitor: &mut impl FnMut(u32, &[u8]) -> bool,
) -> u32 {
    let directory = reader.directory();
    let (Ok(first), Ok(last)) =
        (directory.record(records.start), directory.record(records.end.saturating_sub(1)))
    else {
        return 0;
    };
    let positions = first.first_item..last.positions().end;
    let mut reached = positions.start;
    if let Ok(items) = reader.range(positions.clone()) {
        for (position, item) in positions.clone().zip(items) {
            let Ok(item) = item else { break };
            if visitor(position, &item) {
                return 0;
            }
            reached = position + 1;
        }
    }
    if reached == positions.end {
        return 0;
    }
    // A record in the batch cannot be read: visit the rest record by record.
    let mut unread = 0;
    for number in records {
        match reader.record(number).ok().zip(directory.record(number).ok()) {
            None => unread += 1,
            Some((record, place)) => {
                for (position, item) in place.positions().zip(record.slices()) {
                    if position >= reached && visitor(position, item) {
                        return unread;
                    }
                }
            }
        }
    }
    unread
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn reader(items: &[&str]) -> (tempfile::TempDir, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pack");
        let mut writer = sealpack::Writer::options().items_per_record(2).create(&path).unwrap();
        items.iter().for_each(|item| writer.append(item.as_bytes()).unwrap());
        writer.finish().unwrap();
        (folder, Reader::open(path).unwrap())
    }

    fn hit(position: u32, at: usize) -> Hit {
        Hit { position, at, length: 1 }
    }

    fn next(reader: &Reader, needle: &str, from: (u32, usize), forward: bool) -> SearchResult {
        let from = SearchStart::of(hit(from.0, from.1));
        let needle = Needle::parse(needle).unwrap();
        match find(reader, &needle, from, forward, |_| ControlFlow::<Infallible>::Continue(())) {
            ControlFlow::Continue(outcome) => outcome,
        }
    }

    #[test]
    fn hits_come_one_after_another_in_both_directions_and_around_the_end() {
        let (_folder, reader) = reader(&["xaxa", "b", "a", "c", "xa"]);
        let all = [(0, 1), (0, 3), (2, 0), (4, 1)];
        for (index, from) in all.iter().enumerate() {
            let after = next(&reader, "a", *from, true);
            let (position, at) = all[(index + 1) % all.len()];
            assert_eq!(after.hit, Some(hit(position, at)), "after {from:?}");
            assert_eq!(after.wrapped, index + 1 == all.len());
            let before = next(&reader, "a", *from, false);
            let (position, at) = all[(index + all.len() - 1) % all.len()];
            assert_eq!(before.hit, Some(hit(position, at)), "before {from:?}");
            assert_eq!(before.wrapped, index == 0);
        }
        assert_eq!(next(&reader, "q", (0, 0), true).hit, None);
        let only = next(&reader, "b", (1, 0), true);
        assert_eq!((only.hit, only.wrapped), (Some(hit(1, 0)), true));
    }

    #[test]
    fn all_hits_are_counted() {
        let (_folder, reader) = reader(&["xaxa", "b", "A", "c", "xa"]);
        let counted = |needle| {
            let needle = Needle::parse(needle).unwrap();
            let keep_going = |_| ControlFlow::<Infallible>::Continue(());
            let ControlFlow::Continue(counted) = count(&reader, &needle, keep_going);
            (counted.hits, counted.items, counted.unread)
        };
        assert_eq!(counted("a"), (3, 2, 0));
        assert_eq!(counted("i:a"), (4, 3, 0));
        assert_eq!(counted("r:x?a$"), (2, 2, 0));
        assert_eq!(counted("r:x*"), (3, 2, 0));
        assert_eq!(counted("q"), (0, 0, 0));
    }

    #[test]
    fn a_needle_is_text_a_regular_expression_or_bytes() {
        let found = |needle: &str, text: &[u8]| {
            let needle = Needle::parse(needle).unwrap();
            needle.hits(text).map(|hit| (hit.start, hit.end)).collect::<Vec<_>>()
        };
        assert_eq!(found("x:dE AD", b"\xff\xde\xad"), [(1, 3)]);
        assert_eq!(found("a.c", b"abc a.c"), [(4, 7)]);
        assert_eq!(found("i:STRASSE É", "strasse é".as_bytes()), [(0, 10)]);
        assert_eq!(found("r:^b.", b"ab\nbc"), [(3, 5)]);
        assert_eq!(found("t:x:00", b"x:00"), [(0, 4)]);
        assert_eq!(found("x", b"\xffx"), [(1, 2)]);
        for (needle, wanted) in [
            ("x:1", "two hex digits make a byte"),
            ("x:0g", "followed by hex digits"),
            ("", "type what"),
            ("i:", "type what"),
            ("r:(", "not a regular expression: unclosed group"),
            ("r:a{9999}{9999}", "not a regular expression"),
        ] {
            let refusal = Needle::parse(needle).unwrap_err();
            assert!(refusal.contains(wanted), "{needle}: {refusal}");
        }
    }
}
