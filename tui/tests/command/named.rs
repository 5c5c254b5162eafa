//! Packs of named items.

use std::path::Path;

use sealpack::Writer;

use crate::run::Place;

/// Writes a pack of these items, 16 per record.
pub fn pack(place: &Place, file: &str, items: &[(&[u8], &[u8])]) {
    write(&place.path(file), items.iter().copied());
}

/// The same for any items.
pub fn write<'a>(path: &Path, items: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
    let mut writer = Writer::options().items_per_record(16).overwrite(true).create(path).unwrap();
    for (name, item) in items {
        writer.append_named(name, item).unwrap();
    }
    writer.finish().unwrap();
}

/// A small tree of sources.
pub const TREE: [(&[u8], &[u8]); 6] = [
    (b"Cargo.toml", b"[package]\n"),
    (b"docs/a.md", b"# A\n"),
    (b"docs/b.md", b""),
    (b"src/lib.rs", b"pub mod sub;\n"),
    (b"src/sub/mod.rs", b"fn sub() {}\n"),
    (b"tests/lib.rs", b"#[test]\n"),
];

/// That tree as the pack `p`.
pub fn tree() -> Place {
    let place = Place::new();
    pack(&place, "p", &TREE);
    place
}
