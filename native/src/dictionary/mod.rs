//! Dictionaries: what the items have in common, which zstd knows before it sees a record.
//!
//! ```text
//! items of the first drafts ──> training.rs ──> Dictionary ──> every encoder
//! app data, section 2 ───────> FrameDictionary ──> Dictionary ──> every decoder
//! ```

mod frame;
mod training;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::codec::dictionary::ZstdDictionary;
use sealpack_core::error::DictionaryFault;
use zstd::zstd_safe::DDict;

use crate::error::DictionaryError;

pub(crate) use frame::FrameDictionary;
pub use training::{DictionarySamples, DictionaryTraining};

/// A zstd dictionary: small records that are encoded with it are as small as large
/// ones. Cheap to clone: clones share the bytes and the tables of the decoder.
///
/// ```
/// use sealpack::{Dictionary, Reader, Writer, Zstd};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// let items: Vec<String> = (0..2000)
///     .map(|i| format!("{{\"event\": \"transfer\", \"from\": {}, \"amount\": {}}}", i * 7, i * i))
///     .collect();
/// let dictionary = Dictionary::trained(items.iter().step_by(3))?;
/// let codec = Zstd::level(3).dictionary(dictionary.clone());
/// let mut writer = Writer::options().codec(codec).items_per_record(1).create(&path)?;
/// items.iter().try_for_each(|item| writer.append(item.as_bytes()))?;
/// writer.finish()?;
///
/// // The pack contains the dictionary, so readers need nothing else.
/// let reader = Reader::open(&path)?;
/// assert_eq!(reader.dictionary()?, Some(dictionary));
/// assert_eq!(reader.get(42)?, items[42].as_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Dictionary {
    prepared: Arc<PreparedDictionary>,
}

/// A dictionary and the tables of its decoder, made once.
struct PreparedDictionary {
    dictionary: ZstdDictionary,
    decoding: DDict<'static>,
}

impl Dictionary {
    /// The largest dictionary, in bytes: 1 MiB.
    pub const MAX_SIZE: usize = 1 << 20;

    /// Checks the bytes of a dictionary, such as `zstd --train` writes. They must
    /// have an id: raw content is not a dictionary.
    ///
    /// # Errors
    /// [`DictionaryError::Unusable`].
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Result<Self, DictionaryError> {
        Self::prepare(bytes.into()).map_err(DictionaryError::Unusable)
    }

    /// Trains a dictionary of 32 KiB with these items, as
    /// [`DictionaryTraining::train`] does.
    ///
    /// # Errors
    /// As there.
    pub fn trained<T: AsRef<[u8]>>(
        samples: impl IntoIterator<Item = T>,
    ) -> Result<Self, DictionaryError> {
        DictionaryTraining::default().train(samples)
    }

    fn prepare(bytes: Bytes) -> Result<Self, DictionaryFault> {
        let dictionary = ZstdDictionary::parse(bytes)?;
        let decoding = DDict::try_create(dictionary.bytes()).ok_or(DictionaryFault::Tables)?;
        Ok(Self { prepared: Arc::new(PreparedDictionary { dictionary, decoding }) })
    }

    /// Returns the number by which frames name this dictionary. It does not prove
    /// that two dictionaries are equal: compare them for that.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.prepared.dictionary.id().get()
    }

    /// Returns the bytes, as a pack stores them.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        self.prepared.dictionary.bytes()
    }

    /// Returns the tables that C zstd decodes with.
    pub(crate) fn decoding(&self) -> &DDict<'static> {
        &self.prepared.decoding
    }
}

/// Dictionaries are equal if their bytes are.
impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prepared, &other.prepared) || self.bytes() == other.bytes()
    }
}

impl Eq for Dictionary {}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionary")
            .field("id", &self.id())
            .field("size", &self.bytes().len())
            .finish()
    }
}
