//! Computes where everything is on a screen of a given size. Drawing and the mouse both
//! use it, so a click hits what is shown.

use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::model::Stepper;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepperLayout {
    /// The stream and the number of the step.
    pub title: Rect,
    /// The description of the case.
    pub about: Rect,
    /// The events in a row.
    pub events: Rect,
    /// The result of each event.
    pub marks: Rect,
    /// The decision of the step.
    pub decision: Rect,
    /// The machine.
    pub machine: Rect,
    /// The invariants.
    pub verdicts: Rect,
    /// Questions, progress and news.
    pub status: Rect,
    /// The hints for the keys.
    pub hints: Rect,
}

impl StepperLayout {
    /// Computes the parts of the screen.
    #[must_use]
    pub fn of(app: &Stepper) -> Self {
        let screen = Rect::from((Position::ORIGIN, app.size()));
        // On a screen with few lines, no line is left empty, and the description of the
        // case gets one line.
        let (about, decision, verdicts) = match screen.height {
            ..20 => (1, 2, 3),
            20..30 => (2, 3, 5),
            _ => (3, 3, 6),
        };
        let [title, about, events, marks, decision, machine, verdicts, status, hints] =
            Layout::vertical([
                Constraint::Length(1),
                Constraint::Length(about),
                Constraint::Length(1),
                Constraint::Length(1),
                Constraint::Length(decision),
                Constraint::Min(0),
                Constraint::Length(verdicts),
                Constraint::Length(1),
                Constraint::Length(1),
            ])
            .areas(screen);
        Self { title, about, events, marks, decision, machine, verdicts, status, hints }
    }

    /// Returns the area of a list: below the title and a line of heading, above the
    /// details of the selected row.
    #[must_use]
    pub fn list(&self) -> Rect {
        let y = self.title.bottom().saturating_add(2);
        Rect { y, height: self.detail().y.saturating_sub(y), ..self.title }
    }

    /// Returns the area that shows the selected row of a list in full.
    #[must_use]
    pub fn detail(&self) -> Rect {
        const LINES: u16 = 3;
        Rect { y: self.status.y.saturating_sub(LINES), height: LINES, ..self.title }
    }
}
