//! Several packs as one sequence of items.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sealpack_core::format::digest::Hash;

use super::identity::PackIdentity;
use super::manifest::{MemberPosition, PositionMap, SetManifest};
use super::open_members::OpenMembers;
use super::options::{MemberSource, PackSetOptions};
use crate::error::{Error, ErrorKind, IoOperation, SetFault};
use crate::panics::catch_panic;
use crate::read::Reader;
use crate::source::{FileSource, ReadAt};
use crate::trust::{DIGEST_LIST_ENDING, Trust, digest_list_path};

/// Several packs that are read as one sequence of items.
///
/// The items of the first member have the first positions, those of the second member
/// follow, and so on. Members are opened when they are needed, and a bounded number of
/// them [stays open](PackSetOptions::max_open). A set is `Send + Sync` and cheap to
/// clone.
///
/// When a member is opened, its size, number of items and content hash are compared with
/// the manifest; if the manifest has the root of its digest list, every record that is
/// read is authenticated. A member that is missing, damaged or another pack than the one
/// listed is an error with its path; other members can still be read.
///
/// ```
/// use sealpack::{PackIdentity, PackSet, SetManifest, SetMember, Writer};
///
/// # let folder = tempfile::tempdir()?;
/// # let at = |name: &str| folder.path().join(name);
/// let mut members = Vec::new();
/// for name in ["january.pack", "february.pack"] {
///     let mut writer = Writer::options().create(at(name))?;
///     for day in 1..=28 {
///         writer.append(format!("{name}, day {day}").as_bytes())?;
///     }
///     writer.finish()?;
///     members.push(SetMember { name: name.parse()?, identity: PackIdentity::of_file(at(name))? });
/// }
/// SetManifest::new(members)?.publish(at("set.json"), false)?;
///
/// let set = PackSet::open(at("set.json"))?;
/// assert_eq!(set.item_count(), 56);
/// assert_eq!(set.get(28)?, b"february.pack, day 1"[..]);
/// set.get_many(&[55, 0], |request, item| println!("{request}: {item:?}"))?;
/// assert_eq!(set.range(20..40)?.count(), 20);
/// assert!(set.verify().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PackSet {
    inner: Arc<PackSetInner>,
}

/// The state that the clones of a set share.
struct PackSetInner {
    name: PathBuf,
    members: Vec<MemberPack>,
    positions: PositionMap,
    manifest: Option<SetManifest>,
    /// Where the members come from, if they are not files at their paths.
    source: Option<Arc<dyn MemberSource>>,
    options: PackSetOptions,
    open: Mutex<OpenMembers>,
}

/// A member of an open set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPack {
    /// The path of the pack, or the text that stands for it.
    pub path: PathBuf,
    /// What the set states about the pack.
    pub identity: PackIdentity,
}

impl fmt::Debug for PackSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackSet")
            .field("name", &self.inner.name)
            .field("members", &self.members().len())
            .field("items", &self.item_count())
            .field("open", &self.open_count())
            .finish_non_exhaustive()
    }
}

impl PackSet {
    /// Opens the set that a manifest lists, with the default options.
    ///
    /// # Errors
    /// As [`PackSetOptions::open`].
    pub fn open(manifest: impl AsRef<Path>) -> Result<Self, Error> {
        Self::options().open(manifest)
    }

    /// Returns the default options of a set.
    pub fn options() -> PackSetOptions {
        PackSetOptions::default()
    }

    pub(super) fn new(
        options: PackSetOptions,
        name: &Path,
        members: Vec<MemberPack>,
        manifest: Option<SetManifest>,
        source: Option<Arc<dyn MemberSource>>,
    ) -> Self {
        let positions = PositionMap::new(members.iter().map(|member| member.identity.items));
        let open = Mutex::new(OpenMembers::new(options.max_open));
        let name = name.to_path_buf();
        let inner = PackSetInner { name, members, positions, manifest, source, options, open };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the item at `position`, counted from 0 through all members.
    ///
    /// # Errors
    /// [`SetFault::Position`] if there is no such item; those of
    /// [`reader`](Self::reader) and [`Reader::get`].
    pub fn get(&self, position: u64) -> Result<Bytes, Error> {
        let place = self.locate(position)?;
        self.reader(place.member)?.get(place.position)
    }

    /// Calls `take` with the item at `position`, and returns its result: as
    /// [`Reader::get_with`].
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_with<T>(&self, position: u64, take: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let place = self.locate(position)?;
        self.reader(place.member)?.get_with(place.position, take)
    }

    /// Reads the items at `positions`, which may be in any order and may repeat. Calls
    /// `take` on this thread once for each of them, with its index in `positions` and the
    /// item. The calls are made in the order of the members, and in the order of the file
    /// in each.
    ///
    /// # Errors
    /// [`SetFault::Position`] if a position does not exist, before anything is read;
    /// otherwise the error of the first member or record that cannot be read, after the
    /// items before it were passed to `take`.
    pub fn get_many(
        &self,
        positions: &[u64],
        mut take: impl FnMut(usize, Bytes),
    ) -> Result<(), Error> {
        let proceed = |request, item| {
            take(request, item);
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(()) = self.get_many_with(positions, proceed)?;
        Ok(())
    }

    /// As [`get_many`](Self::get_many); `take` may stop the reading. The call then
    /// returns the value of its `Break`.
    ///
    /// # Errors
    /// As [`get_many`](Self::get_many).
    pub fn get_many_with<B>(
        &self,
        positions: &[u64],
        mut take: impl FnMut(usize, Bytes) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        let wanted = self.inner.positions.by_member(positions);
        let wanted = wanted.map_err(|fault| self.error(fault))?;
        for batch in wanted.chunk_by(|(one, _), (other, _)| one.member == other.member) {
            let Some((first, _)) = batch.first() else { continue };
            let own: Vec<u32> = batch.iter().map(|(place, _)| place.position).collect();
            let read = self.reader(first.member)?.get_many_with(&own, |index, item| match batch
                .get(index)
            {
                Some((_, request)) => take(*request, item),
                None => ControlFlow::Continue(()),
            })?;
            if read.is_break() {
                return Ok(read);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns where the item at `position` lies.
    ///
    /// # Errors
    /// [`SetFault::Position`].
    pub fn locate(&self, position: u64) -> Result<MemberPosition, Error> {
        self.inner.positions.find(position).map_err(|fault| self.error(fault))
    }

    /// Returns the number of items in all members.
    #[must_use]
    pub fn item_count(&self) -> u64 {
        self.inner.positions.item_count()
    }

    /// Returns the members, in order.
    #[must_use]
    pub fn members(&self) -> &[MemberPack] {
        &self.inner.members
    }

    /// Returns the position of a member's first item in the set.
    ///
    /// # Errors
    /// [`SetFault::MemberNumber`].
    pub fn first_position(&self, member: usize) -> Result<u64, Error> {
        let positions = self.inner.positions.of(member);
        positions.map(|positions| positions.start).ok_or_else(|| self.no_member(member))
    }

    /// Returns the manifest; `None` for a set that was opened from paths.
    #[must_use]
    pub fn manifest(&self) -> Option<&SetManifest> {
        self.inner.manifest.as_ref()
    }

    /// Returns the path of the manifest, or the name that was given instead.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.inner.name
    }

    /// Returns the number of threads that read a member.
    pub(crate) fn threads(&self) -> usize {
        self.inner.options.reading.threads
    }

    /// Returns the number of members that are open now.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.lock().len()
    }

    /// Returns the reader of a member, and opens it if it is not open.
    ///
    /// # Errors
    /// Those of opening the pack and its digest list; [`SetFault::MemberSize`],
    /// [`SetFault::MemberItems`] or [`SetFault::MemberContentHash`] if it is another pack
    /// than the set lists; [`SetFault::MemberNumber`].
    pub fn reader(&self, member: usize) -> Result<Reader, Error> {
        if let Some(reader) = self.lock().find(member) {
            return Ok(reader);
        }
        // Closes them before the next file is opened, without the lock.
        let closed = self.lock().make_room();
        drop(closed);
        let pack = self.members().get(member).ok_or_else(|| self.no_member(member))?;
        // If two threads need the same member, both open it: neither waits for the other.
        let reader = self.open_member(member, self.trust_of(&pack.identity))?;
        self.lock().keep(member, &reader);
        Ok(reader)
    }

    /// Returns the hash that authenticates the records of a member, if there is one.
    fn trust_of(&self, identity: &PackIdentity) -> Option<Trust> {
        let by_root = identity.digest_root.map(Trust::root);
        let trusted: Option<Hash> = self.inner.options.trusted.and(identity.content_hash);
        by_root.or(trusted.map(Trust::content_hash))
    }

    /// Opens a member, and compares it with what the set states.
    pub(super) fn open_member(&self, member: usize, trust: Option<Trust>) -> Result<Reader, Error> {
        let pack = self.members().get(member).ok_or_else(|| self.no_member(member))?;
        let refused = |fault| Error::of_set(&pack.path, fault);
        let source = self.source_of(member, pack)?;
        if let Ok(Ok(size)) = catch_panic(|| source.size()) {
            pack.identity.check_size(size).map_err(refused)?;
        }
        let mut options = self.inner.options.reading.clone();
        options.trust = match trust {
            Some(trust) => Some(self.add_list(member, pack, trust)?),
            None => None,
        };
        let reader = options.open_source(source, &pack.path)?;
        let list = reader.trusted().map(|list| list.header().content_hash);
        let hashes = [reader.trailer().content_hash, list];
        pack.identity.check(reader.item_count(), hashes).map_err(refused)?;
        Ok(reader)
    }

    fn source_of(&self, member: usize, pack: &MemberPack) -> Result<Arc<dyn ReadAt>, Error> {
        match self.supplied_by_program(member, "", &pack.path) {
            Some(source) => source,
            None => Ok(Arc::new(FileSource::open(&pack.path)?)),
        }
    }

    /// Adds the digest list to `trust`, if it is not a file next to the pack.
    fn add_list(&self, member: usize, pack: &MemberPack, trust: Trust) -> Result<Trust, Error> {
        let path = digest_list_path(&pack.path);
        match self.supplied_by_program(member, DIGEST_LIST_ENDING, &path) {
            None => Ok(trust),
            Some(Ok(list)) => Ok(trust.digests_source(list, path)),
            Some(Err(error)) => {
                let kind = ErrorKind::DigestList(Arc::new(error));
                Err(Error::new(&Arc::new(pack.path.clone()), kind))
            }
        }
    }

    /// Opens a file with the program's own [`MemberSource`], if the set has one.
    fn supplied_by_program(
        &self,
        member: usize,
        suffix: &str,
        path: &Path,
    ) -> Option<Result<Arc<dyn ReadAt>, Error>> {
        let source = self.inner.source.as_ref()?;
        let name = &self.inner.manifest.as_ref()?.members().get(member)?.name;
        let opened = catch_panic(|| source.open(&format!("{name}{suffix}")));
        let failed = |kind| Error::new(&Arc::new(path.to_path_buf()), kind);
        Some(match opened {
            Ok(Ok(source)) => Ok(source),
            Ok(Err(error)) => Err(failed(opening(error))),
            Err(panic) => Err(failed(ErrorKind::Panicked(panic))),
        })
    }

    fn no_member(&self, member: usize) -> Error {
        self.error(SetFault::MemberNumber { member, members: self.members().len() })
    }

    pub(super) fn error(&self, fault: SetFault) -> Error {
        Error::of_set(&self.inner.name, fault)
    }

    /// The caller's code never runs while the lock is taken, so the state is consistent
    /// even after a panic.
    fn lock(&self) -> MutexGuard<'_, OpenMembers> {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the error of a source that the program failed to open. An error of this crate
/// that the program wrapped in an `io::Error` is unwrapped.
fn opening(error: io::Error) -> ErrorKind {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(own) => own.kind().clone(),
        None => ErrorKind::io(IoOperation::Opening, error),
    }
}
