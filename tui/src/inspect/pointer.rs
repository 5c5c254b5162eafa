//! Handles the mouse: a click acts on what is shown at its place.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::layout::InspectorLayout;
use super::model::{Inspector, InspectorMode};
use super::search::ItemAddress;
use super::view;
use crate::terminal::list::Move;

impl Inspector {
    pub(super) fn mouse(&mut self, mouse: &MouseEvent) {
        let parts = InspectorLayout::of(self);
        let at = Position { x: mouse.column, y: mouse.row };
        let rows = match mouse.kind {
            MouseEventKind::ScrollUp => -3,
            MouseEventKind::ScrollDown => 3,
            MouseEventKind::Down(MouseButton::Left) => return self.click(at, &parts),
            _ => return,
        };
        match self.mode() {
            InspectorMode::Records => self.records.scroll(rows),
            InspectorMode::Items if parts.list.contains(at) => {
                self.items.scroll(rows);
                self.new_item();
            }
            InspectorMode::Items => {
                let step = if rows < 0 { Move::Up } else { Move::Down };
                (0..rows.unsigned_abs()).for_each(|_| self.scroll_item(step));
            }
            InspectorMode::Facts => self.facts.scroll(rows),
            InspectorMode::Sizes => {}
        }
    }

    pub(super) fn click(&mut self, at: Position, parts: &InspectorLayout) {
        self.news = None;
        if parts.ribbon.contains(at) {
            let offset = view::offset_at(self, at.x, parts.ribbon);
            if let Some(record) = offset.and_then(|o| self.reader.directory().record_at(o)) {
                self.go(ItemAddress { record, slot: 0 });
                self.show(InspectorMode::Records);
            }
            return;
        }
        let line = at.y.saturating_sub(parts.list.y);
        match self.mode() {
            InspectorMode::Records if parts.list.contains(at) => match self.records.row_at(line) {
                Some(row) if row == self.records.at => self.open(),
                Some(row) => self.records.go(row),
                None => {}
            },
            InspectorMode::Items if parts.list.contains(at) => {
                self.in_item = false;
                if let Some(row) = self.items.row_at(line) {
                    self.items.go(row);
                    self.new_item();
                }
            }
            InspectorMode::Items => self.in_item = parts.side.contains(at),
            _ => {}
        }
    }
}
