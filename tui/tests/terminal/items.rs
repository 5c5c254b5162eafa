//! Items as they are listed, searched and shown.

use std::path::{Path, PathBuf};
use std::time::Instant;

use sealpack::{Plain, Writer};

use crate::SEALPACK;
use crate::pty::Session;

/// A pack with these items, all in one record.
fn pack_of(folder: &Path, items: &[&[u8]]) -> PathBuf {
    let path = folder.join("items.pack");
    let mut writer = Writer::options().codec(Plain).overwrite(true).create(&path).unwrap();
    items.iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    path
}

/// The inspector with the items of the first record in view.
fn items_of(path: &Path, options: &[&str], columns: u16, rows: u16) -> Session {
    let arguments = [&["inspect", path.to_str().unwrap()], options].concat();
    let mut session = Session::start(SEALPACK, &arguments, columns, rows);
    session.wait_for("? help");
    session.type_keys("\r");
    session.wait_for("item 0 ·");
    session
}

fn quit(session: &mut Session) {
    session.type_keys("q");
    assert_eq!(session.wait().exit_code(), 0);
    session.assert_sane();
}

/// The row of the screen that starts with a text.
fn row(session: &Session, start: &str) -> String {
    let screen = session.screen();
    let row = screen.lines().find(|row| row.starts_with(start));
    row.unwrap_or_else(|| panic!("no row {start:?} on\n{screen}")).to_string()
}

#[test]
fn the_list_shows_the_text_of_an_item_or_its_bytes_and_marks_what_it_cuts() {
    let folder = tempfile::tempdir().unwrap();
    let long = "a long line of text ".repeat(20);
    let path = pack_of(folder.path(), &[b"short", long.as_bytes(), &[0, 1, 0xfe, 0xff], b""]);
    for (columns, rows) in [(120, 40), (200, 60)] {
        let mut session = items_of(&path, &[], columns, rows);
        assert!(row(&session, " 0  ").contains("short"));
        assert!(row(&session, " 1  a long line of").contains('…'));
        assert!(row(&session, " 2  ").contains("00 01 fe ff"));
        quit(&mut session);
    }
    // Without width for a preview the sizes remain.
    let mut session = items_of(&path, &[], 60, 16);
    assert!(row(&session, " 1  ").contains("400"));
    quit(&mut session);
}

#[test]
fn the_list_shows_names_where_there_are_some_and_finds_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.pack");
    let mut writer = Writer::options().codec(Plain).create(&path).unwrap();
    writer.append_named(b"folder/first.txt", b"1").unwrap();
    writer.append_named(b"folder/second.txt", b"2").unwrap();
    writer.append(b"no name").unwrap();
    writer.finish().unwrap();
    let mut session = items_of(&path, &[], 120, 40);
    session.wait_for("folder/first.txt");
    assert!(row(&session, " 1  ").contains("folder/second.txt"));
    assert!(row(&session, " 2  ").contains("no name"));
    session.type_keys("/n:SECOND\r");
    session.wait_for("item 1 · folder/second.txt");
    session.type_keys(":folder/first.txt\r");
    session.wait_for("item 0 · folder/first.txt");
    quit(&mut session);
}

#[test]
fn a_search_ignores_case_takes_expressions_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let items: [&[u8]; 4] = [b"nothing here", b"a Needle, a needle", b"kneedle", b"no 42 here"];
    let mut session = items_of(&pack_of(folder.path(), &items), &[], 80, 24);
    session.type_keys("/i:NEEDLE\r");
    session.wait_for("item 1 ·");
    session.type_keys("c");
    session.wait_for("“i:NEEDLE”: 3 hits in 2 items");
    session.type_keys("/r:no \\d+ h\r");
    session.wait_for("item 3 ·");
    session.type_keys("/r:(\r");
    session.wait_for("unclosed group");
    session.type_keys("\u{1b}");
    session.wait_until("no question", |screen| !screen.contents().contains("search r:("));
    session.type_keys("/needle\r");
    session.wait_for("item 1 ·");
    quit(&mut session);
}

#[test]
fn a_hit_beyond_the_first_mebibyte_of_an_item_is_shown_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let line = "a line of an item that is long\n";
    let item = format!("{}the needle\n{}", line.repeat(100_000), line.repeat(1000));
    let mut session = items_of(&pack_of(folder.path(), &[item.as_bytes()]), &[], 80, 24);
    session.type_keys("/needle\r");
    session.wait_until("the line of the hit", |screen| {
        screen.contents().lines().any(|row| row.trim_end().ends_with("│ the needle"))
    });
    session.type_keys("x");
    // The same place in hex: 31 * 100,000 bytes into the item.
    session.wait_for("2f4d60");
    quit(&mut session);
}

#[test]
fn p_says_why_it_does_not_indent_a_large_json_item() {
    let folder = tempfile::tempdir().unwrap();
    let object = format!("[{}]", " ".repeat(65 << 20));
    let mut session = items_of(&pack_of(folder.path(), &[object.as_bytes()]), &[], 80, 24);
    session.type_keys("p");
    session.wait_for("JSON is indented up to 64.0 MiB");
    quit(&mut session);
    let object = format!("[{}0]", r#"{"key":"value"},"#.repeat(100_000));
    let mut session = items_of(&pack_of(folder.path(), &[object.as_bytes()]), &[], 80, 24);
    session.wait_for("JSON, indented, bytes 0 to 1,0");
    session.type_keys("p");
    session.wait_for("text, bytes 0 to 1,0");
    quit(&mut session);
}

#[test]
fn view_shows_the_output_of_a_decoder_without_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let path = pack_of(folder.path(), &[b"{\"a\":1}", b"other"]);
    let mut session = items_of(&path, &["--view", "tr a-z A-Z"], 100, 24);
    session.wait_for(r#""A": 1"#);
    session.type_keys("j");
    session.wait_for("OTHER");
    session.type_keys("x");
    session.wait_until("the item as stored", |screen| {
        screen.contents().lines().any(|row| row.trim_end().ends_with("│ other"))
    });
    quit(&mut session);
    let mut session = items_of(&path, &["--view", "echo $HOME '; id' `id` *"], 100, 24);
    session.wait_for("$HOME ; id `id` *");
    quit(&mut session);
    let mut session = items_of(&path, &["--view", "no-such-decoder"], 100, 24);
    session.wait_for("✗ no-such-decoder: No such file");
    quit(&mut session);
}

#[test]
fn a_decoder_that_does_not_end_is_ended_and_delays_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = pack_of(folder.path(), &[b"an item"]);
    let started = Instant::now();
    let mut session = items_of(&path, &["--view", "sleep 1000"], 100, 24);
    // The keys act while the decoder runs, which takes 5 s.
    session.type_keys("?");
    session.wait_for("Esc closes");
    session.type_keys("\u{1b}");
    session.wait_until("no help", |screen| !screen.contents().contains("Esc closes"));
    let acted = started.elapsed();
    session.wait_for("✗ sleep did not end within 5 s");
    assert!(acted < started.elapsed());
    quit(&mut session);
}
