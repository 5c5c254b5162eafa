//! `sealpack verify --state`: what identifies a pack that was verified, and how
//! the file is written.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::child::Spawn as _;
use crate::run::{Place, has};

/// A sound pack at `a.pack`, and the same with a damaged record.
fn sound_and_damaged(place: &Place) -> (Vec<u8>, Vec<u8>) {
    let text: String = (0..100).map(|i| format!("line {i} of the text\n")).collect();
    place.feed("pack --lines - -o a.pack --force", text.as_bytes()).fine();
    let sound = fs::read(place.path("a.pack")).unwrap();
    let mut damaged = sound.clone();
    damaged[40] ^= 1;
    (sound, damaged)
}

fn set_date(path: &Path, date: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(date).unwrap();
}

/// Returns how many results a run reused from its state file.
#[track_caller]
fn reused_results(place: &Place, args: &str, status: i32) -> u64 {
    let run = place.run(&format!("verify --state st --json {args}")).failed(status, &[]);
    let text = run.out_text();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["summary"]["done_before"].as_u64().unwrap()
}

#[test]
fn a_result_is_reused_only_for_the_same_options() {
    let place = Place::new();
    sound_and_damaged(&place);
    let wrong = format!("a.pack --trust {}", "0".repeat(64));
    let hash = place.run("info a.pack --json").json()["content_hash"].as_str().unwrap().to_owned();
    let right = format!("a.pack --trust {hash}");
    assert_eq!(reused_results(&place, "a.pack", 0), 0);
    assert_eq!(reused_results(&place, "a.pack", 0), 1);
    assert_eq!(reused_results(&place, &wrong, 1), 0);
    assert_eq!(
        reused_results(&place, &wrong, 1),
        0,
        "damage under a trusted hash may be the list's"
    );
    assert_eq!(reused_results(&place, "a.pack --codec none", 1), 0);
    assert_eq!(reused_results(&place, "a.pack --codec none", 1), 1);
    assert_eq!(reused_results(&place, &right, 0), 0);
    assert_eq!(reused_results(&place, &right, 0), 1);
    place.run("digests a.pack -o list").fine();
    assert_eq!(reused_results(&place, &format!("{right} --digests list"), 0), 0);
    assert_eq!(reused_results(&place, "a.pack", 0), 1, "the other results are still kept");
}

#[test]
fn the_same_name_in_another_folder_is_another_pack() {
    let place = Place::new();
    let (sound, damaged) = sound_and_damaged(&place);
    let date = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (folder, bytes) in [("one", &sound), ("two", &damaged)] {
        set_date(&place.file(&format!("{folder}/p.pack"), bytes), date);
    }
    let run = |folder: &str| {
        let mut command = place.command(["verify", "p.pack", "--state", "../st"]);
        command.current_dir(place.path(folder)).run().status.code()
    };
    assert_eq!(
        (run("one"), run("two"), run("two"), run("one")),
        (Some(0), Some(1), Some(1), Some(0))
    );
}

#[test]
fn names_that_are_not_utf_8_share_no_result() {
    let place = Place::new();
    let (sound, damaged) = sound_and_damaged(&place);
    let date = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (name, bytes) in [(b"\xff.pack", &sound), (b"\xfe.pack", &damaged)] {
        let path = place.path("").join(OsStr::from_bytes(name));
        fs::write(&path, bytes).unwrap();
        set_date(&path, date);
    }
    for (name, status) in [(b"\xff.pack", 0), (b"\xfe.pack", 1), (b"\xff.pack", 0)] {
        let args =
            [OsStr::new("verify"), OsStr::from_bytes(name), "--state".as_ref(), "st".as_ref()];
        assert_eq!(place.command(args).run().status.code(), Some(status));
    }
}

#[test]
fn a_pack_that_was_restored_with_its_old_date_is_verified_again() {
    let place = Place::new();
    let (sound, damaged) = sound_and_damaged(&place);
    let date = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (bytes, status) in [(&damaged, 1), (&sound, 0), (&damaged, 1)] {
        set_date(&place.file("a.pack", bytes), date);
        assert_eq!(reused_results(&place, "a.pack", status), 0, "written in place");
        assert_eq!(reused_results(&place, "a.pack", status), 1);
    }
    // As `cp -p` and `mv` do it: another file takes the name.
    set_date(&place.file("b.pack", &sound), date);
    fs::rename(place.path("b.pack"), place.path("a.pack")).unwrap();
    assert_eq!(reused_results(&place, "a.pack", 0), 0);
}

#[test]
fn packs_from_before_1970_are_remembered() {
    let place = Place::new();
    sound_and_damaged(&place);
    set_date(&place.path("a.pack"), UNIX_EPOCH - Duration::from_millis(86_400_500));
    assert_eq!(reused_results(&place, "a.pack", 0), 0);
    assert_eq!(reused_results(&place, "a.pack", 0), 1);
}

#[test]
fn a_known_result_is_reported_under_the_name_of_this_run() {
    let place = Place::new();
    let (_, damaged) = sound_and_damaged(&place);
    place.file("folder/p.pack", damaged);
    assert_eq!(reused_results(&place, "folder", 1), 0);
    let again = place.run("verify ./folder/../folder/p.pack folder --state st --json");
    let first: Value = serde_json::from_str(again.out_text().lines().next().unwrap()).unwrap();
    has(&first, &json!({ "path": "folder/p.pack", "ok": false, "damaged_count": 1 }));
    let words = place.run("verify folder --state st").failed(1, &[]).out_text();
    assert!(words.contains("folder/p.pack: damaged, found before"), "{words}");
}

#[test]
fn the_file_keeps_its_mode_and_nothing_next_to_it_is_touched() {
    let place = Place::new();
    sound_and_damaged(&place);
    place.file("victim", "victim");
    symlink("victim", place.path("st.new")).unwrap();
    assert_eq!(reused_results(&place, "a.pack", 0), 0);
    fs::set_permissions(place.path("st"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(reused_results(&place, "a.pack", 0), 1);
    assert_eq!(fs::metadata(place.path("st")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(place.path("victim")).unwrap(), b"victim");
    assert!(fs::symlink_metadata(place.path("st.new")).unwrap().is_symlink());
    // A symbolic link to a state file is kept, and its target is used.
    symlink("st", place.path("link")).unwrap();
    place.run("verify a.pack --state link").fine();
    assert!(fs::symlink_metadata(place.path("link")).unwrap().is_symlink());
    assert_eq!(place.names(), ["a.pack", "link", "st", "st.new", "victim"]);
}

#[test]
fn an_invalid_state_file_is_refused_before_anything_is_verified() {
    let place = Place::new();
    sound_and_damaged(&place);
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    fs::create_dir(place.path("folder")).unwrap();
    symlink("nothing", place.path("dangling")).unwrap();
    symlink("pipe", place.path("to-pipe")).unwrap();
    for state in ["pipe", "folder", "dangling", "to-pipe", "a.pack"] {
        let refused = place.run(&format!("verify a.pack --state {state}")).failed(2, &[state]);
        assert_eq!(refused.out_text(), "", "{state}");
    }
    place.run("verify a.pack --state missing/st").failed(3, &["missing/st"]);
    let older = "{\"sealpack_verify_state\":1}\n";
    place.file("st", older);
    place.run("verify a.pack --state st").failed(2, &["older sealpack", "Remove it"]);
    assert_eq!(fs::read_to_string(place.path("st")).unwrap(), older);
    let kept = ["a.pack", "dangling", "folder", "pipe", "st", "to-pipe"];
    assert_eq!(place.names(), kept);
}

#[test]
fn two_runs_at_once_lose_no_line() {
    let place = Place::new();
    let (sound, _) = sound_and_damaged(&place);
    for number in 0..60 {
        for folder in ["one", "two"] {
            place.file(&format!("{folder}/{number}.pack"), &sound);
        }
    }
    let start = |folder| place.command(["verify", folder, "--state", "st"]).start();
    for run in [start("one"), start("two"), start("one")] {
        assert_eq!(run.end().status.code(), Some(0));
    }
    for folder in ["one", "two"] {
        assert_eq!(reused_results(&place, folder, 0), 60, "{folder}");
    }
}

#[test]
fn the_state_file_is_not_taken_for_a_pack() {
    let place = Place::new();
    let (sound, _) = sound_and_damaged(&place);
    place.file("folder/p", sound);
    for _ in 0..2 {
        let run = place.run("verify folder --all --state folder/st").fine().out_text();
        assert!(run.contains("1 pack: 1 sound"), "{run}");
    }
    // A shell pattern may include the state file.
    let run = place.run("verify folder/p folder/st --state folder/st");
    assert_eq!(run.code(), Some(0));
    assert!(run.err().contains("is the state file"), "{}", run.err());
}
