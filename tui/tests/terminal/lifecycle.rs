//! Start, keys, resizing, signals, and the state of the terminal after the end.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::child::Spawn as _;
use crate::pty::Session;
use crate::{SEALPACK, fixture, inspector};

#[test]
fn the_inspector_opens_responds_and_quits() {
    let mut session = inspector(80, 24);
    session.type_keys("\r");
    session.wait_for("item 0 ·");
    session.type_keys("x\u{1b}[B");
    session.wait_for("item 1 ·");
    session.wait_for("· text");
    session.type_keys("v");
    session.wait_for("everything is sound");
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
    session.assert_sane();
}

#[test]
fn the_stepper_opens_responds_and_quits() {
    let mut session = Session::start(SEALPACK, &["step"], 80, 24);
    session.wait_for("step 1 of 7");
    session.type_keys("p");
    session.wait_for("step 2 of 7");
    session.type_keys("ob\u{1b}");
    session.wait_for("step 2 of 7");
    session.type_keys("\u{3}");
    assert_eq!(session.wait().exit_code(), 0);
    session.assert_sane();
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let mut session = inspector(80, 24);
    session.resize(120, 40);
    session.wait_for("sizes as stored");
    session.resize(50, 10);
    session.wait_for("60×16 are needed");
    session.resize(60, 16);
    session.wait_for("? help");
    session.type_keys("q");
    session.wait();
    session.assert_sane();
}

#[test]
fn a_signal_ends_the_program_and_restores_the_terminal() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let mut session = inspector(80, 24);
        session.signal(signal);
        let status = session.wait();
        assert!(!status.success(), "{signal}: {status:?}");
        assert!(status.signal().is_some(), "{signal}: {status:?}");
        session.assert_sane();
    }
}

#[test]
fn with_no_color_nothing_is_coloured() {
    let coloured = |session: &Session| {
        session.with_screen(|screen| {
            let places = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
            let cells = places.filter_map(|(row, column)| screen.cell(row, column));
            let default = vt100::Color::Default;
            cells.filter(|cell| cell.fgcolor() != default || cell.bgcolor() != default).count()
        })
    };
    for (value, wanted) in [("", true), ("1", false)] {
        let mut session = Session::start_with(SEALPACK, &["step"], &[("NO_COLOR", value)], 80, 24);
        session.wait_for("? help");
        session.wait_for("step 1 of 7");
        assert_eq!(coloured(&session) > 0, wanted, "NO_COLOR={value}");
        session.type_keys("q");
        session.wait();
    }
}

#[test]
fn a_closed_terminal_ends_the_program() {
    let mut session = inspector(80, 24);
    session.close("?");
    assert!(!session.wait().success());
}

#[test]
fn an_error_before_the_first_screen_is_printed_on_a_restored_terminal() {
    let mut session = Session::start(SEALPACK, &["inspect", "there-is-no-such.pack"], 80, 24);
    assert_eq!(session.wait().exit_code(), 3);
    session.wait_for("there-is-no-such.pack");
    session.assert_sane();
}

#[test]
fn a_damaged_file_is_opened_and_its_damage_is_shown() {
    let file = fixture("corrupt/trunc-half.pack");
    let mut session = Session::start(SEALPACK, &["inspect", &file], 80, 24);
    session.wait_for("not a packfile");
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
    session.assert_sane();
}

#[test]
fn without_a_terminal_the_status_is_2() {
    for arguments in [&["step"][..], &["inspect", &fixture("hash-ipr128.pack")]] {
        let mut command = Command::new(SEALPACK);
        command.args(arguments).stdin(Stdio::null());
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).run();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("needs a terminal"), "{message}");
    }
}
