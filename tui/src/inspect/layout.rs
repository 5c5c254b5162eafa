//! Computes where everything is on a screen of a given size. Drawing and the mouse both
//! use it, so a click hits what is shown.

use ratatui::layout::{Constraint, Layout, Rect};

use super::model::{Inspector, InspectorMode};

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectorLayout {
    /// The name of the file.
    pub title: Rect,
    /// What the file is.
    pub identity: Rect,
    /// The verdicts of the checks.
    pub verdicts: Rect,
    /// What cannot be trusted; empty if everything can.
    pub notes: Rect,
    /// The ribbon: the parts of the file in proportion.
    pub ribbon: Rect,
    /// The meaning of the ribbon's signs.
    pub legend: Rect,
    /// The heading of the list.
    pub heading: Rect,
    /// The list of records or items.
    pub list: Rect,
    /// The area next to the list, which shows an item or the sizes; may be empty.
    pub side: Rect,
    /// Progress, questions and news.
    pub status: Rect,
    /// The hints for the keys.
    pub hints: Rect,
}

/// From this width on, in columns, the sizes are shown next to the records.
const WIDE_SCREEN: u16 = 116;

/// Returns the width of the list of items. A wide screen has room for a preview of each
/// item, but not at the expense of the bytes in a line of hex: 16 from 76 columns on, 32
/// from 141. Names are worth it.
fn items_width(screen: u16, has_names: bool) -> u16 {
    match screen {
        ..100 if has_names => screen.saturating_mul(2) / 5,
        ..100 => 20,
        100..177 => screen.saturating_sub(76).clamp(36, 64),
        _ => screen.saturating_sub(141).clamp(36, 64),
    }
}

impl InspectorLayout {
    /// Computes the parts of the screen.
    #[must_use]
    pub fn of(app: &Inspector) -> Self {
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
        let [list, side] = Layout::horizontal(match app.mode() {
            InspectorMode::Records if screen.width >= WIDE_SCREEN => {
                [Constraint::Min(0), Constraint::Length(44)]
            }
            InspectorMode::Items => {
                let width = items_width(screen.width, app.names.are_stored());
                [Constraint::Length(width), Constraint::Min(0)]
            }
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
            side,
            status,
            hints,
        }
    }

    /// Returns the area for the bytes of an item, within its frame.
    #[must_use]
    pub fn content(&self) -> Rect {
        Rect {
            x: self.side.x + 2.min(self.side.width),
            y: self.side.y + 1.min(self.side.height),
            width: self.side.width.saturating_sub(2),
            height: self.side.height.saturating_sub(1),
        }
    }
}
