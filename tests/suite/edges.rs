//! Paths that are not plain files (links, pipes, devices, folders), unusual names, and
//! several writers of one path.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sealpack::{ErrorKind, Reader, StagedFile, Writer};
use sealpack_tests::numbered;

fn overwrite() -> sealpack::WriterOptions {
    Writer::options().overwrite(true)
}

fn write(path: &Path, item: &[u8]) {
    let mut writer = overwrite().create(path).unwrap();
    writer.append(item).unwrap();
    writer.finish().unwrap();
}

fn item(path: &Path) -> Vec<u8> {
    Reader::open(path).unwrap().get(0).unwrap().to_vec()
}

#[test]
fn an_existing_pipe_socket_or_device_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    for path in [&*fifo, &*socket, Path::new("/dev/null"), Path::new("/dev/full")] {
        for options in [Writer::options(), overwrite()] {
            let refused = options.create(path).err().unwrap();
            assert!(matches!(refused.kind(), ErrorKind::NotAFile), "{refused}");
            assert!(refused.to_string().contains(&path.display().to_string()));
        }
        let refused = Reader::open(path).err().unwrap();
        assert!(matches!(refused.kind(), ErrorKind::NotAFile), "{refused}");
    }
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was created");
}

#[test]
fn a_link_is_replaced_and_its_target_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("link.pack"), folder.path().join("target"));
    for exists in [true, false] {
        fs::write(&target, "mine").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&target, &link).unwrap();
        if !exists {
            fs::remove_file(&target).unwrap();
        }
        let refused = Writer::options().create(&link).err().unwrap();
        assert!(matches!(refused.kind(), ErrorKind::Exists), "a link counts as a file: {refused}");
        write(&link, b"new");
        let found = fs::symlink_metadata(&link).unwrap();
        assert!(found.is_file());
        assert!(!exists || found.permissions().mode() & 0o7777 == 0o600, "its target's mode");
        assert_eq!(item(&link), b"new");
        assert_eq!(fs::read(&target).ok(), exists.then(|| b"mine".to_vec()));
        fs::remove_file(&link).unwrap();
    }
    // A link to a folder within the path is followed, as everywhere.
    let (real, linked) = (folder.path().join("real"), folder.path().join("linked"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &linked).unwrap();
    write(&linked.join("out.pack"), b"new");
    assert_eq!(item(&real.join("out.pack")), b"new");
    assert!(matches!(
        overwrite().create(linked.join("")).err().unwrap().kind(),
        ErrorKind::NotAFile
    ));
}

#[test]
fn a_link_to_a_pipe_a_device_or_a_folder_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let link = folder.path().join("link");
    for target in [&*fifo, Path::new("/dev/null"), folder.path(), Path::new("link")] {
        symlink(target, &link).unwrap();
        for replacing in [false, true] {
            let pack = Writer::options().overwrite(replacing).create(&link).err().unwrap();
            let file = StagedFile::create(&link, replacing).err().unwrap();
            assert_eq!(pack.to_string(), file.to_string());
            let is_refused = matches!(pack.kind(), ErrorKind::NotAFile | ErrorKind::Io { .. });
            assert!(is_refused, "{} -> {}: {pack}", link.display(), target.display());
        }
        assert_eq!(fs::read_link(&link).unwrap(), target);
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was created");
}

/// Only root may change the owner of a file; `disk faults::` has the case of others.
#[test]
fn owner_and_group_of_a_replaced_file_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    write(&path, b"old");
    if chown(&path, Some(54_321), Some(54_322)).is_err() {
        return; // Only root may change the owner.
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o6640)).unwrap();
    let mut file = StagedFile::create(&path, true).unwrap();
    file.write_all(b"new").unwrap();
    assert!(file.publish().unwrap().caveats().is_empty());
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid()), (54_321, 54_322));
    assert_eq!(found.mode() & 0o7777, 0o640, "without set-user-id and set-group-id");
}

#[test]
fn a_reader_follows_a_link_and_reports_a_dangling_one() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("link.pack"), folder.path().join("target.pack"));
    symlink(&target, &link).unwrap();
    let error = Reader::open(&link).err().unwrap();
    assert!(
        matches!(error.kind(), ErrorKind::Io { .. }) && error.to_string().contains("link.pack")
    );
    write(&target, b"there");
    assert_eq!(item(&link), b"there");
}

#[test]
fn names_that_are_not_utf_8_or_look_like_options_work() {
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"not \xff utf-8"[..], b"new\nline", b"-o", b" ", b"..."] {
        let path = folder.path().join(OsStr::from_bytes(name));
        write(&path, name);
        assert_eq!(item(&path), name);
        let refused = Writer::options().create(&path).err().unwrap();
        assert_eq!(refused.path(), path);
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn names_that_name_no_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for name in ["", ".", "..", "/", "file/out.pack", &"n".repeat(256), "nul\0inside"] {
        let path = if name.is_empty() { name.into() } else { folder.path().join(name) };
        for options in [Writer::options(), overwrite()] {
            assert!(options.create(&path).is_err(), "{name:?}");
        }
        assert!(Reader::open(&path).is_err(), "{name:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_permissions_of_a_replaced_file_are_kept_and_it_need_not_be_writable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    for mode in [0o600, 0o640, 0o444, 0o755] {
        write(&path, b"old");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        write(&path, b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        assert_eq!(item(&path), b"new");
    }
    // No other user can read the file while it is written either.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let writer = overwrite().create(&path).unwrap();
    let mode = fs::metadata(writer.temporary_path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_second_name_of_the_old_file_keeps_the_old_pack() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("out.pack"), folder.path().join("kept.pack"));
    write(&path, b"old");
    fs::hard_link(&path, &other).unwrap();
    write(&path, b"new");
    assert_eq!((item(&path), item(&other)), (b"new".to_vec(), b"old".to_vec()));
}

#[test]
fn readers_see_whole_packs_while_several_writers_replace_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    numbered::write(overwrite(), &path, 0).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (path, done) = (&path, &done);
        let writers = [1, 2].map(|writer| {
            scope.spawn(move || {
                (0..15).try_for_each(|n| numbered::write(overwrite(), path, 2 * n + writer))
            })
        });
        let reader = scope.spawn(move || {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                numbered::read(path).unwrap();
                seen += 1;
            }
            seen
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert!(numbered::read(&path).unwrap() > 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn of_many_writers_that_create_one_name_exactly_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let result: Vec<_> = thread::scope(|scope| {
        let path = &path;
        let writers = (1..=8).map(|number| {
            let write = move || (number, numbered::write(Writer::options(), path, number));
            scope.spawn(write)
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = result.into_iter().partition(|(_, result)| result.is_ok());
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|(_, e)| matches!(e.as_ref().unwrap_err().kind(), ErrorKind::Exists)));
    assert_eq!(numbered::read(&path), Ok(won[0].0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
