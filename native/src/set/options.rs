//! How a set is read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sealpack_core::format::digest::Hash;

use crate::read::ReaderOptions;
use crate::source::ReadAt;

/// The default number of readers that a set keeps open: with a digest list each has two
/// files, and many systems allow a process 1024.
const OPEN: usize = 64;

/// Where the members of a set lie, if they are not files: implement it for anything that
/// stores packs under names.
pub trait MemberSource: Send + Sync {
    /// Returns the path of a file of the set, or the name for people in place of it:
    /// errors begin with it.
    fn path(&self, name: &str) -> PathBuf;

    /// Opens a file of the set: a member, or its digest list under the member's name
    /// followed by `.digests`.
    ///
    /// # Errors
    /// Any error of opening it.
    fn open(&self, name: &str) -> io::Result<Arc<dyn ReadAt>>;
}

/// How a set is read. Made by [`PackSet::options`](crate::PackSet::options).
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a set is opened with them"]
pub struct PackSetOptions {
    pub(super) reading: ReaderOptions,
    pub(super) max_open: usize,
    pub(super) trusted: Option<Hash>,
}

impl Default for PackSetOptions {
    fn default() -> Self {
        Self { reading: ReaderOptions::default(), max_open: OPEN, trusted: None }
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

    /// Sets how many members stay open between calls, at least one. Default: 64. A
    /// member has one open file, and another one if it has a digest root. A call that
    /// uses a member keeps it open until it ends.
    pub fn max_open(mut self, members: usize) -> Self {
        self.max_open = members.max(1);
        self
    }

    /// Authenticates the set against its root, which the caller has from a trusted
    /// source: every record of every member is then checked before any of its items is
    /// returned. Each member needs its digest list for that.
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
