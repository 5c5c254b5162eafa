//! How the command ends on closed pipes, full disks and signals.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU,
};

use crate::child::{RunningProcess, Spawn as _, wait_until};
use crate::run::{Place, Run};

/// A pack with more items than a pipe holds.
fn large(place: &Place) {
    let text: String = (0..200_000).map(|i| format!("{i}\n")).collect();
    place.feed("pack --lines - -o p", text.as_bytes()).fine();
}

#[test]
fn a_closed_pipe_ends_the_command_silently() {
    let place = Place::new();
    large(&place);
    for args in ["cat p --lines", "cat p --json", "get p --framed 1 2 3", "info p", "verify p"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(args.split(' '));
        let output = command.stdout(writer).run();
        assert_eq!(output.status.signal(), Some(SIGPIPE), "{args}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_pipe_closed_half_way_is_not_an_error() {
    let place = Place::new();
    large(&place);
    let mut child = place.command(["cat", "p", "--lines"]).start();
    let mut some = [0; 4];
    child.stdout().read_exact(&mut some).unwrap();
    assert_eq!(&some, b"0\n1\n");
    let output = child.end();
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
        let output = place.command(args.split(' ')).stdout(full).run();
        Run { output }.failed(3, &["standard output", "space"]);
    }
}

/// A limit on file sizes simulates a full disk. The parent ignores the signal of that
/// limit, or does not.
#[test]
fn a_pack_that_cannot_be_written_to_its_end_leaves_nothing_and_the_old_one_whole() {
    for trap in ["trap '' XFSZ; ", ""] {
        let place = Place::new();
        place.file("p", "old");
        place.file("zeros", "\n".repeat(1 << 20));
        let script = format!(
            "{trap}ulimit -f 64; exec $SEALPACK pack --lines zeros -o p --force --codec none"
        );
        place.script(&script).failed(3, &["p: cannot write"]);
        assert_eq!(place.names(), ["p", "zeros"]);
        assert_eq!(fs::read(place.path("p")).unwrap(), b"old");
        place.script("exec $SEALPACK pack --lines zeros -o q").fine();
        let script = format!("{trap}ulimit -f 64; exec $SEALPACK cat --lines q > items");
        place.script(&script).failed(3, &["standard output"]);
    }
}

/// Starts a `pack` that has created its temporary files and waits for standard input.
fn waiting(place: &Place) -> RunningProcess {
    let mut command = place.command(["pack", "-", "-o", "p", "--force", "--with-digests"]);
    let child = command.args(["--names", "n"]).stdin(Stdio::piped()).start();
    let temporary =
        |place: &Place| place.names().iter().filter(|name| name.ends_with(".tmp")).count();
    wait_until("three temporary files", || temporary(place) == 3);
    child
}

#[test]
fn a_signal_leaves_no_temporary_file_and_the_old_pack() {
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGQUIT, SIGXCPU] {
        let place = Place::new();
        place.file("p", "old");
        let mut child = waiting(&place);
        // It does not wait for standard input, which stays open.
        let stdin = child.stdin();
        child.signal(signal);
        let status = child.wait("its end by a signal");
        drop(stdin);
        // A shell shows 128 more than the signal.
        assert_eq!(status.signal(), Some(signal));
        let names: Vec<_> =
            place.names().into_iter().filter(|name| !name.starts_with("core")).collect();
        assert_eq!(names, ["p"]);
        assert_eq!(fs::read(place.path("p")).unwrap(), b"old");
    }
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    if !cfg!(target_os = "linux") {
        return; // Other systems do not report which signals are ignored.
    }
    let place = Place::new();
    let script = format!("trap '' HUP; exec {} pack - -o p", env!("CARGO_BIN_EXE_sealpack"));
    let mut command = std::process::Command::new("sh");
    command.current_dir(place.path("")).args(["-c", &script]).stdin(Stdio::piped());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).start();
    wait_until("the temporary file", || place.names().iter().any(|name| name.ends_with(".tmp")));
    child.signal(SIGHUP);
    Run { output: child.end() }.fine();
    assert_eq!(place.names(), ["p"]);
}

/// Every command prints, so none starts without standard output; only one that
/// reads standard input needs that.
#[test]
fn a_standard_stream_that_is_closed_or_has_the_wrong_direction_is_an_error() {
    let place = Place::new();
    place.file("f", "item");
    place.run("pack f -o p").fine();
    let commands = [
        "cat p",
        "get p 0",
        "info p",
        "verify p",
        "digests p",
        "digests p --print",
        "diff p p",
        "check",
        "pack f -o q",
        "--help",
        "--version",
    ];
    for command in commands {
        for closed in [">&-", "1</dev/null"] {
            let run = place.script(&format!("exec $SEALPACK {command} {closed}"));
            run.failed(3, &["standard output", "ad file descriptor"]);
        }
        // The other streams may be closed: the command does not need them.
        assert_eq!(place.script(&format!("exec $SEALPACK {command} <&- 2>&-")).code(), Some(0));
        for made in ["q", "p.digests"] {
            drop(fs::remove_file(place.path(made)));
        }
    }
    assert_eq!(place.names(), ["f", "p"], "nothing was done before it was noticed");
    for closed in ["<&-", "0>/dev/null"] {
        for split in ["", "--lines", "--framed"] {
            let run = place.script(&format!("exec $SEALPACK pack {split} - -o q {closed}"));
            run.failed(3, &["standard input", "ad file descriptor"]);
        }
    }
    assert_eq!(place.names(), ["f", "p"]);
    place.script("exec $SEALPACK pack - -o q </dev/null").fine();
    place.script("exec $SEALPACK verify q <>/dev/null >/dev/null").fine();
}
