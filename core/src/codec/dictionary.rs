//! A zstd dictionary: what is checked of one before a decoder uses it
//! (FORMAT.md, *Dictionary*).

use core::fmt;
use core::num::NonZero;

use bytes::Bytes;

use crate::error::DictionaryFault;
use crate::wire::cursor::ByteCursor;

/// The first four bytes of a dictionary, little-endian.
pub const MAGIC: u32 = 0xEC30_A437;

/// The maximum size of a dictionary in bytes: a reader keeps it in memory.
pub const MAX_SIZE: u64 = 1 << 20;

/// The number by which a frame names its dictionary; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DictionaryId(NonZero<u32>);

impl DictionaryId {
    /// The id of this number; `None` for 0, with which a frame names no dictionary.
    #[must_use]
    pub fn new(id: u32) -> Option<Self> {
        NonZero::new(id).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for DictionaryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes of a dictionary whose size and header were checked. A decoder checks
/// the tables after the header.
///
/// ```
/// use sealpack_core::codec::dictionary::ZstdDictionary;
/// use sealpack_core::error::DictionaryFault;
///
/// let bytes = [&[0x37, 0xa4, 0x30, 0xec, 7, 0, 0, 0], &b"tables and content"[..]].concat();
/// assert_eq!(ZstdDictionary::parse(bytes.into())?.id().get(), 7);
/// assert!(matches!(
///     ZstdDictionary::parse("just text".into()),
///     Err(DictionaryFault::NotADictionary)
/// ));
/// # Ok::<(), DictionaryFault>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ZstdDictionary {
    bytes: Bytes,
    id: DictionaryId,
}

impl ZstdDictionary {
    /// Checks the size and the header. Nothing is copied.
    ///
    /// # Errors
    /// [`DictionaryFault`].
    pub fn parse(bytes: Bytes) -> Result<Self, DictionaryFault> {
        let size = bytes.len() as u64;
        if size > MAX_SIZE {
            return Err(DictionaryFault::TooLarge { size });
        }
        let mut cursor = ByteCursor::new(&bytes);
        let (Ok(MAGIC), Ok(id)) = (cursor.u32(), cursor.u32()) else {
            return Err(DictionaryFault::NotADictionary);
        };
        let id = DictionaryId::new(id).ok_or(DictionaryFault::NoId)?;
        Ok(Self { bytes, id })
    }

    /// The number by which frames name it.
    #[must_use]
    pub fn id(&self) -> DictionaryId {
        self.id
    }

    /// All of its bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for ZstdDictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdDictionary")
            .field("id", &self.id)
            .field("size", &self.bytes.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn dictionary(id: u32, size: usize) -> Bytes {
        let mut bytes = Vec::from(MAGIC.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.resize(size, 0);
        bytes.into()
    }

    #[test]
    fn a_dictionary_has_a_magic_an_id_and_at_most_a_mebibyte() {
        let sound = ZstdDictionary::parse(dictionary(9, 1 << 20)).unwrap();
        assert_eq!((sound.id().get(), sound.bytes().len()), (9, 1 << 20));
        let fault = |bytes| ZstdDictionary::parse(bytes).unwrap_err();
        assert_eq!(
            fault(dictionary(9, (1 << 20) + 1)),
            DictionaryFault::TooLarge { size: (1 << 20) + 1 }
        );
        assert_eq!(fault(dictionary(0, 100)), DictionaryFault::NoId);
        for length in 0..8 {
            assert_eq!(fault(dictionary(9, length)), DictionaryFault::NotADictionary);
        }
        assert_eq!(fault(Bytes::from_static(b"raw content")), DictionaryFault::NotADictionary);
    }
}
