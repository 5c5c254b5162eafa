//! The header of a digest list (FORMAT.md, *Digest list*).
//!
//! ```text
//!  0 magic "SLDG" | 4 version 1 | 5 flags 0 | 6 digests per block 128
//!  8 format id | 12 record count | 16 total items | 20 items per record
//! 24 content hash (32) | 56 SHA-256 of the app data (32)
//! 88 top of the tree (32) | 120 CRC of bytes 0..120
//! ```

use super::shape::{BLOCK, HEADER_SIZE, ListShape};
use super::tree::sha256;
use crate::error::{Error, Fault, Section};
use crate::format::digest::Hash;
use crate::wire::{crc, cursor, cursor::ByteCursor};

const MAGIC: u32 = u32::from_le_bytes(*b"SLDG");
const VERSION: u8 = 1;

/// What a digest list states about its pack. The root is the hash of these
/// fields, so it covers all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListHeader {
    /// The format id, as in the trailer.
    pub format_id: u32,
    /// The number of records, each with a digest in the list.
    pub record_count: u32,
    /// The number of items.
    pub total_items: u32,
    /// The number of items in every record but the last.
    pub items_per_record: u32,
    /// The SHA-256 of all digests, concatenated.
    pub content_hash: Hash,
    /// The SHA-256 of the app data.
    pub app_data_hash: Hash,
    /// The top of the tree over the digests.
    pub top: Hash,
}

/// The root of the list that starts with these bytes.
pub(super) fn root_of(header: &[u8]) -> Hash {
    sha256(&[header.get(..HEADER_SIZE - 4).unwrap_or_default()])
}

impl ListHeader {
    /// The 124 bytes on disk.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        let [low, high] = u16::try_from(BLOCK).unwrap_or_default().to_le_bytes();
        let fields: [&[u8]; 9] = [
            &MAGIC.to_le_bytes(),
            &[VERSION, 0, low, high],
            &self.format_id.to_le_bytes(),
            &self.record_count.to_le_bytes(),
            &self.total_items.to_le_bytes(),
            &self.items_per_record.to_le_bytes(),
            &self.content_hash,
            &self.app_data_hash,
            &self.top,
        ];
        let mut crc = 0;
        let mut at = bytes.iter_mut();
        for field in fields {
            crc = crc::extend(crc, field);
            field.iter().zip(&mut at).for_each(|(from, to)| *to = *from);
        }
        crc.to_le_bytes().iter().zip(at).for_each(|(from, to)| *to = *from);
        bytes
    }

    /// Decodes a header. Checks size, magic, version, checksum, flags and block
    /// size, in this order, and that its counts agree.
    ///
    /// # Errors
    /// [`Error::Corrupt`] in [`Section::DigestList`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode_bytes(bytes).map_err(|fault| fault.in_section(Section::DigestList))
    }

    fn decode_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let (needed, found) = (HEADER_SIZE as u64, bytes.len() as u64);
        let bytes = bytes.first_chunk::<HEADER_SIZE>().ok_or(Fault::Truncated { needed, found })?;
        let (covered, stored) = cursor::split_last_u32(bytes)?;
        let mut cursor = ByteCursor::new(covered);
        let magic = cursor.u32()?;
        if magic != MAGIC {
            return Err(Fault::Magic { found: magic });
        }
        let version = cursor.u8()?;
        if version != VERSION {
            return Err(Fault::Version { found: version });
        }
        let computed = crc::crc32c(covered);
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        let flags = cursor.u8()?;
        if flags != 0 {
            return Err(Fault::Flags { found: flags });
        }
        let block = cursor.u16()?;
        if u32::from(block) != BLOCK {
            return Err(Fault::GroupSize { found: block });
        }
        let format_id = cursor.u32()?;
        let record_count = cursor.u32()?;
        let total_items = cursor.u32()?;
        let items_per_record = cursor.u32()?;
        let (content_hash, app_data_hash, top) =
            (cursor.array()?, cursor.array()?, cursor.array()?);
        cursor.finish()?;
        let counts_agree = match items_per_record {
            0 => total_items == 0 && record_count == 0,
            per_record => total_items.div_ceil(per_record) == record_count,
        };
        if !counts_agree {
            let (items, per_record) = (total_items, items_per_record);
            return Err(Fault::ItemCount { items, per_record, records: record_count });
        }
        Ok(Self {
            format_id,
            record_count,
            total_items,
            items_per_record,
            content_hash,
            app_data_hash,
            top,
        })
    }

    /// The root: the SHA-256 of the header without its checksum. It covers every
    /// field and, through the top of the tree, every digest.
    #[must_use]
    pub fn root(&self) -> Hash {
        root_of(&self.encode())
    }

    /// The layout of the list.
    #[must_use]
    pub fn shape(&self) -> ListShape {
        ListShape::new(self.record_count)
    }
}
