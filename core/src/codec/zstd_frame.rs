//! Checks of a zstd frame that do not decode it (RFC 8878, 3.1.1).
//!
//! A record holds one frame with its content size and a checksum. Decoders
//! differ in what they check, so the rules that every reader must follow are
//! here: [`FrameHeader::parse`] and [`FrameLayout::parse`] examine a frame and the
//! bytes after it before a decoder runs. [`with_content_size`] adds the content
//! size to the frames of an encoder that omits it.

use alloc::vec::Vec;

use super::Size;
use super::dictionary::DictionaryId;
use crate::error::{DecodeError, Fault};
use crate::wire::cursor::ByteCursor;

/// The first four bytes of every frame, little-endian.
pub const MAGIC: u32 = 0xFD2F_B528;

/// Skippable frames have one of sixteen magics.
const SKIPPABLE: u32 = 0x184D_2A50;
const SKIPPABLE_MASK: u32 = 0xFFFF_FFF0;

/// Whether `payload` starts with the magic of a zstd frame.
#[must_use]
pub fn begins_like_zstd(payload: &[u8]) -> bool {
    payload.starts_with(&MAGIC.to_le_bytes())
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The size of the content, if the frame states it. Not to be trusted.
    pub content_size: Option<u64>,
    /// Bytes of history that a decoder has to keep. Not to be trusted.
    pub window_size: u64,
    /// Whether a checksum of the content follows the blocks.
    pub checksum: bool,
    /// The dictionary that the frame needs.
    pub dictionary: Option<DictionaryId>,
    /// Bytes of the header, including the magic.
    pub length: usize,
}

impl FrameHeader {
    /// Parses the header at the front of `frame`.
    ///
    /// # Errors
    /// [`DecodeError::NotAFrame`] or [`DecodeError::Truncated`].
    pub fn parse(frame: &[u8]) -> Result<Self, DecodeError> {
        if !begins_like_zstd(frame) {
            return Err(DecodeError::NotAFrame);
        }
        Self::parse_fields(frame).map_err(|_| DecodeError::Truncated)?
    }

    fn parse_fields(frame: &[u8]) -> Result<Result<Self, DecodeError>, Fault> {
        let mut cursor = ByteCursor::new(frame);
        cursor.u32()?;
        let descriptor = cursor.u8()?;
        if descriptor & 0b1000 != 0 {
            return Ok(Err(DecodeError::NotAFrame));
        }
        let single_segment = descriptor & 0b10_0000 != 0;
        let mut length = 5;
        let mut window_size = 0;
        if !single_segment {
            let byte = cursor.u8()?;
            length += 1;
            let base = 1u64 << (10 + (byte >> 3));
            window_size = base + base / 8 * u64::from(byte & 0b111);
        }
        let (dictionary_id, dictionary_bytes) = match descriptor & 0b11 {
            0 => (0, 0),
            1 => (u32::from(cursor.u8()?), 1),
            2 => (u32::from(cursor.u16()?), 2),
            _ => (cursor.u32()?, 4),
        };
        length += dictionary_bytes;
        let (content_size, size_bytes) = match (descriptor >> 6, single_segment) {
            (0, false) => (None, 0),
            (0, true) => (Some(u64::from(cursor.u8()?)), 1),
            (1, _) => (Some(u64::from(cursor.u16()?) + 256), 2),
            (2, _) => (Some(u64::from(cursor.u32()?)), 4),
            _ => (Some(u64::from_le_bytes(cursor.array()?)), 8),
        };
        length += size_bytes;
        Ok(Ok(Self {
            content_size,
            window_size: content_size.filter(|_| single_segment).unwrap_or(window_size),
            checksum: descriptor & 0b100 != 0,
            dictionary: DictionaryId::new(dictionary_id),
            length,
        }))
    }
}

/// The extent of a payload's only frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLayout {
    /// The frame's header.
    pub header: FrameHeader,
    /// Bytes of the frame: header, blocks, checksum.
    pub length: usize,
    /// The maximum size of the decoded frame: its content size, or without one
    /// [`UNSIZED_RATIO`] times the payload; never more than the caller allows.
    pub max_output: u64,
}

/// The maximum decoded size of a frame without content size, as a multiple of
/// the encoded payload. The Go library's reader allocates that much and fails
/// beyond it, so no pack in use has such a frame. It also bounds the cost of a
/// hostile frame.
pub const UNSIZED_RATIO: u64 = 4;

impl FrameLayout {
    /// Walks the blocks of the frame at the front of `payload`, and refuses what
    /// a pack never contains: content after the frame, a content size that
    /// contradicts `size`. Frames without content (skippable or empty ones) may
    /// follow. Nothing is decoded or allocated. Whether the
    /// [dictionary](FrameHeader::dictionary) is there, the decoder checks.
    ///
    /// # Errors
    /// [`DecodeError`], whose variants say what was refused.
    pub fn parse(payload: &[u8], size: Size) -> Result<Self, DecodeError> {
        let header = FrameHeader::parse(payload)?;
        if let Some(claimed) = header.content_size {
            size.check(claimed)?;
        }
        let length = frame_length(payload, &header)?;
        let after = payload.get(length..).unwrap_or_default();
        if !yields_nothing(after) || (header.content_size == Some(0) && !after.is_empty()) {
            return Err(DecodeError::Trailing { bytes: after.len() as u64 });
        }
        let unsized_limit = (payload.len() as u64).saturating_mul(UNSIZED_RATIO);
        let max_output = header.content_size.unwrap_or(unsized_limit).min(size.upper_bound());
        Ok(Self { header, length, max_output })
    }

    /// The error for a frame that decodes to more than
    /// [`max_output`](Self::max_output) bytes.
    #[must_use]
    pub fn too_long(&self, size: Size) -> DecodeError {
        let found = self.max_output.saturating_add(1);
        match (self.header.content_size, size) {
            (None, _) if self.max_output < size.upper_bound() => {
                DecodeError::NoContentSize { allowed: self.max_output }
            }
            (_, Size::AtMost(limit)) if self.max_output >= limit => {
                DecodeError::AboveLimit { limit, found }
            }
            (_, Size::Exactly(expected)) => DecodeError::Length { expected, found },
            (_, Size::AtMost(_)) => DecodeError::Length { expected: self.max_output, found },
        }
    }
}

/// The length of the frame, from its block headers.
fn frame_length(frame: &[u8], header: &FrameHeader) -> Result<usize, DecodeError> {
    const RLE: u32 = 1;
    const RESERVED: u32 = 3;
    let mut rest = frame.get(header.length..).ok_or(DecodeError::Truncated)?;
    loop {
        let (block, after) = rest.split_first_chunk::<3>().ok_or(DecodeError::Truncated)?;
        let [a, b, c] = *block;
        let word = u32::from_le_bytes([a, b, c, 0]);
        let (last, kind, size) = (word & 1 == 1, word >> 1 & 0b11, word >> 3);
        let stored = match kind {
            RLE => 1,
            RESERVED => return Err(DecodeError::NotAFrame),
            _ => size as usize,
        };
        rest = after.get(stored..).ok_or(DecodeError::Truncated)?;
        if last {
            break;
        }
    }
    if header.checksum {
        rest = rest.get(4..).ok_or(DecodeError::Truncated)?;
    }
    Ok(frame.len() - rest.len())
}

/// Whether `rest` consists of complete frames without content.
fn yields_nothing(mut rest: &[u8]) -> bool {
    while let Some((magic, after)) = rest.split_first_chunk::<4>() {
        let magic = u32::from_le_bytes(*magic);
        let next = if magic & SKIPPABLE_MASK == SKIPPABLE {
            after
                .split_first_chunk::<4>()
                .and_then(|(size, content)| content.get(u32::from_le_bytes(*size) as usize..))
        } else {
            empty_frame(rest)
        };
        let Some(next) = next else { return false };
        rest = next;
    }
    rest.is_empty()
}

/// The bytes after the frame at the front of `rest`, if that frame is one empty
/// raw block.
fn empty_frame(rest: &[u8]) -> Option<&[u8]> {
    const LAST_RAW_EMPTY: [u8; 3] = [1, 0, 0];
    let header = FrameHeader::parse(rest).ok()?;
    let blocks = rest.get(header.length..)?;
    let length = frame_length(rest, &header).ok()?;
    blocks.starts_with(&LAST_RAW_EMPTY).then(|| rest.get(length..))?
}

/// Rewrites the header of `frame` as a single segment with its content size.
/// Some encoders omit the size, and readers that allocate by it then fail
/// (FORMAT.md, *zstd records*). `None` if `frame` is not a zstd frame or needs a
/// dictionary, or if the content is above 2^32-1 bytes.
#[must_use]
pub fn with_content_size(frame: &[u8], content_size: u64) -> Option<Vec<u8>> {
    const SINGLE_SEGMENT: u8 = 0b10_0000;
    const CHECKSUM: u8 = 0b100;
    let header = FrameHeader::parse(frame).ok().filter(|header| header.dictionary.is_none())?;
    let size = u32::try_from(content_size).ok()?.to_le_bytes();
    let short = u16::try_from(content_size.wrapping_sub(256)).ok().map(u16::to_le_bytes);
    let (kind, field): (u8, &[u8]) = match (&size, &short) {
        ([byte, 0, 0, 0], _) => (0, core::slice::from_ref(byte)),
        (_, Some(short)) => (1, short),
        _ => (2, &size),
    };
    let blocks = frame.get(header.length..)?;
    let checksum = if header.checksum { CHECKSUM } else { 0 };
    let mut sized = Vec::with_capacity(5 + field.len() + blocks.len());
    sized.extend_from_slice(&MAGIC.to_le_bytes());
    sized.push(kind << 6 | SINGLE_SEGMENT | checksum);
    sized.extend_from_slice(field);
    sized.extend_from_slice(blocks);
    Some(sized)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A frame of one raw block, with a checksum field of arbitrary bytes.
    fn frame(descriptor: &[u8], content: &[u8]) -> Vec<u8> {
        let mut frame = MAGIC.to_le_bytes().to_vec();
        frame.extend_from_slice(descriptor);
        let block = u32::try_from(content.len()).unwrap() << 3 | 1;
        frame.extend_from_slice(&block.to_le_bytes()[..3]);
        frame.extend_from_slice(content);
        if descriptor[0] & 4 != 0 {
            frame.extend_from_slice(&[0xcc; 4]);
        }
        frame
    }

    #[test]
    fn headers_are_parsed_with_every_form_of_the_size() {
        for (descriptor, size, window) in [
            (vec![0x20, 9], Some(9), 9),
            (vec![0x60, 1, 0], Some(257), 257),
            (vec![0xa0, 1, 0, 1, 0], Some(65_537), 65_537),
            (vec![0xe0, 0, 0, 0, 0, 0, 1, 0, 0], Some(1 << 40), 1 << 40),
            (vec![0x00, 0x58], None, 1 << 21),
            (vec![0x40, 0x09, 1, 0], Some(257), 2048 + 256),
        ] {
            let header = FrameHeader::parse(&frame(&descriptor, b"x")).unwrap();
            assert_eq!((header.content_size, header.window_size), (size, window));
            assert_eq!(header.length, 4 + descriptor.len());
        }
    }

    #[test]
    fn content_sizes_are_added_at_every_boundary() {
        let without = frame(&[0x04, 0x58], b"content");
        for size in [0, 1, 255, 256, 257, 65_791, 65_792, 65_793, u64::from(u32::MAX)] {
            let sized = with_content_size(&without, size).unwrap();
            let header = FrameHeader::parse(&sized).unwrap();
            assert_eq!(header.content_size, Some(size));
            assert!(header.checksum);
            assert_eq!(sized[header.length..], without[6..]);
        }
        assert!(with_content_size(&without, 1 << 32).is_none());
        assert!(with_content_size(b"none", 1).is_none());
    }

    #[test]
    fn only_frames_without_content_may_follow_a_frame() {
        let whole = frame(&[0x24, 3], b"abc");
        let skippable = [0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7];
        let empty = frame(&[0x20, 0], b"");
        for (after, accepted) in [
            (&b""[..], true),
            (&skippable, true),
            (&skippable[..9], false),
            (&empty, true),
            (&whole, false),
            (b"\0", false),
        ] {
            let payload = [&whole, after].concat();
            assert_eq!(
                FrameLayout::parse(&payload, Size::Exactly(3)).is_ok(),
                accepted,
                "{after:?}"
            );
        }
        assert!(FrameLayout::parse(&[&skippable, &whole[..]].concat(), Size::Exactly(3)).is_err());
        assert!(FrameLayout::parse(&[&empty, &whole[..]].concat(), Size::AtMost(9)).is_err());
    }

    #[test]
    fn a_content_size_that_contradicts_the_lengths_is_refused() {
        let claims_a_tebibyte = frame(&[0xe4, 0, 0, 0, 0, 0, 1, 0, 0], b"abc");
        assert!(matches!(
            FrameLayout::parse(&claims_a_tebibyte, Size::Exactly(3)),
            Err(DecodeError::Length { expected: 3, found: 0x100_0000_0000 })
        ));
        assert!(matches!(
            FrameLayout::parse(&claims_a_tebibyte, Size::AtMost(1 << 32)),
            Err(DecodeError::AboveLimit { .. })
        ));
    }

    #[test]
    fn a_truncated_frame_is_refused() {
        let whole = frame(&[0x24, 3], b"abc");
        for length in 0..whole.len() {
            assert!(
                FrameLayout::parse(&whole[..length], Size::Exactly(3)).is_err(),
                "{length} bytes"
            );
        }
    }
}
