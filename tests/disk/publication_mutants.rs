//! Writers with seeded bugs; the checks of the other modules must detect each bug.
//!
//! The writer is the shipped one: a layer between it and the disk turns its calls
//! into those of a writer with the bug.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sealpack::disk::{Disk, DiskFile, DiskFolder};

use super::explore::{
    CrashStates, NAME, Run, SCENARIOS, Scenario, SmallPack, WrittenFiles, check_pack, pack_bytes,
    run, small_packs,
};
use super::layer::{Layer, Layered};
use super::model::{DiskOptions, ModelDisk};

#[derive(Clone, Copy, Debug, PartialEq)]
enum PublicationMutant {
    FileNotSynced,
    RenamedBeforeSynced,
    FolderNotSynced,
    SyncErrorSwallowed,
    SyncTriedAgain,
    WriteErrorSwallowed,
    ShortWriteNotContinued,
    WrittenInPlace,
    TemporaryFileNotRemoved,
}

struct MutantLayer {
    mutant: PublicationMutant,
    disk: ModelDisk,
    temporary: Mutex<PathBuf>,
}

impl Layer for MutantLayer {
    fn create_new(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        *self.temporary.lock().unwrap() = path.to_path_buf();
        if self.mutant == PublicationMutant::WrittenInPlace {
            return self.disk.open_in_place(Path::new(NAME));
        }
        disk.create_new(path)
    }

    fn write(&self, file: &mut dyn DiskFile, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        match file.write(slices) {
            Ok(_) if self.mutant == PublicationMutant::ShortWriteNotContinued => Ok(offered),
            Err(_) if self.mutant == PublicationMutant::WriteErrorSwallowed => Ok(offered),
            result => result,
        }
    }

    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        match self.mutant {
            PublicationMutant::FileNotSynced => Ok(()),
            PublicationMutant::SyncErrorSwallowed => file.sync().or(Ok(())),
            PublicationMutant::SyncTriedAgain => file.sync().or_else(|_| file.sync()),
            PublicationMutant::RenamedBeforeSynced => {
                let temporary = self.temporary.lock().unwrap();
                self.disk.rename(&temporary, Path::new(NAME))?;
                file.sync()
            }
            _ => file.sync(),
        }
    }

    fn rename(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        match self.mutant {
            PublicationMutant::RenamedBeforeSynced | PublicationMutant::WrittenInPlace => Ok(()),
            _ => disk.rename(from, to),
        }
    }

    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        match self.mutant {
            PublicationMutant::RenamedBeforeSynced | PublicationMutant::WrittenInPlace => Ok(()),
            _ => disk.rename_new(from, to),
        }
    }

    fn remove(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        if self.mutant == PublicationMutant::TemporaryFileNotRemoved {
            Ok(())
        } else {
            disk.remove(path)
        }
    }

    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        if self.mutant == PublicationMutant::FolderNotSynced { Ok(()) } else { folder.sync() }
    }
}

/// A disk on which the bug has an effect, if it has one on any disk.
fn disk_options(mutant: PublicationMutant, small: &SmallPack) -> DiskOptions {
    let max_write = match mutant {
        PublicationMutant::ShortWriteNotContinued => pack_bytes(small).len().div_ceil(3),
        _ => usize::MAX,
    };
    let first_call_fails = |here: bool| here.then_some(0);
    DiskOptions {
        max_write,
        failing_sync: first_call_fails(matches!(
            mutant,
            PublicationMutant::SyncErrorSwallowed | PublicationMutant::SyncTriedAgain
        )),
        failing_write: first_call_fails(mutant == PublicationMutant::WriteErrorSwallowed),
        ..DiskOptions::default()
    }
}

/// The first invariant that a run breaks: the message with which the tests of this
/// folder would fail.
fn complaint(run: &Run) -> Option<String> {
    let mut found = CrashStates::default();
    found.add(run, check_pack);
    let files_left = run.files.keys().find(|name| *name != NAME);
    found.first_broken.or(files_left.map(|_| "a temporary file is left".into()))
}

/// The first complaint about any small pack in any scenario.
fn first_complaint(
    mutant: PublicationMutant,
    wrap: impl Fn(ModelDisk) -> Layered<MutantLayer>,
) -> Option<String> {
    let small = small_packs();
    small[..3].iter().find_map(|small| {
        SCENARIOS.iter().find_map(|&scenario: &Scenario| {
            complaint(&run(
                small,
                WrittenFiles::Pack,
                scenario,
                0,
                disk_options(mutant, small),
                &wrap,
            ))
        })
    })
}

/// The words that must occur in the complaint about each broken variant.
const DETECTED_BY: [(PublicationMutant, &str); 9] = [
    (PublicationMutant::FileNotSynced, "is neither the old nor the new one"),
    (PublicationMutant::RenamedBeforeSynced, "is neither the old nor the new one"),
    (PublicationMutant::FolderNotSynced, "finish reported the pack, but it is not there"),
    (PublicationMutant::SyncErrorSwallowed, "is neither the old nor the new one"),
    (PublicationMutant::SyncTriedAgain, "is neither the old nor the new one"),
    (PublicationMutant::WriteErrorSwallowed, "is neither the old nor the new one"),
    (PublicationMutant::ShortWriteNotContinued, "is neither the old nor the new one"),
    (PublicationMutant::WrittenInPlace, "is neither the old nor the new one"),
    (PublicationMutant::TemporaryFileNotRemoved, "a temporary file is left"),
];

#[test]
fn every_mutant_of_publication_is_detected() {
    for (mutant, words) in DETECTED_BY {
        let wrap = |disk: ModelDisk| {
            let temporary = Mutex::default();
            Layered::new(Arc::new(MutantLayer { mutant, disk: disk.clone(), temporary }), disk)
        };
        let complaint = first_complaint(mutant, wrap);
        let complaint = complaint.unwrap_or_else(|| panic!("{mutant:?} was not detected"));
        println!("{mutant:?}: {complaint}");
        assert!(complaint.contains(words), "{mutant:?}: {complaint}");
    }
}

#[test]
fn the_shipped_writer_passes_on_the_same_disks() {
    for (mutant, _) in DETECTED_BY {
        for small in &small_packs()[..3] {
            for scenario in SCENARIOS {
                let run = run(
                    small,
                    WrittenFiles::Pack,
                    scenario,
                    0,
                    disk_options(mutant, small),
                    |disk| disk,
                );
                assert_eq!(complaint(&run), None, "{mutant:?}'s disk, {scenario:?}");
            }
        }
    }
}
