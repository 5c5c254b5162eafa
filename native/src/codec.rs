//! How a program supplies an encoder: a factory, called once for each worker.

use std::fmt;
use std::sync::Arc;

use sealpack_core::codec::Encode;
use sealpack_core::error::Cause;
use sealpack_core::format::RecordContent;
use sealpack_core::format::known::KnownCodec;

use crate::dictionary::Dictionary;

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

    /// Returns the zstd dictionary that the records need, if there is one. Default:
    /// none.
    fn needed_dictionary(&self) -> Option<RecordDictionary> {
        None
    }

    /// Returns how many bytes of items [`learn`](Self::learn) wants to see. They wait
    /// in memory until then. Default: 0, which is to learn nothing.
    fn wanted_sample(&self) -> u64 {
        0
    }

    /// Takes the first records of the pack, before any encoder is made for them.
    /// Returns the factory that replaces this one; `None` to keep this one.
    ///
    /// # Errors
    /// Any error of the codec. The pack is then not finished.
    fn learn(&self, _records: &FirstRecords<'_>) -> Result<Option<Arc<dyn EncoderFactory>>, Cause> {
        Ok(None)
    }
}

/// A dictionary that the records of a pack need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordDictionary {
    /// The dictionary.
    pub dictionary: Dictionary,
    /// Whether the pack stores it. Otherwise readers must be given it.
    pub is_stored: bool,
}

/// The first records of a pack, for a codec that learns from them.
#[derive(Debug)]
pub struct FirstRecords<'a> {
    /// The items of each record.
    pub records: Vec<RecordContent<'a>>,
}

/// Implements [`EncoderFactory`] for pointers to codecs.
macro_rules! encoder_factory {
    ($($pointer:ident),*) => {
        $(impl<T: EncoderFactory + ?Sized> EncoderFactory for $pointer<T> {
            fn encoder(&self) -> Result<Codec, Cause> {
                (**self).encoder()
            }

            fn is_plain(&self) -> bool {
                (**self).is_plain()
            }

            fn format_id(&self) -> u32 {
                (**self).format_id()
            }

            fn needed_dictionary(&self) -> Option<RecordDictionary> {
                (**self).needed_dictionary()
            }

            fn wanted_sample(&self) -> u64 {
                (**self).wanted_sample()
            }

            fn learn(
                &self,
                records: &FirstRecords<'_>,
            ) -> Result<Option<Arc<dyn EncoderFactory>>, Cause> {
                (**self).learn(records)
            }
        })*
    };
}

encoder_factory!(Box, Arc);

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
