//! A pack with its digest list. After a crash at any point each of the two files is
//! complete, old or new, or absent if there was none; if the new pack is visible, its list is
//! visible too; and a reader never accepts a list for another pack.

use std::io::{self, Cursor};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use sealpack::core::format::digest::Hash;
use sealpack::disk::{Disk, DiskFile, DiskFolder};
use sealpack::{Bytes, ErrorKind, Plain, Reader, Trust, WriteMonitor, Writer};

use super::explore::{
    CrashStates, NAME, Run, SCENARIOS, Scenario, SmallPack, Version, WrittenFiles, old_pack,
    pack_bytes, run, small_packs, write,
};
use super::layer::{Layer, Layered};
use super::model::{DiskOptions, Files, ModelDisk};
use super::threads;

pub const LIST: &str = "out.pack.digests";

/// A pack, its list, and the hashes that a reader may trust.
struct ListedPack {
    pack: Vec<u8>,
    list: Vec<u8>,
    items: Vec<Vec<u8>>,
    trusted: [Hash; 2],
}

impl ListedPack {
    fn of(small: &SmallPack) -> Self {
        let (mut files, sealed) = write(small, WrittenFiles::PackAndList);
        let (pack, list) = (files.remove(NAME).unwrap(), files.remove(LIST).unwrap());
        assert!(files.is_empty(), "{:?}", files.keys());
        let sealed = sealed.digests.unwrap();
        let trusted = [sealed.root, sealed.content_hash];
        Self { pack, list, items: small.items.clone(), trusted }
    }
}

/// Reads the items of a pack with this list, under this trusted hash.
fn read(pack: &[u8], list: &[u8], trusted: Hash) -> Result<Vec<Bytes>, sealpack::Error> {
    let trust = Trust::either(trusted).digests_source(Cursor::new(list.to_vec()), "list");
    let options = Reader::options().threads(1).trust(trust);
    options.open_source(Cursor::new(pack.to_vec()), "pack")?.iter()?.collect()
}

/// Checks the files of a run that writes a pack with a file next to it: the versions of
/// both.
pub fn check_both(run: &Run, durable: bool, files: &Files) -> Result<(Version, Version), String> {
    let companion = run.written.companion().unwrap();
    let is_temporary = |name: &str| name.starts_with(".out.pack.") && name.ends_with(".tmp");
    if let Some(name) =
        files.keys().find(|n| ![NAME, companion].contains(&n.as_str()) && !is_temporary(n))
    {
        return Err(format!("there is a file {name}"));
    }
    let both = (run.version(files, NAME)?, run.version(files, companion)?);
    match both {
        _ if durable && both != (Version::New, Version::New) => {
            Err(format!("finish reported both files, but they are {both:?}"))
        }
        (Version::New, other) if other != Version::New => {
            Err(format!("the pack is new, but {companion} is {other:?}"))
        }
        (_, Version::New) | (Version::New, _) if !run.scenario.finishes() => {
            Err("an unfinished pack or companion has its name".into())
        }
        _ => Ok(both),
    }
}

/// A disk that accepts a pack in at least three writes, and so its list.
fn disk_options(small: &SmallPack) -> DiskOptions {
    DiskOptions { max_write: pack_bytes(small).len().div_ceil(3), ..DiskOptions::default() }
}

#[test]
fn after_a_crash_at_any_call_pack_and_list_are_whole_and_a_new_pack_has_its_list() {
    let _threads = threads::shared();
    let mut all = CrashStates::default();
    for scenario in SCENARIOS {
        let mut found = CrashStates::default();
        // `crash_points` covers the large one, which is written while items are
        // appended.
        for small in &small_packs()[..4] {
            for threads in 0..=2 {
                let disk_options = disk_options(small);
                let run = run(
                    small,
                    WrittenFiles::PackAndList,
                    scenario,
                    threads,
                    disk_options,
                    |disk| disk,
                );
                assert_eq!(run.reported, scenario.finishes());
                found.add(&run, check_both);
                assert_eq!(found.first_broken, None);
            }
        }
        println!("{scenario:?}: {found:?}");
        let outcomes: Vec<_> = found.outcomes.keys().copied().collect();
        assert_eq!(outcomes, scenario.outcomes_with_a_file_next_to_the_pack(), "{scenario:?}");
        all.absorb(found);
    }
    println!("{} crash points, {} states", all.points, all.states);
    // A smaller number means that the test has lost cases.
    assert!(all.points >= 770, "{}", all.points);
    assert!(all.states >= 336_000, "{}", all.states);
}

#[test]
fn a_list_is_never_accepted_for_another_pack() {
    let old = ListedPack::of(&old_pack());
    for small in small_packs() {
        let new = ListedPack::of(&small);
        for (pack, list) in [(&old, &old), (&old, &new), (&new, &old), (&new, &new)] {
            for (trusted, hashes) in [(&old, old.trusted), (&new, new.trusted)] {
                let match_each_other = std::ptr::eq(pack, list) && std::ptr::eq(pack, trusted);
                for hash in hashes {
                    match read(&pack.pack, &list.list, hash) {
                        Ok(items) => assert!(match_each_other && items == pack.items),
                        Err(error) => assert!(!match_each_other, "{error}"),
                    }
                }
            }
        }
        // A truncated list is not accepted as the complete one either.
        for end in (0..new.list.len()).step_by(7) {
            for hash in new.trusted {
                if let Ok(items) = read(&new.pack, &new.list[..end], hash) {
                    assert_eq!(items, new.items, "{end} bytes of the list");
                }
            }
        }
    }
}

#[test]
fn after_a_failed_sync_neither_file_is_reported() {
    let _threads = threads::shared();
    // The failing sync is that of the pack, of the list, or the second one of the pack,
    // when it is published.
    for (failing, list_is_replaced) in [(0, false), (1, false), (2, true)] {
        for small in small_packs() {
            for scenario in [Scenario::Create, Scenario::CreateByLink, Scenario::Overwrite] {
                let disk_options =
                    DiskOptions { failing_sync: Some(failing), ..disk_options(&small) };
                let run =
                    run(&small, WrittenFiles::PackAndList, scenario, 1, disk_options, |disk| disk);
                assert!(!run.reported);
                let mut left = run.old.clone();
                if list_is_replaced {
                    // SECURITY.md describes this: of two files one must be replaced
                    // first.
                    left.remove(LIST);
                }
                assert_eq!(run.files, left, "{scenario:?}, sync {failing}");
            }
        }
    }
}

/// Seeded bugs whose effect shows only after a crash.
#[derive(Clone, Copy, Debug)]
enum ListMutant {
    /// The list's name is not made durable before the pack gets its own.
    ListsFolderNotSynced,
    ListNotSynced,
    /// The pack gets its name before the list.
    PackFirst,
}

struct MutantLayer {
    mutant: ListMutant,
    disk: ModelDisk,
    syncs: AtomicUsize,
    folder_syncs: AtomicUsize,
}

impl Layer for MutantLayer {
    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        let number = self.syncs.fetch_add(1, SeqCst);
        if number == 1 && matches!(self.mutant, ListMutant::ListNotSynced) {
            Ok(())
        } else {
            file.sync()
        }
    }

    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        let number = self.folder_syncs.fetch_add(1, SeqCst);
        let skipped = number == 0 && matches!(self.mutant, ListMutant::ListsFolderNotSynced);
        if skipped { Ok(()) } else { folder.sync() }
    }

    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        if !matches!(self.mutant, ListMutant::PackFirst) {
            return disk.rename_new(from, to);
        }
        if to.ends_with(NAME) {
            return Ok(());
        }
        let files = self.disk.files();
        let is_pack = |name: &&String| !name.contains(".digests.");
        disk.rename_new(Path::new(files.keys().find(is_pack).unwrap()), Path::new(NAME))?;
        disk.rename_new(from, to)
    }
}

#[test]
fn every_mutant_of_publishing_two_files_is_detected() {
    for (mutant, words) in [
        (ListMutant::ListsFolderNotSynced, "the pack is new, but out.pack.digests is Absent"),
        (ListMutant::ListNotSynced, "is neither the old nor the new one"),
        (ListMutant::PackFirst, "the pack is new, but out.pack.digests is Absent"),
    ] {
        let small = &small_packs()[1];
        let wrap = |disk: ModelDisk| {
            let (syncs, folder_syncs) = Default::default();
            let broken = MutantLayer { mutant, disk: disk.clone(), syncs, folder_syncs };
            Layered::new(Arc::new(broken), disk)
        };
        let disk_options = disk_options(small);
        let run = run(small, WrittenFiles::PackAndList, Scenario::Create, 0, disk_options, wrap);
        let mut found = CrashStates::default();
        found.add(&run, check_both);
        let complaint = found.first_broken.unwrap_or_else(|| panic!("{mutant:?} was not detected"));
        println!("{mutant:?}: {complaint}");
        assert!(complaint.contains(words), "{mutant:?}: {complaint}");
    }
}

/// Cancels the writer when the list gets its name.
#[derive(Default)]
struct CancelsAtList(Mutex<Option<WriteMonitor>>);

impl Layer for CancelsAtList {
    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        let renamed = disk.rename_new(from, to);
        if to.ends_with(LIST) {
            self.0.lock().unwrap().take().unwrap().cancel();
        }
        renamed
    }
}

#[test]
fn a_writer_that_is_cancelled_between_its_list_and_its_pack_leaves_neither() {
    let _alone = threads::exclusive();
    let layer = Arc::new(CancelsAtList::default());
    let disk = ModelDisk::new(DiskOptions::default(), &Files::new());
    let layered = Layered::new(Arc::clone(&layer), disk.clone());
    let options = Writer::options().codec(Plain).threads(0).digest_list(true).disk(layered);
    let mut writer = options.create(NAME).unwrap();
    writer.append(b"an item").unwrap();
    *layer.0.lock().unwrap() = Some(writer.monitor());
    let error = writer.finish().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cancelled), "{error:#}");
    assert!(disk.files().is_empty(), "{:?}", disk.files().keys());
}
