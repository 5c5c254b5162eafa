//! The fast decoder: C zstd, compiled to wasm. What C may do wrong stays inside the
//! module's own memory, which holds bytes of packs only.

use alloc::vec::Vec;

use sealpack_core::codec::dictionary::ZstdDictionary;
use sealpack_core::codec::zstd_frame::FrameLayout;
use zstd_safe::{DCtx, DDict, SafeResult};

use super::{Backend, Refusal, without_content_size};

/// C zstd returns an error as the negative number that `zstd_errors.h` gives it; the values
/// are part of its stable interface.
const CHECKSUM_WRONG: usize = 22_usize.wrapping_neg();
const OUTPUT_TOO_SMALL: usize = 70_usize.wrapping_neg();

/// A window that C zstd accepts on every platform; at one call a frame it allocates nothing
/// for it.
const WINDOW_LOG: u8 = 30;

/// The factor by which the output grows if a frame yields more than is plausible.
const GROWTH: usize = 4;

/// A decompression context of C zstd.
#[derive(Default)]
pub struct CZstd(Option<DCtx<'static>>);

impl Backend for CZstd {
    const DICTIONARIES: bool = true;

    type Dictionary = DDict<'static>;

    fn prepare(dictionary: &ZstdDictionary) -> Option<DDict<'static>> {
        DDict::try_create(dictionary.bytes())
    }

    fn decode(
        &mut self,
        frame: &[u8],
        layout: &FrameLayout,
        plausible: usize,
        dictionary: Option<&DDict<'static>>,
    ) -> Result<Vec<u8>, Refusal> {
        let context = match &mut self.0 {
            Some(context) => context,
            empty => empty.insert(DCtx::try_create().ok_or(Refusal::Memory)?),
        };
        let most = usize::try_from(layout.max_output).unwrap_or(usize::MAX);
        let mut capacity = plausible.min(most);
        loop {
            let mut payload = Vec::new();
            payload.try_reserve_exact(capacity).map_err(|_| Refusal::Memory)?;
            match run(context, frame, dictionary, &mut payload) {
                Ok(_) => return Ok(payload),
                Err(OUTPUT_TOO_SMALL) if capacity < most => {
                    capacity = capacity.max(1).saturating_mul(GROWTH).min(most);
                }
                Err(OUTPUT_TOO_SMALL) => return Err(Refusal::TooLong),
                Err(CHECKSUM_WRONG) => return Err(Refusal::Checksum),
                Err(_) => return Err(length_of(context, frame, layout, dictionary, payload)),
            }
        }
    }
}

/// Decodes a frame into the capacity of `out`.
fn run(
    context: &mut DCtx<'static>,
    frame: &[u8],
    dictionary: Option<&DDict<'static>>,
    out: &mut Vec<u8>,
) -> SafeResult {
    match dictionary {
        Some(dictionary) => context.decompress_using_ddict(out, frame, dictionary),
        None => context.decompress(out, frame),
    }
}

/// What is wrong with a frame that C zstd calls corrupt: it does not say whether only the
/// content size is.
fn length_of(
    context: &mut DCtx<'static>,
    frame: &[u8],
    layout: &FrameLayout,
    dictionary: Option<&DDict<'static>>,
    mut out: Vec<u8>,
) -> Refusal {
    let claimed = layout.header.content_size;
    let rewritten = without_content_size(frame, layout, WINDOW_LOG);
    let found = rewritten.and_then(|frame| run(context, &frame, dictionary, &mut out).ok());
    match (claimed, found) {
        (Some(claimed), Some(found)) if claimed != found as u64 => Refusal::Length(found as u64),
        _ => Refusal::Damaged,
    }
}
