//! A writer on the model disk, and every crash of its run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Cursor;

use sealpack::core::format::Dialect;
use sealpack::disk::Disk;
use sealpack::{Plain, Reader, Writer, WriterOptions, Zstd};

use super::crash::crash_states;
use super::model::{Call, Files, Habits, ModelDisk};

pub const NAME: &str = "out.pack";

/// How a run starts and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
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

pub const ENDINGS: [Ending; 5] =
    [Ending::Create, Ending::CreateByLink, Ending::Overwrite, Ending::Drop, Ending::DropOverwrite];

impl Ending {
    pub fn is_over_an_old_pack(self) -> bool {
        matches!(self, Self::Overwrite | Self::DropOverwrite)
    }

    pub fn finishes(self) -> bool {
        !matches!(self, Self::Drop | Self::DropOverwrite)
    }
}

/// A pack: its items and its options. Every pack has a content hash, so that
/// verification detects any damage.
pub struct Small {
    pub items: Vec<Vec<u8>>,
    pub options: fn() -> WriterOptions,
}

/// An empty pack, one with one record, one with many records and every feature, one
/// in the older dialect, and one of more than one write.
pub fn small_packs() -> Vec<Small> {
    let items = |count: u8, length: usize| -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| (0..length).map(|i| n.wrapping_mul(31) ^ (i % 251) as u8).collect())
            .collect()
    };
    vec![
        Small { items: Vec::new(), options: Writer::options },
        Small { items: items(3, 40), options: || Writer::options().codec(Plain) },
        Small {
            items: items(12, 50),
            options: || {
                let options = Writer::options().items_per_record(3).record_checksum(true);
                options.app_data(&b"app data"[..]).codec(Zstd::level(3)).writeback_every(100)
            },
        },
        Small {
            items: items(6, 30),
            options: || Writer::options().items_per_record(1).dialect(Dialect::NoAppDataCrc),
        },
        // Large enough that it is written while items are appended.
        Small {
            items: items(3, 600_000),
            options: || Writer::options().codec(Plain).items_per_record(1),
        },
    ]
}

/// A recorded run.
pub struct Run {
    pub ending: Ending,
    pub old: Option<Vec<u8>>,
    pub new: Vec<u8>,
    pub journal: Vec<Call>,
    /// Whether `finish` reported that the pack is there and durable.
    pub promised: bool,
    /// The files as a running program sees them at the end.
    pub files: Files,
}

/// The bytes of a pack if no call fails.
pub fn whole(small: &Small) -> Vec<u8> {
    let disk = ModelDisk::new(Habits::default(), &Files::new());
    let mut writer = (small.options)().threads(0).disk(disk.clone()).create(NAME).unwrap();
    small.items.iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    disk.files().remove(NAME).unwrap()
}

/// The old pack.
fn old_pack() -> Vec<u8> {
    whole(&Small { items: vec![b"old".to_vec(); 9], options: || Writer::options().codec(Plain) })
}

/// Writes a small pack to a model disk, through the disk that `through` makes of
/// it.
pub fn run<D: Disk + 'static>(
    small: &Small,
    ending: Ending,
    threads: usize,
    habits: Habits,
    through: impl FnOnce(ModelDisk) -> D,
) -> Run {
    let old = ending.is_over_an_old_pack().then(old_pack);
    let initial = old.iter().map(|old| (NAME.to_owned(), old.clone())).collect();
    let renames_by_link = ending == Ending::CreateByLink;
    let disk = ModelDisk::new(Habits { renames_by_link, ..habits }, &initial);
    let options = (small.options)().threads(threads).overwrite(old.is_some());
    let promised = options.disk(through(disk.clone())).create(NAME).and_then(|mut writer| {
        small.items.iter().try_for_each(|item| writer.append(item))?;
        if ending.finishes() { writer.finish().map(|_| true) } else { Ok(false) }
    });
    let promised = promised.unwrap_or(false);
    let (journal, files) = (disk.journal(), disk.files());
    Run { ending, old, new: whole(small), journal, promised, files }
}

/// The crash states of some runs.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The calls after which the system was stopped.
    pub points: usize,
    /// The states in which a disk may be then.
    pub states: usize,
    pub nothing: usize,
    pub old: usize,
    pub new: usize,
    /// The states that break the promise; the first is described.
    pub broken: usize,
    pub first_broken: Option<String>,
}

impl Found {
    /// Stops a run after every call, and checks every possible content of the disk.
    pub fn add(&mut self, run: &Run) {
        let initial = run.old.iter().map(|old| (NAME.to_owned(), old.clone())).collect();
        for stop in 0..=run.journal.len() {
            self.points += 1;
            let durable = run.promised && stop == run.journal.len();
            crash_states(&initial, &run.journal[..stop], &mut |files| {
                self.states += 1;
                match look_at(run, durable, files) {
                    Ok(Held::Nothing) => self.nothing += 1,
                    Ok(Held::Old) => self.old += 1,
                    Ok(Held::New) => self.new += 1,
                    Err(broken) => {
                        self.broken += 1;
                        self.first_broken.get_or_insert_with(|| {
                            format!("{:?}, after {stop} calls: {broken}", run.ending)
                        });
                    }
                }
            });
        }
    }
}

enum Held {
    Nothing,
    Old,
    New,
}

/// Checks these files against the writer's promise; `durable` means that `finish`
/// reported the pack as there.
fn look_at(run: &Run, durable: bool, files: &Files) -> Result<Held, String> {
    for (name, bytes) in files.iter().filter(|(name, _)| *name != NAME) {
        if !(name.starts_with(&format!(".{NAME}.")) && name.ends_with(".tmp")) {
            return Err(format!("there is a file {name}"));
        }
        if *bytes != run.new && verifies(bytes) {
            return Err("a temporary file that is not the pack verifies".into());
        }
    }
    match files.get(NAME) {
        _ if durable && files.get(NAME) != Some(&run.new) => {
            Err("finish said that the pack is there, and it is not".into())
        }
        None if run.old.is_none() => Ok(Held::Nothing),
        None => Err("the old pack is gone".into()),
        Some(bytes) if run.old.as_ref() == Some(bytes) => Ok(Held::Old),
        Some(bytes) if *bytes != run.new => Err("the name holds something else".into()),
        Some(_) if !run.ending.finishes() => Err("an unfinished pack has the name".into()),
        Some(bytes) if verifies(bytes) => Ok(Held::New),
        Some(_) => Err("the new pack does not verify".into()),
    }
}

/// Whether a reader accepts these bytes as a sound pack. Many paths lead to the
/// same bytes, so the results are cached.
fn verifies(bytes: &[u8]) -> bool {
    thread_local!(static KNOWN: RefCell<HashMap<Vec<u8>, bool>> = RefCell::default());
    let look = || {
        let source = Cursor::new(bytes.to_vec());
        let opened = Reader::options().threads(1).open_source(source, NAME);
        opened.and_then(|reader| reader.verify()).is_ok_and(|report| report.is_ok())
    };
    if bytes.len() > 10_000 {
        return look();
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(bytes).copied()) {
        return known;
    }
    let verifies = look();
    KNOWN.with_borrow_mut(|known| known.insert(bytes.to_vec(), verifies));
    verifies
}
