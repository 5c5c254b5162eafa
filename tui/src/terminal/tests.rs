//! Tests the main loop on a real pseudo-terminal, with a program that misbehaves.
//!
//! The test starts its own executable on that terminal. There it runs only
//! `misbehaving_program`, which an ordinary run leaves out.
#![allow(clippy::panic, reason = "the program misbehaves")]

#[path = "../../tests/pty/mod.rs"]
#[allow(dead_code, reason = "the tests of the whole program use the rest of it")]
mod pty;

use std::time::Duration;

use crossterm::event::KeyCode;
use ratatui::Frame;
use ratatui::text::Line;

use super::{Message, Outbox, Perform, Program, drive};
use pty::Session;

#[derive(Default)]
struct Misbehaving {
    over: bool,
    panic_in_draw: bool,
}

struct Worker;

impl Perform<Misbehaving> for Worker {
    fn perform(&mut self, (): (), _: &Outbox<()>) {
        std::thread::spawn(|| panic!("a panic in a worker"));
    }
}

impl Program for Misbehaving {
    type Answer = ();
    type Effect = ();

    fn update(&mut self, message: Message<()>) -> Option<()> {
        let Message::Key(key) = message else { return None };
        match key.code {
            KeyCode::Char('u') => panic!("a panic in update"),
            KeyCode::Char('d') => self.panic_in_draw = true,
            KeyCode::Char('w') => return Some(()),
            _ => self.over = true,
        }
        None
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        assert!(!self.panic_in_draw, "a panic in draw");
        frame.render_widget(Line::raw("ready to misbehave"), frame.area());
    }

    fn tick(&self) -> Option<Duration> {
        None
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

#[test]
#[ignore = "started by the test below, on a terminal of its own"]
fn misbehaving_program() {
    drive(&mut Misbehaving::default(), &mut Worker).unwrap();
}

#[test]
fn a_panic_is_printed_on_a_restored_terminal() {
    let program = std::env::current_exe().unwrap();
    let name = "terminal::tests::misbehaving_program";
    let arguments = ["--exact", name, "--ignored", "--nocapture"];
    for (key, message) in
        [("u", "a panic in update"), ("d", "a panic in draw"), ("w", "a panic in a worker")]
    {
        let mut session = Session::start(program.to_str().unwrap(), &arguments, 80, 24);
        session.wait_for("ready to misbehave");
        session.type_keys(key);
        assert_eq!(session.wait().exit_code(), 101);
        session.assert_sane();
        session.wait_for(message);
        assert!(!session.screen().contains("ready to misbehave"));
    }
    let mut session = Session::start(program.to_str().unwrap(), &arguments, 80, 24);
    session.wait_for("ready to misbehave");
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
    session.assert_sane();
}
