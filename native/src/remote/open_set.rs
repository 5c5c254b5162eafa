//! Opens sets in stores: from a manifest, or from a prefix.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use sealpack_core::format::digest::Hash;

use super::location::Location;
use super::options::RemoteReaderOptions;
use super::pack_set::{RemoteMember, RemotePackSet};
use crate::error::{Error, ErrorKind, SetFault};
use crate::set::{DEFAULT_MAX_OPEN, PackIdentity, SetManifest, SetMember};

/// How many packs of a prefix are opened concurrently.
const OPENED_TOGETHER: usize = 8;

/// Options for reading a set in a store. Made by [`RemotePackSet::options`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a set is opened with them"]
pub struct RemotePackSetOptions {
    reading: RemoteReaderOptions,
    max_open: usize,
    trusted: Option<Hash>,
}

impl Default for RemotePackSetOptions {
    fn default() -> Self {
        let reading = RemoteReaderOptions::default();
        Self { reading, max_open: DEFAULT_MAX_OPEN, trusted: None }
    }
}

impl RemotePackSet {
    /// Opens the set whose manifest is at `manifest`, with the default options.
    ///
    /// # Errors
    /// As [`RemotePackSetOptions::open`].
    pub async fn open(manifest: &Location) -> Result<Self, Error> {
        Self::options().open(manifest).await
    }

    /// Returns the default options of a set.
    pub fn options() -> RemotePackSetOptions {
        RemotePackSetOptions::default()
    }
}

impl RemotePackSetOptions {
    /// As [`PackSetOptions::reading`](crate::PackSetOptions::reading).
    pub fn reading(mut self, options: RemoteReaderOptions) -> Self {
        self.reading = options;
        self
    }

    /// Sets how many members stay open between calls, at least one. Default: 64. An open
    /// member takes the memory of its directory ([`RemoteReader::memory`]). Opening one
    /// takes a request, and another for its digest list.
    ///
    /// [`RemoteReader::memory`]: super::RemoteReader::memory
    pub fn max_open(mut self, members: usize) -> Self {
        self.max_open = members.max(1);
        self
    }

    /// As [`PackSetOptions::trust_root`](crate::PackSetOptions::trust_root).
    pub fn trust_root(mut self, root: Hash) -> Self {
        self.trusted = Some(root);
        self
    }

    /// Opens the set whose manifest is at `manifest`; the members are below the prefix that
    /// contains it. Makes one request, for the manifest.
    ///
    /// # Errors
    /// [`ErrorKind::Set`]; [`ErrorKind::Io`], with [`Error::store`].
    pub async fn open(self, manifest: &Location) -> Result<RemotePackSet, Error> {
        let location = manifest;
        let bytes = location.fetch_whole(SetManifest::MAX_SIZE).await;
        let bytes = bytes.map_err(|kind| location.error(kind))?;
        let refused = |fault| location.error(ErrorKind::Set(fault));
        let manifest = SetManifest::parse(&bytes).map_err(refused)?;
        if let Some(trusted) = self.trusted
            && trusted != manifest.root()
        {
            return Err(refused(SetFault::Untrusted { trusted, found: manifest.root() }));
        }
        let member = |member: &SetMember| RemoteMember {
            location: location.member(&member.name),
            identity: member.identity,
            version: None,
        };
        let members = manifest.members().iter().map(member).collect();
        Ok(self.set(location, members, Some(manifest)))
    }

    /// Opens the packs below a prefix as one set: the objects whose names end in
    /// `.pack`, in the order of their paths. One request lists a thousand objects, and
    /// one more opens each pack for its number of items. A pack that is replaced
    /// afterwards is an error. A [trusted root](Self::trust_root) needs a manifest, and
    /// is ignored.
    ///
    /// # Errors
    /// Those of [`Location::list`] and of opening a pack.
    pub async fn open_prefix(self, prefix: &Location) -> Result<RemotePackSet, Error> {
        let found = prefix.list().await?;
        let packs = found.into_iter().filter(|(at, _)| at.path().as_ref().ends_with(".pack"));
        let opened = stream::iter(packs).map(|(location, version)| {
            let options = self.reading.clone();
            async move {
                let reader = options.open_version(&location, version.clone()).await?;
                let identity = PackIdentity {
                    items: reader.item_count(),
                    size: version.size(),
                    content_hash: reader.trailer().content_hash,
                    digest_root: None,
                };
                Ok(RemoteMember { location, identity, version: Some(version) })
            }
        });
        let members = opened.buffered(OPENED_TOGETHER).try_collect::<Vec<_>>().await?;
        Ok(self.set(prefix, members, None))
    }

    fn set(
        self,
        location: &Location,
        members: Vec<RemoteMember>,
        manifest: Option<SetManifest>,
    ) -> RemotePackSet {
        let Self { reading, max_open, trusted } = self;
        RemotePackSet::new(location, members, manifest, reading, max_open, trusted.is_some())
    }
}
