//! Foreign text reaches the terminal escaped: names, URLs and messages of servers.

#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::Stdio;

use serde_json::json;

use crate::child::Spawn as _;
use crate::run::{Place, Run, has};

/// A name that forges lines of a report, moves the cursor, sets the title of
/// the window, and turns the direction of the text.
const HOSTILE: &str = "x.pack: sound\n  content hash     passed\r\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}\u{2028}\u{200b}.pack";

fn run(place: &Place, args: &[&OsStr]) -> Run {
    Run { output: place.command(args).run() }
}

/// Everything printed is printable text in lines.
#[track_caller]
fn printable(run: &Run) {
    for output in [&run.output.stdout, &run.output.stderr] {
        let text = std::str::from_utf8(output).unwrap();
        let unprintable = |c: &char| {
            (c.is_control() && *c != '\n') || ['\u{200b}', '\u{2028}', '\u{202e}'].contains(c)
        };
        assert_eq!(text.chars().find(unprintable), None, "{text}");
        assert!(!text.contains("\n  content hash     passed\r"), "{text}");
        assert!(!text.lines().any(|line| line.ends_with("x.pack: sound")), "{text}");
    }
}

fn pack(place: &Place) -> Vec<u8> {
    place.feed("pack --lines - -o plain.pack --force", b"a\nb\nc\n").fine();
    fs::read(place.path("plain.pack")).unwrap()
}

#[test]
fn no_command_prints_control_characters_of_a_name() {
    let place = Place::new();
    let bytes = pack(&place);
    let damaged = &bytes[..bytes.len() - 1];
    let missing = format!("missing/{HOSTILE}");
    for (name, content) in
        [(HOSTILE, Some(&bytes[..])), (&missing, None), ("b\u{1b}\n.pack", Some(damaged))]
    {
        if let Some(content) = content {
            place.file(name, content);
        }
        for args in [
            "info P",
            "verify P",
            "verify P --state S\u{1b}",
            "get P 0",
            "get P 99",
            "get P N\u{1b}",
            "ls P",
            "ls P N\u{1b}*",
            "unpack P -C D\u{1b}",
            "unpack P -C D --positions N\u{1b}",
            "cat P --lines",
            "grep i P plain.pack",
            "grep -l -a . P plain.pack",
            "grep P plain.pack",
            "grep (P plain.pack",
            "digests P --force",
            "digests P",
            "digests P --print",
            "diff P plain.pack",
            "diff plain.pack P",
            "diff P plain.pack --digests-a P",
            "pack P -o Q\u{9b}\n",
            "pack P -o P",
            "pack -o P plain.pack",
            "pack --lines P -o R --names N\u{1b}",
            "pack --framed P -o T",
            "check --replay P",
            "inspect P",
            "verify P --trust 00",
            "step P",
            "info --P",
            "P",
            "info plain.pack P",
            "get plain.pack P",
            "pack plain.pack -o U --level P",
            "verify .",
            "verify P/",
        ] {
            let args: Vec<OsString> =
                args.split(' ').map(|arg| arg.replace('P', name).into()).collect();
            printable(&run(&place, &args.iter().map(OsString::as_os_str).collect::<Vec<_>>()));
        }
    }
}

#[test]
fn a_name_is_printed_so_that_a_shell_reads_it_back() {
    let place = Place::new();
    let mut name = b"\xff it's\t".to_vec();
    name.extend_from_slice(HOSTILE.as_bytes());
    let name = OsString::from_vec(name);
    fs::write(place.path("").join(&name), pack(&place)).unwrap();
    let report = run(&place, &[OsStr::new("info"), &name]).fine();
    let printed = report.out_text().lines().next().unwrap().to_string();
    let script = format!("printf %s {printed}");
    let mut shell = std::process::Command::new("bash");
    let shell = shell.env("LC_ALL", "C.UTF-8").args(["-c", &script]);
    let Ok(shell) = shell.stdout(Stdio::piped()).try_start() else { return }; // no bash here
    let shell = shell.end();
    assert_eq!(OsStr::from_bytes(&shell.stdout), name, "{printed}");
}

#[test]
fn json_escapes_what_is_unprintable_and_keeps_names_that_are_not_utf_8() {
    let place = Place::new();
    let bytes = pack(&place);
    place.file(HOSTILE, &bytes);
    let name = OsStr::from_bytes(b"\xff\xfe.pack");
    fs::write(place.path("").join(name), &bytes).unwrap();
    for command in ["info", "verify", "cat", "digests"] {
        let more = if command == "digests" { "--force" } else { "--json" };
        let hostile = run(&place, &[command.as_ref(), "--json".as_ref(), HOSTILE.as_ref()]);
        printable(&hostile);
        has(&hostile.json(), &json!({ "path": HOSTILE, "path_bytes": null }));
        let args = [command.as_ref(), "--json".as_ref(), more.as_ref(), name];
        let args = if more == "--json" { &[args[0], args[1], args[3]][..] } else { &args[..] };
        let object = run(&place, args).fine().json();
        has(&object, &json!({ "path": "\u{fffd}\u{fffd}.pack", "path_bytes": "fffe2e7061636b" }));
    }
    let differ = run(&place, &["diff".as_ref(), "--json".as_ref(), "plain.pack".as_ref(), name]);
    has(&differ.json()["b"], &json!({ "path_bytes": "fffe2e7061636b" }));
}

#[cfg(feature = "remote")]
mod remote {
    use super::*;
    use crate::web::{ServerBehavior, Web};

    #[test]
    fn a_servers_message_is_one_short_line() {
        let place = Place::new();
        let web = Web::new(ServerBehavior::Hostile);
        for command in ["info", "verify", "cat", "verify --json"] {
            let run = place.run(&format!("{command} {}", web.url("/a.pack")));
            printable(&run);
            let message = format!("{}{}", run.err(), run.out_text());
            assert!(message.contains("no such thing"), "{message}");
            assert!(run.err().lines().all(|line| line.chars().count() < 600), "{message}");
            assert!(run.err().lines().count() <= 2, "{message}");
        }
    }

    #[test]
    fn a_password_or_signature_in_a_url_is_never_printed() {
        let place = Place::new();
        let web = Web::new(ServerBehavior::Normal);
        web.put("/a.pack", pack(&place));
        web.put("/not.pack", b"no pack".to_vec());
        for path in [
            "/a.pack",
            "/not.pack",
            "/missing.pack",
            "/folder/",
            "/a.pack?sig=secret",
            "/not.pack?sig=secret",
        ] {
            let url = web.url(path).replace("://", "://user:secret@");
            for command in [
                "info",
                "verify",
                "verify --json",
                "verify --state state",
                "cat",
                "get",
                "digests",
                "diff plain.pack",
                "pack plain.pack -o",
            ] {
                let run = place.run(&format!("{command} {url}"));
                let printed = format!("{}{}", run.err(), run.out_text());
                assert!(!printed.contains("secret"), "{command} {path}: {printed}");
            }
            let state = fs::read_to_string(place.path("state")).unwrap_or_default();
            assert!(!state.contains("secret"), "{state}");
        }
    }
}
