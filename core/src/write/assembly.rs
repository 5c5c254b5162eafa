//! Collects what the end of the file needs while the records are written.

use alloc::vec::Vec;

use super::{Hashing, PackShape, SealedDraft};
use crate::error::{Error, Limit, Misuse};
use crate::format::{ContentHasher, Dialect, IndexEncoder, Trailer};
use crate::wire::crc;

/// Records the sealed drafts in order. It keeps the packed index (about two
/// bytes a record) and a hash state, but no list of records.
#[derive(Debug)]
pub struct Assembly {
    shape: PackShape,
    index: IndexEncoder,
    hasher: ContentHasher,
    record_count: u32,
    total_items: u32,
    records_end: u64,
}

/// What follows the records: first the index, then the app data (not included
/// here), then the trailer.
#[derive(Clone, Debug)]
pub struct FinalSections {
    /// The offset index with its checksum.
    pub index: Vec<u8>,
    /// The trailer, to be encoded.
    pub trailer: Trailer,
    /// The size of the whole file, in bytes.
    pub file_size: u64,
}

impl Assembly {
    /// An assembly for a pack of this shape.
    #[must_use]
    pub fn new(shape: &PackShape) -> Self {
        Self {
            shape: shape.clone(),
            index: IndexEncoder::new(),
            hasher: ContentHasher::new(),
            record_count: 0,
            total_items: 0,
            records_end: 0,
        }
    }

    /// Records the next draft, whose bytes are written to the file now.
    ///
    /// # Errors
    /// [`Misuse::Order`] if this is not the next draft;
    /// [`Limit::Index`], [`Limit::Items`], [`Limit::File`].
    pub fn push(&mut self, sealed: &SealedDraft) -> Result<(), Error> {
        let (expected, given) = (self.record_count, sealed.first_record);
        if expected != given {
            return Err(Error::Misuse(Misuse::Order { expected, given }));
        }
        for &size in &sealed.sizes {
            self.index.push(size)?;
        }
        let records = u32::try_from(sealed.sizes.len()).ok();
        let too_many = Error::Limit(Limit::Items);
        self.record_count =
            records.and_then(|n| self.record_count.checked_add(n)).ok_or(too_many.clone())?;
        self.total_items = self.total_items.checked_add(sealed.item_count).ok_or(too_many)?;
        self.records_end =
            self.records_end.checked_add(sealed.size()).ok_or(Error::Limit(Limit::File))?;
        sealed.digests.iter().for_each(|digest| self.hasher.record(digest));
        Ok(())
    }

    /// The size of the records so far, in bytes.
    #[must_use]
    pub fn records_end(&self) -> u64 {
        self.records_end
    }

    /// The number of items so far.
    #[must_use]
    pub fn total_items(&self) -> u32 {
        self.total_items
    }

    /// The end of a pack with this app data.
    ///
    /// # Errors
    /// [`Limit::AppData`], [`Limit::Index`], [`Limit::File`].
    pub fn finish(self, app_data: &[u8]) -> Result<FinalSections, Error> {
        let length = app_data.len() as u64;
        let app_data_size =
            u32::try_from(length).map_err(|_| Error::Limit(Limit::AppData { length }))?;
        let index = self.index.finish();
        let size = index.len() as u64;
        let index_size = u32::try_from(size).map_err(|_| Error::Limit(Limit::Index { size }))?;
        let content_hash = match self.shape.content_hash {
            Hashing::None => None,
            Hashing::Items | Hashing::Extracted(_) => Some(self.hasher.finish()),
        };
        let trailer = Trailer {
            format_id: self.shape.format_id,
            record_count: self.record_count,
            total_items: self.total_items,
            items_per_record: self.shape.items_per_record.get(),
            index_size,
            app_data_size,
            content_hash,
            app_data_crc: match (self.shape.dialect, self.shape.record_checksum) {
                (Dialect::NoAppDataCrc, false) => 0,
                _ => crc::crc32c(app_data),
            },
            record_checksum: self.shape.record_checksum,
        };
        let ending_size = size + trailer.size_after_index();
        let file_size =
            self.records_end.checked_add(ending_size).ok_or(Error::Limit(Limit::File))?;
        Ok(FinalSections { index, trailer, file_size })
    }
}
