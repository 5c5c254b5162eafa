//! The last 76 bytes of a pack (FORMAT.md, *Trailer*).
//!
//! ```text
//!  0 magic "SLCH" | 4 version 1 | 5 flags | 6 reserved | 8 format id
//! 12 record count | 16 total items | 20 items per record
//! 24 index group size 128 | 26 reserved | 28 index size | 32 app data size
//! 36 content hash (32) | 68 CRC of the app data | 72 CRC of bytes 0..72
//! ```

use super::digest::Hash;
use super::{INDEX_GROUP, RecordLayout};
use crate::error::{Error, Fault, Section};
use crate::wire::{crc, cursor::ByteCursor, group};

/// Bytes of the trailer.
pub const SIZE: usize = 76;

/// Bytes of the trailer of the early dialect, which a reader refuses by name.
const EARLY_SIZE: usize = 64;
const EARLY_MAGIC: [u8; 4] = *b"HCLS";

const MAGIC: u32 = u32::from_le_bytes(*b"SLCH");
const VERSION: u8 = 1;
const FLAG_CONTENT_HASH: u8 = 1 << 0;
const FLAG_RECORD_CHECKSUM: u8 = 1 << 1;

/// Bytes of the index's checksum.
pub(crate) const INDEX_CRC: u32 = 4;

/// The fields of the trailer.
///
/// [`decode`](Self::decode) checks the trailer by itself.
/// [`check_counts`](Self::check_counts), [`check_index_size`](Self::check_index_size)
/// and [`records_end`](Self::records_end) check the fields against each other
/// and against the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Trailer {
    /// The caller's number for the kind and the encoding of the items.
    pub format_id: u32,
    /// The number of records.
    pub record_count: u32,
    /// The number of items.
    pub total_items: u32,
    /// The number of items in every record but the last, which may hold fewer. 0
    /// only if there are no items.
    pub items_per_record: u32,
    /// Bytes of the offset index, including its checksum.
    pub index_size: u32,
    /// Bytes of the app data.
    pub app_data_size: u32,
    /// The hash over all items, if the pack stores one.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::error::serialize::optional_hash")
    )]
    pub content_hash: Option<Hash>,
    /// The checksum of the app data, as stored.
    pub app_data_crc: u32,
    /// Whether each record's checksum covers its payload.
    pub record_checksum: bool,
}

/// The dialects of version 1 with a trailer of 76 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The trailer holds the CRC of the app data (0 if there is none).
    AppDataCrc,
    /// The older dialect: there is app data but the field is 0, so nothing
    /// protects the app data. It has no record checksum, so a file with record
    /// checksums is never of this dialect.
    NoAppDataCrc,
}

impl Dialect {
    /// A stable name, for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AppDataCrc => "app-data-crc",
            Self::NoAppDataCrc => "no-app-data-crc",
        }
    }
}

impl Trailer {
    /// The 76 bytes on disk.
    #[must_use]
    pub fn encode(&self) -> [u8; SIZE] {
        let mut flags = 0;
        if self.content_hash.is_some() {
            flags |= FLAG_CONTENT_HASH;
        }
        if self.record_checksum {
            flags |= FLAG_RECORD_CHECKSUM;
        }
        let mut put = FieldWriter { bytes: [0; SIZE], at: 0 };
        put.field(&MAGIC.to_le_bytes());
        put.field(&[VERSION, flags, 0, 0]);
        put.field(&self.format_id.to_le_bytes());
        put.field(&self.record_count.to_le_bytes());
        put.field(&self.total_items.to_le_bytes());
        put.field(&self.items_per_record.to_le_bytes());
        // The group size is a u16, followed by two reserved bytes.
        put.field(&INDEX_GROUP.to_le_bytes());
        put.field(&self.index_size.to_le_bytes());
        put.field(&self.app_data_size.to_le_bytes());
        put.field(&self.content_hash.unwrap_or_default());
        put.field(&self.app_data_crc.to_le_bytes());
        let crc = crc::crc32c(put.written());
        put.field(&crc.to_le_bytes());
        put.bytes
    }

    /// Decodes the trailer at the end of `tail`, the last bytes of a file.
    ///
    /// The order of the checks is that of FORMAT.md: size, magic, version,
    /// checksum, flags, group size. The checks of the fields against each other
    /// and against the file follow in [`records_end`](Self::records_end) and
    /// [`check_counts`](Self::check_counts), so that the first error is the one
    /// that explains the others.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::Trailer`].
    pub fn decode(tail: &[u8]) -> Result<Self, Error> {
        Self::decode_bytes(tail).map_err(|fault| fault.in_section(Section::Trailer))
    }

    fn decode_bytes(tail: &[u8]) -> Result<Self, Fault> {
        let Some(bytes) = tail.last_chunk::<SIZE>() else {
            refuse_early(tail)?;
            return Err(Fault::Truncated { needed: SIZE as u64, found: tail.len() as u64 });
        };
        let mut cursor = ByteCursor::new(bytes);
        let magic = cursor.u32()?;
        if magic != MAGIC {
            refuse_early(tail)?;
            return Err(Fault::Magic { found: magic });
        }
        let version = cursor.u8()?;
        if version != VERSION {
            return Err(Fault::Version { found: version });
        }
        check_crc(bytes)?;
        let flags = cursor.u8()?;
        if flags & !(FLAG_CONTENT_HASH | FLAG_RECORD_CHECKSUM) != 0 {
            return Err(Fault::Flags { found: flags });
        }
        cursor.u16()?;
        let format_id = cursor.u32()?;
        let record_count = cursor.u32()?;
        let total_items = cursor.u32()?;
        let items_per_record = cursor.u32()?;
        let group_size = cursor.u16()?;
        if u32::from(group_size) != INDEX_GROUP {
            return Err(Fault::GroupSize { found: group_size });
        }
        cursor.u16()?;
        let index_size = cursor.u32()?;
        let app_data_size = cursor.u32()?;
        let hash = cursor.array()?;
        let app_data_crc = cursor.u32()?;
        cursor.u32()?;
        cursor.finish()?;
        Ok(Self {
            format_id,
            record_count,
            total_items,
            items_per_record,
            index_size,
            app_data_size,
            content_hash: (flags & FLAG_CONTENT_HASH != 0).then_some(hash),
            app_data_crc,
            record_checksum: flags & FLAG_RECORD_CHECKSUM != 0,
        })
    }

    /// Bytes after the index: app data and trailer.
    pub(crate) fn size_after_index(&self) -> u64 {
        u64::from(self.app_data_size) + SIZE as u64
    }

    /// The offset at which the records end and the index starts, in a file of
    /// `file_size` bytes.
    ///
    /// # Errors
    /// [`Fault::Sections`] in [`Section::Trailer`] if the file is smaller than
    /// the sections that the trailer describes.
    pub fn records_end(&self, file_size: u64) -> Result<u64, Error> {
        let claimed = u64::from(self.index_size) + self.size_after_index();
        file_size.checked_sub(claimed).ok_or_else(|| {
            Fault::Sections { claimed, file: file_size }.in_section(Section::Trailer)
        })
    }

    /// Checks that an index of this size can describe that many records. Call
    /// it before you allocate memory for them.
    ///
    /// # Errors
    /// [`Fault::Truncated`] or [`Fault::RecordCount`] in [`Section::Index`].
    pub fn check_index_size(&self) -> Result<(), Error> {
        let Some(groups) = self.index_size.checked_sub(INDEX_CRC) else {
            let (needed, found) = (u64::from(INDEX_CRC), u64::from(self.index_size));
            return Err(Fault::Truncated { needed, found }.in_section(Section::Index));
        };
        let at_most = u64::from(groups) / group::MIN_SIZE * u64::from(INDEX_GROUP);
        if u64::from(self.record_count) > at_most {
            return Err(Fault::RecordCount { claimed: self.record_count, at_most }
                .in_section(Section::Index));
        }
        Ok(())
    }

    /// Checks that the numbers of items, items per record and records agree.
    ///
    /// # Errors
    /// [`Fault::ItemCount`] in [`Section::Trailer`].
    pub fn check_counts(&self) -> Result<(), Error> {
        let fits = match self.items_per_record {
            0 => self.total_items == 0 && self.record_count == 0,
            per_record => self.total_items.div_ceil(per_record) == self.record_count,
        };
        if fits {
            return Ok(());
        }
        Err(Fault::ItemCount {
            items: self.total_items,
            per_record: self.items_per_record,
            records: self.record_count,
        }
        .in_section(Section::Trailer))
    }

    /// How the records are laid out.
    #[must_use]
    pub fn layout(&self) -> RecordLayout {
        RecordLayout::new(self.items_per_record, self.record_checksum)
    }

    /// Checks the app data and returns the dialect.
    ///
    /// # Errors
    /// [`Fault::Checksum`] in [`Section::AppData`].
    pub fn check_app_data(&self, app_data: &[u8]) -> Result<Dialect, Error> {
        let (stored, computed) = (self.app_data_crc, crc::crc32c(app_data));
        if stored == computed {
            Ok(Dialect::AppDataCrc)
        } else if stored == 0 && !self.record_checksum {
            Ok(Dialect::NoAppDataCrc)
        } else {
            Err(Fault::Checksum { stored, computed }.in_section(Section::AppData))
        }
    }
}

/// Refuses a `tail` that ends in a trailer of the early dialect.
fn refuse_early(tail: &[u8]) -> Result<(), Fault> {
    match tail.last_chunk::<EARLY_SIZE>() {
        Some(early) if early.starts_with(&EARLY_MAGIC) => Err(Fault::EarlyDialect),
        _ => Ok(()),
    }
}

fn check_crc(bytes: &[u8; SIZE]) -> Result<(), Fault> {
    let (covered, stored) = crate::wire::cursor::split_last_u32(bytes)?;
    let computed = crc::crc32c(covered);
    if stored == computed { Ok(()) } else { Err(Fault::Checksum { stored, computed }) }
}

/// Fills an array from front to back.
struct FieldWriter {
    bytes: [u8; SIZE],
    at: usize,
}

impl FieldWriter {
    fn field(&mut self, field: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(self.at).zip(field) {
            *to = *from;
        }
        self.at += field.len();
    }

    fn written(&self) -> &[u8] {
        self.bytes.get(..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Trailer {
        Trailer {
            format_id: 0xFE1E_000C,
            record_count: 3,
            total_items: 300,
            items_per_record: 128,
            index_size: 10,
            app_data_size: 5,
            content_hash: Some([9; 32]),
            app_data_crc: 77,
            record_checksum: true,
        }
    }

    #[test]
    fn trailers_round_trip() {
        for record_checksum in [false, true] {
            for content_hash in [None, Some([3; 32])] {
                let trailer = Trailer { record_checksum, content_hash, ..sample() };
                let bytes = trailer.encode();
                assert_eq!(Trailer::decode(&bytes).unwrap(), trailer);
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_refused() {
        let bytes = sample().encode();
        for bit in 0..SIZE * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Trailer::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_early_dialect_is_refused_by_name() {
        let mut tail = [0; 100];
        tail[36..40].copy_from_slice(b"HCLS");
        for tail in [&tail[..], &tail[36..]] {
            assert!(matches!(
                Trailer::decode(tail),
                Err(Error::Corrupt { section: Section::Trailer, fault: Fault::EarlyDialect })
            ));
        }
    }
}
