//! Where everything stands on a screen of some size. Drawing and the mouse
//! both ask here, so a click hits what is seen.

use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::model::App;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Which stream, which step.
    pub title: Rect,
    /// What the case is about.
    pub about: Rect,
    /// The events in a row.
    pub events: Rect,
    /// What happened at each.
    pub marks: Rect,
    /// The decision of the step.
    pub decision: Rect,
    /// The machine.
    pub machine: Rect,
    /// The invariants.
    pub verdicts: Rect,
    /// Questions, progress, news.
    pub status: Rect,
    /// Which keys there are.
    pub hints: Rect,
}

impl Parts {
    /// The parts of a screen.
    #[must_use]
    pub fn of(app: &App) -> Self {
        let screen = Rect::from((Position::ORIGIN, app.size()));
        // Where there are few lines, none is left empty and the sentence of a
        // scenario gets one.
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

    /// Where a list stands: below the title and a line of heading, above what
    /// is said of the selected row.
    #[must_use]
    pub fn list(&self) -> Rect {
        let y = self.title.bottom().saturating_add(2);
        Rect { y, height: self.detail().y.saturating_sub(y), ..self.title }
    }

    /// Where the selected row of a list stands in full.
    #[must_use]
    pub fn detail(&self) -> Rect {
        const LINES: u16 = 3;
        Rect { y: self.status.y.saturating_sub(LINES), height: LINES, ..self.title }
    }
}
