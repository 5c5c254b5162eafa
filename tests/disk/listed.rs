//! A pack with its digest list. After a crash at any point each of the two files is
//! whole, old or new, or was never there; if the new pack is visible, its list is
//! visible too; and a reader never accepts a list for another pack.

use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use sealpack::core::format::digest::Hash;
use sealpack::disk::{Disk, DiskFile, DiskFolder};
use sealpack::{Bytes, Reader, Trust, Writer, WriterOptions};

use super::crash::crash_states;
use super::explore::{ENDINGS, Ending, NAME, Small, small_packs};
use super::layer::{Layer, Layered};
use super::model::{Call, Files, Habits, ModelDisk};
use super::threads;

pub const LIST: &str = "out.pack.digests";

/// A pack, its list, and the hashes that a reader may trust.
pub struct Version {
    pub pack: Vec<u8>,
    pub list: Vec<u8>,
    items: Vec<Vec<u8>>,
    trusted: [Hash; 2],
}

impl Version {
    pub fn of(options: WriterOptions, items: &[Vec<u8>]) -> Self {
        let disk = ModelDisk::new(Habits::default(), &Files::new());
        let options = options.threads(0).digest_list(true).disk(disk.clone());
        let mut writer = options.create(NAME).unwrap();
        items.iter().for_each(|item| writer.append(item).unwrap());
        let sealed = writer.finish().unwrap().digests.unwrap();
        let mut files = disk.files();
        let (pack, list) = (files.remove(NAME).unwrap(), files.remove(LIST).unwrap());
        assert!(files.is_empty(), "{:?}", files.keys());
        Self { pack, list, items: items.to_vec(), trusted: [sealed.root, sealed.content_hash] }
    }

    fn old() -> Self {
        Self::of(Writer::options().items_per_record(2), &vec![b"old".to_vec(); 9])
    }

    fn files(&self) -> Files {
        [(NAME.to_owned(), self.pack.clone()), (LIST.to_owned(), self.list.clone())].into()
    }
}

/// Reads the items of a pack with this list, under this trusted hash.
fn read(pack: &[u8], list: &[u8], trusted: Hash) -> Result<Vec<Bytes>, sealpack::Error> {
    let trust = Trust::either(trusted).digests_source(Cursor::new(list.to_vec()), "list");
    let options = Reader::options().threads(1).trust(trust);
    options.open_source(Cursor::new(pack.to_vec()), "pack")?.iter()?.collect()
}

/// A recorded run.
struct Run {
    ending: Ending,
    old: Option<Version>,
    new: Version,
    journal: Vec<Call>,
    promised: bool,
    files: Files,
}

fn run<D: Disk + 'static>(
    small: &Small,
    ending: Ending,
    threads: usize,
    habits: Habits,
    through: impl FnOnce(ModelDisk) -> D,
) -> Run {
    let new = Version::of((small.options)(), &small.items);
    let over = ending.is_over_an_old_pack();
    let old = over.then(Version::old);
    let initial = old.as_ref().map(Version::files).unwrap_or_default();
    let renames_by_link = ending == Ending::CreateByLink;
    let disk = ModelDisk::new(Habits { renames_by_link, ..habits }, &initial);
    let options = (small.options)().digest_list(true).threads(threads).overwrite(over);
    let promised = options.disk(through(disk.clone())).create(NAME).and_then(|mut writer| {
        small.items.iter().try_for_each(|item| writer.append(item))?;
        if ending.finishes() { writer.finish().map(|_| true) } else { Ok(false) }
    });
    let (journal, files) = (disk.journal(), disk.files());
    Run { ending, old, new, journal, promised: promised.unwrap_or(false), files }
}

/// Which version a name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    Nothing,
    Old,
    New,
}

#[derive(Default)]
struct Found {
    points: usize,
    states: usize,
    /// The states of pack and list, with their counts.
    seen: BTreeMap<(Held, Held), usize>,
    first_broken: Option<String>,
}

impl Found {
    /// Stops a run after every call, and checks every possible content of the disk.
    fn add(&mut self, run: &Run) {
        let initial = run.old.as_ref().map(Version::files).unwrap_or_default();
        for stop in 0..=run.journal.len() {
            self.points += 1;
            let durable = run.promised && stop == run.journal.len();
            crash_states(&initial, &run.journal[..stop], &mut |files| {
                self.states += 1;
                match look_at(run, durable, files) {
                    Ok(held) => *self.seen.entry(held).or_default() += 1,
                    Err(broken) => {
                        let told = || format!("{:?}, after {stop} calls: {broken}", run.ending);
                        self.first_broken.get_or_insert_with(told);
                    }
                }
            });
        }
    }
}

fn look_at(run: &Run, durable: bool, files: &Files) -> Result<(Held, Held), String> {
    let is_temporary = |name: &str| name.starts_with(".out.pack.") && name.ends_with(".tmp");
    if let Some(name) =
        files.keys().find(|n| ![NAME, LIST].contains(&n.as_str()) && !is_temporary(n))
    {
        return Err(format!("there is a file {name}"));
    }
    let pack = held(run, files.get(NAME), |version| &version.pack)?;
    let list = held(run, files.get(LIST), |version| &version.list)?;
    match (pack, list) {
        both if durable && both != (Held::New, Held::New) => {
            Err(format!("finish said that both are there, and they are {both:?}"))
        }
        (Held::New, list) if list != Held::New => Err(format!("the new pack, its list {list:?}")),
        (_, Held::New) | (Held::New, _) if !run.ending.finishes() => Err("made of nothing".into()),
        both => Ok(both),
    }
}

fn held(
    run: &Run,
    found: Option<&Vec<u8>>,
    part: fn(&Version) -> &Vec<u8>,
) -> Result<Held, String> {
    match (found, &run.old) {
        (None, None) => Ok(Held::Nothing),
        (None, Some(_)) => Err("the old one is gone".into()),
        (Some(found), _) if found == part(&run.new) => Ok(Held::New),
        (Some(found), Some(old)) if found == part(old) => Ok(Held::Old),
        (Some(_), _) => Err("a name holds something else".into()),
    }
}

/// A disk that takes a pack in three writes, and its list as well.
fn habits(small: &Small) -> Habits {
    let size = Version::of((small.options)(), &small.items).pack.len();
    Habits { most_taken: size.div_ceil(3), ..Habits::default() }
}

#[test]
fn after_a_crash_at_any_call_pack_and_list_are_each_whole_and_the_new_pack_has_its_list() {
    let _threads = threads::may_start();
    let mut all = Found::default();
    for ending in ENDINGS {
        let mut found = Found::default();
        // Only small ones: `crash_points` covers a large one, which is written
        // meanwhile.
        for small in &small_packs()[..4] {
            for threads in 0..=2 {
                let run = run(small, ending, threads, habits(small), |disk| disk);
                assert_eq!(run.promised, ending.finishes());
                found.add(&run);
                assert_eq!(found.first_broken, None);
            }
        }
        println!("{ending:?}: {} points, {} states, {:?}", found.points, found.states, found.seen);
        let before = if ending.is_over_an_old_pack() { Held::Old } else { Held::Nothing };
        let seen: Vec<_> = found.seen.keys().copied().collect();
        let expected = [(before, before), (before, Held::New), (Held::New, Held::New)];
        assert_eq!(seen, expected[..if ending.finishes() { 3 } else { 1 }], "{ending:?}");
        all.points += found.points;
        all.states += found.states;
    }
    println!("{} crash points, {} states", all.points, all.states);
    // A smaller number means that the test no longer tries something.
    assert!(all.points >= 770, "{}", all.points);
    assert!(all.states >= 336_000, "{}", all.states);
}

#[test]
fn a_list_is_never_taken_for_that_of_another_pack() {
    let old = Version::old();
    for small in small_packs() {
        let new = Version::of((small.options)(), &small.items);
        for (pack, list) in [(&old, &old), (&old, &new), (&new, &old), (&new, &new)] {
            for (trusted, vouched) in [(&old, old.trusted), (&new, new.trusted)] {
                let all_one = std::ptr::eq(pack, list) && std::ptr::eq(pack, trusted);
                for hash in vouched {
                    match read(&pack.pack, &list.list, hash) {
                        Ok(items) => assert!(all_one && items == pack.items),
                        Err(error) => assert!(!all_one, "{error}"),
                    }
                }
            }
        }
        // Half a list does not pass for the whole one either, whatever its name.
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
fn after_any_sync_that_failed_neither_of_them_is_claimed() {
    let _threads = threads::may_start();
    // The failing sync is that of the pack, of the list, or of the pack again, for
    // its publication.
    for (failing, list_is_replaced) in [(0, false), (1, false), (2, true)] {
        for small in small_packs() {
            for ending in [Ending::Create, Ending::CreateByLink, Ending::Overwrite] {
                let habits = Habits { failing_sync: Some(failing), ..habits(&small) };
                let run = run(&small, ending, 1, habits, |disk| disk);
                assert!(!run.promised);
                let mut left = run.old.as_ref().map(Version::files).unwrap_or_default();
                if list_is_replaced {
                    // SECURITY.md describes this: of two files one must be replaced
                    // first.
                    left.remove(LIST);
                }
                assert_eq!(run.files, left, "{ending:?}, sync {failing}");
            }
        }
    }
}

/// Flaws that show only in a crash.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// The list's name is not made durable before the pack gets its own.
    ListsFolderNotSynced,
    ListNotSynced,
    /// The pack gets its name before the list.
    PackFirst,
}

struct Broken {
    flaw: Flaw,
    disk: ModelDisk,
    syncs: AtomicUsize,
    folder_syncs: AtomicUsize,
}

impl Layer for Broken {
    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        let number = self.syncs.fetch_add(1, SeqCst);
        if number == 1 && matches!(self.flaw, Flaw::ListNotSynced) { Ok(()) } else { file.sync() }
    }

    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        let number = self.folder_syncs.fetch_add(1, SeqCst);
        let skipped = number == 0 && matches!(self.flaw, Flaw::ListsFolderNotSynced);
        if skipped { Ok(()) } else { folder.sync() }
    }

    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        if !matches!(self.flaw, Flaw::PackFirst) {
            return disk.rename_new(from, to);
        }
        if to.ends_with(NAME) {
            return Ok(());
        }
        let files = self.disk.files();
        let packs = |name: &&String| !name.contains(".digests.");
        disk.rename_new(Path::new(files.keys().find(packs).unwrap()), Path::new(NAME))?;
        disk.rename_new(from, to)
    }
}

#[test]
fn every_broken_variant_of_publishing_two_files_is_found_out() {
    for (flaw, words) in [
        (Flaw::ListsFolderNotSynced, "the new pack, its list Nothing"),
        (Flaw::ListNotSynced, "a name holds something else"),
        (Flaw::PackFirst, "the new pack, its list Nothing"),
    ] {
        let small = &small_packs()[1];
        let through = |disk: ModelDisk| {
            let (syncs, folder_syncs) = Default::default();
            let broken = Broken { flaw, disk: disk.clone(), syncs, folder_syncs };
            Layered::new(Arc::new(broken), disk)
        };
        let run = run(small, Ending::Create, 0, habits(small), through);
        let mut found = Found::default();
        found.add(&run);
        let complaint = found.first_broken.unwrap_or_else(|| panic!("{flaw:?} was not found out"));
        println!("{flaw:?}: {complaint}");
        assert!(complaint.contains(words), "{flaw:?}: {complaint}");
    }
}
