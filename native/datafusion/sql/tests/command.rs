//! The command on this machine: what it prints, where, and its exit statuses.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

#[path = "../../../../tests/src/child.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod child;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use child::Spawn as _;
use sealpack::Writer;
use tempfile::TempDir;

/// A folder with a pack, `a.pack`, of these items.
fn folder_with(items: &[&[u8]]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = Writer::options().items_per_record(2);
    let mut writer = options.create(folder.path().join("a.pack")).unwrap();
    items.iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    folder
}

fn three() -> TempDir {
    folder_with(&[b"first", b"a rare one", b"third"])
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpack-sql"));
    command.args(args).current_dir(folder).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command, and checks its exit status.
#[track_caller]
fn run(folder: &Path, args: &[&str], status: i32) -> (String, String) {
    checked(command(folder, args).run(), status)
}

#[track_caller]
fn checked(output: Output, status: i32) -> (String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (printed, message) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(status), "{printed}\n{message}");
    (printed, message)
}

#[test]
fn a_pipe_gets_the_result_as_csv_and_nothing_else() {
    let folder = three();
    let sql = "SELECT position, size FROM packs ORDER BY position";
    let (printed, message) = run(folder.path(), &["-c", sql, "a.pack"], 0);
    assert_eq!((printed.as_str(), message.as_str()), ("position,size\n0,5\n1,10\n2,5\n", ""));
}

#[test]
fn a_result_has_the_form_that_was_asked_for() {
    let folder = three();
    let sql = "SELECT position, item FROM packs WHERE item LIKE '%rare%'";
    let form = |form: &str| run(folder.path(), &["-c", sql, "a.pack", "--format", form], 0).0;
    assert_eq!(form("table"), "position  item\n--------  ----------\n       1  a rare one\n");
    assert_eq!(form("json"), "{\"position\":1,\"item\":\"612072617265206f6e65\"}\n");
    assert_eq!(form("csv"), "position,item\n1,612072617265206f6e65\n");
    let (_, message) = run(folder.path(), &["-c", sql, "a.pack", "--format", "parquet"], 2);
    assert!(message.contains("--output"), "{message}");
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let folder = three();
    let files = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let all = "SELECT position, item FROM packs";
    let wrong = format!("{all}; SELECT position / 0 FROM packs");
    run(folder.path(), &["-c", &wrong, "a.pack", "-o", "out.csv"], 3);
    assert_eq!(files(), ["a.pack"]);
    run(folder.path(), &["-c", all, "a.pack", "-o", "out.parquet"], 0);
    assert_eq!(files(), ["a.pack", "out.parquet"]);
    let (_, message) = run(folder.path(), &["-c", all, "a.pack", "-o", "out.parquet"], 2);
    assert!(message.contains("out.parquet exists; --force"), "{message}");
    run(folder.path(), &["-c", all, "a.pack", "-o", "out.parquet", "--force"], 0);
    let count = "SELECT count(*) FROM t JOIN packs USING (position, item)";
    let (printed, _) = run(folder.path(), &["-c", count, "t=out.parquet", "a.pack"], 0);
    assert_eq!(printed, "count(*)\n3\n");
}

#[test]
fn a_parquet_file_holds_one_result() {
    let folder = three();
    let two = "SELECT 1; SELECT 2";
    let (_, message) = run(folder.path(), &["-c", two, "-o", "out.parquet"], 2);
    assert!(message.contains("one result"), "{message}");
    assert!(!folder.path().join("out.parquet").exists());
}

#[test]
fn statements_come_from_arguments_files_and_standard_input() {
    let folder = three();
    std::fs::write(folder.path().join("q.sql"), "SELECT 2 AS two;\nSELECT 3 AS three;\n").unwrap();
    let (printed, _) = run(folder.path(), &["-c", "SELECT 1 AS one", "-f", "q.sql"], 0);
    assert_eq!(printed, "one\n1\ntwo\n2\nthree\n3\n");
    let piped = command(folder.path(), &["a.pack"]).stdin(Stdio::piped()).start();
    let (printed, _) = checked(piped.feed(b"SELECT count(*) AS n FROM packs;"), 0);
    assert_eq!(printed, "n\n3\n");
}

#[test]
fn exit_statuses_say_what_is_wrong() {
    let folder = three();
    let path = folder.path();
    for wrong in ["SELEC 1", "SELECT * FROM nowhere", "SELECT nothing FROM packs"] {
        run(path, &["-c", wrong, "a.pack"], 2);
    }
    let (_, message) = run(path, &["-c", "SELECT 1", "none.pack"], 2);
    assert!(message.contains("none.pack"), "{message}");
    let mut bytes = std::fs::read(path.join("a.pack")).unwrap();
    bytes[2] ^= 1;
    std::fs::write(path.join("bad.pack"), bytes).unwrap();
    let (printed, message) = run(path, &["-c", "SELECT item FROM packs", "bad.pack"], 1);
    assert!(message.contains("bad.pack"), "{message}");
    assert!(!printed.contains("third"), "{printed}");
    run(path, &["--format", "nonsense"], 2);
}

#[test]
fn packs_are_written_and_read_back() {
    let folder = three();
    let copy = "COPY (SELECT item FROM packs WHERE position > 0) TO 'out.pack' STORED AS PACK";
    run(folder.path(), &["-c", copy, "a.pack"], 0);
    let sql = "SELECT position, size FROM packs ORDER BY position";
    let (printed, _) = run(folder.path(), &["-c", sql, "out.pack"], 0);
    assert_eq!(printed, "position,size\n0,10\n1,5\n");
}

#[test]
fn a_reader_that_is_gone_ends_the_command_silently() {
    let folder = three();
    let many = "SELECT a.value, b.value FROM range(0, 100000) a CROSS JOIN range(0, 1000) b";
    let mut running = command(folder.path(), &["-c", many]).start();
    drop(running.stdout());
    let (_, message) = checked(running.end(), 141);
    assert_eq!(message, "");
}

#[test]
fn help_has_examples() {
    let folder = three();
    let (printed, _) = run(folder.path(), &["--help"], 0);
    for part in ["Examples:", "pack_verify", "--ballista", "Exit status"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    for process in ["scheduler", "executor"] {
        let (printed, _) = run(folder.path(), &[process, "--help"], 0);
        assert!(printed.contains("--bind"), "{printed}");
    }
}

#[test]
fn ctrl_c_cancels_a_query() {
    let folder = three();
    let slow = "SELECT count(*) FROM range(0, 10000000) a CROSS JOIN range(0, 10000000) b";
    let running = command(folder.path(), &["-c", slow]).start();
    // Long enough that the query runs: an earlier signal ends the process by itself.
    std::thread::sleep(std::time::Duration::from_secs(2));
    running.signal(signal_hook::consts::SIGINT);
    let (_, message) = checked(running.end(), 130);
    assert!(message.contains("interrupted"), "{message}");
}
