//! The program as a job of a shell: stopped, continued, and after its terminal has
//! vanished.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::pty::Session;
use crate::{SEALPACK, fixture, inspector, lines};

/// A shell with job control, in which the inspector shows a pack of 2,000 records.
fn shell_with_inspector(folder: &std::path::Path) -> Session {
    let mut shell = Session::start_with("/bin/sh", &["-i"], &[("PS1", "ready> ")], 80, 24);
    shell.wait_for("ready> ");
    let path = lines(folder);
    shell.type_keys(&format!("{SEALPACK} inspect {}\r", path.display()));
    shell.wait_for("? help");
    shell.wait_until("the alternate screen", |screen| screen.alternate_screen());
    shell
}

/// Checks that the inspector redraws completely and handles keys; then quits it and its
/// shell.
fn assert_whole_and_leave(shell: &mut Session) {
    shell.wait_until("the whole screen", |screen| {
        let text = screen.contents();
        screen.alternate_screen()
            && screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None
            && text.contains("lines.pack")
            && text.contains("? help")
    });
    shell.type_keys("jj\r");
    shell.wait_for("record 2");
    shell.type_keys("q");
    shell.wait_for_the_shell();
    shell.type_keys("exit 7\r");
    assert_eq!(shell.wait().exit_code(), 7);
}

#[test]
fn ctrl_z_restores_the_terminal_and_fg_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = shell_with_inspector(folder.path());
    for _ in 0..2 {
        shell.type_keys("\u{1a}");
        shell.wait_for_the_shell();
        shell.type_keys("echo here $((40 + 2))\r");
        shell.wait_for("here 42");
        shell.type_keys("fg\r");
        shell.wait_until("the alternate screen", |screen| screen.alternate_screen());
    }
    assert_whole_and_leave(&mut shell);
}

#[test]
fn the_stepper_is_suspended_and_resumed_too() {
    let mut shell = Session::start_with("/bin/sh", &["-i"], &[("PS1", "ready> ")], 80, 24);
    shell.wait_for("ready> ");
    shell.type_keys(&format!("{SEALPACK} step b4,z1,b7\r"));
    shell.wait_for("step 1 of 4");
    for signal in [None, Some(Signal::SIGTSTP)] {
        match signal {
            None => shell.type_keys("\u{1a}"),
            Some(signal) => kill(Pid::from_raw(-shell.foreground()), signal).unwrap(),
        }
        shell.wait_for_the_shell();
        shell.type_keys("fg\r");
        shell.wait_until("the whole screen", |screen| {
            let text = screen.contents();
            screen.alternate_screen() && text.contains("step 1 of 4") && text.contains("? help")
        });
    }
    shell.type_keys("l");
    shell.wait_for("step 2 of 4");
    shell.type_keys("q");
    shell.wait_for_the_shell();
    shell.type_keys("exit 7\r");
    assert_eq!(shell.wait().exit_code(), 7);
}

#[test]
fn ctrl_z_works_while_a_question_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = shell_with_inspector(folder.path());
    shell.type_keys(":12");
    shell.wait_for("go to 12");
    shell.type_keys("\u{1a}");
    shell.wait_for_the_shell();
    shell.type_keys("fg\r");
    shell.wait_for("go to 12");
    shell.type_keys("\u{1b}");
    shell.wait_until("no question", |screen| !screen.contents().contains("go to 12"));
    assert_whole_and_leave(&mut shell);
}

#[test]
fn sigtstp_restores_the_terminal_and_fg_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = shell_with_inspector(folder.path());
    kill(Pid::from_raw(-shell.foreground()), Signal::SIGTSTP).unwrap();
    shell.wait_for_the_shell();
    shell.type_keys("fg\r");
    assert_whole_and_leave(&mut shell);
}

/// No program can give the terminal back before SIGSTOP stops it.
#[test]
fn after_sigstop_fg_redraws_the_whole_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = shell_with_inspector(folder.path());
    kill(Pid::from_raw(-shell.foreground()), Signal::SIGSTOP).unwrap();
    shell.wait_for("ready> ");
    // Not every shell restores the settings of the terminal, which may still be in raw
    // mode.
    shell.type_keys("fg\n");
    assert_whole_and_leave(&mut shell);
}

#[test]
fn ctrl_z_does_nothing_where_no_shell_could_continue_the_program() {
    let mut session = inspector(80, 24);
    session.type_keys("\u{1a}");
    session.type_keys("\r");
    session.wait_for("item 0 ·");
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
    session.assert_sane();
}

#[test]
fn a_vanished_terminal_ends_the_program_even_if_hangups_are_ignored() {
    let pack = fixture("hash-ipr128.pack");
    for arguments in [&["step", "b4,z1,b7"][..], &["inspect", &pack]] {
        let script = "trap '' HUP; \"$@\"; exit $?";
        let arguments = [&["-c", script, "x", SEALPACK], arguments].concat();
        let mut session = Session::start("/bin/sh", &arguments, 80, 24);
        session.wait_for("? help");
        session.close("?");
        assert_eq!(session.wait().exit_code(), 3);
    }
}
