//! If the system refuses threads, the command uses fewer or reports an error; it does not
//! panic.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::child::Spawn as _;
use crate::run::{Place, Run};

/// A user without other processes, so that the limit counts only this one; `None` if the
/// test may not switch users.
fn unused_user() -> Option<u32> {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    is_root.then(|| 400_000 + std::process::id() % 100_000)
}

/// Runs the command with a limit on its threads, which includes the main thread.
fn limited(place: &Place, user: u32, threads: u32, args: &str) -> Run {
    let (command, limit) = (env!("CARGO_BIN_EXE_sealpack"), threads + 1);
    let script = format!("ulimit -u {limit}; exec {command} {args}");
    // `timeout` is a process of that user as well.
    let mut command = Command::new("timeout");
    command.args(["60", "bash", "-c", &script]).current_dir(place.path("")).uid(user).gid(user);
    Run { output: command.stdout(Stdio::piped()).stderr(Stdio::piped()).run() }
}

#[test]
fn a_thread_that_cannot_start_is_an_error_and_no_panic() {
    let Some(user) = unused_user() else { return };
    let place = Place::new();
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let text: String = (0..200_000).map(|i| format!("line {i}\n")).collect();
    fs::create_dir(place.path("packs")).unwrap();
    for number in 0..4 {
        let pack = format!("pack --lines - -o packs/{number}.pack --codec none");
        place.feed(&pack, text.as_bytes()).fine();
    }
    place.file("text", &text);
    let probe = limited(&place, user, 1000, "info packs/0.pack");
    if probe.code() != Some(0) {
        return; // That user cannot read the command.
    }
    let item = "line 199999";
    for threads in 1..9 {
        for (args, must_succeed) in [
            ("verify packs", true),
            ("verify packs --state st", true),
            ("cat packs/0.pack --lines", true),
            ("get packs/0.pack 199999", true),
            ("diff packs/0.pack packs/1.pack --read-all", true),
            ("pack text -o q.pack --force", false),
            ("pack --lines text -o q.pack --force --threads 4", false),
            ("digests packs/0.pack -o list --force", false),
        ] {
            let run = limited(&place, user, threads, args);
            let message = format!("{args} with {threads}: {}{}", run.err(), run.output.status);
            assert!(!run.err().contains("panicked"), "{message}");
            match run.code() {
                Some(0) => {}
                Some(3) => assert!(!must_succeed && run.err().starts_with("error: "), "{message}"),
                _ => panic!("{message}"),
            }
            if args.starts_with("get") {
                assert_eq!(run.out_text(), item);
            }
            if args.starts_with("cat") {
                assert!(run.out_text() == text, "{message}");
            }
        }
        let left: Vec<_> =
            place.names().into_iter().filter(|name| name.ends_with(".tmp")).collect();
        assert_eq!(left, [""; 0], "{threads}");
    }
}
