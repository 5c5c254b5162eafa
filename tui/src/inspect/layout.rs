//! Where everything stands on a screen of some size. Drawing and the mouse
//! both ask here, so a click hits what is seen.

use ratatui::layout::{Constraint, Layout, Rect};

use super::model::{App, Mode};

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What the file is called.
    pub title: Rect,
    /// What it is.
    pub identity: Rect,
    /// What was checked.
    pub verdicts: Rect,
    /// What is not to be trusted; empty where all is.
    pub notes: Rect,
    /// The file in proportion.
    pub ribbon: Rect,
    /// What the ribbon shows.
    pub legend: Rect,
    /// The heading of the list.
    pub heading: Rect,
    /// The list of records or items.
    pub list: Rect,
    /// What stands beside the list: an item, the sizes; may be empty.
    pub beside: Rect,
    /// Progress, questions, news.
    pub status: Rect,
    /// Which keys there are.
    pub hints: Rect,
}

/// From this many columns on, the sizes stand beside the records.
const ROOMY: u16 = 116;

/// Columns of the list of items. Where there is width it has a preview of each, but not at the
/// cost of the bytes that a line of hex shows: 16 from 76 columns on, 32 from 141.
fn items_width(screen: u16) -> u16 {
    match screen {
        ..100 => 20,
        100..177 => screen.saturating_sub(76).clamp(36, 64),
        _ => screen.saturating_sub(141).clamp(36, 64),
    }
}

impl Parts {
    /// The parts of a screen.
    #[must_use]
    pub fn of(app: &App) -> Self {
        let screen = Rect::from((ratatui::layout::Position::ORIGIN, app.size()));
        let notes = u16::from(!app.notes().is_empty());
        let rows = [1, 1, 1, notes, 1, 1].map(Constraint::Length);
        let [title, identity, verdicts, notes, ribbon, legend, body, status, hints] =
            Layout::vertical(rows.into_iter().chain([
                Constraint::Min(0),
                Constraint::Length(1),
                Constraint::Length(1),
            ]))
            .areas(screen);
        let [list, beside] = Layout::horizontal(match app.mode() {
            Mode::Records if screen.width >= ROOMY => [Constraint::Min(0), Constraint::Length(44)],
            Mode::Items => [Constraint::Length(items_width(screen.width)), Constraint::Min(0)],
            _ => [Constraint::Min(0), Constraint::Length(0)],
        })
        .areas(body);
        let [heading, list] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(list);
        Self {
            title,
            identity,
            verdicts,
            notes,
            ribbon,
            legend,
            heading,
            list,
            beside,
            status,
            hints,
        }
    }

    /// Where the bytes of an item stand, within its frame.
    #[must_use]
    pub fn content(&self) -> Rect {
        Rect {
            x: self.beside.x + 2.min(self.beside.width),
            y: self.beside.y + 1.min(self.beside.height),
            width: self.beside.width.saturating_sub(2),
            height: self.beside.height.saturating_sub(1),
        }
    }
}
