//! The content hash: what a pack says, whatever codec it is stored with
//! (FORMAT.md, *Content hash*).
//!
//! ```text
//! digest of a record = SHA-256( length u32 | bytes | length u32 | bytes | … )
//! content hash       = SHA-256( digest 0 | digest 1 | … )
//! ```

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::error::{Cause, Error, Limit};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Replaces items by other bytes before they are hashed, so that the hash can
/// speak of what an item *means*: of the decompressed form of items that were
/// compressed beforehand, say. Whoever verifies must use the same extract as
/// whoever wrote; the file does not say which.
///
/// Every `Fn(&[u8]) -> Result<Vec<u8>, Cause>` that threads may share is one;
/// implement the trait to borrow from the item where nothing needs replacing.
pub trait Extract: Send + Sync {
    /// The bytes to hash in place of `item`.
    ///
    /// # Errors
    /// Whatever the extract says; writing stops, verifying reports the record.
    fn extract<'a>(&self, item: &'a [u8]) -> Result<Cow<'a, [u8]>, Cause>;
}

impl<F> Extract for F
where
    F: Fn(&[u8]) -> Result<Vec<u8>, Cause> + Send + Sync,
{
    fn extract<'a>(&self, item: &'a [u8]) -> Result<Cow<'a, [u8]>, Cause> {
        self(item).map(Cow::Owned)
    }
}

impl fmt::Debug for dyn Extract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extract")
    }
}

/// The digest of one record's items, taken one after another.
#[derive(Clone, Debug, Default)]
pub struct RecordHasher(Sha256);

impl RecordHasher {
    /// A hasher that has seen no item.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the record's next item.
    ///
    /// # Errors
    /// [`Limit::Item`] above 2^32-1 bytes (an extract may answer with more
    /// than an item can hold).
    pub fn item(&mut self, item: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(item.len())
            .map_err(|_| Error::Limit(Limit::Item { length: item.len() as u64 }))?;
        self.0.update(length.to_le_bytes());
        self.0.update(item);
        Ok(())
    }

    /// The record's digest.
    #[must_use]
    pub fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

/// The bytes that a record's digest is the SHA-256 of, for a platform with a
/// SHA-256 of its own.
///
/// # Errors
/// [`Limit::Item`] above 2^32-1 bytes.
///
/// ```
/// use sealpack_core::format::digest::{record_digest, record_message};
/// use sha2::{Digest, Sha256};
///
/// let mut message = Vec::new();
/// record_message([&b"one"[..], b""], &mut message)?;
/// assert_eq!(message, b"\x03\0\0\0one\0\0\0\0");
/// assert_eq!(Sha256::digest(&message)[..], record_digest([&b"one"[..], b""])?);
/// # Ok::<(), sealpack_core::Error>(())
/// ```
pub fn record_message<'a>(
    items: impl IntoIterator<Item = &'a [u8]>,
    message: &mut Vec<u8>,
) -> Result<(), Error> {
    for item in items {
        let length = u32::try_from(item.len())
            .map_err(|_| Error::Limit(Limit::Item { length: item.len() as u64 }))?;
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(item);
    }
    Ok(())
}

/// The digest of a record that holds `items`.
///
/// # Errors
/// [`Limit::Item`] above 2^32-1 bytes.
///
/// ```
/// use sealpack_core::format::{ContentHasher, record_digest};
///
/// let mut hasher = ContentHasher::new();
/// hasher.record(&record_digest([&b"one"[..], b"two"])?);
/// assert_eq!(hasher.finish()[..4], [0x52, 0x51, 0x42, 0x3a]);
/// # Ok::<(), sealpack_core::Error>(())
/// ```
pub fn record_digest<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> Result<Hash, Error> {
    let mut hasher = RecordHasher::new();
    items.into_iter().try_for_each(|item| hasher.item(item))?;
    Ok(hasher.finish())
}

/// The content hash, fed with the records' digests in order. It keeps none of
/// them, so its size does not depend on the number of records.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// A hasher that has seen no record: SHA-256 of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the digest of the next record.
    pub fn record(&mut self, digest: &Hash) {
        self.0.update(digest);
    }

    /// The content hash.
    #[must_use]
    pub fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
