//! Runs a writer on the model disk, and checks the disk after every possible crash.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use sealpack::core::format::Dialect;
use sealpack::disk::Disk;
use sealpack::{Plain, Reader, SealedPack, Writer, WriterOptions, Zstd};

use super::crash::crash_states;
use super::model::{Call, DiskOptions, Files, ModelDisk};

pub const NAME: &str = "out.pack";

/// How a run starts and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// A new pack.
    Create,
    /// A new pack, on a disk that links and unlinks.
    CreateByLink,
    /// In place of an old pack.
    Overwrite,
    /// Dropped without `finish`; there was no pack before.
    Drop,
    /// Dropped without `finish`, over an old pack.
    DropOverwrite,
}

pub const SCENARIOS: [Scenario; 5] = [
    Scenario::Create,
    Scenario::CreateByLink,
    Scenario::Overwrite,
    Scenario::Drop,
    Scenario::DropOverwrite,
];

impl Scenario {
    pub fn overwrites(self) -> bool {
        matches!(self, Self::Overwrite | Self::DropOverwrite)
    }

    pub fn finishes(self) -> bool {
        !matches!(self, Self::Drop | Self::DropOverwrite)
    }

    /// Returns the versions of a pack and of the file next to it that a crash may leave,
    /// if that file appears before its pack.
    pub fn outcomes_with_a_file_next_to_the_pack(self) -> Vec<(Version, Version)> {
        let before = if self.overwrites() { Version::Old } else { Version::Absent };
        let mut outcomes = vec![(before, before)];
        if self.finishes() {
            outcomes.extend([(before, Version::New), (Version::New, Version::New)]);
        }
        outcomes
    }
}

/// A pack: its items and its options. Every pack has a content hash, so that
/// verification detects any damage.
pub struct SmallPack {
    pub items: Vec<Vec<u8>>,
    pub options: fn() -> WriterOptions,
}

/// An empty pack, one with one record, one with many records and every feature, one
/// in the older dialect, and one that takes more than one write.
pub fn small_packs() -> Vec<SmallPack> {
    let items = |count: u8, length: usize| -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| (0..length).map(|i| n.wrapping_mul(31) ^ (i % 251) as u8).collect())
            .collect()
    };
    vec![
        SmallPack { items: Vec::new(), options: Writer::options },
        SmallPack { items: items(3, 40), options: || Writer::options().codec(Plain) },
        SmallPack {
            items: items(12, 50),
            options: || {
                let options = Writer::options().items_per_record(3).record_checksum(true);
                options.app_data(&b"app data"[..]).codec(Zstd::level(3)).writeback_every(100)
            },
        },
        SmallPack {
            items: items(6, 30),
            options: || Writer::options().items_per_record(1).dialect(Dialect::NoAppDataCrc),
        },
        // So large that the writer writes while items are appended.
        SmallPack {
            items: items(3, 600_000),
            options: || Writer::options().codec(Plain).items_per_record(1),
        },
    ]
}

/// The files that a run writes: a pack, or a pack with its digest list or with the file
/// of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenFiles {
    Pack,
    PackAndList,
    PackAndNames,
}

impl WrittenFiles {
    fn options(self, options: WriterOptions) -> WriterOptions {
        options.digest_list(self == Self::PackAndList).max_names_in_pack(0)
    }

    fn append(self, writer: &mut Writer, items: &[Vec<u8>]) -> Result<(), sealpack::Error> {
        (0..).zip(items).try_for_each(|(number, item): (u32, _)| match self {
            Self::PackAndNames => writer.append_named(format!("item {number}").as_bytes(), item),
            _ => writer.append(item),
        })
    }

    /// The name of the file next to the pack, if there is one.
    pub fn companion(self) -> Option<&'static str> {
        match self {
            Self::Pack => None,
            Self::PackAndList => Some("out.pack.digests"),
            Self::PackAndNames => Some("out.pack.names"),
        }
    }
}

/// A recorded run.
pub struct Run {
    pub written: WrittenFiles,
    pub scenario: Scenario,
    /// The files before the run.
    pub old: Files,
    /// The files after it if no call fails.
    pub new: Files,
    pub journal: Vec<Call>,
    /// Whether `finish` reported that the files have their names and are durable.
    pub reported: bool,
    /// The files as a running program sees them at the end.
    pub files: Files,
}

/// Writes a small pack on a disk without faults; returns its files and the writer's result.
pub fn write(small: &SmallPack, written: WrittenFiles) -> (Files, SealedPack) {
    let disk = ModelDisk::new(DiskOptions::default(), &Files::new());
    let options = written.options((small.options)()).threads(0).disk(disk.clone());
    let mut writer = options.create(NAME).unwrap();
    written.append(&mut writer, &small.items).unwrap();
    let sealed = writer.finish().unwrap();
    (disk.files(), sealed)
}

/// The bytes of a small pack, written without faults.
pub fn pack_bytes(small: &SmallPack) -> Vec<u8> {
    write(small, WrittenFiles::Pack).0.remove(NAME).unwrap()
}

/// The pack that some runs replace.
pub fn old_pack() -> SmallPack {
    SmallPack {
        items: vec![b"old".to_vec(); 9],
        options: || Writer::options().codec(Plain).items_per_record(2),
    }
}

/// Writes a small pack to a model disk, through the disk that `wrap` makes of
/// it.
pub fn run<D: Disk + 'static>(
    small: &SmallPack,
    written: WrittenFiles,
    scenario: Scenario,
    threads: usize,
    disk_options: DiskOptions,
    wrap: impl FnOnce(ModelDisk) -> D,
) -> Run {
    let overwrites = scenario.overwrites();
    let old = if overwrites { write(&old_pack(), written).0 } else { Files::new() };
    let renames_by_link = scenario == Scenario::CreateByLink;
    let disk = ModelDisk::new(DiskOptions { renames_by_link, ..disk_options }, &old);
    let options = written.options((small.options)()).threads(threads).overwrite(overwrites);
    let reported = options.disk(wrap(disk.clone())).create(NAME).and_then(|mut writer| {
        written.append(&mut writer, &small.items)?;
        if scenario.finishes() { writer.finish().map(|_| true) } else { Ok(false) }
    });
    let reported = reported.unwrap_or(false);
    let (journal, files) = (disk.journal(), disk.files());
    Run { written, scenario, old, new: write(small, written).0, journal, reported, files }
}

/// The version of a file under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Absent,
    Old,
    New,
}

impl Run {
    /// Returns which version these files have under a name.
    ///
    /// # Errors
    /// The invariant that the file breaks: it is neither version, or the old one is lost.
    pub fn version(&self, files: &Files, name: &str) -> Result<Version, String> {
        match files.get(name) {
            None if self.old.contains_key(name) => Err(format!("the old {name} is gone")),
            None => Ok(Version::Absent),
            found if found == self.old.get(name) => Ok(Version::Old),
            found if found == self.new.get(name) => Ok(Version::New),
            Some(_) => Err(format!("{name} is neither the old nor the new one")),
        }
    }
}

/// The states of the disk after every possible crash of some runs.
#[derive(Clone, Debug)]
pub struct CrashStates<S> {
    /// The number of calls after which the system was stopped.
    pub points: usize,
    /// The number of states in which the disk may be at these points.
    pub states: usize,
    /// How often the check returned each outcome.
    pub outcomes: BTreeMap<S, usize>,
    /// The first state that breaks an invariant.
    pub first_broken: Option<String>,
}

impl<S> Default for CrashStates<S> {
    fn default() -> Self {
        Self { points: 0, states: 0, outcomes: BTreeMap::new(), first_broken: None }
    }
}

impl<S: Ord> CrashStates<S> {
    /// Stops a run after every call, and checks every possible content of the disk.
    /// `check` receives the files, and whether `finish` has reported them as durable.
    pub fn add(&mut self, run: &Run, check: fn(&Run, bool, &Files) -> Result<S, String>) {
        for stop in 0..=run.journal.len() {
            self.points += 1;
            let durable = run.reported && stop == run.journal.len();
            crash_states(&run.old, &run.journal[..stop], &mut |files| {
                self.states += 1;
                match check(run, durable, files) {
                    Ok(outcome) => *self.outcomes.entry(outcome).or_default() += 1,
                    Err(broken) => {
                        self.first_broken.get_or_insert_with(|| {
                            format!("{:?}, after {stop} calls: {broken}", run.scenario)
                        });
                    }
                }
            });
        }
    }

    /// Adds the counts of other states.
    pub fn absorb(&mut self, other: Self) {
        self.points += other.points;
        self.states += other.states;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.first_broken = self.first_broken.take().or(other.first_broken);
    }
}

/// Checks the files of a run that writes a pack alone; `durable` means that `finish`
/// reported the pack as durable.
pub fn check_pack(run: &Run, durable: bool, files: &Files) -> Result<Version, String> {
    for (name, bytes) in files.iter().filter(|(name, _)| *name != NAME) {
        if !(name.starts_with(&format!(".{NAME}.")) && name.ends_with(".tmp")) {
            return Err(format!("there is a file {name}"));
        }
        if Some(bytes) != run.new.get(NAME) && verifies(bytes) {
            return Err("a temporary file that is not the pack verifies".into());
        }
    }
    match run.version(files, NAME) {
        version if durable && version != Ok(Version::New) => {
            Err("finish reported the pack, but it is not there".into())
        }
        Ok(Version::New) if !run.scenario.finishes() => {
            Err("an unfinished pack has the name".into())
        }
        Ok(Version::New) if !files.get(NAME).is_some_and(|pack| verifies(pack)) => {
            Err("the new pack does not verify".into())
        }
        version => version,
    }
}

/// Whether a reader accepts these bytes as an intact pack. Many crashes lead to the
/// same bytes, so the results are cached.
fn verifies(bytes: &[u8]) -> bool {
    thread_local!(static RESULTS: RefCell<HashMap<Vec<u8>, bool>> = RefCell::default());
    let verify = || {
        let source = Cursor::new(bytes.to_vec());
        let opened = Reader::options().threads(1).open_source(source, NAME);
        opened.and_then(|reader| reader.verify()).is_ok_and(|report| report.is_ok())
    };
    if bytes.len() > 10_000 {
        return verify();
    }
    if let Some(known) = RESULTS.with_borrow(|results| results.get(bytes).copied()) {
        return known;
    }
    let verifies = verify();
    RESULTS.with_borrow_mut(|results| results.insert(bytes.to_vec(), verifies));
    verifies
}
