//! Options for reading a set.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sealpack_core::format::digest::Hash;

use crate::read::ReaderOptions;
use crate::source::ReadAt;

/// The default number of readers that a set keeps open. A reader with a digest list has
/// two open files, and many systems allow a process 1024.
pub(crate) const DEFAULT_MAX_OPEN: usize = 64;

/// Opens the members of a set that are not files. Implement it for anything that stores
/// packs under names.
pub trait MemberSource: Send + Sync {
    /// Returns the path of a file of the set, or a text that stands for it. Error messages
    /// begin with it.
    fn path(&self, name: &str) -> PathBuf;

    /// Opens a file of the set: the member with this name, or its digest list, whose name
    /// is that of the member followed by `.digests`.
    ///
    /// # Errors
    /// Any error of opening it.
    fn open(&self, name: &str) -> io::Result<Arc<dyn ReadAt>>;
}

/// Options for reading a set. Made by [`PackSet::options`](crate::PackSet::options).
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a set is opened with them"]
pub struct PackSetOptions {
    pub(super) reading: ReaderOptions,
    pub(super) max_open: usize,
    pub(super) trusted: Option<Hash>,
}

impl Default for PackSetOptions {
    fn default() -> Self {
        Self { reading: ReaderOptions::default(), max_open: DEFAULT_MAX_OPEN, trusted: None }
    }
}

impl PackSetOptions {
    /// Sets how each member is read. All members share its
    /// [`cache`](ReaderOptions::cache); the set chooses the hash to
    /// [`trust`](ReaderOptions::trust).
    pub fn reading(mut self, options: ReaderOptions) -> Self {
        self.reading = options;
        self
    }

    /// Sets how many members stay open between calls, at least one. Default: 64. An open
    /// member has one open file, or two if the manifest has its digest root. A member is
    /// not closed while a call uses it.
    pub fn max_open(mut self, members: usize) -> Self {
        self.max_open = members.max(1);
        self
    }

    /// Authenticates the set against its root, which the caller has from a trusted source:
    /// every record of every member is authenticated before any of its items is returned.
    /// This needs the digest list of each member.
    ///
    /// Without a trusted root, records of members with a digest root are still checked
    /// against the manifest, whose origin then decides whether they are authentic.
    pub fn trust_root(mut self, root: Hash) -> Self {
        self.trusted = Some(root);
        self
    }
}

impl fmt::Debug for dyn MemberSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberSource")
    }
}
