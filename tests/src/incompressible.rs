//! Items that do not compress, so that packs are about as large as their items.

use sealpack::WriterOptions;

/// Item `number`: the same bytes in every run, and different from those of any
/// other item.
#[must_use]
pub fn item(number: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The pack of the items `0..count`, each of `length` bytes.
///
/// # Panics
/// If the pack cannot be written.
#[must_use]
pub fn pack(options: WriterOptions, count: u32, length: usize) -> Vec<u8> {
    pack_of(options, (0..count).map(|number| item(number, length)))
}

/// The pack of any items, with the bytes that a file would have.
///
/// # Panics
/// If the pack cannot be written.
#[must_use]
pub fn pack_of(options: WriterOptions, items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.pack");
    let mut writer = options.create(&path).unwrap();
    items.into_iter().for_each(|item| writer.append(&item).unwrap());
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}
