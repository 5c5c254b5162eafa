//! A list that may be very long: its cursor and its visible rows. It does not store the
//! rows, only their number.

use std::ops::Range;

/// How the cursor of a list moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// To the previous row.
    Up,
    /// To the next row.
    Down,
    /// Up by a screenful.
    PageUp,
    /// Down by a screenful.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// The cursor and the view of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The row that is selected.
    pub at: u64,
    top: u64,
    len: u64,
    height: u64,
}

impl Cursor {
    /// Places the cursor on the first row of a list of `len` rows.
    #[must_use]
    pub fn new(len: u64) -> Self {
        Self { len, ..Self::default() }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Sets the number of rows.
    pub fn set_len(&mut self, len: u64) {
        self.len = len;
        self.go(self.at);
    }

    /// Sets how many rows are visible.
    pub fn set_height(&mut self, height: u16) {
        self.height = height.into();
        self.go(self.at);
    }

    /// Places the cursor on a row, or on the last row if there are fewer, and brings it
    /// into view.
    pub fn go(&mut self, row: u64) {
        self.at = row.min(self.len.saturating_sub(1));
        let lowest = self.at.saturating_sub(self.height.saturating_sub(1));
        let max_top = self.len.saturating_sub(self.height);
        self.top = self.top.clamp(lowest, self.at.max(lowest)).min(max_top);
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Move) {
        let page = self.height.saturating_sub(1).max(1);
        self.go(match step {
            Move::Up => self.at.saturating_sub(1),
            Move::Down => self.at.saturating_add(1),
            Move::PageUp => self.at.saturating_sub(page),
            Move::PageDown => self.at.saturating_add(page),
            Move::First => 0,
            Move::Last => u64::MAX,
        });
    }

    /// Scrolls the view and moves the cursor with it.
    pub fn scroll(&mut self, rows: i64) {
        let at = self.at.saturating_add_signed(rows);
        self.top = self.top.saturating_add_signed(rows);
        self.go(at);
    }

    /// Returns the row shown in this line of the view, if there is one.
    #[must_use]
    pub fn row_at(&self, line: u16) -> Option<u64> {
        let row = self.top + u64::from(line);
        (row < self.len && u64::from(line) < self.height).then_some(row)
    }

    /// Returns the visible rows.
    #[must_use]
    pub fn view(&self) -> Range<u64> {
        self.top..self.len.min(self.top + self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(len: u64, height: u16) -> Cursor {
        let mut cursor = Cursor::new(len);
        cursor.set_height(height);
        cursor
    }

    #[test]
    fn the_cursor_is_always_in_view() {
        let mut list = cursor(100, 10);
        for step in [Move::Down, Move::PageDown, Move::Last, Move::Up, Move::PageUp, Move::First] {
            for _ in 0..13 {
                list.step(step);
                assert!(list.view().contains(&list.at), "{step:?}: {list:?}");
            }
        }
        list.step(Move::Last);
        assert_eq!(list.view(), 90..100);
        list.set_height(50);
        assert_eq!(list.view(), 50..100);
        list.scroll(-1000);
        assert_eq!((list.at, list.view()), (0, 0..50));
    }

    #[test]
    fn an_empty_list_has_no_rows() {
        let mut list = cursor(0, 10);
        list.step(Move::Down);
        list.step(Move::Last);
        assert_eq!((list.at, list.view(), list.row_at(0)), (0, 0..0, None));
    }
}
