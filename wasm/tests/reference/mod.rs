//! Decodes with ruzstd, plus the checks that ruzstd leaves out, for comparison with the
//! shipped decoder.

use ruzstd::decoding::FrameDecoder;
use ruzstd::io::Read as _;
use sealpack_core::codec::Size;
use sealpack_core::codec::zstd_frame::FrameLayout;

/// The content of a frame, if ruzstd accepts it and every check passes.
pub fn decoded(encoded: &[u8], size: Size) -> Option<Vec<u8>> {
    let layout = FrameLayout::parse(encoded, size).ok()?;
    let mut input = encoded.get(..layout.length)?;
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(u64::from(u32::MAX));
    decoder.reset(&mut input).ok()?;
    let mut content = Vec::new();
    let mut step = vec![0; 1 << 16];
    while content.len() as u64 <= layout.max_output {
        let strategy = ruzstd::decoding::BlockDecodingStrategy::UptoBytes(step.len());
        decoder.decode_blocks(&mut input, strategy).ok()?;
        loop {
            let read = decoder.read(&mut step).ok()?;
            content.extend_from_slice(&step[..read]);
            if read == 0 {
                break;
            }
        }
        if decoder.is_finished() && decoder.can_collect() == 0 {
            break;
        }
    }
    let found = content.len() as u64;
    let sized = layout.header.content_size.is_none_or(|expected| expected == found);
    let summed = !layout.header.checksum
        || decoder.get_checksum_from_data() == decoder.get_calculated_checksum();
    (sized && summed && found <= layout.max_output && size.check(found).is_ok()).then_some(content)
}
