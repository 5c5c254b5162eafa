//! The prompt, at a terminal.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

#[path = "../../../../tui/tests/pty/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod pty;

use pty::Session;
use sealpack::Writer;
use tempfile::TempDir;

const PROMPT: &str = "sealpack> ";

/// Starts the command with one pack of two items, and waits for the prompt. Its history
/// is in the folder.
fn start(folder: &TempDir) -> Session {
    let path = folder.path().join("a.pack");
    if !path.exists() {
        let mut writer = Writer::options().create(&path).unwrap();
        ["first", "second"].iter().for_each(|item| writer.append(item.as_bytes()).unwrap());
        writer.finish().unwrap();
    }
    let (path, folder) = (path.display().to_string(), folder.path().display().to_string());
    let variables = [("XDG_STATE_HOME", folder.as_str())];
    let program = env!("CARGO_BIN_EXE_sealpack-sql");
    let session = Session::start_with(program, &[&path], &variables, 100, 40);
    session.wait_for(PROMPT);
    session
}

fn quit(mut session: Session) {
    session.type_keys("\\q\r");
    assert_eq!(session.wait().exit_code(), 0);
}

#[test]
fn a_statement_may_have_several_lines_and_ends_with_a_semicolon() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = start(&folder);
    session.type_keys("SELECT position, item\r");
    session.type_keys("FROM packs ORDER BY position;\r");
    session.wait_for("1  second");
    session.wait_for("(2 rows)");
    quit(session);
}

#[test]
fn commands_show_tables_columns_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = start(&folder);
    session.type_keys("\\d\r");
    session.wait_for("BASE TABLE");
    session.type_keys("\\d packs\r");
    session.wait_for("BinaryView");
    session.type_keys("\\timing\r");
    session.wait_for("timing is on");
    session.type_keys("SELECT 77 AS n;\r");
    session.wait_for("(1 row)");
    session.wait_until("the time", |screen| screen.contents().contains(" s\n"));
    session.type_keys("\\nonsense\r");
    session.wait_for("\\? lists them");
    quit(session);
}

#[test]
fn an_error_is_printed_and_the_prompt_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = start(&folder);
    session.type_keys("SELECT * FROM nowhere;\r");
    session.wait_for("nowhere' not found");
    session.type_keys("SELECT 70 + 7;\r");
    session.wait_for("77");
    quit(session);
}

#[test]
fn ctrl_c_cancels_the_query_and_not_the_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = start(&folder);
    let slow = "SELECT count(DISTINCT value % 7) FROM range(0, 1000000000000);\r";
    session.type_keys(slow);
    // Until the query runs, the key is one of the line.
    std::thread::sleep(std::time::Duration::from_secs(2));
    session.type_keys("\u{3}");
    session.wait_for("interrupted");
    session.type_keys("SELECT 70 + 7;\r");
    session.wait_for("77");
    quit(session);
}

#[test]
fn the_next_session_has_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = start(&folder);
    session.type_keys("SELECT 1234 + 4321;\r");
    session.wait_for("5555");
    quit(session);
    let mut session = start(&folder);
    // Up: the last line; once more: the statement.
    session.type_keys("\u{1b}[A\u{1b}[A");
    session.wait_for("SELECT 1234 + 4321;");
    session.type_keys("\r");
    session.wait_for("5555");
    quit(session);
}
