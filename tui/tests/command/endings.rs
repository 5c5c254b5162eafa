//! How the command ends where something outside it does: closed pipes, full
//! disks, signals.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGPIPE, SIGTERM};

use crate::run::{Place, Run};

/// A pack with more items than a pipe holds.
fn large(place: &Place) {
    let text: String = (0..200_000).map(|i| format!("{i}\n")).collect();
    place.feed("pack --lines - -o p", text.as_bytes()).fine();
}

#[test]
fn a_closed_pipe_ends_it_silently_as_it_ends_other_filters() {
    let place = Place::new();
    large(&place);
    for args in ["cat p --lines", "cat p --json", "get p --framed 1 2 3", "info p", "verify p"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(args.split(' '));
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.signal(), Some(SIGPIPE), "{args}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_pipe_closed_half_way_is_no_error_either() {
    let place = Place::new();
    large(&place);
    let mut child = place.command(["cat", "p", "--lines"]).spawn().unwrap();
    let mut some = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(&some, b"0\n1\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(SIGPIPE));
    assert!(output.stderr.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_status_3_and_says_where() {
    let place = Place::new();
    large(&place);
    for args in ["cat p --lines", "get p 1", "info p", "info p --json", "verify p", "cat p --json"]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = place.command(args.split(' ')).stdout(full).output().unwrap();
        Run { output }.failed(3, &["standard output", "space"]);
    }
}

#[test]
fn a_pack_that_cannot_be_written_to_its_end_leaves_nothing_and_the_old_one_whole() {
    let place = Place::new();
    place.file("p", "old");
    // A limit on the size of files stands for a disk that is full.
    let pack = "pack --lines - -o p --force --codec none";
    let script =
        format!("trap '' XFSZ; ulimit -f 64; exec {} {pack}", env!("CARGO_BIN_EXE_sealpack"));
    let mut command = std::process::Command::new("sh");
    command.current_dir(place.path("")).args(["-c", &script]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end without having read everything.
    drop(child.stdin.take().unwrap().write_all(&[b'\n'; 1 << 20]));
    let run = Run { output: child.wait_with_output().unwrap() };
    run.failed(3, &["p: cannot write"]);
    assert_eq!(place.names(), ["p"]);
    assert_eq!(fs::read(place.path("p")).unwrap(), b"old");
}

/// Waits until `done`, or for so long that something must be wrong.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A `pack` that waits for standard input, its temporary file created.
fn waiting(place: &Place) -> Child {
    let mut command = place.command(["pack", "--lines", "-", "-o", "p", "--force"]);
    let child = command.stdin(Stdio::piped()).spawn().unwrap();
    wait_until("the temporary file", || place.names().iter().any(|name| name.ends_with(".tmp")));
    child
}

#[test]
fn a_signal_leaves_no_temporary_file_and_the_old_pack() {
    for signal in [SIGINT, SIGTERM] {
        let place = Place::new();
        place.file("p", "old");
        let child = waiting(&place);
        let kill = std::process::Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        // Standard input is still open: it does not wait for that.
        let mut child = child;
        let stdin = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        // A shell shows 128 more than the signal.
        assert_eq!(output.status.signal(), Some(signal));
        assert_eq!(place.names(), ["p"]);
        assert_eq!(fs::read(place.path("p")).unwrap(), b"old");
    }
}

#[test]
fn a_signal_that_it_was_started_to_ignore_is_ignored() {
    if !cfg!(target_os = "linux") {
        return; // Elsewhere the system does not tell.
    }
    let place = Place::new();
    let script = format!("trap '' HUP; exec {} pack - -o p", env!("CARGO_BIN_EXE_sealpack"));
    let mut command = std::process::Command::new("sh");
    command.current_dir(place.path("")).args(["-c", &script]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the temporary file", || place.names().iter().any(|name| name.ends_with(".tmp")));
    let kill = std::process::Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    drop(child.stdin.take());
    Run { output: child.wait_with_output().unwrap() }.fine();
    assert_eq!(place.names(), ["p"]);
}
