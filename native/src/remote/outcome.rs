//! Determines whether a write whose answer was lost took place.
//!
//! A store may perform a request whose answer is lost: the connection breaks, a
//! gateway gives up, and the answer to a retry is that the name is taken or that
//! the upload is gone. So an error of a write is final only after a look-up of the
//! object:
//!
//! ```text
//! PUT, complete ── error that leaves it open ──> HEAD ── our token ──────────> written
//!               └─ refused for certain ─> error       ├─ another's ──────────> error, or Exists
//!                                                     ├─ no token, our size ─> GET of the last bytes
//!                                                     ├─ nothing there ──────> error
//!                                                     └─ no answer ──────────> Unknown
//! ```
//!
//! The token is random, and part of the object's metadata. Some stores keep no
//! metadata: there the size and the last 4 KiB decide, which contain the trailer of
//! a pack, or the end of the intended upload.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, RandomState};

use object_store::{Attribute, Attributes, GetOptions, PutPayload};

use super::error::{StoreError, StoreFault};
use super::location::Location;

/// The name of the token in the metadata. Azure accepts only letters and digits,
/// and proxies drop headers with an underscore.
const TOKEN: &str = "sealpackupload";

/// The bytes at the end that are compared.
const END: usize = 4 << 10;

/// What an upload writes: enough to identify it in the store.
#[derive(Debug)]
pub(super) struct UploadContent {
    token: String,
    size: u64,
    /// The last bytes, at most [`END`] of them.
    end: Vec<u8>,
}

/// The outcome of a write that ended in an error.
#[derive(Debug)]
pub(super) enum WriteOutcome {
    /// The object exists, and it is the one that was written.
    Written,
    /// The object does not exist, and no object has the name.
    Nothing(StoreError),
    /// The write failed, for this reason.
    Failed(StoreError),
}

impl UploadContent {
    pub(super) fn new() -> Self {
        let random = || RandomState::new().hash_one(std::process::id());
        let token = format!("{:016x}{:016x}", random(), random());
        Self { token, size: 0, end: Vec::new() }
    }

    /// Returns the metadata that the store is to keep with the object.
    pub(super) fn attributes(&self) -> Attributes {
        let token = Attribute::Metadata(Cow::Borrowed(TOKEN));
        Attributes::from_iter([(token, self.token.clone())])
    }

    /// Counts a part, and keeps its last bytes.
    pub(super) fn push(&mut self, part: &PutPayload) {
        for bytes in part {
            self.size = self.size.saturating_add(bytes.len() as u64);
            self.end.extend_from_slice(last(bytes));
            let more = self.end.len().saturating_sub(END);
            self.end.drain(..more);
        }
    }

    /// Determines the outcome of a write of this content that ended in `error`.
    pub(super) async fn outcome(
        &self,
        location: &Location,
        overwrite: bool,
        error: StoreError,
    ) -> WriteOutcome {
        if error.is_certain() {
            return WriteOutcome::Failed(error);
        }
        match self.is_at(location).await {
            Ok(true) => WriteOutcome::Written,
            Ok(false) if overwrite => WriteOutcome::Failed(error.unless_exists()),
            Ok(false) => WriteOutcome::Failed(StoreError::new(StoreFault::Exists)),
            Err(look) => match look.fault() {
                StoreFault::NotFound => WriteOutcome::Nothing(error.unless_exists()),
                // Without the right to read, the store returns only this.
                StoreFault::Denied if error.fault() == StoreFault::Exists => {
                    WriteOutcome::Failed(error)
                }
                _ => WriteOutcome::Failed(error.left_open()),
            },
        }
    }

    /// Returns whether the present object is this one.
    async fn is_at(&self, location: &Location) -> Result<bool, StoreError> {
        let get = |options| async {
            let got = location.store().get_opts(location.path(), options).await;
            got.map_err(StoreError::reading)
        };
        let found = get(GetOptions::new().with_head(true)).await?;
        if let Some(token) = found.attributes.get(&Attribute::Metadata(Cow::Borrowed(TOKEN))) {
            return Ok(token.as_ref() == self.token);
        }
        if found.meta.size != self.size {
            return Ok(false);
        }
        let end = self.size.saturating_sub(self.end.len() as u64)..self.size;
        let got = get(GetOptions::new().with_range(Some(end))).await?;
        Ok(got.bytes().await.map_err(StoreError::reading)? == self.end)
    }
}

/// Returns the last [`END`] bytes.
fn last(bytes: &[u8]) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(END)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_content_is_kept_however_it_is_cut() {
        let bytes: Vec<u8> = (0..20_000u32).map(|i| i.to_le_bytes()[0] ^ 0x5a).collect();
        for size in [1, 100, END - 1, END, END + 1, 19_999, 20_000] {
            let mut content = UploadContent::new();
            bytes.chunks(size).for_each(|part| content.push(&part.to_vec().into()));
            assert_eq!((content.size, content.end.as_slice()), (20_000, last(&bytes)), "{size}");
        }
    }

    #[test]
    fn no_two_uploads_have_one_token() {
        let tokens: std::collections::HashSet<_> =
            (0..1000).map(|_| UploadContent::new().token).collect();
        assert_eq!(tokens.len(), 1000);
    }
}
