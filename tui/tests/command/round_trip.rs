//! Trees and archives come back as they were, whatever the names.

#![cfg(unix)]

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Instant;

use tar::{Archive, Builder, EntryType, Header};

use crate::run::Place;

/// A generator of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// A part of a path: any bytes that a system takes.
    fn component(&mut self, end: u8) -> Vec<u8> {
        const PARTS: [&[u8]; 16] = [
            b"\n",
            b"\xff\xfe",
            b" ",
            b"-",
            b"...",
            b"\\",
            b"'\"`$(x)",
            b"\x1b[31m",
            b"*?[a]",
            "é\u{301}".as_bytes(),
            "\u{202e}txt".as_bytes(),
            b"C:",
            b"aux",
            b"\x01\x7f",
            b"~",
            b"#",
        ];
        let mut name = Vec::new();
        for _ in 0..=self.below(4) {
            name.extend_from_slice(PARTS[self.below(PARTS.len())]);
        }
        if self.below(50) == 0 {
            name.resize(254, b'\xfd');
        }
        // The end tells folders from files, so that no file is in the way of a folder.
        name.push(end);
        name
    }

    /// A path of a few components, or of many.
    fn path(&mut self) -> Vec<u8> {
        let depth = if self.below(200) == 0 { 10 } else { self.below(4) };
        let mut path = Vec::new();
        for _ in 0..depth {
            path.extend(self.component(b'/'));
        }
        path.extend(self.component(b'f'));
        path
    }
}

/// So many files of different names: the path and the contents of each.
fn hostile_files(count: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut numbers = Numbers(7);
    let mut paths = BTreeSet::new();
    while paths.len() < count {
        // A number in front: few combinations of so few parts are short.
        let number = paths.len().to_string().into_bytes();
        let path = numbers.path();
        let file = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let is_long = path.len() - file > 240;
        let (folder, file) = path.split_at(file);
        let file = if is_long { &file[number.len()..] } else { file };
        paths.insert([folder, &number, file].concat());
    }
    let content = |path: &[u8]| path.iter().copied().cycle().take(path.len() * 7 % 1500).collect();
    paths.iter().map(|path| (path.clone(), content(path))).collect()
}

/// Appends a member with a header of exactly these bytes: the crate refuses some names.
fn append(archive: &mut Builder<Vec<u8>>, kind: EntryType, name: &[u8], content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

/// The files of an archive, in its order.
fn members(archive: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut archive = Archive::new(Cursor::new(archive));
    let mut members = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        members.push((entry.path_bytes().into_owned(), content));
    }
    members
}

/// The number of files: what `SEALPACK_TREE_FILES` says.
fn file_count() -> usize {
    env::var("SEALPACK_TREE_FILES").map_or(2000, |count| count.parse().unwrap())
}

/// 2,000 members, or as many as `SEALPACK_TREE_FILES` says.
#[test]
fn an_archive_comes_back_with_the_same_members() {
    let place = Place::new();
    let mut archive = Builder::new(Vec::new());
    // Archives keep the order of their members.
    let mut files = hostile_files(file_count());
    files.rotate_left(1000);
    for (name, content) in &files {
        append(
            &mut archive,
            EntryType::GNULongName,
            b"././@LongLink",
            &[name, &b"\0"[..]].concat(),
        );
        append(&mut archive, EntryType::Regular, &name[..name.len().min(100)], content);
    }
    let archive = archive.into_inner().unwrap();
    place.feed("pack --tar - -o p", &archive).fine();
    let back = place.run("unpack p --to-tar -").fine();
    assert!(members(back.out()) == files);
    // What comes back gives the same pack.
    place.feed("pack --tar - -o q", back.out()).fine();
    assert!(fs::read(place.path("p")).unwrap() == fs::read(place.path("q")).unwrap());
}

/// 2,000 files, or as many as `SEALPACK_TREE_FILES` says.
#[test]
fn a_folder_comes_back_with_the_same_files() {
    let count = file_count();
    let place = Place::new();
    let files = hostile_files(count);
    let mut folders = BTreeSet::new();
    for (name, content) in &files {
        let path = place.path("in").join(OsStr::from_bytes(name));
        let folder = path.parent().unwrap();
        if folders.insert(folder.to_path_buf()) {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(path, content).unwrap();
    }
    let start = Instant::now();
    place.run("pack in -o p").fine();
    let packed = start.elapsed();
    place.run("unpack p -C out").fine();
    eprintln!("{count} files: packed in {packed:?}, unpacked in {:?}", start.elapsed() - packed);
    let mut found = 0;
    let mut open = vec![place.path("out")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                found += 1;
            }
        }
    }
    assert_eq!(found, files.len());
    for (name, content) in &files {
        let path = place.path("out").join(OsStr::from_bytes(name));
        assert!(&fs::read(&path).unwrap() == content, "{}", path.display());
    }
}
