//! What identifies a pack in a set.

use std::path::Path;

use sealpack_core::format::digest::{ContentHasher, Hash};

use crate::error::{Error, SetFault};
use crate::read::Reader;
use crate::trust::{DigestListReader, Trust, digest_list_path};

/// What a set states about a pack.
///
/// When a member is opened, its size, its number of items and, if it stores one, its
/// content hash are compared with these. With a digest root every record that is read
/// is authenticated; with a content hash only a verification of the whole pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackIdentity {
    /// The number of items.
    pub items: u32,
    /// The size of the file in bytes.
    pub size: u64,
    /// The content hash, whether or not the pack stores it.
    pub content_hash: Option<Hash>,
    /// The root of the digest list next to the pack.
    pub digest_root: Option<Hash>,
}

impl PackIdentity {
    /// Identifies the pack at `path`. If there is a digest list next to it, the list is
    /// checked against the pack, and its root is part of the identity. All records are
    /// read only if the pack has neither a content hash nor a list.
    ///
    /// # Errors
    /// Those of opening the pack, also if the digest list next to it belongs to another
    /// pack.
    ///
    /// ```
    /// use sealpack::{PackIdentity, Writer};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.pack");
    /// let mut writer = Writer::options().digest_list(true).create(&path)?;
    /// writer.append(b"an item")?;
    /// let sealed = writer.finish()?;
    ///
    /// let identity = PackIdentity::of_file(&path)?;
    /// assert_eq!(identity.items, 1);
    /// assert_eq!(identity.digest_root, sealed.digests.map(|list| list.root));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let list = digest_list_path(path);
        if !list.exists() {
            return Self::of(&Reader::open(path)?);
        }
        let root = DigestListReader::open(list)?.header().root();
        Self::of(&Reader::open_trusted(path, Trust::root(root))?)
    }

    /// Identifies a pack that is open. The digest root is that of the list that the
    /// reader trusts. All records are read if the pack stores no content hash and the
    /// reader trusts no list.
    ///
    /// # Errors
    /// Those of reading the records.
    pub fn of(reader: &Reader) -> Result<Self, Error> {
        let list = reader.trusted().map(|list| list.header());
        let known = reader.trailer().content_hash.or(list.map(|header| header.content_hash));
        let content_hash = match known {
            Some(hash) => hash,
            None => computed_content_hash(reader)?,
        };
        Ok(Self {
            items: reader.item_count(),
            size: reader.file_size(),
            content_hash: Some(content_hash),
            digest_root: list.map(|header| header.root()),
        })
    }

    /// Returns what the trailer and the file size of an open pack state. Reads nothing.
    pub(super) fn stated_by(reader: &Reader) -> Self {
        Self {
            items: reader.item_count(),
            size: reader.file_size(),
            content_hash: reader.trailer().content_hash,
            digest_root: None,
        }
    }

    /// Checks the size of the file.
    pub(crate) fn check_size(&self, found: u64) -> Result<(), SetFault> {
        match self.size {
            listed if listed == found => Ok(()),
            listed => Err(SetFault::MemberSize { listed, found }),
        }
    }

    /// Checks the number of items and the content hashes that an open pack states: the one
    /// in its trailer, and the one in the digest list that authenticates it.
    pub(crate) fn check(
        &self,
        items: u32,
        content_hashes: [Option<Hash>; 2],
    ) -> Result<(), SetFault> {
        if items != self.items {
            return Err(SetFault::MemberItems { listed: self.items, found: items });
        }
        let Some(listed) = self.content_hash else { return Ok(()) };
        match content_hashes.into_iter().flatten().find(|found| *found != listed) {
            Some(found) => Err(SetFault::MemberContentHash { listed, found }),
            None => Ok(()),
        }
    }
}

fn computed_content_hash(reader: &Reader) -> Result<Hash, Error> {
    let mut hasher = ContentHasher::new();
    for digest in reader.record_digests(0..reader.directory().record_count())? {
        hasher.record(&digest?);
    }
    Ok(hasher.finish())
}
