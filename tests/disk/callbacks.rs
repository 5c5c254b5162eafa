//! Callbacks of the caller fail, panic, are slow, or stop early: no result is lost,
//! no call hangs, and no file or thread is left.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use sealpack::core::error::Cause;
use sealpack::core::read::Merge;
use sealpack::{Bytes, Codec, EncoderFactory, ErrorKind, Plain, Reader, ReaderOptions, Writer};

use super::threads;

/// A factory that never provides an encoder.
#[derive(Clone, Copy)]
struct Factory {
    panics: bool,
}

impl EncoderFactory for Factory {
    fn encoder(&self) -> Result<Codec, Cause> {
        assert!(!self.panics, "making an encoder panicked");
        Err(Cause::text("making an encoder failed"))
    }

    fn format_id(&self) -> u32 {
        7
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().count() == 0
}

#[test]
fn a_factory_that_fails_or_panics_creates_no_file() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    for threads in 0..3 {
        for panics in [false, true] {
            let options = Writer::options().codec(Factory { panics }).threads(threads);
            let create = || options.create(folder.path().join("out.pack")).map(drop);
            let error = format!("{:#}", create().unwrap_err());
            let message =
                if panics { "making an encoder panicked" } else { "making an encoder failed" };
            assert!(error.contains(message), "{error}");
            assert!(is_empty(folder.path()));
            threads::assert_nothing_is_left(folder.path(), &(threads, panics));
        }
    }
}

/// An owned item whose buffer panics when it is dropped.
struct PanicsOnDrop(Vec<u8>);

impl AsRef<[u8]> for PanicsOnDrop {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        assert!(thread::panicking(), "dropping panicked");
    }
}

#[test]
fn a_panic_on_dropping_an_owned_item_is_an_error() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let options = Writer::options().codec(Plain).items_per_record(1).threads(2);
    let mut writer = options.create(&path).unwrap();
    writer.append_owned(Bytes::from_owner(PanicsOnDrop(vec![1; 100_000]))).unwrap();
    let _ = (0..100).find_map(|_| writer.append(&[2; 100_000]).err());
    let error = writer.finish().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Panicked(_)), "{error}");
    assert!(is_empty(folder.path()));
    threads::assert_nothing_is_left(folder.path(), &"an owned item");
}

/// Writes a pack of 2 MB; returns its path, and options that read it in many small
/// reads.
fn pack(folder: &Path) -> (std::path::PathBuf, ReaderOptions) {
    let path = folder.join("in.pack");
    let mut writer = Writer::options().codec(Plain).items_per_record(10).create(&path).unwrap();
    (0..2000u32).for_each(|number| writer.append(&number.to_le_bytes().repeat(250)).unwrap());
    writer.finish().unwrap();
    let merge = Merge { gap: 0, max_read: 50_000 };
    (path, Reader::options().threads(3).merge(merge))
}

#[test]
fn a_panic_in_a_callback_reaches_the_caller_and_leaves_no_thread() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    let (path, options) = pack(folder.path());
    let positions: Vec<u32> = (0..2000).collect();
    for at in [0, 1, 999, 1999] {
        let reader = options.clone().open(&path).unwrap();
        let mut taken = 0;
        let many = catch_unwind(AssertUnwindSafe(|| {
            reader.get_many(&positions, |request, _| {
                assert!(request != at, "the callback panicked");
                taken += 1;
            })
        }));
        assert!(many.is_err());
        assert_eq!(taken, at, "the callback received the items before it");
        let mut reads = 0;
        let verified = catch_unwind(AssertUnwindSafe(|| {
            reader.verify_with(|_| {
                reads += 1;
                assert!(reads != 3, "the progress panicked");
                ControlFlow::<()>::Continue(())
            })
        }));
        assert!(verified.is_err());
        drop(reader);
        threads::assert_nothing_is_left(folder.path(), &at);
    }
}

#[test]
fn a_scan_or_verification_that_is_stopped_leaves_no_thread() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    let (path, options) = pack(folder.path());
    for taken in [0, 1, 500, 1999] {
        let reader = options.clone().open(&path).unwrap();
        assert!(reader.iter().unwrap().take(taken).all(|item| item.is_ok()));
        let broken = reader.verify_with(|progress| match progress.records {
            records if records as usize > taken / 10 => ControlFlow::Break(records),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(broken.unwrap(), ControlFlow::Break(_)) || taken == 1999);
        drop(reader);
        threads::assert_nothing_is_left(folder.path(), &taken);
    }
}

#[test]
fn slow_callbacks_receive_every_item() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    let (path, options) = pack(folder.path());
    let slow = |item: &[u8]| -> Result<Vec<u8>, Cause> {
        if item[0] == 0 {
            thread::sleep(Duration::from_millis(2));
        }
        Ok(item.to_vec())
    };
    let reader = options.hash_extract(slow).open(&path).unwrap();
    assert!(reader.verify().unwrap().is_ok());
    let positions: Vec<u32> = (0..2000).collect();
    let mut taken = 0;
    let take = |request: usize, item: Bytes| {
        if request.is_multiple_of(100) {
            thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(item[..4], u32::try_from(request).unwrap().to_le_bytes());
        taken += 1;
    };
    reader.get_many(&positions, take).unwrap();
    assert_eq!(taken, 2000);
    let slow_scan = reader.iter().unwrap().inspect(|_| thread::sleep(Duration::from_micros(20)));
    assert_eq!(slow_scan.filter(|item| item.is_ok()).count(), 2000);
    let copy = folder.path().join("copy.pack");
    let mut writer = Writer::options().hash_extract(slow).threads(2).create(&copy).unwrap();
    (0..200u32).for_each(|number| writer.append(&number.to_le_bytes()).unwrap());
    writer.finish().unwrap();
    drop(reader);
    threads::assert_nothing_is_left(folder.path(), &"slow");
}
