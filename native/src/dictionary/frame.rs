//! The dictionary of a pack's frames, which name it by its id.

use std::sync::OnceLock;

use bytes::Bytes;
use sealpack_core::codec::dictionary::DictionaryId;
use sealpack_core::error::{DecodeError, DictionaryFault};

use super::Dictionary;

/// The dictionary of a pack's frames: the one that the pack stores, otherwise the one
/// that the caller gave. A stored one is checked and prepared when the first frame
/// names it.
#[derive(Debug, Default)]
pub(crate) struct FrameDictionary {
    stored: Option<Bytes>,
    given: Option<Dictionary>,
    prepared: OnceLock<Result<Dictionary, DictionaryFault>>,
}

impl FrameDictionary {
    pub(crate) fn new(stored: Option<Bytes>, given: Option<Dictionary>) -> Self {
        Self { stored, given, prepared: OnceLock::new() }
    }

    /// Returns the dictionary that frames are decoded with, if there is one.
    pub(crate) fn get(&self) -> Result<Option<&Dictionary>, DictionaryFault> {
        let Some(stored) = &self.stored else { return Ok(self.given.as_ref()) };
        let prepared = self.prepared.get_or_init(|| Dictionary::prepare(stored.clone()));
        prepared.as_ref().map(Some).map_err(|fault| *fault)
    }

    /// Returns the dictionary with this id.
    pub(crate) fn named(&self, id: DictionaryId) -> Result<&Dictionary, DecodeError> {
        let missing = |given| DecodeError::MissingDictionary { id: id.get(), given };
        let found = self.get().map_err(DecodeError::Dictionary)?;
        let found = found.ok_or_else(|| missing(None))?;
        if found.id() == id.get() {
            return Ok(found);
        }
        let (named, other) = (id.get(), found.id());
        Err(match &self.stored {
            Some(_) => DecodeError::Dictionary(DictionaryFault::Differs { named, stored: other }),
            None => missing(Some(other)),
        })
    }
}
