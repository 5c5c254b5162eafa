//! Every call of the writer fails once with each of its possible errors, in a real
//! folder. The writer returns the first error and leaves no file; it continues after
//! short and interrupted writes.

use std::fs::{self, Permissions};
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::{Arc, Mutex};

use nix::libc::*;
use sealpack::disk::{Disk, DiskFile, DiskFolder, Found, Owner, System};
use sealpack::{Caveat, ErrorKind, IoOperation, Writer};

use super::attempt::{OLD, Outcome, Plan, Setup, attempt, fail_each_call};
use super::explore::NAME;
use super::layer::{Layer, Layered};
use super::threads;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    LookAt,
    OpenFolder,
    Create,
    SetPermissions,
    Write,
    Sync,
    Rename,
    SyncFolder,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Errno(i32),
    /// A write accepts only this many bytes.
    Short(usize),
}

/// Passes on every call except the faulty ones, which are numbered from 0.
#[derive(Default)]
pub struct Faulty {
    pub faults: Vec<(usize, Fault)>,
    /// Whether every removal fails too.
    pub removals_fail: bool,
    pub calls: Mutex<Vec<Call>>,
}

/// The maximum number of bytes that one write accepts, so that a pack needs several.
const MAX_WRITE: usize = 300_000;

impl Faulty {
    fn fault(&self, call: Call) -> Option<Fault> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        let number = calls.len() - 1;
        self.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault)
    }

    fn check(&self, call: Call) -> io::Result<()> {
        match self.fault(call) {
            Some(Fault::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            _ => Ok(()),
        }
    }
}

impl Layer for Faulty {
    fn look_at(&self, disk: &dyn Disk, path: &Path) -> io::Result<Found> {
        self.check(Call::LookAt)?;
        disk.look_at(path)
    }
    fn open_folder(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFolder>> {
        self.check(Call::OpenFolder)?;
        disk.open_folder(path)
    }
    fn create_new(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check(Call::Create)?;
        disk.create_new(path)
    }
    fn rename(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Call::Rename)?;
        disk.rename(from, to)
    }
    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Call::Rename)?;
        disk.rename_new(from, to)
    }
    fn remove(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        if self.removals_fail {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.check(Call::Remove)?;
        disk.remove(path)
    }
    fn write(&self, file: &mut dyn DiskFile, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let limit = match self.fault(Call::Write) {
            Some(Fault::Errno(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Short(0)) => return Ok(0),
            Some(Fault::Short(bytes)) => bytes,
            None => MAX_WRITE,
        };
        let bytes: Vec<u8> =
            slices.iter().flat_map(|slice| slice.iter().copied()).take(limit).collect();
        file.write(&[IoSlice::new(&bytes)])
    }
    fn set_permissions(&self, file: &dyn DiskFile, permissions: Permissions) -> io::Result<()> {
        self.check(Call::SetPermissions)?;
        file.set_permissions(permissions)
    }
    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        self.check(Call::Sync)?;
        file.sync()
    }
    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        self.check(Call::SyncFolder)?;
        folder.sync()
    }
}

/// The possible errors of a call.
pub fn errors(call: Call) -> &'static [i32] {
    match call {
        Call::LookAt => &[EACCES, EIO, ELOOP, ENAMETOOLONG, ENOMEM, ENOTDIR, EOVERFLOW],
        Call::OpenFolder => &[EACCES, EINTR, EIO, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR],
        Call::Create => {
            &[EACCES, EDQUOT, EINTR, EIO, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOSPC, EROFS]
        }
        Call::SetPermissions => &[EINTR, EIO, EPERM, EROFS],
        Call::Write => &[EAGAIN, EBADF, EDQUOT, EFBIG, EINVAL, EIO, ENOSPC, EPERM],
        Call::Sync => &[EDQUOT, EINTR, EINVAL, EIO, ENOSPC, EROFS],
        Call::Rename => &[EACCES, EBUSY, EDQUOT, EIO, EISDIR, ENOENT, ENOSPC, EPERM, EROFS, EXDEV],
        Call::SyncFolder => &[EINTR, EDQUOT, EIO, ENOSPC, EROFS],
        Call::Remove => &[EACCES, EBUSY, EIO, ENOENT, EPERM, EROFS],
    }
}

/// The operation that the error reports if a call fails.
pub fn operation(call: Call) -> IoOperation {
    match call {
        Call::LookAt | Call::OpenFolder | Call::Create | Call::SetPermissions => {
            IoOperation::Creating
        }
        Call::Write => IoOperation::Writing,
        Call::Sync => IoOperation::Syncing,
        Call::Rename => IoOperation::Publishing,
        Call::SyncFolder => IoOperation::SyncingFolder,
        Call::Remove => unreachable!("errors of removals are not reported"),
    }
}

/// A pack of about 1.6 MB.
const PLAN: Plan = Plan {
    files: &[NAME],
    options: |options| options.writeback_every(1 << 18),
    item_size: 80_000,
    is_named: false,
};

const SETUPS: [Setup; 8] = [
    Setup { threads: 0, over_old_files: false, finishes: true },
    Setup { threads: 0, over_old_files: true, finishes: true },
    Setup { threads: 1, over_old_files: false, finishes: true },
    Setup { threads: 1, over_old_files: true, finishes: true },
    Setup { threads: 2, over_old_files: false, finishes: true },
    Setup { threads: 2, over_old_files: true, finishes: true },
    Setup { threads: 0, over_old_files: true, finishes: false },
    Setup { threads: 2, over_old_files: false, finishes: false },
];

fn check_failed(setup: Setup, at: usize, errno: i32, outcome: &Outcome) {
    let call = outcome.calls[at];
    let context = (setup, call, io::Error::from_raw_os_error(errno));
    let named = outcome.file(NAME);
    match call {
        // The writer has no way to report this, and the pack already has its name or
        // never gets it.
        Call::Remove => assert!(outcome.result.is_ok(), "{context:?}"),
        _ if !setup.finishes && outcome.result.is_ok() => {}
        _ => {
            let error = outcome.result.as_ref().expect_err("the first error is returned");
            assert_eq!(error.path(), outcome.folder.path().join(NAME), "{context:?}");
            let ErrorKind::Io { operation: reported, error } = error.kind() else {
                panic!("{context:?}: {error}");
            };
            assert_eq!(
                (*reported, error.raw_os_error()),
                (operation(call), Some(errno)),
                "{context:?}"
            );
        }
    }
    if call == Call::SyncFolder {
        assert!(named.is_some_and(|named| named != OLD), "{context:?}: the pack has its name");
    } else {
        assert_eq!(named.as_deref(), setup.over_old_files.then_some(OLD), "{context:?}");
    }
    let leftovers = outcome.leftovers(&PLAN);
    assert_eq!(leftovers.len(), usize::from(call == Call::Remove), "{context:?}: {leftovers:?}");
    threads::assert_nothing_is_left(outcome.folder.path(), &context);
}

#[test]
fn every_call_fails_once_with_each_error_which_is_returned_and_no_file_is_left() {
    let _alone = threads::exclusive();
    let injected = fail_each_call(&PLAN, &SETUPS, check_failed);
    assert!(injected >= 600, "{injected}");
}

#[test]
fn short_writes_and_interruptions_are_survived_and_the_pack_is_the_same() {
    let _alone = threads::exclusive();
    let mut survived = 0;
    for setup in SETUPS.into_iter().filter(|setup| setup.finishes) {
        let clean = attempt(&PLAN, setup, Faulty::default());
        let writes = clean.calls.iter().enumerate().filter(|(_, call)| **call == Call::Write);
        for (at, _) in writes {
            for fault in [Fault::Errno(EINTR), Fault::Short(1), Fault::Short(40_001)] {
                let faults =
                    vec![(at, fault), (at + 1, Fault::Errno(EINTR)), (at + 2, Fault::Short(7))];
                let outcome = attempt(&PLAN, setup, Faulty { faults, ..Faulty::default() });
                // The next two faults may hit calls of other kinds; the writer reports
                // those, and continues after all others.
                if outcome.calls.get(at + 1) == Some(&Call::Write) {
                    outcome.result.as_ref().unwrap();
                    assert_eq!(outcome.file(NAME), clean.file(NAME), "{setup:?} {fault:?}");
                    survived += 1;
                }
            }
        }
        let create = clean.calls.iter().position(|call| *call == Call::Create).unwrap();
        let faults = vec![(create, Fault::Errno(EEXIST)), (create + 1, Fault::Errno(EEXIST))];
        let outcome = attempt(&PLAN, setup, Faulty { faults, ..Faulty::default() });
        outcome.result.as_ref().expect("the writer tries another temporary name");
        assert_eq!(outcome.file(NAME), clean.file(NAME));
    }
    println!("{survived} survived");
    assert!(survived >= 100, "{survived}");
}

#[test]
fn a_disk_that_accepts_no_bytes_is_an_error_and_not_an_endless_loop() {
    let _alone = threads::exclusive();
    for setup in SETUPS.into_iter().filter(|setup| setup.finishes) {
        let calls = attempt(&PLAN, setup, Faulty::default()).calls;
        let at = calls.iter().position(|call| *call == Call::Write).unwrap();
        let faults = vec![(at, Fault::Short(0))];
        let outcome = attempt(&PLAN, setup, Faulty { faults, ..Faulty::default() });
        let error = outcome.result.as_ref().unwrap_err();
        let ErrorKind::Io { operation, error } = error.kind() else { panic!("{error}") };
        assert_eq!((*operation, error.kind()), (IoOperation::Writing, io::ErrorKind::WriteZero));
        assert_eq!(outcome.file(NAME).as_deref(), setup.over_old_files.then_some(OLD));
    }
}

#[test]
fn the_first_error_is_returned_even_if_the_temporary_file_cannot_be_removed() {
    let _alone = threads::exclusive();
    for setup in SETUPS.into_iter().filter(|setup| setup.finishes) {
        let calls = attempt(&PLAN, setup, Faulty::default()).calls;
        for (at, &call) in calls.iter().enumerate() {
            let temporary_is_there = matches!(call, Call::Write | Call::Sync | Call::Rename);
            if temporary_is_there {
                let faults = vec![(at, Fault::Errno(EIO))];
                let faulty = Faulty { faults, removals_fail: true, ..Faulty::default() };
                let outcome = attempt(&PLAN, setup, faulty);
                let error = outcome.result.as_ref().unwrap_err();
                let ErrorKind::Io { operation: reported, .. } = error.kind() else {
                    panic!("{error}")
                };
                assert_eq!(*reported, operation(call));
                let leftovers = outcome.leftovers(&PLAN);
                assert!(
                    leftovers.len() == 1
                        && leftovers[0].starts_with(".out.pack.")
                        && leftovers[0].ends_with(".tmp")
                );
                assert_eq!(outcome.file(NAME).as_deref(), setup.over_old_files.then_some(OLD));
            }
        }
    }
}

/// A file system that can neither rename without replacing nor make links.
struct CannotRenameNew(i32);

impl Layer for CannotRenameNew {
    fn rename_new(&self, _disk: &dyn Disk, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(self.0))
    }
    fn test_rename_new(&self, _disk: &dyn Disk, _file: &Path, _free: &Path) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(self.0))
    }
}

#[test]
fn a_file_system_that_can_only_replace_is_refused_in_advance_unless_overwriting() {
    let _alone = threads::exclusive();
    for errno in [EINVAL, ENOSYS, EPERM, EOPNOTSUPP] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.pack");
        let options =
            Writer::options().disk(Layered::new(Arc::new(CannotRenameNew(errno)), System));
        let error = options.clone().create(&path).err().unwrap();
        let ErrorKind::Io { operation, error } = error.kind() else { panic!("{error}") };
        assert_eq!((*operation, error.raw_os_error()), (IoOperation::TestingRename, Some(errno)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
        options.overwrite(true).create(&path).unwrap().finish().unwrap();
        assert!(path.exists());
    }
}

/// A file system that lacks features that a pack does not strictly need.
struct Limited {
    sync_folder: Option<i32>,
    set_owner: Option<i32>,
}

impl Layer for Limited {
    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        self.sync_folder
            .map_or_else(|| folder.sync(), |errno| Err(io::Error::from_raw_os_error(errno)))
    }
    fn set_owner(&self, file: &dyn DiskFile, owner: Owner) -> io::Result<()> {
        self.set_owner
            .map_or_else(|| file.set_owner(owner), |errno| Err(io::Error::from_raw_os_error(errno)))
    }
}

#[test]
fn a_folder_without_fsync_and_an_owner_that_cannot_be_kept_are_reported_and_the_pack_is_whole() {
    let _alone = threads::exclusive();
    for sync_folder in [None, Some(EINVAL), Some(ENOSYS)] {
        for set_owner in [None, Some(EPERM)] {
            for digest_list in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("out.pack");
                fs::write(&path, OLD).unwrap();
                let disk = Layered::new(Arc::new(Limited { sync_folder, set_owner }), System);
                let options = Writer::options().overwrite(true).digest_list(digest_list);
                let mut writer = options.disk(disk).create(&path).unwrap();
                writer.append(b"item").unwrap();
                let sealed = writer.finish().unwrap();
                let not_synced = sync_folder.map(|_| Caveat::FolderNotSynced);
                let is_not_kept = |caveat: &Caveat| matches!(caveat, Caveat::OwnerNotKept { .. });
                let kept: Vec<_> =
                    sealed.caveats.iter().copied().filter(|caveat| !is_not_kept(caveat)).collect();
                assert_eq!(kept, Vec::from_iter(not_synced));
                assert_eq!(sealed.caveats.iter().any(is_not_kept), set_owner.is_some());
                let list_caveats = sealed.digests.map(|list| list.caveats).unwrap_or_default();
                assert_eq!(list_caveats, Vec::from_iter(not_synced.filter(|_| digest_list)));
                let reader = sealpack::Reader::open(&path).unwrap();
                assert!(reader.verify().unwrap().is_ok());
            }
        }
    }
}
