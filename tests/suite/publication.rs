//! A pack appears complete or not at all, and until then an existing file stays.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use sealpack::{ErrorKind, Reader, StagedFile, Writer};

fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nothing_has_the_name_before_finish() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writer = Writer::options().create(&path).unwrap();
    writer.append(&[7; 3_000_000]).unwrap();
    assert!(!path.exists());
    writer.finish().unwrap();
    assert_eq!(entries(folder.path()), ["out.pack"]);
    assert_eq!(Reader::open(&path).unwrap().item_count(), 1);
}

#[test]
fn a_writer_dropped_without_finish_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for threads in 0..3 {
        let path = folder.path().join("out.pack");
        let mut writer = Writer::options().threads(threads).create(&path).unwrap();
        writer.append(&[7; 3_000_000]).unwrap();
        drop(writer);
        assert!(entries(folder.path()).is_empty());
    }
}

#[test]
fn without_overwrite_an_existing_file_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    fs::write(&path, "mine").unwrap();
    let refused = Writer::options().create(&path).err().unwrap();
    assert!(matches!(refused.kind(), ErrorKind::Exists));
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn a_file_that_appears_while_a_pack_is_written_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writer = Writer::options().create(&path).unwrap();
    writer.append(b"item").unwrap();
    fs::write(&path, "faster").unwrap();
    assert!(matches!(writer.finish().unwrap_err().kind(), ErrorKind::Exists));
    assert_eq!(fs::read(&path).unwrap(), b"faster");
    assert_eq!(entries(folder.path()), ["out.pack"]);
}

#[test]
fn with_overwrite_the_old_file_stays_whole_until_the_new_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    fs::write(&path, "old").unwrap();
    let mut writer = Writer::options().overwrite(true).create(&path).unwrap();
    writer.append(&[7; 3_000_000]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    drop(writer);
    assert_eq!(
        fs::read(&path).unwrap(),
        b"old",
        "the old file stays if the new one is not finished"
    );
    let mut writer = Writer::options().overwrite(true).create(&path).unwrap();
    writer.append(b"new").unwrap();
    writer.finish().unwrap();
    assert_eq!(Reader::open(&path).unwrap().get(0).unwrap(), b"new"[..]);
    assert_eq!(entries(folder.path()), ["out.pack"]);
}

#[test]
fn a_reader_continues_with_the_old_pack_after_it_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let write = |item: &[u8]| {
        let mut writer = Writer::options().overwrite(true).create(&path).unwrap();
        (0..3000).for_each(|_| writer.append(item).unwrap());
        writer.finish().unwrap();
    };
    write(&[1; 1000]);
    let old = Reader::open(&path).unwrap();
    write(&[2; 1000]);
    assert_eq!(old.get(2999).unwrap(), [1; 1000][..]);
    assert_eq!(Reader::open(&path).unwrap().get(2999).unwrap(), [2; 1000][..]);
}

#[test]
fn of_two_writers_on_one_path_one_succeeds_and_the_other_gets_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writers: Vec<_> = (0..2).map(|_| Writer::options().create(&path).unwrap()).collect();
    for (number, writer) in writers.iter_mut().enumerate() {
        writer.append(format!("writer {number}").as_bytes()).unwrap();
    }
    let second = writers.pop().unwrap();
    second.finish().unwrap();
    let first = writers.pop().unwrap();
    assert!(matches!(first.finish().unwrap_err().kind(), ErrorKind::Exists));
    assert_eq!(Reader::open(&path).unwrap().get(0).unwrap(), b"writer 1"[..]);
}

#[cfg(unix)]
#[test]
fn permissions_follow_the_umask_or_the_file_that_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let path = folder.path().join("out.pack");
    Writer::options().create(&path).unwrap().finish().unwrap();
    assert_eq!(mode(&path), mode(&plain), "as any new file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    Writer::options().overwrite(true).create(&path).unwrap().finish().unwrap();
    assert_eq!(mode(&path), 0o640, "as the file that it replaces");
}

#[test]
fn a_folder_or_a_missing_folder_is_refused_immediately() {
    let folder = tempfile::tempdir().unwrap();
    for overwrite in [false, true] {
        let refused = Writer::options().overwrite(overwrite).create(folder.path()).err().unwrap();
        assert!(matches!(refused.kind(), ErrorKind::NotAFile));
        let missing = folder.path().join("missing/out.pack");
        let refused = Writer::options().overwrite(overwrite).create(&missing).err().unwrap();
        assert!(matches!(refused.kind(), ErrorKind::Io { .. }));
        assert!(refused.to_string().contains("missing/out.pack"));
    }
}

#[cfg(unix)]
#[test]
fn names_as_long_as_the_system_allows_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n".repeat(255));
    Writer::options().create(&path).unwrap().finish().unwrap();
    assert!(Reader::open(&path).is_ok());
}

#[test]
fn a_path_that_can_only_be_a_folder_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("{}/new/", folder.path().display());
    assert!(matches!(Writer::options().create(path).err().unwrap().kind(), ErrorKind::NotAFile));
}

fn stage(path: &Path, overwrite: bool, bytes: &[u8]) -> StagedFile {
    let mut file = StagedFile::create(path, overwrite).unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn a_staged_file_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names");
    let file = stage(&path, false, b"first");
    assert!(!path.exists() && file.temporary_path().exists());
    let prefix = format!("{}/.names.", folder.path().display());
    assert!(file.temporary_path().display().to_string().starts_with(&prefix));
    drop(file);
    assert!(entries(folder.path()).is_empty(), "dropping it leaves nothing");

    let mut published = stage(&path, false, b"first").publish().unwrap();
    published.write_all(b" and more").unwrap();
    published.sync().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first and more", "a published file can be appended to");
    let refused = StagedFile::create(&path, false).err().unwrap();
    assert!(matches!(refused.kind(), ErrorKind::Exists));
    drop(stage(&path, true, b"second"));
    assert_eq!(fs::read(&path).unwrap(), b"first and more");
    let published = stage(&path, true, b"second").publish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    published.take_back().unwrap();
    assert!(entries(folder.path()).is_empty());

    let late = stage(&path, false, b"mine");
    fs::write(&path, "precious").unwrap();
    assert!(matches!(late.publish().err().unwrap().kind(), ErrorKind::Exists));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert_eq!(entries(folder.path()), ["names"]);
}
