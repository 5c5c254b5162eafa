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
        Clear.render(area, buffer);
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
