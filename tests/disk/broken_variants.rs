//! Writers that are broken on purpose; the checks of the other modules must detect
//! each of them.
//!
//! The writer is the shipped one: a layer between it and the disk turns its calls
//! into those of a broken writer.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sealpack::disk::{Disk, DiskFile, DiskFolder};

use super::explore::{
    CrashStates, ENDINGS, Ending, NAME, Run, Small, Written, check_pack, run, small_packs, whole,
};
use super::layer::{Layer, Layered};
use super::model::{Habits, ModelDisk};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
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

struct Broken {
    flaw: Flaw,
    disk: ModelDisk,
    temporary: Mutex<PathBuf>,
}

impl Layer for Broken {
    fn create_new(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        *self.temporary.lock().unwrap() = path.to_path_buf();
        if self.flaw == Flaw::WrittenInPlace {
            return self.disk.open_in_place(Path::new(NAME));
        }
        disk.create_new(path)
    }

    fn write(&self, file: &mut dyn DiskFile, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        match file.write(slices) {
            Ok(_) if self.flaw == Flaw::ShortWriteNotContinued => Ok(offered),
            Err(_) if self.flaw == Flaw::WriteErrorSwallowed => Ok(offered),
            ended => ended,
        }
    }

    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        match self.flaw {
            Flaw::FileNotSynced => Ok(()),
            Flaw::SyncErrorSwallowed => file.sync().or(Ok(())),
            Flaw::SyncTriedAgain => file.sync().or_else(|_| file.sync()),
            Flaw::RenamedBeforeSynced => {
                let temporary = self.temporary.lock().unwrap();
                self.disk.rename(&temporary, Path::new(NAME))?;
                file.sync()
            }
            _ => file.sync(),
        }
    }

    fn rename(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        match self.flaw {
            Flaw::RenamedBeforeSynced | Flaw::WrittenInPlace => Ok(()),
            _ => disk.rename(from, to),
        }
    }

    fn rename_new(&self, disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
        match self.flaw {
            Flaw::RenamedBeforeSynced | Flaw::WrittenInPlace => Ok(()),
            _ => disk.rename_new(from, to),
        }
    }

    fn remove(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        if self.flaw == Flaw::TemporaryFileNotRemoved { Ok(()) } else { disk.remove(path) }
    }

    fn sync_folder(&self, folder: &dyn DiskFolder) -> io::Result<()> {
        if self.flaw == Flaw::FolderNotSynced { Ok(()) } else { folder.sync() }
    }
}

/// A disk on which the flaw shows, if it can show on any disk.
fn habits(flaw: Flaw, small: &Small) -> Habits {
    let most_taken = match flaw {
        Flaw::ShortWriteNotContinued => whole(small).len().div_ceil(3),
        _ => usize::MAX,
    };
    let first_fails = |here: bool| here.then_some(0);
    Habits {
        most_taken,
        failing_sync: first_fails(matches!(flaw, Flaw::SyncErrorSwallowed | Flaw::SyncTriedAgain)),
        failing_write: first_fails(flaw == Flaw::WriteErrorSwallowed),
        ..Habits::default()
    }
}

/// The first complaint that the tests of this folder would make about a run.
fn complaint(run: &Run) -> Option<String> {
    let mut found = CrashStates::default();
    found.add(run, check_pack);
    let files_left = run.files.keys().find(|name| *name != NAME);
    found.first_broken.or(files_left.map(|_| "a temporary file is left".into()))
}

/// The first complaint about any small pack, with any ending of its run.
fn first_complaint(flaw: Flaw, through: impl Fn(ModelDisk) -> Layered<Broken>) -> Option<String> {
    let small = small_packs();
    small[..3].iter().find_map(|small| {
        ENDINGS.iter().find_map(|&ending: &Ending| {
            complaint(&run(small, Written::Pack, ending, 0, habits(flaw, small), &through))
        })
    })
}

/// The words that must occur in the complaint about each broken variant.
const DETECTED_BY: [(Flaw, &str); 9] = [
    (Flaw::FileNotSynced, "is neither the old nor the new one"),
    (Flaw::RenamedBeforeSynced, "is neither the old nor the new one"),
    (Flaw::FolderNotSynced, "finish reported the pack, but it is not there"),
    (Flaw::SyncErrorSwallowed, "is neither the old nor the new one"),
    (Flaw::SyncTriedAgain, "is neither the old nor the new one"),
    (Flaw::WriteErrorSwallowed, "is neither the old nor the new one"),
    (Flaw::ShortWriteNotContinued, "is neither the old nor the new one"),
    (Flaw::WrittenInPlace, "is neither the old nor the new one"),
    (Flaw::TemporaryFileNotRemoved, "a temporary file is left"),
];

#[test]
fn every_broken_variant_of_publication_is_detected() {
    for (flaw, words) in DETECTED_BY {
        let through = |disk: ModelDisk| {
            let temporary = Mutex::default();
            Layered::new(Arc::new(Broken { flaw, disk: disk.clone(), temporary }), disk)
        };
        let complaint = first_complaint(flaw, through);
        let complaint = complaint.unwrap_or_else(|| panic!("{flaw:?} was not detected"));
        println!("{flaw:?}: {complaint}");
        assert!(complaint.contains(words), "{flaw:?}: {complaint}");
    }
}

#[test]
fn the_shipped_writer_passes_on_the_same_disks() {
    for (flaw, _) in DETECTED_BY {
        for small in &small_packs()[..3] {
            for ending in ENDINGS {
                let run = run(small, Written::Pack, ending, 0, habits(flaw, small), |disk| disk);
                assert_eq!(complaint(&run), None, "{flaw:?}'s disk, {ending:?}");
            }
        }
    }
}
