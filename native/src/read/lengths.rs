//! Reads the lengths of items without reading whole records.

use std::ops::Range;

use bytes::Bytes;
use sealpack_core::codec::zstd_frame::FrameHeader;
use sealpack_core::read::{ItemLengths, RecordPlace};

use super::opened::OpenedPack;
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
        if self.trusted.is_some() {
            return Ok(self.record(place)?.lengths());
        }
        if ItemLengths::range(self.opened.pack.directory.layout(), place).is_none() {
            self.choose_codec_by_first_record()?;
        }
        let part = self.opened.lengths_part(place);
        match part.parse(&self.opened, place, &self.fetch(&part.range())?)? {
            Some(lengths) => Ok(lengths),
            None => Ok(self.record(place)?.lengths()),
        }
    }
}

/// The part of a stored record that states the lengths of its items.
pub(crate) enum LengthsPart {
    /// The end of the record.
    Tail(Range<u64>),
    /// The header of the zstd frame of its only item.
    FrameHeader(Range<u64>),
    /// None: its only item is stored as it is, in this many bytes.
    Item(u64),
}

impl OpenedPack {
    /// Returns which part states them. If the record is one item, the codec must be known.
    pub(crate) fn lengths_part(&self, place: &RecordPlace) -> LengthsPart {
        let layout = self.pack.directory.layout();
        if let Some(range) = ItemLengths::range(layout, place) {
            return LengthsPart::Tail(range);
        }
        let end = place.range.end.saturating_sub(layout.max_tail_size(1));
        let payload = place.range.start..end.max(place.range.start);
        if payload.is_empty() || self.decoders.is_plain() {
            return LengthsPart::Item(payload.end - payload.start);
        }
        LengthsPart::FrameHeader(
            payload.start..payload.end.min(payload.start.saturating_add(MAX_FRAME_HEADER)),
        )
    }
}

impl LengthsPart {
    /// Its range in the file; empty if nothing has to be read.
    pub(crate) fn range(&self) -> Range<u64> {
        match self {
            Self::Tail(range) | Self::FrameHeader(range) => range.clone(),
            Self::Item(_) => 0..0,
        }
    }

    /// Returns the lengths that its bytes state; `None` if the record has to be decoded.
    pub(crate) fn parse(
        &self,
        opened: &OpenedPack,
        place: &RecordPlace,
        bytes: &Bytes,
    ) -> Result<Option<ItemLengths>, ErrorKind> {
        Ok(match self {
            Self::Tail(_) => {
                Some(ItemLengths::parse(opened.pack.directory.layout(), place, bytes)?)
            }
            Self::FrameHeader(_) => FrameHeader::parse(bytes)
                .ok()
                .and_then(|header| header.content_size)
                .map(ItemLengths::of_one),
            Self::Item(length) => Some(ItemLengths::of_one(*length)),
        })
    }
}
