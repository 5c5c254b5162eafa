//! Determines whether a write took place although its response was lost.
//!
//! A store may perform a request whose response is lost: the connection breaks or a
//! gateway gives up, and the response to a retry is that the name is taken or that the
//! upload is gone. So after an ambiguous error, the object is looked up:
//!
//! ```text
//! PUT, complete ── ambiguous error ──> HEAD ── our token ──────────> written
//!               └─ refusal ─> error         ├─ another token ──────> error, or Exists
//!                                           ├─ no token, our size ─> GET of the last bytes
//!                                           ├─ no object ──────────> error
//!                                           └─ no response ────────> Unknown
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

/// The number of bytes at the end that are compared.
const END_SIZE: usize = 4 << 10;

/// A summary of an upload's content that identifies it in the store.
#[derive(Debug)]
pub(super) struct UploadContent {
    token: String,
    size: u64,
    /// The last bytes, at most [`END_SIZE`] of them.
    end: Vec<u8>,
}

/// The outcome of a write that ended in an error.
#[derive(Debug)]
pub(super) enum WriteOutcome {
    /// The object exists, and it is the one that was written.
    Written,
    /// The object does not exist, and no object has the name.
    NotWritten(StoreError),
    /// The write failed, for this reason.
    Failed(StoreError),
}

impl UploadContent {
    pub(super) fn new() -> Self {
        let random = || RandomState::new().hash_one(std::process::id());
        let token = format!("{:016x}{:016x}", random(), random());
        Self { token, size: 0, end: Vec::new() }
    }

    /// Returns the metadata to store with the object.
    pub(super) fn attributes(&self) -> Attributes {
        let token = Attribute::Metadata(Cow::Borrowed(TOKEN));
        Attributes::from_iter([(token, self.token.clone())])
    }

    /// Counts a part, and keeps its last bytes.
    pub(super) fn push(&mut self, part: &PutPayload) {
        for bytes in part {
            self.size = self.size.saturating_add(bytes.len() as u64);
            self.end.extend_from_slice(last_bytes(bytes));
            let excess = self.end.len().saturating_sub(END_SIZE);
            self.end.drain(..excess);
        }
    }

    /// Determines the outcome of a write of this content that ended in `error`.
    pub(super) async fn outcome(
        &self,
        location: &Location,
        overwrite: bool,
        error: StoreError,
    ) -> WriteOutcome {
        if error.is_certainly_not_written() {
            return WriteOutcome::Failed(error);
        }
        match self.is_at(location).await {
            Ok(true) => WriteOutcome::Written,
            Ok(false) if overwrite => WriteOutcome::Failed(error.exists_as_conflict()),
            Ok(false) => WriteOutcome::Failed(StoreError::new(StoreFault::Exists)),
            Err(look_up) => match look_up.fault() {
                StoreFault::NotFound => WriteOutcome::NotWritten(error.exists_as_conflict()),
                // Without permission to read, the outcome cannot be looked up.
                StoreFault::Denied if error.fault() == StoreFault::Exists => {
                    WriteOutcome::Failed(error)
                }
                _ => WriteOutcome::Failed(error.outcome_unknown()),
            },
        }
    }

    /// Returns whether the object that exists now has this content.
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

/// Returns the last [`END_SIZE`] bytes.
fn last_bytes(bytes: &[u8]) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(END_SIZE)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_content_is_kept_for_every_part_size() {
        let bytes: Vec<u8> = (0..20_000u32).map(|i| i.to_le_bytes()[0] ^ 0x5a).collect();
        for size in [1, 100, END_SIZE - 1, END_SIZE, END_SIZE + 1, 19_999, 20_000] {
            let mut content = UploadContent::new();
            bytes.chunks(size).for_each(|part| content.push(&part.to_vec().into()));
            assert_eq!(
                (content.size, content.end.as_slice()),
                (20_000, last_bytes(&bytes)),
                "{size}"
            );
        }
    }

    #[test]
    fn every_upload_has_a_different_token() {
        let tokens: std::collections::HashSet<_> =
            (0..1000).map(|_| UploadContent::new().token).collect();
        assert_eq!(tokens.len(), 1000);
    }
}
