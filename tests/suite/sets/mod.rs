//! Sets: packs read as one sequence, each the pack that the manifest lists.

mod manifests;
mod members;
mod reading;
mod remote;

use std::path::{Path, PathBuf};

use sealpack::{PackIdentity, Plain, SetManifest, SetMember, Writer, WriterOptions, Zstd};
use sealpack_tests::incompressible::item;
use tempfile::TempDir;

/// A folder with packs, and the items of all of them in order.
struct Packs {
    folder: TempDir,
    names: Vec<String>,
    items: Vec<Vec<u8>>,
}

/// The number of items of each member: none, one, one full record, many.
const COUNTS: [u32; 8] = [300, 0, 1, 128, 0, 77, 1000, 5];

impl Packs {
    /// Packs with these numbers of items, in several forms, some in a subfolder.
    fn new(counts: &[u32], options: impl Fn(usize) -> WriterOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut packs = Self { folder, names: Vec::new(), items: Vec::new() };
        for (number, count) in counts.iter().enumerate() {
            let name = if number % 3 == 2 {
                format!("sub/{number}.pack")
            } else {
                format!("{number}.pack")
            };
            std::fs::create_dir_all(packs.at(&name).parent().unwrap()).unwrap();
            let mut writer = options(number).create(packs.at(&name)).unwrap();
            for index in 0..*count {
                let unique = u32::try_from(packs.items.len()).unwrap();
                let bytes = item(unique, (unique * 7 % 90) as usize + 8 * (index % 3) as usize);
                writer.append(&bytes).unwrap();
                packs.items.push(bytes);
            }
            writer.finish().unwrap();
            packs.names.push(name);
        }
        packs
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn paths(&self) -> Vec<PathBuf> {
        self.names.iter().map(|name| self.at(name)).collect()
    }

    fn manifest(&self) -> SetManifest {
        SetManifest::new(self.names.iter().map(|name| member(self.folder.path(), name)).collect())
            .unwrap()
    }

    /// Publishes the manifest, and returns its path.
    fn publish(&self) -> PathBuf {
        let path = self.at("set.json");
        self.manifest().publish(&path, true).unwrap();
        path
    }
}

fn member(folder: &Path, name: &str) -> SetMember {
    let identity = PackIdentity::of_file(folder.join(name)).unwrap();
    SetMember { name: name.parse().unwrap(), identity }
}

/// A form of a pack for each number.
fn any_form(number: usize) -> WriterOptions {
    match number % 4 {
        0 => Writer::options().codec(Zstd::level(1)).items_per_record(7).digest_list(true),
        1 => Writer::options().codec(Plain).items_per_record(1).content_hash(false),
        2 => Writer::options().codec(Plain).items_per_record(50),
        _ => Writer::options().codec(Zstd::level(3)).content_hash(true),
    }
}

/// Packs with digest lists.
fn with_lists(_: usize) -> WriterOptions {
    Writer::options().items_per_record(10).digest_list(true)
}
