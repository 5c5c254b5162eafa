//! Questions at the bottom of the screen.

use std::fs;

use crate::pty::Session;
use crate::{SEALPACK, lines};

#[test]
fn a_long_answer_scrolls_and_its_end_is_seen() {
    let mut session = Session::start(SEALPACK, &["step"], 80, 24);
    session.wait_for("step 1 of 7");
    let case = ["b1"; 100].join(",");
    session.type_keys(&format!("e\u{15}{case},z12345"));
    session.wait_for("z12345");
    session.type_keys("\u{1}");
    session.wait_until("the start", |screen| screen.contents().contains("case b1,b1"));
    session.type_keys("\u{5}\u{17}");
    session.wait_for("case …");
    session.wait_until("no last event", |screen| !screen.contents().contains("z12345"));
    session.type_keys("\u{1b}");
    session.wait_until("no question", |screen| !screen.contents().contains("case …"));
    session.type_keys("q");
    session.wait();
}

#[test]
fn control_keys_edit_an_answer_as_a_shell_does() {
    let mut session = Session::start(SEALPACK, &["step"], 80, 24);
    session.wait_for("step 1 of 7");
    let mut answer = |keys: &str, wanted: &str| {
        session.type_keys(keys);
        // The prompt shows its cursor in place of the character after the answer.
        let wanted = format!("case {wanted} ");
        session.wait_until(&wanted, |screen| {
            screen.rows(0, 80).any(|row| format!("{} ", row.trim_end()).starts_with(&wanted))
        });
    };
    // ^U deletes to the start, ^W a word, ^K to the end; ^A and ^E go to start and end.
    answer("e\u{15}b1,z2,f", "b1,z2,f");
    answer("\u{17}", "b1,z2,");
    answer("\u{17}\u{17}b3", "b3");
    answer("\u{1}z9,", "z9,b3");
    answer("\u{5},b7", "z9,b3,b7");
    answer("\u{1}\u{6}\u{6}\u{b}", "z9");
    session.type_keys("\r");
    session.wait_for("step 1 of 2");
    // Up recalls the answer, Down returns to the one being typed.
    session.type_keys("e\u{15}b5\u{1b}[A");
    session.wait_for("case z9");
    session.type_keys("\u{1b}[B\r");
    session.wait_for("b5");
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
}

#[test]
fn a_failed_save_keeps_what_was_typed_and_a_tilde_is_the_home_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = lines(folder.path());
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let variables = [("HOME", home.to_str().unwrap())];
    let arguments = ["inspect", path.to_str().unwrap()];
    let mut session = Session::start_with(SEALPACK, &arguments, &variables, 100, 24);
    session.wait_for("? help");
    session.type_keys("\r");
    session.wait_for("item 0 ·");
    session.type_keys("s\u{15}~/no-such-folder/a name\r");
    session.wait_for("save to ~/no-such-folder/a name");
    session.wait_for("✗");
    // Deletes only the folder in the middle.
    session.type_keys("\u{1}\u{6}\u{6}");
    session.type_keys(&"\u{4}".repeat("no-such-folder/".len()));
    session.type_keys("\r");
    session.wait_for("saved to");
    assert_eq!(fs::read(home.join("a name")).unwrap(), b"line 0");
    // Up recalls the answer. The file exists by now and is not overwritten.
    session.type_keys("js\u{1b}[A");
    session.wait_for("save to ~/a name");
    session.type_keys("\r");
    session.wait_for("exists");
    session.wait_for("save to ~/a name");
    assert_eq!(fs::read(home.join("a name")).unwrap(), b"line 0");
    session.type_keys("\u{1b}");
    session.wait_until("no question", |screen| !screen.contents().contains("save to"));
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
}
