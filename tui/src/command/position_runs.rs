//! Runs of neighbouring positions: the items of a pack that a command works on.

use std::ops::Range;
use std::slice;

/// Divides runs into groups whose records are not adjacent, so that each group can be read
/// as one range and no record is read twice.
pub fn grouped_by_records(
    runs: &[Range<u32>],
    items_per_record: u32,
) -> impl Iterator<Item = PositionRuns<'_>> {
    let items_per_record = items_per_record.max(1);
    let groups = runs.chunk_by(move |one, next| {
        let last = one.end.saturating_sub(1) / items_per_record;
        next.start / items_per_record <= last.saturating_add(1)
    });
    groups.map(|runs| PositionRuns { runs })
}

/// Runs in ascending order.
#[derive(Clone, Copy, Debug)]
pub struct PositionRuns<'a> {
    runs: &'a [Range<u32>],
}

impl<'a> PositionRuns<'a> {
    /// Returns the range from the first position to the last.
    pub fn span(self) -> Range<u32> {
        match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// Returns whether there is one run, so that every position of the span is taken.
    pub fn is_one(self) -> bool {
        self.runs.len() == 1
    }

    /// Returns a cursor at the first run.
    pub fn cursor(self) -> RunCursor<'a> {
        RunCursor { runs: self.runs.iter(), run: 0..0 }
    }
}

/// Finds out whether positions are in one of the runs. The positions must ascend.
#[derive(Clone, Debug)]
pub struct RunCursor<'a> {
    runs: slice::Iter<'a, Range<u32>>,
    run: Range<u32>,
}

impl RunCursor<'_> {
    /// Returns whether a run contains this position, which must not be below that of an
    /// earlier call.
    pub fn contains(&mut self, position: u32) -> bool {
        while self.run.end <= position {
            match self.runs.next() {
                Some(run) => self.run = run.clone(),
                None => return false,
            }
        }
        self.run.contains(&position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_together_where_their_records_meet() {
        let runs = [0..2, 5..6, 9..10, 17..30, 40..41];
        let groups: Vec<_> = grouped_by_records(&runs, 4).map(PositionRuns::span).collect();
        assert_eq!(groups, [0..10, 17..30, 40..41]);
        let ones: Vec<bool> = grouped_by_records(&runs, 4).map(PositionRuns::is_one).collect();
        assert_eq!(ones, [false, true, true]);
        assert!(grouped_by_records(&[], 4).next().is_none());
    }

    #[test]
    fn a_cursor_finds_exactly_the_positions_of_the_runs() {
        let runs = [1..3, 3..4, 8..9];
        let mut cursor = PositionRuns { runs: &runs }.cursor();
        let taken: Vec<u32> = (0..12).filter(|position| cursor.contains(*position)).collect();
        assert_eq!(taken, [1, 2, 3, 8]);
    }
}
