//! Measures how long it takes until a pack is durable, and which system calls
//! shorten that.
//!
//! The rows have the time of the whole pack and of `finish` alone, as minimum, median
//! and maximum of all runs, since a disk's speed differs from run to run.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use nix::fcntl::{FallocateFlags, fallocate};
use sealpack::{Plain, Writer};

use super::Arguments;
use super::inputs::{self, InputItems};
use super::report::{ResultTable, Spread};

pub fn rows(arguments: &Arguments, report: &mut ResultTable) {
    let Some(disk) = &arguments.disk else { return };
    if !arguments.wants_some("durable-e") {
        return;
    }
    let folder = tempfile::tempdir_in(disk).unwrap();
    let path = folder.path().join("durable.pack");
    let items = inputs::events(arguments.size);
    for (name, writeback) in [
        ("durable-e no writeback", 0),
        ("durable-e writeback 1 MiB", 1 << 20),
        ("durable-e writeback 8 MiB", 8 << 20),
    ] {
        if arguments.wants(name) {
            let runs = (0..arguments.runs).map(|_| pack(&items, writeback, &path)).collect();
            report.spread(&Spread::new(name, items.bytes.len(), runs));
        }
    }
    for (name, allocated) in
        [("durable-e bare write", false), ("durable-e bare write, fallocate", true)]
    {
        if arguments.wants(name) {
            let runs =
                (0..arguments.runs).map(|_| write_directly(&items, allocated, &path)).collect();
            report.spread(&Spread::new(name, items.bytes.len(), runs));
        }
    }
}

/// Writes a pack; returns the seconds of everything, and of `finish`.
fn pack(items: &InputItems, writeback: u64, path: &Path) -> (f64, f64) {
    let start = Instant::now();
    let options = Writer::options().codec(Plain).content_hash(false).writeback_every(writeback);
    let mut writer = options.items_per_record(items.per_record).create(path).unwrap();
    items.slices().for_each(|item| writer.append(item).unwrap());
    let finish = Instant::now();
    let sealed = writer.finish().unwrap();
    let seconds = (start.elapsed().as_secs_f64(), finish.elapsed().as_secs_f64());
    assert_eq!(std::fs::metadata(path).unwrap().len(), sealed.file_size);
    std::fs::remove_file(path).unwrap();
    seconds
}

fn write_directly(items: &InputItems, allocated: bool, path: &Path) -> (f64, f64) {
    let start = Instant::now();
    let mut file = File::create(path).unwrap();
    if allocated {
        fallocate(&file, FallocateFlags::empty(), 0, items.bytes.len().try_into().unwrap())
            .unwrap();
    }
    items.bytes.chunks(1 << 20).for_each(|chunk| file.write_all(chunk).unwrap());
    let finish = Instant::now();
    file.sync_all().unwrap();
    let seconds = (start.elapsed().as_secs_f64(), finish.elapsed().as_secs_f64());
    std::fs::remove_file(path).unwrap();
    seconds
}
