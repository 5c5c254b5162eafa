//! Reads the lengths of items without reading whole records.

use bytes::Bytes;
use sealpack_core::codec::zstd_frame::FrameHeader;
use sealpack_core::read::{ItemLengths, RecordPlace};

use super::reader::{Reader, ReaderInner};
use crate::error::{Error, ErrorKind};

/// The maximum size of a zstd frame header.
const MAX_FRAME_HEADER: u64 = 18;

impl Reader {
    /// Returns the lengths of the items of record `record`. Reads only the end of the
    /// record, or its first bytes if it is a single item. If the reader
    /// [trusts](crate::Trust) a hash, which covers whole records, reads the whole record.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # for item in ["one", "", "three"] { writer.append(item.as_bytes())?; }
    /// # writer.finish()?;
    /// let reader = sealpack::Reader::open(&path)?;
    /// let lengths: Vec<u64> = reader.item_lengths(0)?.iter().collect();
    /// assert_eq!(lengths, [3, 0, 5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get). Damage to the record may go undetected.
    pub fn item_lengths(&self, record: u32) -> Result<ItemLengths, Error> {
        let place = self.directory().record(record).map_err(|e| self.inner.error(e.into()))?;
        self.inner.item_lengths(&place).map_err(|kind| self.inner.error(kind))
    }
}

impl ReaderInner {
    fn item_lengths(&self, place: &RecordPlace) -> Result<ItemLengths, ErrorKind> {
        let layout = self.opened.pack.directory.layout();
        if self.trusted.is_some() {
            return Ok(self.record(place)?.lengths());
        }
        if let Some(range) = ItemLengths::range(layout, place) {
            return Ok(ItemLengths::parse(layout, place, &self.fetch(&range)?)?);
        }
        self.choose_codec_by_first_record()?;
        let end = place.range.end.saturating_sub(layout.max_tail_size(1));
        let payload = place.range.start..end.max(place.range.start);
        if payload.is_empty() || self.opened.decoders.is_plain() {
            return Ok(ItemLengths::of_one(payload.end - payload.start));
        }
        let header = payload.start..payload.end.min(payload.start + MAX_FRAME_HEADER);
        match stated_size(&self.fetch(&header)?) {
            Some(size) => Ok(ItemLengths::of_one(size)),
            None => Ok(self.record(place)?.lengths()),
        }
    }
}

fn stated_size(header: &Bytes) -> Option<u64> {
    FrameHeader::parse(header).ok()?.content_size
}
