//! Collects the names of a pack that is being written.

use bytes::Bytes;
use sealpack_core::names::NamesBuilder;

use crate::codec::{Codec, EncoderFactory as _};
use crate::error::ErrorKind;
use crate::zstd::{Zstd, ZstdDecoder};

/// Collects the names of items, compressed. Stays empty until an item has a name.
#[derive(Debug, Default)]
pub(crate) struct NameCollector {
    builder: Option<NamesBuilder>,
}

impl NameCollector {
    /// Adds the name of the item at `position`. Items between the last named one and
    /// this one have none.
    pub(crate) fn push(&mut self, position: u32, name: &[u8]) -> Result<(), ErrorKind> {
        if self.builder.is_none() && name.is_empty() {
            return Ok(());
        }
        let builder = match &mut self.builder {
            Some(builder) => builder,
            none => none.insert(start()?),
        };
        pad(builder, position)?;
        Ok(builder.push(name)?)
    }

    /// Returns the number of items whose names are fixed, an absent name included.
    pub(crate) fn count(&self) -> u32 {
        self.builder.as_ref().map_or(0, NamesBuilder::count)
    }

    /// Returns the maximum number of bytes that [`finish`](Self::finish) can return for the names
    /// so far.
    pub(crate) fn size_bound(&self) -> u64 {
        self.builder.as_ref().map_or(0, NamesBuilder::size_bound)
    }

    /// Returns the names of this many items; `None` if no item has one.
    pub(crate) fn finish(self, items: u32) -> Result<Option<Bytes>, ErrorKind> {
        let Some(mut builder) = self.builder else { return Ok(None) };
        pad(&mut builder, items)?;
        Ok(Some(builder.finish(&ZstdDecoder::default())?))
    }
}

fn start() -> Result<NamesBuilder, ErrorKind> {
    match Zstd::default().encoder().map_err(ErrorKind::Encoder)? {
        Codec::Encoder(encoder) => Ok(NamesBuilder::new(encoder)),
        Codec::Plain => Err(ErrorKind::Ended),
    }
}

/// Adds empty names up to this number of names.
fn pad(builder: &mut NamesBuilder, count: u32) -> Result<(), ErrorKind> {
    while builder.count() < count {
        builder.push(b"")?;
    }
    Ok(())
}
