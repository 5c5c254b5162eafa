//! Names that an attacker chose, in a folder that an attacker prepared.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sealpack::{Reader, Unpacker};
use sealpack_tests::hostile::Random;
use tempfile::TempDir;

use super::snapshot;

/// Components of names: links that lead out of the folder, `..`, and ordinary ones.
const COMPONENTS: [&[u8]; 32] = [
    b"..",
    b"..",
    b".",
    b"",
    b"a",
    b"b",
    b"c",
    b"A",
    b"out",
    b"abs",
    b"up",
    b"dir",
    b"file-out",
    b"loop",
    b"dangling",
    b"swap",
    b"swap",
    b"pipe",
    b"file",
    b"con",
    b"NUL.txt",
    b"C:",
    b"a:b",
    b"..\\..\\x",
    b"\\x",
    b"\n",
    b"\xff\xfe",
    b"...",
    b".. ",
    b" ..",
    b"a\0b",
    b".unpack.aaaaaa.tmp",
];

/// A name: components, sometimes absolute, sometimes too long.
fn name(random: &mut Random, outer: &Path) -> Vec<u8> {
    let mut name = match random.below(12) {
        0 => [outer.as_os_str().as_bytes(), b"/outside/new"].concat(),
        1 => b"/".to_vec(),
        2 => b"//".to_vec(),
        _ => Vec::new(),
    };
    for number in 0..=random.below(4) {
        if number > 0 {
            name.push(b'/');
        }
        match random.below(40) {
            0 => name.extend([b'x'; 255]),
            1 => name.extend([b'x'; 256]),
            2 => name.extend([&[b'y'; 250][..]; 17].join(&b'/')),
            3 => name.extend([&b".."[..]; 60].join(&b'/')),
            4..12 => name.extend(format!("f{}", random.below(20)).bytes()),
            _ => name.extend(COMPONENTS[random.below(COMPONENTS.len())]),
        }
    }
    name
}

/// Fills the outer folder: `in`, where files may be written, and `outside`, where not.
fn prepare(outer: &Path) {
    let (inside, outside) = (outer.join("in"), outer.join("outside"));
    fs::create_dir_all(outside.join("a")).unwrap();
    fs::write(outside.join("file"), "outside").unwrap();
    fs::write(outside.join("a/b"), "outside").unwrap();
    fs::write(outer.join("above"), "above").unwrap();
    fs::create_dir_all(inside.join("dir")).unwrap();
    fs::write(inside.join("file"), "inside").unwrap();
    nix::unistd::mkfifo(&inside.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (link, target) in [
        ("out", "../outside"),
        ("up", ".."),
        ("dir/up", "../.."),
        ("file-out", "../outside/file"),
        ("loop", "loop"),
        ("dangling", "../outside/created"),
    ] {
        symlink(target, inside.join(link)).unwrap();
    }
    symlink(&outside, inside.join("abs")).unwrap();
    // `swap` is renamed from and to these, alternately.
    fs::create_dir(inside.join("folder")).unwrap();
    symlink("../outside", inside.join("leads-out")).unwrap();
}

/// Makes `swap` alternately a folder and a link out of the tree.
fn swap(inside: &Path, stop: &AtomicBool) {
    let (swap, other) = (inside.join("swap"), ["folder", "leads-out"]);
    while !stop.load(Ordering::Relaxed) {
        for name in other {
            let _ = fs::rename(inside.join(name), &swap);
            let _ = fs::rename(&swap, inside.join(name));
        }
    }
}

/// A temporary folder, in memory if possible.
fn folder() -> TempDir {
    let in_memory = tempfile::Builder::new().tempdir_in("/dev/shm");
    in_memory.unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// The number of name lists.
const NAME_LISTS: u64 = 2000;

#[test]
fn two_thousand_hostile_name_lists_touch_nothing_outside_the_folder() {
    let packed = tempfile::tempdir().unwrap();
    let items: Vec<Vec<u8>> = (0..64_u8).map(|number| vec![number; 7]).collect();
    let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
    let reader = super::pack(packed.path(), &items);
    let (mut written, mut refused) = (0, 0);
    for seed in 0..NAME_LISTS {
        let folder = folder();
        let outer = folder.path();
        prepare(outer);
        let inside = outer.join("in");
        let before = snapshot::take(outer, &inside);
        let (files, refused_here) = attack(seed, &reader, outer, &inside);
        assert_eq!(snapshot::take(outer, &inside), before, "list {seed}");
        written += files;
        refused += refused_here;
        assert!(fs::symlink_metadata("/x").is_err() && fs::symlink_metadata("/f0").is_err());
    }
    // The lists are neither all harmless nor all refused.
    assert!(
        written > 10 * NAME_LISTS && refused > 10 * NAME_LISTS,
        "{written} written, {refused} refused"
    );
}

/// Unpacks a list, and returns how many files were written and refused.
fn attack(seed: u64, reader: &Reader, outer: &Path, inside: &Path) -> (u64, u64) {
    let mut random = Random::new(seed);
    let options = Unpacker::options()
        .overwrite(random.below(2) == 0)
        .portable(random.below(4) == 0)
        .durable(seed == NAME_LISTS / 2)
        .threads(1 + random.below(3));
    let mut unpacker = options.build();
    for position in 0..64 {
        unpacker.add(position, &name(&mut random, outer));
    }
    let stop = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        // For every fourth list, another thread changes the folder meanwhile.
        if seed.is_multiple_of(4) {
            scope.spawn(|| swap(inside, &stop));
        }
        let report = unpacker.unpack(reader, inside);
        stop.store(true, Ordering::Relaxed);
        report.unwrap()
    });
    let refused = report.refused.len() + report.replaced.len();
    assert_eq!(report.files + refused as u64, 64, "every item is in the report");
    let names = fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().file_name());
    let staging = |name: &std::ffi::OsString| {
        name.as_bytes().starts_with(b".unpack.") && name != ".unpack.aaaaaa.tmp"
    };
    assert_eq!(names.filter(staging).count(), 0, "no staging folder is left");
    (report.files, refused as u64)
}
