//! The buffer and the context that a thread decodes one record after another with.

use bytes::Bytes;
use sealpack_core::codec::{Decode as _, Size};
use sealpack_core::error::DecodeError;

use super::codec::Decoders;
use crate::zstd::Context;

/// The memory that records are decoded into, one after another.
#[derive(Default)]
pub(crate) struct DecodeMemory {
    /// The last decoded record.
    pub(super) decoded: Vec<u8>,
    context: Option<Context>,
}

impl DecodeMemory {
    /// Decodes into a buffer that was used before.
    pub(crate) fn with_buffer(decoded: Vec<u8>) -> Self {
        Self { decoded, context: None }
    }

    /// Decodes the payload of a record, and returns it. The first call takes a context from
    /// the decoders.
    #[inline]
    pub(super) fn decode(
        &mut self,
        decoders: &Decoders,
        encoded: &[u8],
        size: Size,
    ) -> Result<&[u8], DecodeError> {
        if !decoders.is_zstd() {
            let decoded = decoders.decode(Bytes::copy_from_slice(encoded), size)?;
            self.decoded.clear();
            self.decoded.extend_from_slice(&decoded);
            return Ok(&self.decoded);
        }
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(decoders.zstd().context()?),
        };
        decoders.zstd().decode_in(context, encoded, size, &mut self.decoded)?;
        Ok(&self.decoded)
    }

    /// Returns the context to the decoders, for another thread, and the buffer to the
    /// caller.
    pub(crate) fn close(self, decoders: &Decoders) -> Vec<u8> {
        if let Some(context) = self.context {
            decoders.zstd().keep(context);
        }
        self.decoded
    }

    /// Returns whether the next record is decoded with memory that was used before.
    #[cfg(test)]
    pub(super) fn was_used(&self) -> bool {
        self.decoded.capacity() > 0 && self.context.is_some()
    }
}
