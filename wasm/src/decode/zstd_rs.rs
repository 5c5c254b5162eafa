//! The small decoder: zstd-rs, without `unsafe`.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use sealpack_core::codec::dictionary::ZstdDictionary;
use sealpack_core::codec::zstd_frame::FrameLayout;
use zstd_rs::{DecoderDictionary, Decompressor, Dictionary, DictionaryFormat, Error};

use super::{Backend, Refusal, without_content_size};

/// Bytes that zstd-rs writes after the content while it decodes.
const SLACK: usize = 32;

/// The largest window that zstd-rs accepts; it allocates nothing for it.
const WINDOW_LOG: u8 = 31;

/// A decompressor of zstd-rs.
#[derive(Default)]
pub struct ZstdRs(Decompressor);

impl Backend for ZstdRs {
    /// Dictionaries take 1.9 KB of a module, gzipped, which would exceed the limit of the small
    /// one; packs with a dictionary are read by the fast one.
    const DICTIONARIES: bool = !cfg!(sealpack_module);

    type Dictionary = DecoderDictionary;

    fn prepare(dictionary: &ZstdDictionary) -> Option<DecoderDictionary> {
        let parsed = Dictionary::new(dictionary.bytes(), DictionaryFormat::Zstd).ok()?;
        DecoderDictionary::new(parsed).ok()
    }

    fn decode(
        &mut self,
        frame: &[u8],
        layout: &FrameLayout,
        plausible: usize,
        dictionary: Option<&DecoderDictionary>,
    ) -> Result<Vec<u8>, Refusal> {
        // zstd-rs allocates the content size; without one, it grows with what the frame yields.
        let frame = match layout.header.content_size {
            Some(claimed) if claimed > plausible as u64 => {
                let rewritten = without_content_size(frame, layout, WINDOW_LOG);
                Cow::Owned(rewritten.ok_or(Refusal::Damaged)?)
            }
            _ => Cow::Borrowed(frame),
        };
        let mut payload = Vec::new();
        let reserve = plausible.saturating_add(SLACK);
        payload.try_reserve_exact(reserve).map_err(|_| Refusal::Memory)?;
        let limit = usize::try_from(layout.max_output).unwrap_or(usize::MAX);
        let used = self.0.decompress_frame(&frame, dictionary, limit, &mut payload);
        match used {
            Ok(used) if used == frame.len() => Ok(payload),
            Err(Error::OutputLimit) => Err(Refusal::TooLong),
            Err(Error::Checksum) => Err(Refusal::Checksum),
            Err(Error::ContentSize) => Err(Refusal::Length(payload.len() as u64)),
            _ => Err(Refusal::Damaged),
        }
    }
}
