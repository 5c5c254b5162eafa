//! Creates packs of every shape in memory.

use std::num::NonZero;
use std::sync::Arc;

use sealpack::core::codec::{Decode, Encode, FrameChecksum, Size};
use sealpack::core::error::{Cause, DecodeError};
use sealpack::core::format::Dialect;
use sealpack::core::read::Merge;
use sealpack::core::write::{Assembly, Hashing, PackShape, RecordBuilder, Sealer};
use sealpack::{Bytes, Codec, EncoderFactory, ReadCodec, Reader, ReaderOptions, Zstd};

use super::{Input, LIMIT};

/// How payloads are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecChoice {
    /// Unchanged.
    Plain,
    /// zstd at level 1.
    Zstd,
    /// [`Flipped`]: a custom codec without checksums.
    Own,
}

impl CodecChoice {
    /// The codec to read it with.
    #[must_use]
    pub fn read(self) -> ReadCodec {
        match self {
            Self::Plain => ReadCodec::Plain,
            Self::Zstd => ReadCodec::Zstd,
            Self::Own => ReadCodec::Custom(Arc::new(Flipped)),
        }
    }

    fn encoder(self) -> Option<Box<dyn Encode>> {
        match self {
            Self::Plain => None,
            Self::Own => Some(Box::new(Flipped)),
            Self::Zstd => match Zstd::level(1).encoder() {
                Ok(Codec::Encoder(encoder)) => Some(encoder),
                _ => panic!("zstd has an encoder"),
            },
        }
    }
}

/// A custom codec that inverts every bit.
#[derive(Clone, Copy, Debug)]
pub struct Flipped;

impl EncoderFactory for Flipped {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Encoder(Box::new(*self)))
    }

    fn format_id(&self) -> u32 {
        77
    }
}

impl Encode for Flipped {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        out.extend(payload.iter().map(|byte| !byte));
        Ok(())
    }
}

impl Decode for Flipped {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        size.check(encoded.len() as u64)?;
        Ok(encoded.iter().map(|byte| !byte).collect())
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::Unsupported
    }
}

/// The properties and the content of a pack.
#[derive(Clone, Debug)]
pub struct Packing {
    /// How its payloads are encoded.
    pub codec: CodecChoice,
    /// Items in every record but the last.
    pub items_per_record: u32,
    /// Whether each record's checksum covers its payload.
    pub record_checksum: bool,
    /// Whether a content hash is stored.
    pub content_hash: bool,
    /// Whether the app data has a checksum.
    pub dialect: Dialect,
    /// The app data.
    pub app_data: Vec<u8>,
    /// The items.
    pub items: Vec<Vec<u8>>,
}

impl Packing {
    /// A pack of these items, without record checksum, content hash or app data.
    #[must_use]
    pub fn of(codec: CodecChoice, items_per_record: u32, items: Vec<Vec<u8>>) -> Self {
        Self {
            codec,
            items_per_record,
            record_checksum: false,
            content_hash: false,
            dialect: Dialect::AppDataCrc,
            app_data: Vec::new(),
            items,
        }
    }

    /// Derives a pack from the choices of an input.
    #[must_use]
    pub fn choose(input: &mut Input<'_>) -> Self {
        let codec = input.pick(&[CodecChoice::Plain, CodecChoice::Zstd]);
        let items_per_record = input.pick(&[1, 2, 3, 16, 128, u32::MAX]);
        let bits = input.byte();
        let record_checksum = bits & 1 != 0;
        let dialect = match bits & 4 != 0 && !record_checksum {
            true => Dialect::NoAppDataCrc,
            false => Dialect::AppDataCrc,
        };
        let app_data = input.take(usize::from(bits >> 4)).to_vec();
        let items = (0..input.byte() % 40).map(|number| {
            let length = usize::from(input.byte());
            // Short items consist of bytes of the input, long ones repeat a byte.
            match length % 8 {
                7 => vec![number; length * 8],
                _ => input.take(length / 8).to_vec(),
            }
        });
        let items = items.collect();
        let content_hash = bits & 2 != 0;
        Self { codec, items_per_record, record_checksum, content_hash, dialect, app_data, items }
    }

    /// The bytes of the pack.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let shape = PackShape {
            items_per_record: NonZero::new(self.items_per_record).unwrap(),
            format_id: if self.codec == CodecChoice::Zstd { 1 } else { 0 },
            record_checksum: self.record_checksum,
            content_hash: if self.content_hash { Hashing::Items } else { Hashing::None },
            dialect: self.dialect,
        };
        let encoder = self.codec.encoder();
        let mut builder = RecordBuilder::new(&shape, encoder.is_none());
        let mut sealer = match encoder {
            None => Sealer::plain(&shape),
            Some(encoder) => Sealer::with_encoder(&shape, encoder),
        };
        let mut assembly = Assembly::new(&shape);
        self.items.iter().for_each(|item| builder.push(item).unwrap());
        builder.finish();
        let mut file = Vec::new();
        while let Some(draft) = builder.next_draft() {
            let sealed = sealer.seal(draft).unwrap();
            assembly.push(&sealed).unwrap();
            sealed.extents.iter().for_each(|extent| file.extend_from_slice(extent));
        }
        let ending = assembly.finish(&self.app_data).unwrap();
        file.extend_from_slice(&ending.index);
        file.extend_from_slice(&self.app_data);
        file.extend_from_slice(&ending.trailer.encode());
        assert_eq!(file.len() as u64, ending.file_size);
        file
    }
}

/// Derives the options of a reader from the choices of an input, with a limit of
/// [`LIMIT`] bytes for a decoded record.
pub fn read_options(input: &mut Input<'_>) -> ReaderOptions {
    let codec = match input.byte() % 3 {
        0 => ReadCodec::AutoOrPlain,
        1 => ReadCodec::Plain,
        _ => ReadCodec::Zstd,
    };
    let merge = match input.byte() % 4 {
        0 | 1 => Merge::default(),
        2 => Merge { gap: 0, max_read: 1 },
        _ => Merge { gap: 7, max_read: 100 },
    };
    Reader::options().codec(codec).merge(merge).decoded_limit(LIMIT).threads(1)
}
