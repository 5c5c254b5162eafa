//! The command with `s3://` URLs: packing, reading, verifying, interruption.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::item;
use super::start::{SERVER_KINDS, Server, ServerKind};
use sealpack_tests::child::{Spawn as _, wait_until};

/// The command, as `tests/run remote` built it.
pub fn sealpack(server: &Server, args: &str) -> Command {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/sealpack");
    let path = std::env::var_os("SEALPACK").map_or_else(|| PathBuf::from(built), PathBuf::from);
    assert!(Path::exists(&path), "{}: tests/run remote builds it", path.display());
    let mut command = Command::new(path);
    command.args(args.split_whitespace()).envs(server.environment());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[track_caller]
fn run(server: &Server, args: &str, input: &[u8], status: i32) -> Output {
    let output = sealpack(server, args).stdin(Stdio::piped()).start().feed(input);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{:?} {args}: {message}", server.kind);
    output
}

/// `count` items of 10,000 bytes, each after its length.
fn framed(count: u32) -> Vec<u8> {
    let frame = |number| [&10_000u32.to_le_bytes()[..], &item(number, 10_000)].concat();
    (0..count).flat_map(frame).collect()
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn packs_in_a_store_are_written_read_and_verified() {
    for kind in SERVER_KINDS {
        let server = Server::start(kind);
        let input = framed(2000);
        let pack = "pack --framed - -o s3://bucket/logs/a.pack --codec none --part-size 5MiB";
        let message = String::from_utf8(run(&server, pack, &input, 0).stdout).unwrap();
        assert!(
            message.contains("4 of 5,242,880 bytes (5.24 MB), enough for 52.43 GB"),
            "{message}"
        );
        let again = run(&server, pack, &input, 3);
        let message = String::from_utf8(again.stderr).unwrap();
        assert!(
            message.contains("s3://bucket/logs/a.pack") && message.contains("--force"),
            "{message}"
        );
        run(&server, &format!("{pack} --force"), &input, 0);
        assert_eq!(server.open_uploads(), 0);

        let url = "s3://bucket/logs/a.pack";
        assert_eq!(run(&server, &format!("get {url} 77"), b"", 0).stdout, item(77, 10_000));
        assert!(run(&server, &format!("cat {url} --framed"), b"", 0).stdout == input);
        run(&server, &format!("info {url} --json"), b"", 0);
        run(&server, &format!("verify {url}"), b"", 0);
        let none = run(&server, "info s3://bucket/none.pack", b"", 3);
        let message = String::from_utf8(none.stderr).unwrap();
        assert!(
            message.contains("s3://bucket/none.pack") && message.contains("no such"),
            "{message}"
        );
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn a_pack_is_written_with_its_digest_list_and_read_by_its_root() {
    for kind in SERVER_KINDS {
        let server = Server::start(kind);
        let url = "s3://bucket/a.pack";
        let pack = format!("pack --framed - -o {url} --codec none --with-digests --json");
        let summary = run(&server, &pack, &framed(200), 0).stdout;
        let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
        assert_eq!(summary["digests"], "s3://bucket/a.pack.digests", "{kind:?}");
        let root = summary["root"].as_str().unwrap();
        let get = format!("get {url} 77 --trust");
        assert_eq!(run(&server, &format!("{get} {root}"), b"", 0).stdout, item(77, 10_000));
        let other = root.replace(|digit: char| digit != 'f', "f");
        assert_eq!(run(&server, &format!("{get} {other}"), b"", 1).stdout, b"");
        assert_eq!(server.open_uploads(), 0);
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn a_prefix_is_verified_with_a_state_file() {
    for kind in SERVER_KINDS {
        let server = Server::start(kind);
        let state = tempfile::tempdir().unwrap();
        let state = state.path().join("done").display().to_string();
        for name in ["a/1.pack", "a/2.pack", "a/deep/3.pack", "ab/4.pack", "a/notes"] {
            run(&server, &format!("pack --framed - -o s3://bucket/{name}"), &framed(20), 0);
        }
        let verify = format!("verify s3://bucket/a/ --state {state}");
        let message = String::from_utf8(run(&server, &verify, b"", 0).stdout).unwrap();
        assert!(
            message.ends_with("3 packs: 3 sound; 1 left out for their names (--all)\n"),
            "{message}"
        );
        run(&server, "pack --framed - -o s3://bucket/a/2.pack --force", &framed(21), 0);
        let message = String::from_utf8(run(&server, &verify, b"", 0).stdout).unwrap();
        assert!(message.contains("; 2 verified before;"), "{message}");
        assert!(message.contains("s3://bucket/a/2.pack: sound"), "{message}");
    }
}

#[test]
#[ignore = "needs servers: tests/run remote"]
fn wrong_credentials_name_the_variables_to_set() {
    let server = Server::start(ServerKind::S3sFs);
    let mut command = sealpack(&server, "info s3://bucket/a.pack");
    let output = command.env("AWS_SECRET_ACCESS_KEY", "guessed").run();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(
        message.contains("AWS_ACCESS_KEY_ID") && message.contains("s3://bucket/a.pack"),
        "{message}"
    );
}

/// Parts are in flight when the signal arrives; none of them remains.
#[test]
#[ignore = "needs servers: tests/run remote"]
fn ctrl_c_leaves_no_parts() {
    use std::os::unix::process::ExitStatusExt as _;

    for kind in SERVER_KINDS {
        let server = Server::start(kind);
        let pack = "pack --framed - -o s3://bucket/a.pack --codec none --part-size 5MiB";
        let mut child = sealpack(&server, pack).stdin(Stdio::piped()).start();
        let mut stdin = child.stdin();
        stdin.write_all(&framed(2000)).unwrap();
        stdin.flush().unwrap();
        wait_until("an upload", || server.open_uploads() > 0);
        let interrupt = nix::sys::signal::Signal::SIGINT as i32;
        child.signal(interrupt);
        let status = child.wait("it to end by the signal");
        drop(stdin);
        assert_eq!(status.signal(), Some(interrupt), "{kind:?}");
        assert_eq!(server.open_uploads(), 0, "{kind:?}");
        run(&server, "info s3://bucket/a.pack", b"", 3);
    }
}
