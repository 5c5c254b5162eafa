//! Parts that every screen has: overlays, and the message that the screen is too small.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Widget, Wrap};

use super::SMALLEST;
use super::palette::Palette;
use super::text::{cut, sanitised};

/// Returns whether a screen of this size can be drawn on.
#[must_use]
pub fn is_large_enough(size: Size) -> bool {
    size.width >= SMALLEST.width && size.height >= SMALLEST.height
}

/// Draws a message that the screen is too small, with the size that is needed.
pub fn too_small(area: Rect, buffer: &mut Buffer) {
    let text = format!(
        "This screen has {}×{} cells; {}×{} are needed. Enlarge it, or press q to quit.",
        area.width, area.height, SMALLEST.width, SMALLEST.height
    );
    Paragraph::new(text).wrap(Wrap { trim: true }).render(area, buffer);
}

/// The last news, for the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Information.
    Info(String),
    /// Something failed.
    Failed(String),
}

impl News {
    /// Returns the news on one line of at most `columns` columns.
    #[must_use]
    pub fn line(&self, palette: Palette, columns: usize) -> Line<'static> {
        match self {
            Self::Info(news) => Line::raw(cut(&sanitised(news), columns)),
            Self::Failed(news) => {
                Line::styled(cut(&format!("✗ {}", sanitised(news)), columns), palette.bad())
            }
        }
    }
}

/// Returns the line cut to at most `columns` columns; a cut line ends in `…`.
#[must_use]
pub fn fitted<'a>(line: Line<'a>, columns: u16) -> Line<'a> {
    let columns = usize::from(columns);
    if line.width() <= columns {
        return line;
    }
    // The span that contains the cut is shortened, with a column for `…` if the cut is at
    // its end.
    let mut left = columns;
    let mut spans = Vec::new();
    for span in line.spans {
        let needed = span.width();
        if needed < left {
            left -= needed;
            spans.push(span);
        } else {
            let text = cut(&format!("{}  ", span.content), left);
            spans.push(Span::styled(text, span.style));
            break;
        }
    }
    Line { spans, ..Line::default() }.style(line.style)
}

/// A box over the middle of the screen.
pub struct Overlay<'a> {
    /// Its title.
    pub title: &'a str,
    /// The text at its bottom edge.
    pub foot: &'a str,
    /// Its lines; the user can scroll to those that do not fit.
    pub lines: Vec<Line<'a>>,
    /// How many lines are above the view.
    pub scroll: u16,
}

impl Overlay<'_> {
    /// Returns how far this many lines can be scrolled on a screen of this size.
    #[must_use]
    pub fn max_scroll(lines: usize, screen: Size) -> u16 {
        let height = screen.height.saturating_sub(4);
        u16::try_from(lines).unwrap_or(u16::MAX).saturating_sub(height)
    }

    /// Draws the overlay.
    pub fn render(self, screen: Rect, palette: Palette, buffer: &mut Buffer) {
        let widest = self.lines.iter().map(Line::width).max().unwrap_or(0);
        let widest = widest.max(super::text::width(self.foot) + 2);
        let width = u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(4);
        let height = u16::try_from(self.lines.len()).unwrap_or(u16::MAX).saturating_add(2);
        let area = centred(screen, width, height);
        Clear.render(with_margin(area, screen), buffer);
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .title(Line::styled(format!(" {} ", self.title), palette.strong()))
            .title_bottom(Line::from(format!(" {} ", self.foot)).alignment(Alignment::Right));
        let inner = block.inner(area);
        block.render(area, buffer);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        Paragraph::new(self.lines).scroll((self.scroll, 0)).render(inner, buffer);
    }
}

/// Returns an area with columns on both sides that are cleared together with it: text that
/// ends right at the frame of an overlay, or one column of it at the edge of the screen,
/// looks as if it belonged to the overlay.
fn with_margin(area: Rect, screen: Rect) -> Rect {
    const COLUMNS: u16 = 2;
    let x = area.x.saturating_sub(COLUMNS).max(screen.x);
    let right = area.right().saturating_add(COLUMNS).min(screen.right());
    Rect { x, width: right.saturating_sub(x), ..area }
}

/// Returns a rectangle in the middle of another, of the requested size or as large as
/// fits.
#[must_use]
pub fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width.saturating_sub(2));
    let height = height.min(screen.height.saturating_sub(2));
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn nothing_is_left_right_next_to_an_overlay() {
        for columns in [60, 80, 120] {
            let screen = Rect::new(0, 0, columns, 16);
            let mut buffer = Buffer::empty(screen);
            let text = "x".repeat(columns.into());
            for y in 0..16 {
                buffer.set_string(0, y, &text, Style::new());
            }
            let lines = vec![Line::raw("y".repeat(54)); 20];
            let overlay = Overlay { title: "Keys", foot: "Esc", lines, scroll: 0 };
            overlay.render(screen, Palette::new(false), &mut buffer);
            let row = |y: u16| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
            assert_eq!(row(0), text);
            for y in 1..15 {
                assert!(!row(y).contains("x╭") && !row(y).contains("x│"), "{}", row(y));
                assert!(columns > 60 || !row(y).contains('x'), "{}", row(y));
            }
        }
    }

    #[test]
    fn a_line_that_is_cut_ends_in_an_ellipsis() {
        let line = || Line::from(vec![Span::raw("abc"), Span::raw("def"), Span::raw("gh")]);
        for columns in 0..8 {
            let text = fitted(line(), columns).to_string();
            let kept = "abcdefgh".get(..usize::from(columns.saturating_sub(1))).unwrap();
            assert_eq!(text, if columns == 0 { String::new() } else { format!("{kept}…") });
        }
        assert_eq!(fitted(line(), 8).to_string(), "abcdefgh");
    }
}
