//! Encoding: one frame per record, in one call, with content size and checksum.

use std::io::Cursor;
use std::ops::RangeInclusive;

use sealpack_core::codec::Encode;
use sealpack_core::error::Cause;
use zstd::zstd_safe::{self, CCtx, CParameter, DictAttachPref};

use super::cause;
use crate::dictionary::Dictionary;

/// The levels at which records are compressed with the dictionary's own tables, whatever
/// their size. zstd copies these tables for each record above 16 KiB, which takes longer
/// than searching in two places. At other levels, copying is as fast, and gives records that
/// are up to 1 percent smaller.
const ATTACHED_LEVELS: RangeInclusive<i32> = 3..=4;

/// A compression context, kept from record to record.
pub(super) struct ZstdEncoder {
    context: CCtx<'static>,
}

impl ZstdEncoder {
    /// Makes a context. It digests the dictionary once, for all of its records.
    pub(super) fn new(level: i32, dictionary: Option<&Dictionary>) -> Result<Self, Cause> {
        let mut context = CCtx::try_create().ok_or_else(|| Cause::text("zstd: out of memory"))?;
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ContentSizeFlag(true),
            CParameter::ChecksumFlag(true),
        ] {
            context.set_parameter(parameter).map_err(cause)?;
        }
        let mut encoder = Self { context };
        if let Some(dictionary) = dictionary {
            if ATTACHED_LEVELS.contains(&level) {
                let attach = CParameter::ForceAttachDict(DictAttachPref::ForceAttach);
                encoder.context.set_parameter(attach).map_err(cause)?;
            }
            encoder.context.load_dictionary(dictionary.bytes()).map_err(cause)?;
            // zstd digests it with the first frame: an error must come before any record.
            encoder.encode(&[0], &mut Vec::new())?;
        }
        Ok(encoder)
    }
}

impl Encode for ZstdEncoder {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        out.reserve(zstd_safe::compress_bound(payload.len()));
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(cursor.get_ref().len() as u64);
        self.context.compress2(&mut cursor, payload).map_err(cause)?;
        Ok(())
    }
}
