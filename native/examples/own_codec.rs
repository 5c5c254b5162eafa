//! A custom codec: run-length encoding, for items with long runs of equal bytes. The pack
//! needs a format id of its own, and the reader needs the decoder.
//!
//! `cargo run --example own_codec`

use std::error::Error;
use std::sync::Arc;

use sealpack::core::codec::{Decode, Encode, FrameChecksum, Size};
use sealpack::core::error::{Cause, DecodeError};
use sealpack::{Bytes, Codec, EncoderFactory, ReadCodec, Reader, Writer};

/// Any number that is not a known format id.
pub const FORMAT_ID: u32 = 0x5255_4e53;

/// Encodes each run of equal bytes as its length, up to 255, and the byte.
pub struct RunLengths;

impl EncoderFactory for RunLengths {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Encoder(Box::new(RunLengths)))
    }

    fn format_id(&self) -> u32 {
        FORMAT_ID
    }
}

impl Encode for RunLengths {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        for run in payload.chunk_by(|a, b| a == b) {
            for part in run.chunks(255) {
                let length = u8::try_from(part.len()).map_err(Cause::new)?;
                out.extend([length].into_iter().chain(part.first().copied()));
            }
        }
        Ok(())
    }
}

impl Decode for RunLengths {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let mut payload = Vec::new();
        for pair in encoded.chunks(2) {
            let &[length, byte] = pair else { return Err(DecodeError::Truncated) };
            payload.resize(payload.len() + usize::from(length), byte);
            // Allocate no more than the caller allows.
            if payload.len() as u64 > size.upper_bound() {
                break;
            }
        }
        size.check(payload.len() as u64)?;
        Ok(payload.into())
    }

    fn checksum(&self, _encoded: &[u8]) -> FrameChecksum {
        FrameChecksum::Unsupported
    }
}

/// Packs items with the codec and reads them back.
pub fn round_trip(items: &[Vec<u8>]) -> Result<Vec<Bytes>, sealpack::Error> {
    let mut writer = Writer::options().codec(RunLengths).write_to(Vec::new())?;
    for item in items {
        writer.append(item)?;
    }
    let sealed = writer.finish()?;
    let reader = Reader::options().codec(ReadCodec::Custom(Arc::new(RunLengths)));
    reader.open_source(sealed.sink, "memory")?.iter()?.collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let items = [vec![0; 1000], vec![7; 3], b"aaabbb".to_vec()];
    for item in round_trip(&items)? {
        println!("{} bytes", item.len());
    }
    Ok(())
}
