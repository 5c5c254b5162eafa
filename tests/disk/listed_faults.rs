//! Every call that writes a pack with its digest list fails once with each error, and
//! so does every read of a list by a reader that authenticates the items.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::{Arc, Mutex};

use sealpack::{Bytes, Error, ErrorKind, IoOperation, Reader, Trust, Writer, Zstd};
use sealpack_tests::incompressible::item;

use super::attempt::{OLD, Outcome, Plan, Setup, attempt, fail_each_call};
use super::explore::NAME;
use super::faults::{Call, Fault, Faulty, operation};
use super::listed::LIST;
use super::{reader_faults, threads};

const PLAN: Plan = Plan {
    files: &[NAME, LIST],
    options: |options| options.digest_list(true),
    item_size: 20_000,
    is_named: false,
};

const SETUPS: [Setup; 4] = [
    Setup { threads: 0, over_old_files: false, finishes: true },
    Setup { threads: 2, over_old_files: true, finishes: true },
    Setup { threads: 0, over_old_files: true, finishes: false },
    Setup { threads: 2, over_old_files: false, finishes: false },
];

/// Whether the call of this number is about the list. The pack is created first and
/// synced; then the list is written, synced and named, then the pack.
fn is_about_the_list(calls: &[Call], at: usize) -> bool {
    let before = |call| calls[..at].iter().filter(|&&other| other == call).count();
    match calls[at] {
        call @ (Call::LookAt | Call::OpenFolder | Call::Create | Call::SetPermissions) => {
            before(call) == 1
        }
        Call::Write => before(Call::Sync) == 1,
        Call::Sync => before(Call::Sync) == 1,
        call @ (Call::Rename | Call::SyncFolder) => before(call) == 0,
        Call::Remove => false,
    }
}

fn check_error(error: &Error, folder: &Path, call: Call, errno: i32, about_the_list: bool) {
    assert_eq!(error.path(), folder.join(NAME));
    let error = match error.kind() {
        ErrorKind::DigestList(error) if about_the_list => {
            assert_eq!(error.path(), folder.join(LIST));
            error
        }
        _ if about_the_list => panic!("{error}: does not name the list"),
        _ => error,
    };
    let ErrorKind::Io { operation: reported, error } = error.kind() else { panic!("{error}") };
    let expected = match operation(call) {
        IoOperation::Writing if about_the_list => IoOperation::WritingDigests,
        other => other,
    };
    assert_eq!((*reported, error.raw_os_error()), (expected, Some(errno)));
}

/// Checks the pack and the list after a call has failed.
fn check_files(setup: Setup, outcome: &Outcome, call: Call, about_the_list: bool) {
    let (pack, list) = (outcome.file(NAME), outcome.file(LIST));
    let old = setup.over_old_files.then(|| OLD.to_vec());
    let list_has_its_name =
        outcome.calls.contains(&Call::Rename) && !(call == Call::Rename && about_the_list);
    if call == Call::SyncFolder && !about_the_list {
        // The pack has its name, but may lose it in a crash.
        let folder = outcome.folder.path();
        let reader = Reader::open(folder.join(NAME)).unwrap();
        assert!(reader.verify().unwrap().is_ok() && list.is_some_and(|list| list != OLD));
        return;
    }
    assert_eq!(pack, old, "the pack is unchanged");
    if list_has_its_name {
        assert_eq!(list, None, "a list without its pack is removed");
    } else {
        assert_eq!(list, old, "the list is unchanged");
    }
}

#[test]
fn every_call_for_a_pack_with_its_list_fails_once_and_neither_is_left_without_the_other() {
    let _alone = threads::exclusive();
    let injected = fail_each_call(&PLAN, &SETUPS, |setup, at, errno, outcome| {
        let call = outcome.calls[at];
        let about_the_list = is_about_the_list(&outcome.calls, at);
        let context = (setup, call, about_the_list, io::Error::from_raw_os_error(errno));
        match &outcome.result {
            Err(error) => check_error(error, outcome.folder.path(), call, errno, about_the_list),
            // The writer has no way to report this.
            Ok(()) => assert!(call == Call::Remove || !setup.finishes, "the error is returned"),
        }
        check_files(setup, outcome, call, about_the_list);
        assert_eq!(outcome.leftovers(&PLAN).len(), usize::from(call == Call::Remove));
        threads::assert_nothing_is_left(outcome.folder.path(), &context);
    });
    assert!(injected >= 370, "{injected}");
}

#[test]
fn short_writes_and_interruptions_of_a_list_are_survived() {
    let _alone = threads::exclusive();
    let mut survived = 0;
    for setup in SETUPS.into_iter().filter(|setup| setup.finishes) {
        let clean = attempt(&PLAN, setup, Faulty::default());
        let writes = (0..clean.calls.len()).filter(|&at| clean.calls[at] == Call::Write);
        for at in writes.filter(|&at| is_about_the_list(&clean.calls, at)) {
            for fault in [Fault::Errno(nix::libc::EINTR), Fault::Short(1), Fault::Short(41)] {
                let outcome = attempt(
                    &PLAN,
                    setup,
                    Faulty { faults: vec![(at, fault)], ..Faulty::default() },
                );
                outcome.result.as_ref().unwrap();
                assert_eq!(outcome.file(LIST), clean.file(LIST), "{setup:?} {fault:?}");
                survived += 1;
            }
            let outcome = attempt(
                &PLAN,
                setup,
                Faulty { faults: vec![(at, Fault::Short(0))], ..Faulty::default() },
            );
            let error = outcome.result.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::DigestList(_)), "{error}");
        }
    }
    assert!(survived >= 6, "{survived}");
}

#[test]
fn every_read_of_a_list_fails_once_and_no_item_is_returned_without_it() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let options = Writer::options().codec(Zstd::level(1)).items_per_record(1).threads(0);
    let mut writer = options.digest_list(true).create(&path).unwrap();
    (0..600).for_each(|number| writer.append(&item(number, 100)).unwrap());
    let sealed = writer.finish().unwrap().digests.unwrap();
    let (pack, list): (Bytes, Bytes) =
        (fs::read(&path).unwrap().into(), fs::read(&sealed.path).unwrap().into());
    let attempt = |trust: Trust, threads, fault| {
        let calls = Arc::<Mutex<Vec<reader_faults::Call>>>::default();
        let source =
            reader_faults::Faulty { bytes: list.clone(), fault, calls: Arc::clone(&calls) };
        let trust = trust.digests_source(source, "the list");
        let options = Reader::options().threads(threads).trust(trust);
        let opened = options.open_source(Cursor::new(pack.clone()), "the pack");
        let read = opened.and_then(|reader| {
            assert_eq!(reader.get(300)?, item(300, 100));
            reader.iter()?.zip(0..).try_for_each(|(got, number)| {
                assert_eq!(got?, item(number, 100));
                Ok(())
            })
        });
        let calls = calls.lock().unwrap().clone();
        (calls, read)
    };
    let mut injected = 0;
    for trust in [Trust::root(sealed.root), Trust::content_hash(sealed.content_hash)] {
        for threads in 1..=2 {
            let (calls, clean) = attempt(trust.clone(), threads, None);
            clean.unwrap();
            for at in 0..calls.len() {
                for errno in [nix::libc::EIO, nix::libc::EAGAIN, nix::libc::ESTALE] {
                    let (_, read) = attempt(trust.clone(), threads, Some((at, errno)));
                    let error = read.expect_err("the error is returned");
                    let ErrorKind::DigestList(error) = error.kind() else { panic!("{error}") };
                    assert_eq!(error.path(), Path::new("the list"));
                    let ErrorKind::Io { error, .. } = error.kind() else { panic!("{error}") };
                    assert_eq!(error.raw_os_error(), Some(errno));
                    threads::assert_nothing_is_left(folder.path(), &(threads, at));
                    injected += 1;
                }
            }
        }
    }
    println!("{injected} faults");
    assert!(injected >= 90, "{injected}");
}
