//! Handles the mouse: a click acts on what is shown at its place.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::effect::StepperEffect;
use super::layout::StepperLayout;
use super::model::{Stepper, StepperMode};
use super::view;

impl Stepper {
    pub(super) fn mouse(&mut self, mouse: &MouseEvent) -> Option<StepperEffect> {
        let parts = StepperLayout::of(self);
        let at = Position { x: mouse.column, y: mouse.row };
        match (mouse.kind, self.mode()) {
            (MouseEventKind::ScrollDown, StepperMode::Step) => self.go(self.at.saturating_add(1)),
            (MouseEventKind::ScrollUp, StepperMode::Step) => self.go(self.at.saturating_sub(1)),
            (MouseEventKind::ScrollDown, _) => self.list.scroll(3),
            (MouseEventKind::ScrollUp, _) => self.list.scroll(-3),
            (MouseEventKind::Down(MouseButton::Left), StepperMode::Step) => {
                if let Some(step) = view::step_at(self, at, &parts) {
                    self.go(step);
                }
            }
            (MouseEventKind::Down(MouseButton::Left), _) if parts.list().contains(at) => {
                let line = at.y.saturating_sub(parts.list().y);
                match self.list.row_at(line) {
                    Some(row) if row == self.list.at => return self.open(),
                    Some(row) => self.list.go(row),
                    None => {}
                }
            }
            _ => {}
        }
        None
    }
}
