//! Looking for bytes in the items, forward and backward, around the end.

use std::ops::{ControlFlow, Range};

use memchr::memmem::Finder;
use sealpack::Reader;

/// An item, by its record and its place there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The record.
    pub record: u32,
    /// Which of its items.
    pub slot: u32,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// As it was written.
    pub written: String,
}

/// What is understood.
pub const UNDERSTOOD: &str = "text, or x:DE AD 00 for bytes";

impl Needle {
    /// Reads what was written: text, or bytes in hex after `x:`.
    ///
    /// # Errors
    /// A sentence that says what will not do.
    pub fn parse(written: &str) -> Result<Self, &'static str> {
        let bytes = match written.strip_prefix("x:") {
            None => written.as_bytes().to_vec(),
            Some(hex) => {
                let digits: Option<Vec<u8>> = hex
                    .chars()
                    .filter(|char| !char.is_whitespace())
                    .map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
                    .collect();
                let digits = digits.ok_or("x: is followed by hex digits")?;
                if digits.len() % 2 == 1 {
                    return Err("two hex digits make a byte; one is left over");
                }
                let bytes = digits.chunks_exact(2);
                bytes.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
            }
        };
        match bytes.is_empty() {
            true => Err("nothing to look for"),
            false => Ok(Self { bytes, written: written.to_string() }),
        }
    }
}

/// A place in an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The item.
    pub position: u32,
    /// The first byte in it.
    pub at: usize,
}

/// Where a search starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The item.
    pub position: u32,
    /// Hits in it that start before this byte lie behind; 0 where none does.
    pub passed: usize,
}

impl Origin {
    /// Just after the start of a hit.
    #[must_use]
    pub fn of(hit: Hit) -> Self {
        Self { position: hit.position, passed: hit.at.saturating_add(1) }
    }
}

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The next hit, if there is one.
    pub hit: Option<Hit>,
    /// Whether it lies around the end of the pack.
    pub wrapped: bool,
    /// Records that could not be read, and so were not looked through.
    pub unread: u32,
}

/// Bytes of records that are read together.
const TOGETHER: u64 = 4 << 20;
/// Records that are.
const MOST_TOGETHER: u32 = 4096;

/// Looks for the next hit after `from`, or before the hit that it is of, around the end. `progress`
/// is told how many records were looked through, and may end the search.
pub fn find<B>(
    reader: &Reader,
    needle: &Needle,
    from: Origin,
    forward: bool,
    mut progress: impl FnMut(u32) -> ControlFlow<B>,
) -> ControlFlow<B, Outcome> {
    let records = reader.directory().record_count();
    let start = reader.directory().place(from.position).map_or(0, |place| place.record.number);
    let finder = Finder::new(&needle.bytes);
    let mut outcome = Outcome { hit: None, wrapped: false, unread: 0 };
    let mut looked_through = 0;
    // Up to the end and the starting record itself, then around to it.
    let [first, around] = match forward {
        true => [start..records, 0..start.saturating_add(1).min(records)],
        false => [0..start.saturating_add(1).min(records), start..records],
    };
    for (wrapped, mut leg) in [(false, first), (true, around)] {
        while !leg.is_empty() {
            let part = take_part(reader, &mut leg, forward);
            looked_through += part.end - part.start;
            let origin = (from.position, from.passed);
            let wanted = |hit: Hit| {
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
                let mut hits = finder.find_iter(item).map(|at| Hit { position, at });
                let hit = match forward {
                    true => hits.find(|hit| wanted(*hit)),
                    false => hits.filter(|hit| wanted(*hit)).last(),
                };
                found = if forward { found.or(hit) } else { hit.or(found) };
                forward && found.is_some()
            });
            if found.is_some() {
                return ControlFlow::Continue(Outcome { hit: found, wrapped, ..outcome });
            }
            progress(looked_through)?;
        }
    }
    ControlFlow::Continue(outcome)
}

/// The next records of a leg that are read together.
fn take_part(reader: &Reader, leg: &mut Range<u32>, forward: bool) -> Range<u32> {
    let (mut bytes, mut count) = (0, 0);
    while count < leg.end - leg.start && count < MOST_TOGETHER && bytes < TOGETHER {
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

/// Visits the items of records in order until the visitor has enough; answers
/// how many records could not be read.
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
    // Something there cannot be read: the rest record by record.
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

    fn next(reader: &Reader, needle: &str, from: (u32, usize), forward: bool) -> Outcome {
        let from = Origin::of(Hit { position: from.0, at: from.1 });
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
            assert_eq!(after.hit, Some(Hit { position, at }), "after {from:?}");
            assert_eq!(after.wrapped, index + 1 == all.len());
            let before = next(&reader, "a", *from, false);
            let (position, at) = all[(index + all.len() - 1) % all.len()];
            assert_eq!(before.hit, Some(Hit { position, at }), "before {from:?}");
            assert_eq!(before.wrapped, index == 0);
        }
        assert_eq!(next(&reader, "q", (0, 0), true).hit, None);
        let only = next(&reader, "b", (1, 0), true);
        assert_eq!((only.hit, only.wrapped), (Some(Hit { position: 1, at: 0 }), true));
    }

    #[test]
    fn bytes_are_written_in_hex() {
        assert_eq!(Needle::parse("x:dE AD").unwrap().bytes, [0xde, 0xad]);
        assert_eq!(
            Needle::parse("x:1").unwrap_err(),
            "two hex digits make a byte; one is left over"
        );
        assert!(Needle::parse("x:0g").is_err());
        assert!(Needle::parse("").is_err());
        assert_eq!(Needle::parse("xy").unwrap().bytes, b"xy");
    }
}
