//! Names that are too large for the pack: the file next to it.

use std::fs;
use std::path::{Path, PathBuf};

use sealpack::core::error::{Fault, NamesFault};
use sealpack::{ErrorKind, Plain, Reader, Trust, Writer, WriterOptions, names_path};
use tempfile::TempDir;

fn name(number: u32) -> String {
    format!("folder {}/file {number}", number / 7)
}

/// Writes a pack of 1,000 items that have these names; returns its path.
fn write(folder: &TempDir, file: &str, options: WriterOptions, name: fn(u32) -> String) -> PathBuf {
    let path = folder.path().join(file);
    let mut writer = options.codec(Plain).create(&path).unwrap();
    for number in 0..1000 {
        writer.append_named(name(number).as_bytes(), &number.to_le_bytes()).unwrap();
    }
    let sealed = writer.finish().unwrap();
    assert_eq!(sealed.names_file.is_some(), names_path(&path).exists());
    path
}

fn check(path: &Path) {
    let reader = Reader::open(path).unwrap();
    let names = reader.names().unwrap().unwrap();
    assert_eq!(names.get(999).unwrap(), name(999).as_bytes());
    assert_eq!(names.find(name(123).as_bytes()).unwrap(), [123]);
    assert_eq!(names.iter().count(), 1000);
}

/// The fault of the names file, and its path.
fn names_fault(reader: &Reader) -> (PathBuf, NamesFault) {
    let error = reader.names().unwrap_err();
    assert_eq!(error.path(), reader.path());
    let ErrorKind::NamesFile(error) = error.kind() else { panic!("{error}") };
    let (_, fault) = error.corruption().unwrap();
    let Fault::Names(fault) = fault else { panic!("{fault}") };
    (error.path().to_path_buf(), fault.clone())
}

#[test]
fn names_above_the_limit_are_in_a_file_and_read_the_same() {
    let folder = TempDir::new().unwrap();
    let inside = write(&folder, "inside", Writer::options(), name);
    let size = Reader::open(&inside).unwrap().names().unwrap().unwrap().stored_size();
    assert!(!names_path(&inside).exists());
    check(&inside);
    // Exactly the limit is still inside.
    let limit = Writer::options().max_names_in_pack(size);
    let same = write(&folder, "same", limit, name);
    assert!(fs::read(&inside).unwrap() == fs::read(&same).unwrap());

    let outside = write(&folder, "outside", Writer::options().max_names_in_pack(size - 1), name);
    assert_eq!(fs::metadata(names_path(&outside)).unwrap().len(), size);
    check(&outside);
    let raw = |path| Reader::open(path).unwrap().extensions().raw().len();
    // Magic and section header; version, flags, count, size and hash.
    assert_eq!(raw(&outside), 8 + 8 + 2 + 4 + 8 + 32);
    // Names out of order are sorted in the file too.
    fn backwards(number: u32) -> String {
        name(999 - number)
    }
    let unsorted = write(&folder, "unsorted", Writer::options().max_names_in_pack(0), backwards);
    let reader = Reader::open(&unsorted).unwrap();
    let names = reader.names().unwrap().unwrap();
    assert!(!names.is_sorted());
    assert_eq!(names.find(name(0).as_bytes()).unwrap(), [999]);
}

#[test]
fn a_stream_contains_its_names_whatever_their_size() {
    let mut writer = Writer::options().max_names_in_pack(0).write_to(Vec::new()).unwrap();
    writer.append_named(b"a name", b"an item").unwrap();
    let reader = Reader::options().open_source(writer.finish().unwrap().sink, "memory").unwrap();
    assert_eq!(reader.names().unwrap().unwrap().get(0).unwrap(), b"a name"[..]);
}

#[test]
fn a_names_file_that_is_missing_damaged_or_of_another_pack_is_refused_and_items_stay_readable() {
    let folder = TempDir::new().unwrap();
    let options = || Writer::options().max_names_in_pack(0);
    let path = write(&folder, "a.pack", options(), name);
    let other = write(&folder, "b.pack", options(), |number| format!("{}!", name(number)));
    let file = names_path(&path);
    let sound = fs::read(&file).unwrap();
    let open = || {
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.get(7).unwrap(), 7u32.to_le_bytes()[..]);
        assert!(reader.verify().unwrap().is_ok());
        reader
    };
    for (content, is_shorter) in
        [(&sound[..sound.len() - 1], true), (&[&sound[..], b"x"].concat(), false)]
    {
        fs::write(&file, content).unwrap();
        let (at, fault) = names_fault(&open());
        assert_eq!(at, file);
        let NamesFault::CompanionSize { expected, found } = fault else { panic!("{fault}") };
        assert_eq!((expected, found < expected), (sound.len() as u64, is_shorter));
    }
    for at in (0..sound.len()).step_by(97) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        fs::write(&file, &flipped).unwrap();
        assert!(matches!(names_fault(&open()).1, NamesFault::CompanionHash), "byte {at}");
    }
    fs::copy(names_path(&other), &file).unwrap();
    names_fault(&open());
    fs::remove_file(&file).unwrap();
    let error = open().names().unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("its names file") && text.contains("a.pack.names: cannot open"),
        "{text}"
    );
    fs::create_dir(&file).unwrap();
    assert!(format!("{:#}", open().names().unwrap_err()).contains("not a regular file"));
    fs::remove_dir(&file).unwrap();
    // Once the file exists, the same reader reads it.
    let reader = open();
    assert!(reader.names().is_err());
    fs::write(&file, &sound).unwrap();
    assert_eq!(reader.names().unwrap().unwrap().len(), 1000);
    // A pack in memory has no file next to it.
    let memory = Reader::options().open_source(fs::read(&path).unwrap(), "memory").unwrap();
    let error = memory.names().unwrap_err();
    let (_, fault) = error.corruption().unwrap();
    assert!(matches!(fault, Fault::Names(NamesFault::Companion)), "{error}");
}

#[test]
fn an_existing_names_file_is_refused_before_everything_is_written_and_stays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.pack");
    fs::write(names_path(&path), "mine").unwrap();
    let start = |limit| Writer::options().max_names_in_pack(limit).create(&path).unwrap();
    let mut writer = start(4096);
    let refused = (0..100_000)
        .find_map(|number: u32| {
            let name = format!("{:x}", number.wrapping_mul(2_654_435_761));
            writer.append_named(name.as_bytes(), b"item").err().map(|error| (number, error))
        })
        .expect("the names grow above the limit");
    assert!(refused.0 < 20_000, "{}", refused.0);
    let ErrorKind::NamesFile(error) = refused.1.kind() else { panic!("{}", refused.1) };
    assert!(matches!(error.kind(), ErrorKind::Exists));
    assert!(matches!(writer.finish().unwrap_err().kind(), ErrorKind::NamesFile(_)));
    assert!(!path.exists());
    // A pack that contains its names ignores that file.
    let mut writer = start(1 << 20);
    writer.append_named(b"a name", b"item").unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::read(names_path(&path)).unwrap(), b"mine");
    let options = Writer::options().max_names_in_pack(0).overwrite(true);
    check(&write(&folder, "a.pack", options, name));
}

#[test]
fn a_pack_that_is_not_finished_leaves_no_names_file() {
    let folder = TempDir::new().unwrap();
    for is_cancelled in [true, false] {
        let path = folder.path().join("a.pack");
        let mut writer = Writer::options().max_names_in_pack(0).create(&path).unwrap();
        writer.append_named(b"a name", b"item").unwrap();
        let temporary = writer.temporary_names_path().unwrap().to_path_buf();
        assert!(temporary.exists());
        if is_cancelled {
            writer.monitor().cancel();
            assert!(writer.finish().is_err());
        } else {
            drop(writer);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_trusted_root_authenticates_the_names_in_the_file() {
    let folder = TempDir::new().unwrap();
    let options = || Writer::options().max_names_in_pack(0).digest_list(true);
    let path = folder.path().join("a.pack");
    let mut writer = options().create(&path).unwrap();
    writer.append_named(b"a name", b"item").unwrap();
    let root = writer.finish().unwrap().digests.unwrap().root;
    let open = || Reader::open_trusted(&path, Trust::root(root));
    assert_eq!(open().unwrap().names().unwrap().unwrap().get(0).unwrap(), b"a name"[..]);
    // A forger can replace the file, but not the hash in the pack.
    let forged = folder.path().join("b.pack");
    let mut writer = options().create(&forged).unwrap();
    writer.append_named(b"forged", b"item").unwrap();
    writer.finish().unwrap();
    fs::copy(names_path(&forged), names_path(&path)).unwrap();
    assert!(open().unwrap().names().is_err());
    fs::copy(&forged, &path).unwrap();
    assert!(open().is_err(), "the app data is another one");
}

#[test]
fn a_names_file_above_the_memory_limit_is_not_read() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.pack", Writer::options().max_names_in_pack(0), name);
    let reader = Reader::options().memory_limit(4096).open(&path);
    let error = reader.and_then(|reader| reader.names()).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
}
