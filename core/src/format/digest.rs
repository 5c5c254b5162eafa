//! The content hash, which covers the items independently of the codec
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

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Replaces items by other bytes before they are hashed, such as the
/// decompressed form of items that were already compressed. Verification must
/// use the same extract as writing; the file does not record which one.
///
/// Every `Fn(&[u8]) -> Result<Vec<u8>, Cause>` that is `Send` and `Sync` is an
/// extract. Implement the trait yourself to return items unchanged without a
/// copy.
pub trait Extract: Send + Sync {
    /// The bytes to hash in place of `item`.
    ///
    /// # Errors
    /// Any error of the extract. Writing stops with it; verification reports the
    /// record.
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

/// Computes the digest of one record, item by item.
#[derive(Clone, Debug, Default)]
pub struct RecordHasher(Sha256);

impl RecordHasher {
    /// A hasher without items.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the record's next item.
    ///
    /// # Errors
    /// [`Limit::Item`] above 2^32-1 bytes (an extract may return more than an
    /// item can hold).
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

/// Appends the bytes whose SHA-256 is the record's digest to `message`, for a
/// platform with its own SHA-256.
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

/// Computes the content hash from the records' digests in order. It stores none
/// of them, so its size does not depend on the number of records.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// A hasher without records: the SHA-256 of the empty string.
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
