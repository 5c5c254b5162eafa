//! `sealpack unpack`.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::child::{Spawn as _, WAIT_LIMIT};
use crate::named::{self, TREE, tree};
use crate::run::{Place, has};

/// The files below a folder, by their names relative to it.
fn files(folder: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_vec();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn tree_files() -> BTreeMap<Vec<u8>, Vec<u8>> {
    TREE.iter().map(|(name, item)| (name.to_vec(), item.to_vec())).collect()
}

#[test]
fn unpacking_restores_the_packed_files() {
    let place = tree();
    let run = place.run("unpack p -C out").fine();
    assert_eq!(files(&place.path("out")), tree_files());
    assert!(run.out_text().contains("files  6 from p"), "{}", run.out_text());
    let json = place.run("unpack p -C some src Cargo.toml --json --no-sync").fine().json();
    has(&json, &json!({ "path": "p", "written_to": "some", "files": 3, "bytes": 35 }));
    assert_eq!(json["refused"], json!([]));
    assert_eq!(files(&place.path("some")).len(), 3);
}

#[test]
fn existing_files_stay_and_are_reported_unless_force_replaces_them() {
    let place = tree();
    place.file("out/src/lib.rs", "old");
    let run = place.run("unpack p -C out");
    let run = run.failed(1, &["item 3, src/lib.rs: the file already exists", "--force"]);
    assert!(run.out_text().contains("left out 1 item\n"), "{}", run.out_text());
    let mut expected = tree_files();
    expected.insert(b"src/lib.rs".to_vec(), b"old".to_vec());
    assert_eq!(files(&place.path("out")), expected);
    place.run("unpack p -C out --force").fine();
    assert_eq!(files(&place.path("out")), tree_files());
}

#[test]
fn an_item_does_not_replace_the_pack_that_it_is_read_from() {
    let place = Place::new();
    named::pack(&place, "p", &[(b"a", b"A"), (b"p", b"P")]);
    let pack = fs::read(place.path("p")).unwrap();
    place.run("unpack p --force").failed(2, &["item 1 would replace the pack p"]);
    place.run("unpack p").failed(1, &["item 1, p: the file already exists"]);
    assert_eq!(fs::read(place.path("p")).unwrap(), pack);
    assert_eq!(fs::read(place.path("a")).unwrap(), b"A");
    place.run("unpack p --force a").fine();
}

#[test]
fn names_of_no_file_below_the_folder_are_refused_and_printed() {
    let place = Place::new();
    let items: [(&[u8], &[u8]); 8] = [
        (b"../up", b""),
        (b"/abs", b""),
        (b"a//b", b""),
        (b"ok", b"ok"),
        (b"link/x", b""),
        (b"dir", b""),
        (b"dir/file", b"file"),
        (b"\x1b[31m", b"red"),
    ];
    named::pack(&place, "p", &items);
    fs::create_dir(place.path("out")).unwrap();
    fs::create_dir(place.path("outside")).unwrap();
    std::os::unix::fs::symlink("../outside", place.path("out/link")).unwrap();
    let run = place.run("unpack p -C out").failed(
        1,
        &[
            "item 0, ../up: the name contains `..`",
            "item 1, /abs: the name is an absolute path",
            "item 2, a//b: the name contains `//`",
            "item 4, link/x: a folder in the name is a symbolic link",
            "item 5, dir: the name is that of a folder in the name of item 6",
        ],
    );
    assert!(!run.err().contains('\x1b'));
    fs::remove_file(place.path("out/link")).unwrap();
    let expected = [(&b"\x1b[31m"[..], &b"red"[..]), (b"dir/file", b"file"), (b"ok", b"ok")];
    let expected = expected.map(|(name, item)| (name.to_vec(), item.to_vec()));
    assert_eq!(files(&place.path("out")), BTreeMap::from(expected));
    assert_eq!(place.names(), ["out", "outside", "p"]);
    let json = place.run("unpack p -C new dir --json");
    assert_eq!(json.code(), Some(1));
    has(&json.json()["refused"][0], &json!({ "position": 5, "name": "dir" }));
    // A pattern that matches only what cannot be written is no wrong usage.
    place.run("unpack p -C new nothing").failed(2, &["no item's name matches nothing"]);
}

#[test]
fn items_without_names_are_reported_and_written_by_position_on_request() {
    let place = Place::new();
    place.feed("pack --lines - -o p", b"a\nb\n").fine();
    place.run("unpack p -C out").failed(2, &["p: the pack stores no names", "--positions"]);
    assert!(!place.path("out").exists());
    place.run("unpack p -C out --positions").fine();
    assert_eq!(files(&place.path("out")).len(), 2);
    assert_eq!(fs::read(place.path("out/1")).unwrap(), b"b");
    named::pack(&place, "q", &[(b"a", b"A"), (b"", b"B")]);
    place.run("unpack q -C some").failed(1, &["1 item has no name", "--positions"]);
    place.run("unpack q -C all --positions").fine();
    assert_eq!(fs::read(place.path("all/1")).unwrap(), b"B");
}

#[test]
fn an_archive_holds_the_same_files() {
    let place = tree();
    place.run("unpack p --to-tar p.tar").fine();
    fs::create_dir(place.path("out")).unwrap();
    let untar =
        Command::new("tar").args(["-xf", "p.tar", "-C", "out"]).current_dir(place.path("")).run();
    assert!(untar.status.success() && untar.stderr.is_empty(), "{untar:?}");
    assert_eq!(files(&place.path("out")), tree_files());
    let piped = place.run("unpack p --to-tar -").fine();
    assert_eq!(piped.out(), fs::read(place.path("p.tar")).unwrap());
    place.run("unpack p --to-tar p.tar").failed(3, &["p.tar: the file already exists", "--force"]);
    place.run("unpack p --to-tar - --json").failed(2, &["--json"]);
    let long = [&b"d"[..]; 300].join(&b'/');
    let long_bytes = [b'\xff'; 200];
    let items: [(&[u8], &[u8]); 4] =
        [(&long, b"deep"), (b"../x", b""), (b"\xff", b"bytes"), (&long_bytes, b"long")];
    named::pack(&place, "q", &items);
    place.run("unpack q --to-tar q.tar").failed(1, &["item 1, ../x"]);
    let untar =
        Command::new("tar").args(["-xf", "q.tar", "-C", "out"]).current_dir(place.path("")).run();
    assert!(untar.status.success() && untar.stderr.is_empty(), "{untar:?}");
    assert_eq!(fs::read(place.path("out").join(OsStr::from_bytes(&long))).unwrap(), b"deep");
    assert_eq!(fs::read(place.path("out").join(OsStr::from_bytes(b"\xff"))).unwrap(), b"bytes");
    assert_eq!(fs::read(place.path("out").join(OsStr::from_bytes(&long_bytes))).unwrap(), b"long");
}

/// Items large enough that an unpacking takes a while.
fn large() -> Vec<(Vec<u8>, Vec<u8>)> {
    let item = |number: u32| {
        let name = format!("dir {}/{number}", number % 10);
        let bytes = (0..20_000_u32).map(|at| (at ^ number).to_le_bytes()[0]).collect();
        (name.into_bytes(), bytes)
    };
    (0..400).map(item).collect()
}

#[test]
fn after_a_kill_every_file_under_its_final_name_is_complete() {
    let place = Place::new();
    let items = large();
    named::write(&place.path("p"), items.iter().map(|(name, item)| (&name[..], &item[..])));
    let all: BTreeMap<_, _> = items.into_iter().collect();
    let started = Instant::now();
    place.run("unpack p -C whole --no-sync").fine();
    let time = started.elapsed();
    for kill in 0..20_u32 {
        let out = place.path("out");
        let sync = if kill % 4 == 0 { "--json" } else { "--no-sync" };
        let mut child = place.command(["unpack", "p", "-C", "out", sync]).start();
        std::thread::sleep(time * kill / 20);
        child.kill();
        if out.exists() {
            for (name, bytes) in files(&out) {
                if !name.starts_with(b".unpack.") {
                    assert!(all[&name] == bytes, "{name:?} is not whole");
                }
            }
            // What a kill leaves is known to `pack`.
            let packed = place.run("pack out -o q --force --json").fine().json();
            let temporary = packed["skipped"]["temporary_files"].as_u64().unwrap();
            assert!(packed["total_items"].as_u64().unwrap() + temporary <= 400);
            fs::remove_dir_all(&out).unwrap();
        }
    }
}

#[cfg(feature = "remote")]
#[test]
fn a_signal_removes_the_temporary_files() {
    use crate::http::{Reply, Server, file};
    use std::sync::atomic::{AtomicU32, Ordering};

    let place = Place::new();
    let items = large();
    named::write(&place.path("p"), items.iter().map(|(name, item)| (&name[..], &item[..])));
    let pack = fs::read(place.path("p")).unwrap();
    // The server answers until the pack is open, and then no more.
    let answered = AtomicU32::new(0);
    let server = Server::new(move |request| match answered.fetch_add(1, Ordering::Relaxed) {
        0..4 => file(request, &[("etag", "\"1\"")], &pack),
        _ => Reply::Silence,
    });
    let url = server.url("/p");
    let mut child = place.command(["unpack", url.as_str(), "-C", "out"]).start();
    let begun = Instant::now();
    let staging = || {
        let names = fs::read_dir(place.path("out")).into_iter().flatten().flatten();
        names.filter(|entry| entry.file_name().as_bytes().starts_with(b".unpack.")).count()
    };
    while staging() == 0 {
        assert!(begun.elapsed() < WAIT_LIMIT && child.is_running(), "no staging folder");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.signal(2);
    let status = child.wait("its end by a signal");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2));
    assert_eq!(staging(), 0);
}

#[test]
fn files_are_written_across_a_file_system_that_is_mounted_below_the_folder() {
    let place = tree();
    fs::create_dir_all(place.path("out/src")).unwrap();
    let script = "\
        mount -t tmpfs tmpfs out/src || exit 77
        $SEALPACK unpack p -C out || exit 1
        cat out/src/lib.rs out/src/sub/mod.rs; ls -A out out/src";
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    unshare.current_dir(place.path("")).env("SEALPACK", env!("CARGO_BIN_EXE_sealpack"));
    unshare.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let Ok(started) = unshare.try_start() else { return println!("skipped: no `unshare` here") };
    let output = started.end();
    if !output.status.success() && output.status.code() != Some(1) {
        return println!("skipped: this system mounts nothing for a test");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("pub mod sub;\nfn sub() {}\n"), "{text}");
    assert!(
        text.ends_with("out:\nCargo.toml\ndocs\nsrc\ntests\n\nout/src:\nlib.rs\nsub\n"),
        "{text}"
    );
}
