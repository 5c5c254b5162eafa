//! The manifest of a set: its members in order, and the root over them.

use std::collections::HashSet;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use sealpack_core::format::digest::Hash;
use sha2::{Digest as _, Sha256};

use super::identity::PackIdentity;
use super::json;
use super::member::SetMember;
use crate::error::{Error, ErrorKind, IoOperation, SetFault};
use crate::publish::{PublishedFile, StagedFile};
use crate::source::{FileSource, ReadAt};

/// The manifest of a set: members in order, each with what identifies its pack, and one
/// root over all of them. A value of this type is consistent: the names are distinct and
/// lie below the manifest, and each member has a hash.
///
/// ```
/// use sealpack::{PackIdentity, SetManifest, SetMember};
///
/// let identity = PackIdentity {
///     items: 100,
///     size: 4711,
///     content_hash: Some([7; 32]),
///     digest_root: None,
/// };
/// let january = SetMember { name: "01.pack".parse()?, identity };
/// let february = SetMember { name: "02.pack".parse()?, identity };
/// let manifest = SetManifest::new(vec![january, february])?;
/// assert_eq!(manifest.item_count(), 200);
/// let place = manifest.locate(130).unwrap();
/// assert_eq!((place.member, place.position), (1, 30));
/// assert_eq!(SetManifest::parse(manifest.to_json().as_bytes())?, manifest);
/// # Ok::<(), sealpack::SetFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetManifest {
    members: Vec<SetMember>,
    positions: PositionMap,
    root: Hash,
}

/// Where an item of a set lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberPosition {
    /// The number of the member, counted from 0.
    pub member: usize,
    /// The position of the item in that pack.
    pub position: u32,
}

impl SetManifest {
    /// The largest manifest that a reader accepts, in bytes.
    pub const MAX_SIZE: u64 = json::MAX_SIZE;

    /// The maximum number of members of a set.
    pub const MAX_MEMBERS: usize = 1 << 18;

    /// Makes the manifest of these members, in this order.
    ///
    /// # Errors
    /// [`SetFault::MemberCount`], [`SetFault::Repeated`], [`SetFault::NoHash`].
    pub fn new(members: Vec<SetMember>) -> Result<Self, SetFault> {
        if members.len() > Self::MAX_MEMBERS {
            let (members, limit) = (members.len() as u64, Self::MAX_MEMBERS as u64);
            return Err(SetFault::MemberCount { members, limit });
        }
        let mut names = HashSet::with_capacity(members.len());
        for SetMember { name, identity } in &members {
            if !names.insert(name) {
                return Err(SetFault::Repeated { name: name.to_string() });
            }
            if identity.content_hash.or(identity.digest_root).is_none() {
                return Err(SetFault::NoHash { name: name.to_string() });
            }
        }
        let positions = PositionMap::new(members.iter().map(|member| member.identity.items));
        let root = root_of(&members);
        Ok(Self { members, positions, root })
    }

    /// Reads a manifest, and checks its root against its members.
    ///
    /// # Errors
    /// [`SetFault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SetFault> {
        let size = bytes.len() as u64;
        if size > Self::MAX_SIZE {
            return Err(SetFault::ManifestSize { size, limit: Self::MAX_SIZE });
        }
        let (members, stated) = json::parse(bytes)?;
        let manifest = Self::new(members)?;
        match manifest.root {
            computed if computed == stated => Ok(manifest),
            computed => Err(SetFault::Root { stated, computed }),
        }
    }

    /// Reads the manifest in a file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::NotAFile`], [`ErrorKind::Set`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let source = FileSource::open(path.as_ref())?;
        Self::open_source(source, path)
    }

    /// Reads the manifest in a source other than a file. Errors have `name` in place of
    /// the path.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_source(
        source: impl ReadAt + 'static,
        name: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let name = name.as_ref();
        let bytes = json::read(Arc::new(source), name)?;
        Self::parse(&bytes).map_err(|fault| Error::of_set(name, fault))
    }

    /// Returns the text of the manifest, which is the same whenever the members are.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::format(&self.members, &self.root)
    }

    /// Publishes the manifest as a file, whole or not at all. With `overwrite`, it
    /// replaces the manifest of that name: sets that are open keep the old members. Put
    /// packs in place before you publish the manifest that lists them.
    ///
    /// # Errors
    /// Those of [`StagedFile::create`] and [`StagedFile::publish`].
    ///
    /// ```
    /// use sealpack::{PackIdentity, PackSet, SetManifest, SetMember};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let at = |name: &str| folder.path().join(name);
    /// # for name in ["01.pack", "02.pack"] {
    /// #     let mut writer = sealpack::Writer::options().create(at(name))?;
    /// #     writer.append(name.as_bytes())?;
    /// #     writer.finish()?;
    /// # }
    /// let member = |name: &str| -> Result<SetMember, Box<dyn std::error::Error>> {
    ///     Ok(SetMember { name: name.parse()?, identity: PackIdentity::of_file(at(name))? })
    /// };
    /// SetManifest::new(vec![member("01.pack")?])?.publish(at("set.json"), false)?;
    ///
    /// // Another pack joins the set.
    /// let mut members = SetManifest::open(at("set.json"))?.members().to_vec();
    /// members.push(member("02.pack")?);
    /// SetManifest::new(members)?.publish(at("set.json"), true)?;
    /// assert_eq!(PackSet::open(at("set.json"))?.item_count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish(&self, path: impl AsRef<Path>, overwrite: bool) -> Result<PublishedFile, Error> {
        let mut staged = StagedFile::create(path, overwrite)?;
        let written = staged.write_all(self.to_json().as_bytes());
        written.map_err(|error| staged.error(ErrorKind::io(IoOperation::Writing, error)))?;
        staged.publish()
    }

    /// Returns the members, in order.
    #[must_use]
    pub fn members(&self) -> &[SetMember] {
        &self.members
    }

    /// Returns the number of items in all members.
    #[must_use]
    pub fn item_count(&self) -> u64 {
        self.positions.item_count()
    }

    /// Returns the root: 32 bytes that cover every member's name, number of items, size
    /// and hashes, and their order.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Returns where an item lies; `None` if the set does not have it.
    #[must_use]
    pub fn locate(&self, position: u64) -> Option<MemberPosition> {
        self.positions.locate(position)
    }

    /// Returns the position of a member's first item in the set; `None` if there is no
    /// such member.
    #[must_use]
    pub fn first_position(&self, member: usize) -> Option<u64> {
        self.positions.of(member).map(|positions| positions.start)
    }
}

/// The positions of each member's items in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PositionMap {
    /// The position after the last item of each member; below 2^50, since a set has at
    /// most 2^18 members.
    ends: Vec<u64>,
}

impl PositionMap {
    pub(crate) fn new(items: impl Iterator<Item = u32>) -> Self {
        let mut end = 0_u64;
        let ends = items.map(|items| {
            end += u64::from(items);
            end
        });
        Self { ends: ends.collect() }
    }

    pub(crate) fn item_count(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(crate) fn locate(&self, position: u64) -> Option<MemberPosition> {
        let member = self.ends.partition_point(|end| *end <= position);
        let positions = self.of(member)?;
        let position = u32::try_from(position.checked_sub(positions.start)?).ok()?;
        Some(MemberPosition { member, position })
    }

    /// Returns the positions of a member's items.
    pub(crate) fn of(&self, member: usize) -> Option<Range<u64>> {
        let end = *self.ends.get(member)?;
        let before = member.checked_sub(1).and_then(|before| self.ends.get(before));
        Some(before.copied().unwrap_or(0)..end)
    }

    /// Returns where each of these items lies, with its index in `positions`, in the
    /// order of the members.
    pub(crate) fn by_member(
        &self,
        positions: &[u64],
    ) -> Result<Vec<(MemberPosition, usize)>, SetFault> {
        let find = |(index, position): (usize, &u64)| Ok((self.find(*position)?, index));
        let mut found: Vec<_> = positions.iter().enumerate().map(find).collect::<Result<_, _>>()?;
        found.sort_by_key(|(place, _)| place.member);
        Ok(found)
    }

    /// Returns where an item lies.
    pub(crate) fn find(&self, position: u64) -> Result<MemberPosition, SetFault> {
        let items = self.item_count();
        self.locate(position).ok_or(SetFault::Position { position, items })
    }
}

/// The first bytes that are hashed for a member.
const MEMBER: [u8; 5] = *b"SLSM\x01";
/// The first bytes that are hashed for the root.
const ROOT: [u8; 5] = *b"SLSR\x01";

fn root_of(members: &[SetMember]) -> Hash {
    let mut root = Sha256::new();
    root.update(ROOT);
    // It fits: a set has at most MAX_MEMBERS members.
    root.update(u32::try_from(members.len()).unwrap_or(u32::MAX).to_le_bytes());
    for SetMember { name, identity } in members {
        let PackIdentity { items, size, content_hash, digest_root } = identity;
        let mut member = Sha256::new();
        member.update(MEMBER);
        member.update([u8::from(content_hash.is_some()) | u8::from(digest_root.is_some()) << 1]);
        member.update(items.to_le_bytes());
        member.update(size.to_le_bytes());
        member.update(content_hash.unwrap_or_default());
        member.update(digest_root.unwrap_or_default());
        member.update(name.as_str());
        root.update(member.finalize());
    }
    root.finalize().into()
}
