//! Handles the mouse: a click acts on what is shown at its place.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::layout::Parts;
use super::model::{App, Mode};
use super::search::Place;
use super::view;
use crate::terminal::list::Move;

impl App {
    pub(super) fn mouse(&mut self, mouse: &MouseEvent) {
        let parts = Parts::of(self);
        let at = Position { x: mouse.column, y: mouse.row };
        let rows = match mouse.kind {
            MouseEventKind::ScrollUp => -3,
            MouseEventKind::ScrollDown => 3,
            MouseEventKind::Down(MouseButton::Left) => return self.click(at, &parts),
            _ => return,
        };
        match self.mode() {
            Mode::Records => self.records.scroll(rows),
            Mode::Items if parts.list.contains(at) => {
                self.items.scroll(rows);
                self.new_item();
            }
            Mode::Items => {
                let step = if rows < 0 { Move::Up } else { Move::Down };
                (0..rows.unsigned_abs()).for_each(|_| self.scroll_item(step));
            }
            Mode::Facts => self.facts.scroll(rows),
            Mode::Sizes => {}
        }
    }

    pub(super) fn click(&mut self, at: Position, parts: &Parts) {
        self.news = None;
        if parts.ribbon.contains(at) {
            let offset = view::offset_at(self, at.x, parts.ribbon);
            if let Some(record) = offset.and_then(|o| self.reader.directory().record_at(o)) {
                self.go(Place { record, slot: 0 });
                self.show(Mode::Records);
            }
            return;
        }
        let line = at.y.saturating_sub(parts.list.y);
        match self.mode() {
            Mode::Records if parts.list.contains(at) => match self.records.row_at(line) {
                Some(row) if row == self.records.at => self.open(),
                Some(row) => self.records.go(row),
                None => {}
            },
            Mode::Items if parts.list.contains(at) => {
                self.in_item = false;
                if let Some(row) = self.items.row_at(line) {
                    self.items.go(row);
                    self.new_item();
                }
            }
            Mode::Items => self.in_item = parts.beside.contains(at),
            _ => {}
        }
    }
}
