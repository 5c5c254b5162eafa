//! Real disks that are full, small or read-only, if the machine allows a test to make
//! them.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use sealpack::disk::{Disk, DiskFile, Owner, System};
use sealpack::{ErrorKind, IoOperation, Plain, Reader, Writer};
use sealpack_tests::child::Spawn as _;
use sealpack_tests::incompressible::item;

use super::layer::{Layer, Layered};
use super::threads;

/// Writes 3 MB that do not compress.
fn write(path: &Path, options: sealpack::WriterOptions) -> Result<(), sealpack::Error> {
    let mut writer = options.create(path)?;
    let appended = (0..30).try_for_each(|number| writer.append(&item(number, 100_000)));
    writer.finish().map(drop).and(appended)
}

fn assert_errno(result: Result<(), sealpack::Error>, errno: i32, path: &Path) {
    let error = result.unwrap_err();
    assert_eq!(error.path(), path);
    let ErrorKind::Io { operation: IoOperation::Writing, error } = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(error.raw_os_error(), Some(errno));
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Redirects all writes to `/dev/full`.
struct DevFull;

struct Full(File);

impl DiskFile for Full {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        io::Write::write_vectored(&mut self.0, slices)
    }
    fn start_writing(&self, _offset: u64, _length: u64) {}
    fn set_permissions(&self, _permissions: fs::Permissions) -> io::Result<()> {
        Ok(())
    }
    fn set_owner(&self, _owner: Owner) -> io::Result<()> {
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Layer for DevFull {
    fn create_new(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        drop(disk.create_new(path)?);
        Ok(Box::new(Full(File::options().write(true).open("/dev/full")?)))
    }
}

#[test]
fn a_full_device_is_an_error_and_the_old_file_stays() {
    let _alone = threads::exclusive();
    for threads in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.pack");
        fs::write(&path, "old").unwrap();
        let disk = Layered::new(Arc::new(DevFull), System);
        let options = Writer::options().threads(threads).overwrite(true).disk(disk);
        assert_errno(write(&path, options), libc::ENOSPC, &path);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out.pack"]);
        threads::assert_nothing_is_left(folder.path(), &threads);
    }
    // The device itself is not a regular file: the writer refuses it.
    let refused = Writer::options().overwrite(true).create("/dev/full").err().unwrap();
    assert!(matches!(refused.kind(), ErrorKind::NotAFile));
}

/// Returns true in a process in which the variable `name` is set; otherwise runs the
/// test in such a process, and returns false.
fn runs_in_own_process(test: &str, name: &str) -> bool {
    if std::env::var_os(name).is_some() {
        return true;
    }
    let result = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(name, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .run();
    let output = String::from_utf8_lossy(&result.stdout) + String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{output}");
    println!("{output}");
    false
}

#[test]
fn a_limit_on_file_sizes_is_an_error_and_the_old_file_stays() {
    let test = "real::a_limit_on_file_sizes_is_an_error_and_the_old_file_stays";
    if !runs_in_own_process(test, "SEALPACK_LIMITED") {
        return;
    }
    // The system accepts the bytes that still fit, a short write, and refuses the rest;
    // unless the signal is blocked, it also sends SIGXFSZ.
    let mut ignored = SigSet::empty();
    ignored.add(Signal::SIGXFSZ);
    ignored.thread_block().unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 1_500_000, 1_500_000).unwrap();
    for threads in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.pack");
        fs::write(&path, "old").unwrap();
        let options = Writer::options().threads(threads).overwrite(true);
        assert_errno(write(&path, options), libc::EFBIG, &path);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out.pack"]);
        threads::assert_nothing_is_left(folder.path(), &threads);
    }
}

/// Runs a shell script in a mount namespace of its own; `None` if the machine does
/// not allow that.
fn with_mounts(script: &str, folder: &Path) -> Option<String> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-ec", script, "sh"]);
        command.arg(folder).arg(std::env::current_exe().unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).run()
    };
    if !unshare("mount -t tmpfs -o size=64k none \"$1\"").status.success() {
        println!("skipped: this machine does not allow mount namespaces");
        return None;
    }
    let result = unshare(script);
    let output = String::from_utf8_lossy(&result.stdout) + String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{output}");
    Some(output.into_owned())
}

/// Runs in the processes that `mounted` starts; does nothing in an ordinary run.
#[test]
fn inside_a_mount_namespace() {
    let Some(folder) = std::env::var_os("SEALPACK_MOUNTED") else { return };
    let path = Path::new(&folder).join("out.pack");
    let overwrite = Writer::options().overwrite(true);
    match std::env::var("SEALPACK_EXPECTED").unwrap().as_str() {
        "full" => {
            for threads in 0..3 {
                fs::write(&path, "old").unwrap();
                let result = write(&path, overwrite.clone().threads(threads));
                assert_errno(result, libc::ENOSPC, &path);
                assert_eq!(fs::read(&path).unwrap(), b"old");
                assert_eq!(names(Path::new(&folder)), ["out.pack"]);
                // The written space is freed: a small pack fits again.
                let mut writer = overwrite.clone().create(&path).unwrap();
                writer.append(b"small").unwrap();
                writer.finish().unwrap();
                assert!(Reader::open(&path).unwrap().verify().unwrap().is_ok());
            }
        }
        "full of digests" => {
            // So many digests that the writer moves them from memory to disk before it
            // writes the list.
            for threads in 0..3 {
                let options = Writer::options().codec(Plain).items_per_record(1).threads(threads);
                let mut writer = options.digest_list(true).create(&path).unwrap();
                let appended = (0..140_000).try_for_each(|_| writer.append(b"-"));
                let error = appended.and(writer.finish().map(drop)).unwrap_err();
                let ErrorKind::Io { operation, error } = error.kind() else { panic!("{error}") };
                let expected = (IoOperation::WritingDigests, Some(libc::ENOSPC));
                assert_eq!((*operation, error.raw_os_error()), expected);
                assert!(names(Path::new(&folder)).is_empty());
            }
        }
        "read-only" => {
            let error = overwrite.create(&path).err().unwrap();
            let ErrorKind::Io { operation, error } = error.kind() else { panic!("{error}") };
            assert_eq!(
                (*operation, error.raw_os_error()),
                (IoOperation::Creating, Some(libc::EROFS))
            );
            assert_eq!(fs::read(&path).unwrap(), b"old");
        }
        "mounted file" => {
            // A name that is itself a mount point cannot be replaced.
            let error = overwrite.create(&path).err().unwrap();
            let ErrorKind::Io { operation, error } = error.kind() else { panic!("{error}") };
            let expected = (IoOperation::TestingReplacement, io::ErrorKind::ResourceBusy);
            assert_eq!((*operation, error.kind()), expected);
            assert_eq!(fs::read(&path).unwrap(), b"another device's");
            assert_eq!(names(Path::new(&folder)), ["out.pack"]);
        }
        other => panic!("{other}"),
    }
    println!("reached");
}

const INSIDE: &str =
    "SEALPACK_MOUNTED=\"$1\" exec \"$2\" --exact real::inside_a_mount_namespace --nocapture";

fn mounted(expected: &str, mounts: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{mounts}\nexport SEALPACK_EXPECTED='{expected}'\n{INSIDE}");
    if let Some(output) = with_mounts(&script, folder.path()) {
        assert!(output.contains("reached"), "{output}");
    }
}

#[test]
fn a_full_file_system_is_an_error_that_keeps_the_old_file_and_frees_the_space() {
    mounted("full", "mount -t tmpfs -o size=2m none \"$1\"");
}

#[test]
fn a_file_system_that_is_full_of_digests_is_an_error_and_no_file_is_left() {
    mounted("full of digests", "mount -t tmpfs -o size=2m none \"$1\"");
}

#[test]
fn a_read_only_file_system_is_an_error_before_anything_is_written() {
    let mounts =
        "mount -t tmpfs none \"$1\"; printf old > \"$1/out.pack\"; mount -o remount,ro \"$1\"";
    mounted("read-only", mounts);
}

#[test]
fn a_name_on_another_device_is_an_error_and_stays_unchanged() {
    let mounts = "mount -t tmpfs none \"$1\"; mkdir /tmp/sealpack-$$ ; \
        printf \"another device's\" > \"/tmp/sealpack-$$/file\"; touch \"$1/out.pack\"; \
        mount --bind \"/tmp/sealpack-$$/file\" \"$1/out.pack\"; rm -r \"/tmp/sealpack-$$\"";
    mounted("mounted file", mounts);
}
