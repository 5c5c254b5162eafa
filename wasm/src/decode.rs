//! zstd by ruzstd, plus the checks that ruzstd leaves out: the content
//! checksum, the content size, and bytes after the frame.

use alloc::vec::Vec;
use core::cell::RefCell;

use bytes::Bytes;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sealpack_core::codec::zstd_frame::{FrameHeader, FrameLayout};
use sealpack_core::codec::{Decode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError};

/// Output is collected from the decoder in steps of about this size, so that a
/// frame which yields too much is stopped early.
const STEP: usize = 512 << 10;

/// The largest window that zstd writes without an explicit request for more
/// (`--long=27`).
const LARGEST_WINDOW: u64 = 128 << 20;

/// Decodes one zstd frame at a time, reusing the decoder's tables.
#[derive(Default)]
pub struct RuzstdDecoder {
    decoder: RefCell<Option<FrameDecoder>>,
}

impl Decode for RuzstdDecoder {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let layout = FrameLayout::of(&encoded, size)?;
        let frame = encoded.get(..layout.length).ok_or(DecodeError::Truncated)?;
        let reserve = size.plausible(Some(layout.max_output), frame.len());
        // A reused decoder reserves the window that the header claims; a new
        // one grows with what the frame yields.
        let believable = layout.header.window_size <= reserve.max(STEP as u64);
        let mut decoder = self.decoder.take().filter(|_| believable).unwrap_or_default();
        decoder.set_max_window_size(LARGEST_WINDOW.max(size.upper_bound()));
        let payload = run(&mut decoder, frame, reserve, &layout, size)?;
        check(&decoder, &layout, &payload, size)?;
        // After an error the decoder is dropped: its state is unknown.
        if believable {
            self.decoder.replace(Some(decoder));
        }
        Ok(payload.into())
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        match FrameHeader::parse(encoded) {
            Ok(FrameHeader { checksum: true, .. }) => FrameChecksum::Present,
            _ => FrameChecksum::Absent,
        }
    }
}

fn run(
    decoder: &mut FrameDecoder,
    frame: &[u8],
    reserve: u64,
    layout: &FrameLayout,
    size: Size,
) -> Result<Vec<u8>, DecodeError> {
    // ruzstd's own messages would make the module a fifth larger.
    let refused = |what: &str| DecodeError::Codec(Cause::text(what));
    let mut input = frame;
    decoder.reset(&mut input).map_err(|_| refused("zstd refuses the header"))?;
    let mut payload = Vec::new();
    let reserve = usize::try_from(reserve).unwrap_or(0);
    payload.try_reserve(reserve).map_err(|_| refused("out of memory"))?;
    loop {
        let step = BlockDecodingStrategy::UptoBytes(STEP);
        decoder.decode_blocks(&mut input, step).map_err(|_| refused("a block is damaged"))?;
        let found = payload.len().saturating_add(decoder.can_collect()) as u64;
        if found > layout.max_output {
            return Err(layout.too_long(size));
        }
        decoder.collect_to_writer(&mut payload).map_err(|_| refused("out of memory"))?;
        if decoder.is_finished() {
            return Ok(payload);
        }
    }
}

fn check(
    decoder: &FrameDecoder,
    layout: &FrameLayout,
    payload: &[u8],
    size: Size,
) -> Result<(), DecodeError> {
    let found = payload.len() as u64;
    if let Some(expected) = layout.header.content_size
        && expected != found
    {
        return Err(DecodeError::Length { expected, found });
    }
    size.check(found)?;
    if layout.header.checksum
        && decoder.get_checksum_from_data() != decoder.get_calculated_checksum()
    {
        return Err(DecodeError::FrameChecksum);
    }
    Ok(())
}
