//! `sealpack pack --tar`: regular files with their names; all else is counted; archives
//! that are broken or hostile are refused.

use std::fs;

use sealpack::Reader;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use crate::run::{Place, has};

fn add(archive: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.set_link_name("target").unwrap();
    }
    archive.append_data(&mut header, name, content).unwrap();
}

fn names(place: &Place) -> Vec<String> {
    let names = Reader::open(place.path("p")).unwrap().names().unwrap().unwrap();
    names.iter().map(|it| String::from_utf8_lossy(&it.unwrap().1).into_owned()).collect()
}

/// An archive of three files and one member of every other kind.
fn archive() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, EntryType::Directory, "folder", b"");
    add(&mut archive, EntryType::Regular, "folder/z", b"first");
    add(&mut archive, EntryType::Symlink, "symbolic", b"");
    add(&mut archive, EntryType::Link, "hard", b"");
    add(&mut archive, EntryType::Fifo, "pipe", b"");
    add(&mut archive, EntryType::new(b'9'), "unknown", &[7; 1000]);
    add(&mut archive, EntryType::Regular, &("long/".repeat(60) + "x"), &[1; 3000]);
    add(&mut archive, EntryType::Continuous, "a", b"");
    archive.into_inner().unwrap()
}

#[test]
fn the_files_of_an_archive_are_packed_with_their_names_and_all_else_is_counted() {
    let place = Place::new();
    place.file("in.tar", archive());
    let expected = json!({
        "total_items": 3,
        "named_items": 3,
        "bytes_in": archive().len(),
        "skipped": {
            "folders": 1, "symbolic_links": 1, "hard_links": 1, "special_files": 1,
            "unknown_members": 1, "output_files": 0, "temporary_files": 0,
        },
    });
    has(&place.run("pack --tar in.tar -o p --json").fine().json(), &expected);
    let long = "long/".repeat(60) + "x";
    assert_eq!(names(&place), ["folder/z", &long, "a"]);
    assert_eq!(place.run("get p 0").fine().out(), b"first");
    assert_eq!(place.run("get p 1").fine().out(), [1; 3000]);
    let from_file = fs::read(place.path("p")).unwrap();
    has(&place.feed("pack --tar - -o p --force --json", &archive()).fine().json(), &expected);
    assert!(fs::read(place.path("p")).unwrap() == from_file);
    let text = place.run("pack --tar in.tar -o p --force --no-names").fine().out_text();
    for word in ["1 folders", "1 hard links", "1 symbolic links", "1 members of an unknown type"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
    assert!(Reader::open(place.path("p")).unwrap().names().unwrap().is_none());
}

#[test]
fn a_leading_dot_and_slash_is_not_part_of_a_name() {
    let place = Place::new();
    let mut archive = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(1);
    header.as_mut_bytes()[..7].copy_from_slice(b"././a/b");
    header.set_cksum();
    archive.append(&header, &b"x"[..]).unwrap();
    place.feed("pack --tar - -o p", &archive.into_inner().unwrap()).fine();
    assert_eq!(names(&place), ["a/b"]);
}

#[test]
fn a_member_may_occur_twice() {
    let place = Place::new();
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, EntryType::Regular, "b", b"1");
    add(&mut archive, EntryType::Regular, "a", b"2");
    add(&mut archive, EntryType::Regular, "b", b"3");
    place.feed("pack --tar - -o p", &archive.into_inner().unwrap()).fine();
    let found = Reader::open(place.path("p")).unwrap().names().unwrap().unwrap();
    assert!(!found.is_sorted());
    assert_eq!(found.find(b"b").unwrap(), [0, 2]);
}

#[test]
fn an_archive_that_is_cut_short_anywhere_leaves_no_pack() {
    let place = Place::new();
    let whole = archive();
    let end = whole.len() - 1024; // Two empty blocks mark the end.
    for length in (0..end).step_by(509).chain((0..=end).step_by(512)).chain([end + 100]) {
        let run = place.feed("pack --tar - -o p", &whole[..length]).failed(3, &["standard input"]);
        assert!(run.out().is_empty());
        assert!(place.names().is_empty(), "{length} bytes");
    }
    place.feed("pack --tar - -o p", &whole[..end + 512]).fine();
}

#[test]
fn a_file_that_is_no_tar_archive_is_refused_with_advice() {
    let place = Place::new();
    place.file("text", "no archive ".repeat(100));
    place.run("pack --tar text -o p").failed(3, &["text: "]);
    place.file("a.tgz", b"\x1f\x8b\x08 and so on");
    place.run("pack --tar a.tgz -o p").failed(3, &["a.tgz: ", "gzip -dc"]);
    place.feed("pack --tar - -o p", b"\x28\xb5\x2f\xfd..").failed(3, &["zstd -dc"]);
    fs::create_dir(place.path("folder")).unwrap();
    place.run("pack --tar folder -o p").failed(2, &["INPUT"]);
    place.run("pack --tar missing -o p").failed(3, &["missing"]);
    for wrong in ["in", "--lines", "--framed", "--names list", "--follow-links"] {
        place.run(&format!("pack --tar text {wrong} -o p")).failed(2, &["--tar"]);
    }
    place.run("pack --tar text -o text --force").failed(2, &["same file"]);
    assert_eq!(place.names(), ["a.tgz", "folder", "text"]);
}

/// A header with these fields as they are.
fn raw(kind: u8, name: &[u8], size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::new(kind));
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn hostile_archives_are_refused_without_using_the_memory_that_they_claim() {
    let place = Place::new();
    let padded = |bytes: Vec<u8>| {
        [&bytes[..], &vec![0; bytes.len().next_multiple_of(512) - bytes.len()]].concat()
    };
    // A long name of 2 MiB, and one that claims 8 GiB.
    let long = [raw(b'L', b"x", 2 << 20), vec![b'x'; 3 << 20]].concat();
    place.feed("pack --tar - -o p", &long).failed(3, &["1 MiB"]);
    let claimed = [raw(b'L', b"x", 8 << 30), vec![b'x'; 3 << 20]].concat();
    place.feed("pack --tar - -o p", &claimed).failed(3, &["1 MiB"]);
    // An extended header of 2 MiB.
    let extended = [raw(b'x', b"x", 2 << 20), vec![b'x'; 3 << 20]].concat();
    place.feed("pack --tar - -o p", &extended).failed(3, &["1 MiB"]);
    // A file that claims more than an item can hold, and one that claims 3 GiB.
    let large = raw(b'0', b"large", 5 << 30);
    place.feed("pack --tar - -o p", &large).failed(3, &["member large", "5368709120"]);
    let claimed = raw(b'0', b"claimed", 3 << 30);
    place.feed("pack --tar - -o p", &claimed).failed(3, &["member claimed", "ends after 0 of"]);
    // A name above 65,535 bytes, and one with a NUL byte.
    let name = vec![b'x'; 70_000];
    let archive = [raw(b'L', b"x", 70_000), padded(name), raw(b'0', b"x", 0), vec![0; 1024]];
    place.feed("pack --tar - -o p", &archive.concat()).failed(3, &["70000 bytes"]);
    let record = b"14 path=a\0bcd\n".to_vec();
    let archive = [raw(b'x', b"x", 14), padded(record), raw(b'0', b"x", 0), vec![0; 1024]];
    place.feed("pack --tar - -o p", &archive.concat()).failed(3, &["NUL"]);
    // Control characters of a name do not reach the terminal.
    let archive = [raw(b'0', b"a\x1b[2J", 5 << 30)].concat();
    let run = place.feed("pack --tar - -o p", &archive).failed(3, &["member"]);
    assert!(!run.err().contains('\x1b'));
    assert!(place.names().is_empty());
}
