//! The files that `pack` and `digests` read and write: distinct, whole, and none
//! replaced or left out silently.

#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use signal_hook::consts::{SIGCONT, SIGSTOP};

use crate::child::{Spawn as _, wait_until};
use crate::run::{Place, Run};

fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

#[test]
fn all_files_that_are_read_or_written_must_be_distinct_and_nothing_is_written_otherwise() {
    let place = Place::new();
    place.file("in/f", "item");
    place.file("a", "app data");
    place.run("pack in -o old.pack").fine();
    fs::hard_link(place.path("old.pack"), place.path("second")).unwrap();
    symlink("old.pack", place.path("link")).unwrap();
    let (names, old) = (place.names(), fs::read(place.path("old.pack")).unwrap());
    for args in [
        "pack in -o n.pack --names n.pack",
        "pack in -o n.pack --names ./in/../n.pack",
        "pack in -o n.pack --with-digests --names n.pack.digests",
        "pack in -o a --app-data a",
        "pack in -o n.pack --names a --app-data a",
        "pack in/f -o in/f",
        "pack in/f -o n.pack --names in/f",
        "pack in/f old.pack -o second",
        "pack in -o old.pack --names second",
        "pack in -o old.pack --names link",
        "pack old.pack -o link",
        "digests old.pack -o old.pack",
        "digests old.pack -o second",
        "digests old.pack -o link",
        "digests link -o old.pack",
    ] {
        for force in ["", " --force"] {
            place.run(&format!("{args}{force}")).failed(2, &["are the same file"]);
            assert_eq!(place.names(), names, "{args}{force}");
            assert_eq!(fs::read(place.path("old.pack")).unwrap(), old);
        }
    }
    let redirected = place.script("exec $SEALPACK pack - -o in/f --force <in/f");
    redirected.failed(2, &["standard input and the pack are the same file"]);
    assert_eq!(fs::read(place.path("in/f")).unwrap(), b"item");
}

#[test]
fn a_list_of_names_appears_with_its_pack_or_neither_does() {
    let place = Place::new();
    place.file("in/f", "item");
    place.run("pack in -o p --names nowhere/n").failed(3, &["nowhere/n"]);
    assert_eq!(place.names(), ["in"], "refused before anything was packed");

    // A file that is created during the run is not replaced, neither at the name of the
    // pack nor at that of the list.
    for late in ["n", "p", "p.digests"] {
        let mut command = place.command(["pack", "-", "-o", "p", "--names", "n"]);
        let mut child = command.arg("--with-digests").stdin(Stdio::piped()).start();
        let stdin = child.stdin();
        wait_until("three temporary files", || {
            place.names().iter().filter(|name| is_temporary(name)).count() == 3
        });
        place.file(late, "precious");
        drop(stdin);
        Run { output: child.end() }.failed(3, &[late, "already", "--force"]);
        assert_eq!(place.names(), ["in", late]);
        assert_eq!(fs::read(place.path(late)).unwrap(), b"precious");
        fs::remove_file(place.path(late)).unwrap();
    }
    place.run("pack in -o p --names n --with-digests").fine();
    assert_eq!(fs::read(place.path("n")).unwrap(), b"in/f\n");
    assert_eq!(place.names(), ["in", "n", "p", "p.digests"]);
}

#[test]
fn every_path_in_a_list_of_names_can_be_read_back() {
    let place = Place::new();
    let mut expected: Vec<&[u8]> = vec![b"a\\", b"a\\nb", b"a\nb", b"\\\\n", b"\\\n", b"\xff"];
    expected.sort();
    for name in &expected {
        let path = place.path("in").join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    place.run("pack in -o p --names n").fine();
    let list = fs::read(place.path("n")).unwrap();
    let lines = list.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
    let read_back = |line: &[u8]| {
        let mut bytes = Vec::new();
        let mut rest = line.strip_prefix(b"in/").unwrap().iter();
        while let Some(byte) = rest.next() {
            bytes.push(match (byte, byte == &b'\\') {
                (_, true) if rest.next() == Some(&b'n') => b'\n',
                (_, true) => b'\\',
                (byte, _) => *byte,
            });
        }
        bytes
    };
    let found: Vec<_> = lines.map(read_back).collect();
    assert_eq!(found, expected);
}

#[test]
fn temporary_files_of_killed_runs_are_left_out_and_counted() {
    let place = Place::new();
    place.file("in/f", "item");
    place.file("in/.hidden.tmp", "an item as well");
    let mut command = place.command(["pack", "in", "-", "-o", "in/all.pack", "--names", "in/n"]);
    let mut child = command.stdin(Stdio::piped()).start();
    let _stdin = child.stdin();
    let left = || fs::read_dir(place.path("in")).unwrap().count() - 2;
    wait_until("two temporary files", || left() == 2);
    child.kill();
    assert_eq!(left(), 2, "nothing can be done about SIGKILL");
    let run = place.run("pack in -o in/all.pack --names in/n");
    assert!(run.out_text().contains("2 temporary files"), "{}", run.out_text());
    assert_eq!(fs::read(place.path("in/n")).unwrap(), b"in/.hidden.tmp\nin/f\n");
    let summary = place.run("pack in -o in/all.pack --names in/n --force --json").fine().json();
    assert_eq!(summary["skipped"]["temporary_files"], 2);
    assert_eq!(summary["total_items"], 2);
}

/// Packs a large file and appends to it while it is read.
fn pack_a_growing_file(more: &str) -> (Place, Run) {
    let place = Place::new();
    let path = place.file("log", "line\n".repeat(8 << 20));
    let args = format!("pack --lines log -o p --json --threads 0 {more}");
    // The test polls the process and stops it in the middle of the file. On a busy machine
    // it may miss that moment; then it tries again.
    for _ in 0..50 {
        let child = place.command(args.split_whitespace()).start();
        let folder = format!("/proc/{}/fd", child.id());
        let is_open = || {
            let open = fs::read_dir(&folder).into_iter().flatten().flatten();
            open.map(|open| fs::read_link(open.path()))
                .any(|open| open.ok().as_ref() == Some(&path))
        };
        let has_ended = || {
            fs::read_to_string(format!("/proc/{}/stat", child.id()))
                .is_ok_and(|stat| stat.contains(") Z"))
        };
        wait_until("the file to be opened", || is_open() || has_ended());
        child.signal(SIGSTOP);
        let caught = is_open();
        if caught {
            File::options().append(true).open(&path).unwrap().write_all(b"late\n").unwrap();
        }
        child.signal(SIGCONT);
        let run = Run { output: child.end() };
        if caught {
            return (place, run);
        }
        drop(fs::remove_file(place.path("p")));
    }
    panic!("the process was never seen with its input open");
}

#[test]
fn a_file_that_changes_while_it_is_packed_ends_the_packing() {
    let (place, run) = pack_a_growing_file("");
    run.failed(3, &["log: ", "changed while", "41943040 bytes before", "--allow-changed"]);
    assert_eq!(place.names(), ["log"]);
}

#[test]
fn a_file_that_changes_while_it_is_packed_is_counted_where_that_is_allowed() {
    let (place, run) = pack_a_growing_file("--allow-changed");
    assert_eq!(run.fine().json()["changed_files"], 1);
    place.run("verify p").fine();
}

#[test]
fn a_link_that_does_not_lead_to_a_regular_file_is_not_replaced() {
    let place = Place::new();
    place.file("f", "item");
    place.run("pack f -o p").fine();
    assert_eq!(place.script("mkfifo pipe").code(), Some(0));
    for target in ["pipe", "/dev/null", "/proc/self/fd/1", "/"] {
        symlink(target, place.path("out")).unwrap();
        for args in
            ["pack f -o out --force", "pack f -o q --names out --force", "digests p -o out --force"]
        {
            place.run(args).failed(3, &["out: ", "not a regular file"]);
            assert_eq!(fs::read_link(place.path("out")).unwrap().to_str(), Some(target));
        }
        fs::remove_file(place.path("out")).unwrap();
    }
    assert_eq!(place.names(), ["f", "p", "pipe"]);
}

#[test]
fn every_file_that_replaces_another_keeps_its_mode() {
    let place = Place::new();
    place.file("f", "item");
    let pack = "pack f -o p --with-digests --names n --force";
    place.run(pack).fine();
    let files = ["p", "p.digests", "n"];
    for (name, mode) in files.into_iter().zip([0o600, 0o640, 0o604]) {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    place.run(pack).fine();
    let mode = |name| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(files.map(mode), [0o600, 0o640, 0o604]);
    place.run("digests p --force").fine();
    assert_eq!(mode("p.digests"), 0o640);
}

/// Runs a script in a mount namespace; `None` if the machine allows none.
fn with_mounts(place: &Place, script: &str) -> Option<Run> {
    place.file("script", script);
    let unshare = "unshare --mount --map-root-user";
    if place.script(&format!("{unshare} mount -t tmpfs none in 2>/dev/null")).code() != Some(0) {
        println!("skipped: no mount namespace can be had here");
        return None;
    }
    Some(place.script(&format!("exec {unshare} sh -eu ./script")))
}

#[test]
fn on_a_full_file_system_nothing_is_torn_and_nothing_is_left() {
    let place = Place::new();
    // The names alone exceed the free space.
    for number in 0..600 {
        place.file(&format!("in/{number:0>120}"), "");
    }
    let script = "mkdir m; mount -t tmpfs -o size=64k none m; echo old > m/n
        code=0; $SEALPACK pack src -o m/p --names m/n --force 2>err || code=$?
        cat err m/n; ls -A m; exit $code";
    fs::rename(place.path("in"), place.path("src")).unwrap();
    fs::create_dir(place.path("in")).unwrap();
    let Some(run) = with_mounts(&place, script) else { return };
    assert_eq!(run.code(), Some(3), "{}", run.err());
    let output = run.out_text();
    assert!(output.contains("m/n: cannot write: No space left"), "{output}");
    assert!(output.ends_with("old\nn\n"), "{output}");
}

#[test]
fn packs_are_written_on_an_overlay_file_system() {
    let place = Place::new();
    place.file("in/f", "item");
    let script = "mkdir o; mount -t tmpfs none o; mkdir o/lower o/upper o/work o/m
        echo old > o/lower/p; chmod 600 o/lower/p
        if ! mount -t overlay -o lowerdir=o/lower,upperdir=o/upper,workdir=o/work none o/m
        then echo skipped; exit 0; fi
        $SEALPACK pack src -o o/m/q --names o/m/n --with-digests >&2
        $SEALPACK pack src -o o/m/p --force >&2; stat -c %a o/m/p; ls -A o/m";
    fs::rename(place.path("in"), place.path("src")).unwrap();
    fs::create_dir(place.path("in")).unwrap();
    let Some(run) = with_mounts(&place, script) else { return };
    assert_eq!(run.code(), Some(0), "{}", run.err());
    let output = run.out_text();
    assert!(output == "600\nn\np\nq\nq.digests\n" || output == "skipped\n", "{output}");
}

#[test]
fn a_file_that_cannot_be_replaced_is_refused_before_anything_is_packed() {
    let place = Place::new();
    place.file("in/f", "item");
    // The input cannot be read, so an error about it would show that packing had begun.
    let pack = "$SEALPACK pack missing -o d/p --force";
    let tail = "2>err || echo $? >&2; cat err; cat d/p; ls -A d";
    let mounted = format!("mkdir d; echo theirs > m; touch d/p; mount --bind m d/p; {pack} {tail}");
    if let Some(run) = with_mounts(&place, &mounted) {
        let output = run.out_text();
        assert!(output.contains("d/p: the existing file cannot be replaced"), "{output}");
        assert!(output.contains("mounted on it") && output.ends_with("theirs\np\n"), "{output}");
        assert_eq!(run.err(), "3\n");
    }
    let sticky = format!(
        "mkdir d; chmod 1777 d; echo theirs > d/p; chmod 666 d/p; chmod 711 .; \
         chown 54321:54321 d/p; setpriv --reuid 54322 --regid 54322 --clear-groups test -x $SEALPACK || exit 9; \
         setpriv --reuid 54322 --regid 54322 --clear-groups {pack} {tail}"
    );
    let run = place.script(&format!("{{ {sticky}; }} 2>output"));
    if run.code() == Some(0) {
        let output = run.out_text();
        assert!(output.contains("d/p: the existing file cannot be replaced"), "{output}");
        assert!(output.contains("sticky folder") && output.ends_with("theirs\np\n"), "{output}");
        fs::remove_dir_all(place.path("d")).unwrap();
    } else {
        println!("skipped: only root can make this situation");
    }
    let immutable = format!(
        "rm -rf d; mkdir d; echo theirs > d/p; chattr +i d/p || exit 9; {pack} {tail}; chattr -i d/p"
    );
    let run = place.script(&format!("{{ {immutable}; }} 2>output"));
    if run.code() == Some(0) {
        let output = run.out_text();
        assert!(output.contains("d/p: the existing file cannot be replaced"), "{output}");
        assert!(
            output.contains("immutable (lsattr)") && output.ends_with("theirs\np\n"),
            "{output}"
        );
    } else {
        println!("skipped: this file system has no immutable files");
    }
}
