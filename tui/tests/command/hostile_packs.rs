//! Packs whose names an attacker chose, unpacked where nothing but the folder can be
//! written: in a user namespace.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::Spawn as _;
use crate::named;
use crate::run::Place;

/// Packs that are tried.
const PACKS: u32 = 2000;

/// Components of names: links that lead out, the way up, and ordinary ones.
const COMPONENTS: [&[u8]; 16] = [
    b"..", b"..", b".", b"", b"a", b"b", b"A", b"out", b"abs", b"loop", b"file", b"con", b"a:b",
    b"..\\x", b"\n", b"\xff",
];

/// The next number of a sequence that is the same in every run.
fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % below
}

fn name(state: &mut u64, outside: &[u8]) -> Vec<u8> {
    let mut name = match next(state, 10) {
        0 => [outside, b"/new"].concat(),
        1 => b"/".to_vec(),
        2 => b"../../outside/".to_vec(),
        _ => Vec::new(),
    };
    for number in 0..=next(state, 4) {
        if number > 0 {
            name.push(b'/');
        }
        name.extend_from_slice(COMPONENTS[next(state, COMPONENTS.len())]);
    }
    if name.is_empty() { b"unnamed".to_vec() } else { name }
}

/// Everything but `folder` is read-only for the script. 77: this system does not allow it.
const SCRIPT: &str = r#"
    mkdir root && mount --rbind / root && mount -o remount,bind,ro root || exit 77
    mount --bind "$PWD/in" "root$PWD/in" || exit 77
    export HERE="$PWD"
    exec chroot root sh -c '
        cd "$HERE" || exit 77
        if touch outside/touched 2> /dev/null; then exit 77; fi
        number=0
        while [ $number -lt $PACKS ]; do
            force=; [ $((number % 2)) = 0 ] && force=--force
            $SEALPACK unpack packs/$number -C in/$number --no-sync --json $force > /dev/null 2>&1
            status=$?
            [ $status -le 1 ] || { echo "pack $number: status $status"; exit 1; }
            number=$((number + 1))
        done
        echo done'
"#;

#[test]
fn two_thousand_hostile_packs_write_nothing_outside_the_folder() {
    let place = Place::new();
    let outside = place.path("outside");
    place.file("outside/file", "outside");
    place.file("outside/a/b", "outside");
    fs::create_dir(place.path("packs")).unwrap();
    let mut state = 17;
    for number in 0..PACKS {
        let names: Vec<Vec<u8>> =
            (0..12).map(|_| name(&mut state, outside.as_os_str().as_encoded_bytes())).collect();
        let pack = place.path(&format!("packs/{number}"));
        named::write(&pack, names.iter().map(|name| (&name[..], &b"item"[..])));
        let folder = place.path(&format!("in/{number}"));
        fs::create_dir_all(&folder).unwrap();
        symlink("../../outside", folder.join("out")).unwrap();
        symlink(&outside, folder.join("abs")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT]);
    unshare.current_dir(place.path("")).env("SEALPACK", env!("CARGO_BIN_EXE_sealpack"));
    unshare.env("PACKS", PACKS.to_string());
    unshare.stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(started) = unshare.try_start() else {
        return println!("skipped: no `unshare` here");
    };
    let output = started.with_limit(Duration::from_secs(600)).end();
    if output.status.code() == Some(77) {
        return println!("skipped: this system does not let a test mount anything");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text == "done\n", "{text}{:?}", output.stderr);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 2);
    assert_eq!(fs::read(outside.join("file")).unwrap(), b"outside");
    assert_eq!(fs::read(outside.join("a/b")).unwrap(), b"outside");
    assert_eq!(place.names(), ["in", "outside", "packs", "root"]);
    let written = fs::read_dir(place.path("in"))
        .unwrap()
        .filter(|folder| fs::read_dir(folder.as_ref().unwrap().path()).unwrap().count() > 3);
    assert!(written.count() > 1000, "most packs also have names that are written");
}
