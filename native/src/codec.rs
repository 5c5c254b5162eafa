//! How a program supplies an encoder: a factory, called once for each worker.

use std::fmt;
use std::sync::Arc;

use sealpack_core::codec::Encode;
use sealpack_core::error::Cause;
use sealpack_core::format::known::KnownCodec;

/// Makes the encoder of each worker thread.
///
/// [`Plain`] and [`Zstd`](crate::Zstd) are such factories; implement the trait for
/// your own codec, and give the pack a format id of your own.
pub trait EncoderFactory: Send + Sync {
    /// Makes an encoder for one worker. Its
    /// [`finish`](sealpack_core::codec::Encode::finish) is called once, when the
    /// last record was written or any record failed.
    ///
    /// # Errors
    /// Any error of the codec; creating the pack fails then.
    fn encoder(&self) -> Result<Codec, Cause>;

    /// Returns whether payloads are stored unencoded.
    fn is_plain(&self) -> bool {
        false
    }

    /// Returns the format id of a pack for which the caller sets none. Readers that
    /// do not know the id decide by the first record's magic, so a codec of your
    /// own needs an id of its own.
    fn format_id(&self) -> u32;
}

impl<T: EncoderFactory + ?Sized> EncoderFactory for Box<T> {
    fn encoder(&self) -> Result<Codec, Cause> {
        (**self).encoder()
    }

    fn is_plain(&self) -> bool {
        (**self).is_plain()
    }

    fn format_id(&self) -> u32 {
        (**self).format_id()
    }
}

impl<T: EncoderFactory + ?Sized> EncoderFactory for Arc<T> {
    fn encoder(&self) -> Result<Codec, Cause> {
        (**self).encoder()
    }

    fn is_plain(&self) -> bool {
        (**self).is_plain()
    }

    fn format_id(&self) -> u32 {
        (**self).format_id()
    }
}

/// The result of an [`EncoderFactory`].
pub enum Codec {
    /// Payloads are stored unencoded.
    Plain,
    /// An encoder for one thread.
    Encoder(Box<dyn Encode>),
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Encoder(_) => "Encoder",
        })
    }
}

/// Stores payloads unencoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl EncoderFactory for Plain {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Plain)
    }

    fn is_plain(&self) -> bool {
        true
    }

    fn format_id(&self) -> u32 {
        KnownCodec::None.default_format_id()
    }
}
