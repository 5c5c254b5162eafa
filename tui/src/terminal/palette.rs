//! Colours: the sixteen colours of the terminal, on any background.
//!
//! Of those only red, green and magenta are readable on black and on white, as text and
//! reversed; blue is unreadable on one, cyan and yellow on the other.
//!
//! Colour alone never carries a meaning: each style comes with a sign or a word. Without
//! colours (`NO_COLOR`) only bold, dim, underlined and reversed remain.

use std::env;

use ratatui::style::{Color, Modifier, Style};

/// The styles of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    coloured: bool,
}

impl Palette {
    /// Uses colours, unless the environment variable `NO_COLOR` is set and not empty.
    #[must_use]
    pub fn from_environment() -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { coloured: !refused }
    }

    /// Creates a palette with or without colours.
    #[cfg(test)]
    pub fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    fn of(self, colour: Color) -> Style {
        if self.coloured { Style::new().fg(colour) } else { Style::new() }
    }

    /// Ordinary text.
    #[must_use]
    pub fn plain(self) -> Style {
        Style::new()
    }

    /// A name, a heading.
    #[must_use]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Text of little importance.
    #[must_use]
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The title of the screen.
    #[must_use]
    pub fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// The cursor's position.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A key in a hint.
    #[must_use]
    pub fn key(self) -> Style {
        self.of(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    /// Something sound, kept or passed.
    #[must_use]
    pub fn good(self) -> Style {
        self.of(Color::Green)
    }

    /// Something damaged, broken or failed.
    #[must_use]
    pub fn bad(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Something that needs attention.
    #[must_use]
    pub fn notable(self) -> Style {
        self.of(Color::Magenta)
    }

    /// Bytes that were copied.
    #[must_use]
    pub fn copied(self) -> Style {
        self.of(Color::Magenta).add_modifier(Modifier::REVERSED)
    }

    /// Bytes that were handed over.
    #[must_use]
    pub fn handed_over(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    /// A search match.
    #[must_use]
    pub fn found(self) -> Style {
        self.of(Color::Magenta).add_modifier(Modifier::REVERSED)
    }

    /// Adjacent parts of a picture, in alternating styles. The parts also differ in their
    /// signs.
    #[must_use]
    pub fn part(self, nth: usize) -> Style {
        if nth.is_multiple_of(2) { self.plain() } else { self.notable() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_there_is_none() {
        let palette = Palette::new(false);
        let styles = [
            palette.key(),
            palette.good(),
            palette.bad(),
            palette.notable(),
            palette.copied(),
            palette.handed_over(),
            palette.found(),
            palette.part(1),
        ];
        for style in styles {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
