//! The dictionary of a pack in a store.

use super::reader::RemoteReader;
use crate::dictionary::Dictionary;
use crate::error::Error;

impl RemoteReader {
    /// As [`Reader::dictionary`](crate::Reader::dictionary).
    ///
    /// # Errors
    /// As there.
    pub fn dictionary(&self) -> Result<Option<Dictionary>, Error> {
        self.inner.opened.dictionary().map_err(|kind| self.error(kind))
    }
}
