//! Packs whose content is derived from a number, so that a test that finds a pack
//! can check whether it is complete.

use std::path::Path;

use sealpack::{Error, Reader, WriterOptions, Zstd};

use crate::hostile::Random;

/// The items of a pack: up to 3 MB of them.
#[must_use]
pub fn items(number: u64) -> Vec<Vec<u8>> {
    let mut random = Random::new(number);
    let count = random.below(150);
    let item = |_| {
        let (length, step) = (random.below(20_000), random.byte() & 0x3f);
        let mut byte = random.byte();
        let next = |_| {
            byte = byte.wrapping_mul(5).wrapping_add(step);
            byte
        };
        (0..length).map(next).collect()
    };
    (0..count).map(item).collect()
}

/// Writes the pack of a number.
///
/// # Errors
/// The writer's.
pub fn write(options: WriterOptions, path: &Path, number: u64) -> Result<(), Error> {
    let options = options.codec(Zstd::level(1)).items_per_record(8);
    let mut writer = options.app_data(number.to_le_bytes().to_vec()).create(path)?;
    items(number).iter().try_for_each(|item| writer.append(item))?;
    writer.finish().map(drop)
}

/// Returns the number of the pack at `path` if it is intact and has the items of that
/// number.
///
/// # Errors
/// A description of what is wrong with the pack.
pub fn read(path: &Path) -> Result<u64, String> {
    let reader = Reader::open(path).map_err(|error| error.to_string())?;
    let report = reader.verify().map_err(|error| error.to_string())?;
    let number = reader.app_data().as_ref().try_into().map(u64::from_le_bytes);
    let number = number.map_err(|_| "no number in the app data")?;
    let items = items(number);
    let read = reader.iter().map_err(|error| error.to_string())?;
    let same = read.zip(&items).all(|(read, item)| read.is_ok_and(|read| read == item[..]));
    if report.is_ok() && same && reader.item_count() as usize == items.len() {
        Ok(number)
    } else {
        Err(format!("{} is not the pack of number {number}", path.display()))
    }
}
