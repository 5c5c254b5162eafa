//! Drives a program without a terminal: keys go in, screens come out. Effects are really
//! carried out, and the script waits for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests panic"
)]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ratatui::style::Color;

use super::message::LoopEvent;
use super::{Message, Outbox, Perform, Program};

/// The sizes at which every screen is tested.
pub const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 60)];

/// A program driven by a script.
pub struct ScriptedProgram<P: Program, E> {
    /// The program.
    pub program: P,
    effects: E,
    outbox: Outbox<P::Answer>,
    incoming: Receiver<LoopEvent<P::Answer>>,
    size: (u16, u16),
}

impl<P: Program, E: Perform<P>> ScriptedProgram<P, E> {
    /// Starts the program on a screen of this size and waits until its initial work is
    /// done.
    pub fn new(program: P, effects: E, size: (u16, u16)) -> Self {
        let (sender, incoming) = channel();
        let outbox = Outbox::new(sender);
        let mut scripted = Self { program, effects, outbox, incoming, size };
        scripted.resize(size);
        scripted
    }

    /// Changes the size of the screen.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.update(Message::Resize(Size { width: size.0, height: size.1 }));
    }

    /// Sends a message and waits for everything that follows from it.
    pub fn update(&mut self, message: Message<P::Answer>) {
        self.update_only(message);
        loop {
            let idle = self.outbox.is_last();
            match self.incoming.recv_timeout(Duration::from_millis(1)) {
                Ok(LoopEvent::Message(message)) => self.update_only(message),
                Ok(_) => panic!("there is no terminal"),
                // No worker was left before the queue was found empty, so nothing more
                // will come.
                Err(_) if idle => return,
                Err(_) => {}
            }
        }
    }

    fn update_only(&mut self, message: Message<P::Answer>) {
        if let Some(effect) = self.program.update(message) {
            self.effects.perform(effect, &self.outbox);
        }
    }

    /// Presses keys: `<Enter>`, `<Right>` and similar by name, characters as themselves.
    pub fn keys(&mut self, script: &str) -> &mut Self {
        let mut rest = script;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let code = match named.and_then(|(name, after)| Some((code(name)?, after))) {
                Some((code, after)) => {
                    rest = after;
                    code
                }
                None => {
                    rest = &rest[first.len_utf8()..];
                    KeyCode::Char(first)
                }
            };
            self.update(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
        self
    }

    /// Clicks the left button.
    pub fn click(&mut self, column: u16, row: u16) {
        self.mouse(MouseEventKind::Down(MouseButton::Left), column, row);
    }

    /// Sends a mouse event.
    pub fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        let modifiers = KeyModifiers::NONE;
        self.update(Message::Mouse(MouseEvent { kind, column, row, modifiers }));
    }

    /// Returns the cells of the screen.
    pub fn buffer(&self) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        terminal.draw(|frame| self.program.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        for cell in buffer.content() {
            for colour in [cell.fg, cell.bg] {
                // Only the terminal's own sixteen colours are allowed, because they suit
                // its background.
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{colour:?}");
            }
        }
        buffer
    }

    /// Returns the screen as text, without trailing spaces.
    pub fn screen(&self) -> String {
        let buffer = self.buffer();
        let rows = buffer.content().chunks(usize::from(self.size.0));
        let rows = rows.map(|row| {
            let row: String = row.iter().map(|cell| cell.symbol()).collect();
            row.trim_end().to_string()
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}

fn code(name: &str) -> Option<KeyCode> {
    Some(match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Right" => KeyCode::Right,
        "Left" => KeyCode::Left,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgDn" => KeyCode::PageDown,
        "PgUp" => KeyCode::PageUp,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        _ => return None,
    })
}
