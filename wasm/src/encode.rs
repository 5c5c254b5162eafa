//! zstd by ruzstd at its fastest level, the only one it has. The frame header
//! is rewritten so that every frame carries its content size and its checksum.

use alloc::vec::Vec;

use bytes::{Buf as _, Bytes};
use ruzstd::encoding::{CompressionLevel, FrameCompressor, MatchGeneratorDriver};
use ruzstd::io::{Error, Read};
use sealpack_core::codec::Encode;
use sealpack_core::codec::zstd_frame;
use sealpack_core::error::Cause;

/// Encodes one payload at a time, reusing the tables.
pub struct RuzstdEncoder {
    compressor: FrameCompressor<Payload, Vec<u8>, MatchGeneratorDriver>,
}

impl Default for RuzstdEncoder {
    fn default() -> Self {
        Self { compressor: FrameCompressor::new(CompressionLevel::Fastest) }
    }
}

impl Encode for RuzstdEncoder {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        self.compressor.set_source(Payload(Bytes::copy_from_slice(payload)));
        self.compressor.set_drain(Vec::with_capacity(payload.len() / 2 + 64));
        self.compressor.compress();
        self.compressor.take_source();
        let frame = self.compressor.take_drain().unwrap_or_default();
        let complete = zstd_frame::with_content_size(&frame, payload.len() as u64)
            .ok_or_else(|| Cause::text("a payload of more than 2^32-1 bytes"))?;
        out.extend_from_slice(&complete);
        Ok(())
    }
}

/// The compressor keeps its source, so the source owns its bytes.
struct Payload(Bytes);

impl Read for Payload {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let length = buffer.len().min(self.0.len());
        let (Some(to), Some(from)) = (buffer.get_mut(..length), self.0.get(..length)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        self.0.advance(length);
        Ok(length)
    }
}
