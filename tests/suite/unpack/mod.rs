//! Unpacking: each item becomes a complete file with its name, inside the folder.

mod hostile;
mod of_set;
mod snapshot;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sealpack::{
    ErrorKind, ReadAt, Reader, UnpackOptions, UnpackRefusal, UnpackReport, Unpacker, Writer,
};

/// A pack of items, 4 per record, and its reader.
fn pack(folder: &Path, items: &[&[u8]]) -> Reader {
    let path = folder.join("in.pack");
    let mut writer = Writer::options().items_per_record(4).overwrite(true).create(&path).unwrap();
    items.iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    Reader::open(path).unwrap()
}

/// Options without fsync, which only matters in a crash.
fn options() -> UnpackOptions {
    Unpacker::options().durable(false)
}

/// Unpacks one item for each name; item N is the text of N.
fn unpack(folder: &Path, options: UnpackOptions, names: &[&[u8]]) -> UnpackReport {
    let items: Vec<String> = (0..names.len()).map(|number| number.to_string()).collect();
    let items: Vec<&[u8]> = items.iter().map(String::as_bytes).collect();
    let packed = tempfile::tempdir().unwrap();
    let reader = pack(packed.path(), &items);
    let mut unpacker = options.build();
    for (position, name) in names.iter().enumerate() {
        unpacker.add(position as u64, name);
    }
    unpacker.unpack(&reader, folder).unwrap()
}

fn refusals(report: &UnpackReport) -> Vec<(u64, String)> {
    report.refused.iter().map(|item| (item.position, item.refusal.to_string())).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn path(folder: &Path, name: &[u8]) -> PathBuf {
    folder.join(OsStr::from_bytes(name))
}

#[test]
fn a_tree_with_hostile_names_is_unpacked_with_and_without_syncing() {
    let deep = [&b"d"[..]; 1500].join(&b'/');
    let mut tree: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for number in 0..500_u32 {
        let name = format!("folder {}/sub\n{}/file {number}\t", number % 7, number % 3);
        let size = usize::try_from(number * number % 5000).unwrap();
        tree.insert(name.into_bytes(), vec![number.to_le_bytes()[0]; size]);
    }
    for name in [&b"\xff\xfe/\x80"[..], &[b'n'; 255], b"-rf *", b"$(x)`y`", &deep, b"C:\\nul"] {
        tree.insert(name.to_vec(), name.to_vec());
    }
    let items: Vec<&[u8]> = tree.values().map(Vec::as_slice).collect();
    for durable in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let packed = tempfile::tempdir().unwrap();
        let reader = pack(packed.path(), &items);
        let mut unpacker = Unpacker::options().durable(durable).threads(3).build();
        for (position, name) in tree.keys().enumerate() {
            unpacker.add(position as u64, name);
        }
        let max_items = AtomicU64::new(0);
        let note = |progress: sealpack::UnpackProgress| {
            max_items.fetch_max(progress.items, Ordering::Relaxed);
        };
        let report = unpacker.stage(folder.path()).unwrap().run(&reader, note).unwrap();
        assert_eq!(report.files, tree.len() as u64, "{:?}", report.refused);
        assert_eq!(report.bytes, items.iter().map(|item| item.len() as u64).sum::<u64>());
        assert_eq!(max_items.into_inner(), tree.len() as u64);
        for (name, item) in &tree {
            assert_eq!(&fs::read(path(folder.path(), name)).unwrap(), item, "{name:?}");
        }
        let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        let first = |name: &Vec<u8>| name.split(|byte| *byte == b'/').next().unwrap().to_vec();
        let expected: std::collections::BTreeSet<_> = tree.keys().map(first).collect();
        assert_eq!(entries.len(), expected.len(), "the staging folder is gone");
    }
}

#[test]
fn an_existing_file_stays_unless_overwriting_is_allowed_and_then_its_mode_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let old = folder.join("old");
    fs::write(&old, "old").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(folder.join("target"), "target").unwrap();
    symlink("target", folder.join("link")).unwrap();
    fs::create_dir(folder.join("sub")).unwrap();
    nix::unistd::mkfifo(&folder.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let all = [&b"old"[..], b"link", b"sub", b"pipe"];
    let report = unpack(folder, options(), &all);
    let exists = "the file already exists";
    assert_eq!(
        refusals(&report),
        [
            (0, exists.into()),
            (1, exists.into()),
            (2, "a folder has this name".into()),
            (3, "a pipe, a device or a socket has this name".into()),
        ]
    );
    assert_eq!((report.files, fs::read(&old).unwrap()), (0, b"old".to_vec()));
    let report = unpack(folder, options().overwrite(true), &all);
    assert_eq!(refusals(&report).len(), 2);
    assert_eq!(fs::read(&old).unwrap(), b"0");
    assert_eq!(fs::metadata(&old).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read(folder.join("target")).unwrap(), b"target", "the link was replaced");
    assert_eq!(fs::read(folder.join("link")).unwrap(), b"1");
}

#[test]
fn of_equal_names_the_first_is_written_and_with_overwrite_the_last() {
    for (overwrite, expected) in [(false, "0"), (true, "2")] {
        let folder = tempfile::tempdir().unwrap();
        let report =
            unpack(folder.path(), options().overwrite(overwrite), &[b"a", b"./a", b"a", b"b"]);
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), expected);
        assert_eq!(report.files, 2);
        let positions = |items: &[sealpack::RefusedItem]| -> Vec<u64> {
            items.iter().map(|item| item.position).collect()
        };
        let (refused, replaced) = (positions(&report.refused), positions(&report.replaced));
        assert_eq!((refused.len(), replaced.len()), if overwrite { (0, 2) } else { (2, 0) });
    }
}

#[test]
fn nothing_is_written_through_a_symbolic_link() {
    let outer = tempfile::tempdir().unwrap();
    let (folder, outside) = (outer.path().join("in"), outer.path().join("out"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir(&outside).unwrap();
    symlink("../out", folder.join("relative")).unwrap();
    symlink(&outside, folder.join("absolute")).unwrap();
    fs::write(folder.join("file"), "file").unwrap();
    for overwrite in [false, true] {
        let report = unpack(
            &folder,
            options().overwrite(overwrite),
            &[b"relative/a", b"absolute/b/c", b"file/d", b"e"],
        );
        let link = "a folder in the name is a symbolic link".to_string();
        let expected = [(0, link.clone()), (1, link), (2, "a folder in the name is a file".into())];
        assert_eq!(refusals(&report)[..3], expected);
        assert!(names(&outside).is_empty());
    }
    // The folder itself may be a link: the caller named it.
    symlink("out", outer.path().join("link")).unwrap();
    assert_eq!(unpack(&outer.path().join("link"), options(), &[b"a"]).files, 1);
    assert_eq!(names(&outside), ["a"]);
}

#[test]
fn items_of_damaged_records_are_refused_and_all_others_written() {
    let folder = tempfile::tempdir().unwrap();
    let packed = tempfile::tempdir().unwrap();
    let items: Vec<Vec<u8>> = (0..40_u8).map(|number| vec![number; 100]).collect();
    let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
    let reader = pack(packed.path(), &items);
    let place = reader.directory().record(3).unwrap();
    let mut bytes = fs::read(reader.path()).unwrap();
    bytes[usize::try_from(place.range.start).unwrap() + 9] ^= 0xff;
    let reader = Reader::options().open_source(bytes, "damaged").unwrap();
    let mut unpacker = options().build();
    (0..40).for_each(|position| unpacker.add(position, position.to_string().as_bytes()));
    let report = unpacker.unpack(&reader, folder.path()).unwrap();
    let refused: Vec<u64> = report.refused.iter().map(|item| item.position).collect();
    assert_eq!((report.files, refused), (36, vec![12, 13, 14, 15]));
    assert!(matches!(&report.refused[0].refusal, UnpackRefusal::Unreadable(error)
        if error.corruption().is_some()));
    assert_eq!(fs::read(folder.path().join("39")).unwrap(), [39; 100]);
}

#[test]
fn a_position_that_the_pack_does_not_have_is_an_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let packed = tempfile::tempdir().unwrap();
    let reader = pack(packed.path(), &[b"a"]);
    let mut unpacker = options().build();
    unpacker.add(0, b"a");
    unpacker.add(1, b"b");
    let error = unpacker.unpack(&reader, folder.path()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Pack(_)), "{error}");
    assert!(names(folder.path()).is_empty());
}

/// A pack that fails on every read after the pack was opened.
struct Failing(Vec<u8>, AtomicU64, fn() -> io::Error);

impl ReadAt for Failing {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if self.1.fetch_add(1, Ordering::Relaxed) > 3 {
            return Err(self.2());
        }
        self.0.read_exact_at(buffer, offset)
    }
}

#[test]
fn after_a_failed_read_or_an_abort_no_temporary_file_is_left() {
    let packed = tempfile::tempdir().unwrap();
    let items: Vec<Vec<u8>> = (0..200_u8).map(|number| vec![number; 50_000]).collect();
    let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
    let path = packed.path().join("in.pack");
    let writer = Writer::options().codec(sealpack::Plain).items_per_record(4);
    let mut writer = writer.create(&path).unwrap();
    items.iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    let failures: [fn() -> io::Error; 2] =
        [|| io::ErrorKind::BrokenPipe.into(), || panic!("a source that panics")];
    for durable in [false, true] {
        for fails in failures {
            let folder = tempfile::tempdir().unwrap();
            let source = Failing(bytes.clone(), AtomicU64::new(0), fails);
            let reader = Reader::options().open_source(source, "failing").unwrap();
            let mut unpacker = Unpacker::options().durable(durable).build();
            (0..200).for_each(|at| unpacker.add(at, format!("sub/{at}").as_bytes()));
            unpacker.unpack(&reader, folder.path()).unwrap_err();
            assert!(names(folder.path()).iter().all(|name| name == "sub"), "{folder:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let reader = Reader::open(&path).unwrap();
        let mut unpacker = Unpacker::options().durable(durable).build();
        (0..200).for_each(|at| unpacker.add(at, format!("sub/{at}").as_bytes()));
        let staged = unpacker.stage(folder.path()).unwrap();
        let abort = staged.abort_handle();
        let error = staged.run(&reader, |_| abort.abort()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error}");
        assert!(names(folder.path()).iter().all(|name| name == "sub"), "{folder:?}");
    }
}
