//! Keys, mouse and pasted text as terminals send them: in bursts, in pieces, without an end.

use std::thread;
use std::time::Duration;

use portable_pty::ExitStatus;

use crate::pty::Session;
use crate::{SEALPACK, fixture, inspector, lines};

#[test]
fn text_longer_than_a_buffer_is_handled_in_one_step() {
    let mut session = Session::start(SEALPACK, &["step"], 80, 24);
    session.wait_for("step 1 of 7");
    let case = ["b1"; 1500].join(",");
    session.type_keys(&format!("e\u{15}{case}\r"));
    session.wait_for("step 1 of 1501");
    session.type_keys(&format!("e\u{15}\u{1b}[200~{case},b1\u{1b}[201~\r"));
    session.wait_for("step 1 of 1502");
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
}

#[test]
fn a_burst_of_the_mouse_wheel_is_handled_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = lines(folder.path());
    let mut session = Session::start(SEALPACK, &["inspect", path.to_str().unwrap()], 80, 24);
    session.wait_for("? help");
    // 200 times three rows, and nothing after it that would wake the program.
    session.type_keys(&"\u{1b}[<65;10;10M".repeat(200));
    let selected = |screen: &vt100::Screen| {
        let rows = (0..24).filter(|row| screen.cell(*row, 3).is_some_and(vt100::Cell::inverse));
        let text: Vec<String> = screen.rows(0, 80).collect();
        rows.map(|row| text[usize::from(row)].clone()).collect::<Vec<_>>().join("\n")
    };
    session.wait_until("row 600", |screen| selected(screen).contains("     600  "));
    session.type_keys("q");
    session.wait();
}

#[test]
fn no_key_is_lost_when_keys_repeat_every_12_ms() {
    let folder = tempfile::tempdir().unwrap();
    let path = lines(folder.path());
    let mut session = Session::start(SEALPACK, &["inspect", path.to_str().unwrap()], 80, 24);
    session.wait_for("? help");
    for _ in 0..100 {
        session.type_keys("j");
        thread::sleep(Duration::from_millis(6));
        // An arrow may arrive in pieces.
        session.type_keys("\u{1b}");
        thread::sleep(Duration::from_millis(1));
        session.type_keys("[B");
        thread::sleep(Duration::from_millis(5));
    }
    session.type_keys("\r");
    session.wait_for("record 200");
    session.type_keys("q");
    session.wait();
}

/// Types a key again and again until the program ends.
fn type_until_the_end(session: &mut Session, key: &str) -> ExitStatus {
    for _ in 0..60 {
        session.type_keys(key);
        thread::sleep(Duration::from_secs(1));
        if let Some(status) = session.child.try_wait().unwrap() {
            return status;
        }
    }
    panic!("{key:?} is swallowed\n{}", session.screen());
}

#[test]
fn an_unterminated_paste_swallows_neither_quit_nor_ctrl_c() {
    for key in ["q", "\u{3}"] {
        let mut session = inspector(80, 24);
        session.type_keys("\u{1b}[200~pasted");
        assert_eq!(type_until_the_end(&mut session, key).exit_code(), 0);
        session.assert_sane();
    }
}

#[test]
fn alt_with_a_key_is_not_the_key() {
    let mut session = inspector(80, 24);
    session.type_keys("\u{1b}q");
    session.type_keys("?");
    session.wait_for("Keys");
    session.type_keys("\u{1b}");
    session.wait_until("no help", |screen| !screen.contents().contains("Esc closes"));
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
}

#[test]
fn a_terminal_that_cannot_place_its_cursor_is_refused_in_plain_words() {
    for (term, wanted) in [("dumb", "TERM is dumb"), ("", "TERM does not name one")] {
        let file = fixture("hash-ipr128.pack");
        for arguments in [&["step"][..], &["inspect", &file]] {
            let variables = [("TERM", term)];
            let mut session = Session::start_with(SEALPACK, arguments, &variables, 120, 24);
            assert_eq!(session.wait().exit_code(), 2);
            session.wait_for(wanted);
            session.assert_sane();
        }
    }
}

#[test]
fn without_utf8_the_screens_are_in_ascii() {
    let pack = fixture("corrupt/rc-payload-flip.pack");
    for arguments in [&["step"][..], &["inspect", &pack]] {
        let mut session = Session::start_with(SEALPACK, arguments, &[("LC_ALL", "C")], 120, 40);
        session.wait_for("? help");
        for keys in ["?", "\u{1b}", "v", "3", "4", "1", "\r"] {
            session.type_keys(keys);
            thread::sleep(Duration::from_millis(50));
            assert!(session.screen().is_ascii(), "{}", session.screen());
        }
        assert_eq!(type_until_the_end(&mut session, "q").exit_code(), 0);
    }
}
