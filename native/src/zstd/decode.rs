//! Decoding: one frame per record, with a context for each thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sealpack_core::codec::zstd_frame::{FrameHeader, FrameLayout};
use sealpack_core::codec::{Decode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError};
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd::zstd_safe::{DCtx, DDict, ErrorCode};

use super::cause;
use crate::dictionary::FrameDictionary;

/// A decompression context, kept from record to record.
pub(crate) struct Context(DCtx<'static>);

impl Context {
    fn new() -> Result<Self, DecodeError> {
        let out_of_memory = || DecodeError::Codec(Cause::text("zstd: out of memory"));
        DCtx::try_create().map(Self).ok_or_else(out_of_memory)
    }

    /// Decodes a frame into `out`, replacing its contents.
    fn decode(
        &mut self,
        encoded: &[u8],
        size: Size,
        dictionary: &FrameDictionary,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let layout = FrameLayout::parse(encoded, size)?;
        let dictionary = match layout.header.dictionary {
            Some(id) => Some(dictionary.named(id)?.decoding()),
            None => None,
        };
        let frame = encoded.get(..layout.length).unwrap_or_default();
        let max_output = layout.max_output;
        let mut capacity = size.plausible(Some(max_output), frame.len());
        loop {
            let bytes = usize::try_from(capacity).map_err(|_| DecodeError::AboveLimit {
                limit: usize::MAX as u64,
                found: capacity,
            })?;
            out.clear();
            if out.capacity() < bytes {
                // Free the smaller buffer first: both must not be allocated at the
                // same time.
                *out = Vec::new();
            }
            out.try_reserve_exact(bytes).map_err(|e| DecodeError::Codec(Cause::new(e)))?;
            capacity = out.capacity() as u64;
            match self.decompress(frame, dictionary, out) {
                // A reused buffer may be larger than requested.
                Ok(_) if out.len() as u64 > max_output => return Err(layout.too_long(size)),
                Ok(_) => return size.check(out.len() as u64),
                // The frame filled the buffer, so a buffer four times as large is
                // justified. Allocation grows with the frame's output.
                Err(code) if is(code, ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall) => {
                    if capacity >= max_output {
                        return Err(layout.too_long(size));
                    }
                    capacity = capacity.saturating_mul(4).max(1 << 10).min(max_output);
                }
                Err(code) => return Err(decode_error(code)),
            }
        }
    }

    fn decompress(
        &mut self,
        frame: &[u8],
        dictionary: Option<&DDict<'static>>,
        out: &mut Vec<u8>,
    ) -> Result<usize, ErrorCode> {
        match dictionary {
            Some(dictionary) => self.0.decompress_using_ddict(out, frame, dictionary),
            None => self.0.decompress(out, frame),
        }
    }
}

/// Decodes zstd frames; keeps as many contexts as threads decode in parallel.
#[derive(Default)]
pub(crate) struct ZstdDecoder {
    idle: Mutex<Vec<Context>>,
    dictionary: FrameDictionary,
}

impl ZstdDecoder {
    /// Makes a decoder of frames that may name this dictionary.
    pub(crate) fn new(dictionary: FrameDictionary) -> Self {
        Self { idle: Mutex::default(), dictionary }
    }

    /// Returns the dictionary that frames may name.
    pub(crate) fn dictionary(&self) -> &FrameDictionary {
        &self.dictionary
    }

    /// Decodes a frame in `context` into `out`, replacing its contents.
    pub(crate) fn decode_in(
        &self,
        context: &mut Context,
        encoded: &[u8],
        size: Size,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        context.decode(encoded, size, &self.dictionary, out)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Context>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an idle context, or a new one.
    pub(crate) fn context(&self) -> Result<Context, DecodeError> {
        let idle = self.idle().pop();
        idle.map_or_else(Context::new, Ok)
    }

    /// Keeps a context for the next thread that needs one.
    pub(crate) fn keep(&self, context: Context) {
        self.idle().push(context);
    }
}

impl Decode for ZstdDecoder {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        let mut context = self.context()?;
        let mut out = Vec::new();
        let decoded = self.decode_in(&mut context, &encoded, size, &mut out);
        self.keep(context);
        decoded.map(|()| out.into())
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        match FrameHeader::parse(encoded) {
            Ok(FrameHeader { checksum: true, .. }) => FrameChecksum::Present,
            _ => FrameChecksum::Absent,
        }
    }
}

/// zstd returns an error as the negative of its code.
fn is(code: ErrorCode, error: ZSTD_ErrorCode) -> bool {
    code == (error as usize).wrapping_neg()
}

fn decode_error(code: ErrorCode) -> DecodeError {
    if is(code, ZSTD_ErrorCode::ZSTD_error_checksum_wrong) {
        DecodeError::FrameChecksum
    } else if is(code, ZSTD_ErrorCode::ZSTD_error_srcSize_wrong) {
        DecodeError::Truncated
    } else {
        DecodeError::Codec(cause(code))
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::ZstdEncoder;
    use super::*;
    use sealpack_core::codec::Encode as _;

    fn encode(payload: &[u8]) -> Bytes {
        let mut out = Vec::new();
        ZstdEncoder::new(3, None).unwrap().encode(payload, &mut out).unwrap();
        out.into()
    }

    #[test]
    fn a_frame_has_size_and_checksum_and_decodes_to_its_payload() {
        for length in [1, 255, 256, 65_791, 65_792, 3_000_000] {
            let payload: Vec<u8> =
                (0..length).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
            let frame = encode(&payload);
            let header = FrameHeader::parse(&frame).unwrap();
            assert_eq!(header.content_size, Some(length));
            assert!(header.checksum);
            for size in [Size::Exactly(length), Size::AtMost(u64::from(u32::MAX))] {
                assert_eq!(ZstdDecoder::default().decode(frame.clone(), size).unwrap(), payload);
            }
        }
    }

    #[test]
    fn encoding_appends_and_leaves_earlier_output_unchanged() {
        let mut encoder = ZstdEncoder::new(3, None).unwrap();
        let mut out = b"before".to_vec();
        encoder.encode(b"one", &mut out).unwrap();
        let first = out.clone();
        encoder.encode(b"two", &mut out).unwrap();
        assert!(out.starts_with(&first));
        assert_eq!(out[first.len()..], encode(b"two"));
    }

    #[test]
    fn an_honest_frame_of_extreme_ratio_is_decoded() {
        let zeros = vec![0; 64 << 20];
        let frame = encode(&zeros);
        assert!(frame.len() < 8192);
        let size = Size::AtMost(zeros.len() as u64);
        assert_eq!(ZstdDecoder::default().decode(frame, size).unwrap().len(), zeros.len());
    }

    /// Returns the frame's blocks after a new header, with a window of 1 MiB and no
    /// content size.
    fn without_content_size(frame: &[u8]) -> Bytes {
        let header = FrameHeader::parse(frame).unwrap();
        [&frame[..4], &[0x04, 0x50], &frame[header.length..]].concat().into()
    }

    #[test]
    fn a_payload_above_the_limit_is_refused_and_not_truncated() {
        let payload: Vec<u8> = (0..5000u32).flat_map(|i| (i * i).to_le_bytes()).collect();
        let sized = encode(&payload);
        for frame in [without_content_size(&sized), sized] {
            let decode = |size| ZstdDecoder::default().decode(frame.clone(), size);
            let refused = decode(Size::AtMost(19_999));
            assert!(
                matches!(refused, Err(DecodeError::AboveLimit { limit: 19_999, .. })),
                "{refused:?}"
            );
            assert_eq!(decode(Size::AtMost(20_000)).unwrap(), payload);
            assert!(decode(Size::Exactly(20_001)).is_err());
        }
    }

    #[test]
    fn a_frame_without_content_size_yields_at_most_four_times_its_bytes() {
        let frame = without_content_size(&encode(&[7; 5000]));
        let refused = ZstdDecoder::default().decode(frame, Size::Exactly(5000));
        assert!(matches!(refused, Err(DecodeError::NoContentSize { .. })), "{refused:?}");
    }
}
