//! The packs that an argument names: one pack, or the members of a set.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use sealpack::core::Error as PackError;
use sealpack::core::error::{Fault, Misuse};
use sealpack::core::format::{Trailer, trailer};
use sealpack::{
    Bytes, Error, FileSource, PackSet, ReadAt as _, Reader, ReaderOptions, SetManifest,
    UnpackSource,
};

use super::location::{PackLocation, PackSource};
use super::read_args::ReadArgs;
use super::trust_args::TrustArgs;
use crate::outcome::Failure;

/// The end of a manifest's name, by which commands recognize it.
pub const MANIFEST_ENDING: &str = ".json";

/// The packs of an argument as one sequence of items.
pub enum PackSequence {
    /// One pack.
    Pack(Box<Reader>),
    /// The members of a set.
    Set(PackSet),
}

/// Items of one pack of a sequence.
pub struct SequencePart {
    /// The pack.
    pub reader: Reader,
    /// The position of its first item in the sequence.
    pub first: u64,
    /// The positions in the pack.
    pub positions: Range<u32>,
}

impl PackSequence {
    /// Opens the pack or the set that an argument names.
    ///
    /// # Errors
    /// [`Failure::Pack`]; [`Failure::Usage`].
    pub fn open(reading: &ReadArgs, path: &Path) -> Result<Self, Failure> {
        match open_set(reading, path)? {
            Some(set) => Ok(Self::Set(set)),
            None => Ok(Self::Pack(Box::new(reading.open(path)?))),
        }
    }

    /// Returns the number of items.
    pub fn item_count(&self) -> u64 {
        match self {
            Self::Pack(reader) => reader.item_count().into(),
            Self::Set(set) => set.item_count(),
        }
    }

    /// Reads the items at some positions, as [`Reader::get_many_with`].
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn get_many_with<B>(
        &self,
        positions: &[u64],
        take: impl FnMut(usize, Bytes) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Failure> {
        match self {
            Self::Pack(reader) => {
                let positions: Vec<u32> = positions.iter().map(|at| in_pack(*at)).collect();
                Ok(reader.get_many_with(&positions, take)?)
            }
            Self::Set(set) => Ok(set.get_many_with(positions, take)?),
        }
    }

    /// Calls `take` with the items at some positions, on several threads, as
    /// [`Reader::get_many_unordered`].
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn get_many_unordered(
        &self,
        positions: &[u64],
        take: impl Fn(usize, &[u8]) + Sync,
    ) -> Result<(), Failure> {
        match self {
            Self::Pack(reader) => {
                let positions: Vec<u32> = positions.iter().map(|at| in_pack(*at)).collect();
                Ok(reader.get_many_unordered(&positions, take)?)
            }
            Self::Set(set) => Ok(set.get_many(positions, |request, item| take(request, &item))?),
        }
    }

    /// Returns the size of the records in bytes; for a set, the size of its packs.
    pub fn stored_bytes(&self) -> u64 {
        match self {
            Self::Pack(reader) => reader.directory().records_end(),
            Self::Set(set) => set.members().iter().map(|pack| pack.identity.size).sum(),
        }
    }

    /// Returns the items at a range of positions, in order.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn range(
        &self,
        positions: Range<u64>,
    ) -> Result<Box<dyn Iterator<Item = Result<Bytes, Error>>>, Failure> {
        Ok(match self {
            Self::Pack(reader) => {
                Box::new(reader.range(in_pack(positions.start)..in_pack(positions.end))?)
            }
            Self::Set(set) => Box::new(set.range(positions)?),
        })
    }

    /// Returns the path of the pack or of the manifest.
    pub fn path(&self) -> &Path {
        match self {
            Self::Pack(reader) => reader.path(),
            Self::Set(set) => set.name(),
        }
    }

    /// Returns the pack, unless the sequence is a set.
    pub fn pack(&self) -> Option<&Reader> {
        match self {
            Self::Pack(reader) => Some(reader),
            Self::Set(_) => None,
        }
    }

    /// Returns the set, if the sequence is one.
    pub fn set(&self) -> Option<&PackSet> {
        match self {
            Self::Pack(_) => None,
            Self::Set(set) => Some(set),
        }
    }

    /// Returns what the items are unpacked from.
    pub fn unpack_source(&self) -> UnpackSource<'_> {
        match self {
            Self::Pack(reader) => (&**reader).into(),
            Self::Set(set) => set.into(),
        }
    }

    /// Returns the failure for a position that the sequence does not have.
    pub fn no_item(&self, path: &Path, position: u64) -> Failure {
        match self {
            Self::Pack(reader) => {
                let items = reader.item_count();
                let misuse = Misuse::Position { position, items };
                Failure::Position { path: path.to_path_buf(), misuse }
            }
            Self::Set(set) => match set.locate(position) {
                Err(error) => Failure::Pack(error),
                // One past the last position, which the set does not have.
                Ok(_) => Failure::usage(format!("no item at position {position}")),
            },
        }
    }

    /// Returns the parts of a range of positions, in order. A member of a set is opened
    /// when its part is taken.
    pub fn parts(
        &self,
        range: Range<u64>,
    ) -> Box<dyn Iterator<Item = Result<SequencePart, Failure>> + '_> {
        let set = match self {
            Self::Set(set) => set,
            Self::Pack(reader) => {
                let positions = part_of(&range, 0, reader.item_count());
                let reader = (**reader).clone();
                return Box::new([Ok(SequencePart { reader, first: 0, positions })].into_iter());
            }
        };
        let mut first = 0_u64;
        Box::new(set.members().iter().enumerate().filter_map(move |(member, pack)| {
            let (own, items) = (first, pack.identity.items);
            first += u64::from(items);
            let positions = part_of(&range, own, items);
            let part = |reader| SequencePart { reader, first: own, positions: positions.clone() };
            (!positions.is_empty()).then(|| Ok(part(set.reader(member)?)))
        }))
    }
}

/// Converts a position in a pack to 32 bits. A larger one becomes the largest, at which no
/// pack has an item.
fn in_pack(position: u64) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The part of a range that lies in a pack whose first item is at `first`.
fn part_of(range: &Range<u64>, first: u64, items: u32) -> Range<u32> {
    let within = |position: u64| {
        u32::try_from(position.saturating_sub(first)).map_or(items, |within| within.min(items))
    };
    within(range.start)..within(range.end)
}

/// Opens the set whose manifest an argument names; `None` if it names something else.
///
/// # Errors
/// [`Failure::Pack`]; [`Failure::Usage`] if an option does not apply to sets.
pub fn open_set(reading: &ReadArgs, path: &Path) -> Result<Option<PackSet>, Failure> {
    open_set_with(reading, path, |options| options)
}

/// As [`open_set`], for members that are read with the options that `change` returns.
///
/// # Errors
/// As there.
pub fn open_set_with(
    reading: &ReadArgs,
    path: &Path,
    change: fn(ReaderOptions) -> ReaderOptions,
) -> Result<Option<PackSet>, Failure> {
    let location = reading.location(path)?;
    if !is_manifest(&location) {
        return Ok(None);
    }
    let options = change(reading.untrusted_options()?);
    open_members(path, location, reading.trusting(), reading.ignores_e_tags(), options).map(Some)
}

/// Opens the set whose manifest is at `location`.
///
/// # Errors
/// As [`open_set`].
pub fn open_members(
    #[cfg_attr(not(feature = "remote"), allow(unused_variables, reason = "a file needs none"))]
    path: &Path,
    location: PackLocation,
    trusting: &TrustArgs,
    #[cfg_attr(not(feature = "remote"), allow(unused_variables, reason = "files have no ETags"))]
    ignores_e_tags: bool,
    reading: ReaderOptions,
) -> Result<PackSet, Failure> {
    if trusting.list().is_some() {
        return Err(Failure::usage(
            "--digests names the digest list of one pack; the lists of a set are next to its packs",
        ));
    }
    let mut options = PackSet::options();
    if let Some(root) = trusting.trust {
        options = options.trust_root(root);
    }
    let opened = location.open(reading)?;
    let options = options.reading(opened.options);
    match location {
        PackLocation::File(path) => Ok(options.open(path)?),
        #[cfg(feature = "remote")]
        PackLocation::Store(url, _) => {
            let members = store::StoreMembers::next_to(path, &url, ignores_e_tags)?;
            let manifest = SetManifest::open_source(opened.source, &opened.name)?;
            Ok(options.open_source(manifest, members, opened.name)?)
        }
    }
}

/// Reads the manifest that an argument names.
///
/// # Errors
/// [`Failure::Pack`]; [`Failure::Usage`] if a URL names no object.
pub fn open_manifest(path: &Path) -> Result<SetManifest, Failure> {
    let PackSource { source, name, .. } = PackLocation::of(path)?.open(Reader::options())?;
    Ok(SetManifest::open_source(source, name)?)
}

/// Returns whether a location is that of a manifest: its name ends in `.json`, and the
/// file does not end with the trailer of a pack.
pub fn is_manifest(location: &PackLocation) -> bool {
    match location {
        PackLocation::File(path) => {
            let name = path.as_os_str().as_encoded_bytes();
            name.ends_with(MANIFEST_ENDING.as_bytes()) && !path.is_dir() && !ends_as_a_pack(path)
        }
        #[cfg(feature = "remote")]
        PackLocation::Store(url, _) => url.key().ends_with(MANIFEST_ENDING),
    }
}

/// Returns whether a file ends with the trailer of a pack, even a damaged one.
fn ends_as_a_pack(path: &Path) -> bool {
    let mut end = [0; trailer::SIZE];
    let read = FileSource::open(path).ok().and_then(|file| {
        let offset = file.size().ok()?.checked_sub(trailer::SIZE as u64)?;
        file.read_exact_at(&mut end, offset).ok()
    });
    let fault = match Trailer::decode(&end) {
        Err(PackError::Corrupt { fault, .. }) => Some(fault),
        _ => None,
    };
    read.is_some() && !matches!(fault, Some(Fault::Magic { .. }))
}

#[cfg(feature = "remote")]
mod store {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    use sealpack::{MemberSource, ReadAt, Reader};

    use crate::command::location::PackLocation;
    use crate::outcome::Failure;
    use crate::stores::{Service, StoreUrl};

    /// The characters of a member's name that are escaped in a web URL.
    const ESCAPED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    /// The members of a set whose manifest has a URL.
    pub struct StoreMembers {
        /// The URL up to the last slash.
        folder: String,
        is_web: bool,
        ignores_e_tags: bool,
    }

    impl StoreMembers {
        /// Makes the source of the members next to the manifest at this URL.
        pub fn next_to(
            manifest: &Path,
            url: &StoreUrl,
            ignores_e_tags: bool,
        ) -> Result<Self, Failure> {
            if url.query().is_some() {
                return Err(Failure::usage(format!(
                    "{url}: the query of a manifest's URL is not valid for its packs; use a URL \
                     without a query"
                )));
            }
            let text = manifest.to_str().unwrap_or_default();
            let folder = text.rsplit_once('/').map_or(text, |(folder, _)| folder).to_string();
            Ok(Self { folder, is_web: url.service() == Service::Http, ignores_e_tags })
        }

        fn url_of(&self, name: &str) -> String {
            match self.is_web {
                true => format!("{}/{}", self.folder, utf8_percent_encode(name, ESCAPED)),
                false => format!("{}/{name}", self.folder),
            }
        }
    }

    impl MemberSource for StoreMembers {
        fn path(&self, name: &str) -> PathBuf {
            let url = self.url_of(name);
            StoreUrl::parse(&url).map_or_else(|_| name.into(), |url| url.to_string().into())
        }

        fn open(&self, name: &str) -> io::Result<Arc<dyn ReadAt>> {
            let location = PackLocation::of(Path::new(&self.url_of(name)));
            let location = location.map(|it| it.ignoring_e_tags(self.ignores_e_tags));
            match location.and_then(|location| location.open(Reader::options())) {
                Ok(opened) => Ok(opened.source),
                Err(Failure::Pack(error)) => Err(error.into()),
                Err(failure) => Err(io::Error::other(failure.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_range_in_a_pack_is_counted_from_its_first_item() {
        assert_eq!(part_of(&(5..25), 10, 10), 0..10);
        assert_eq!(part_of(&(12..15), 10, 10), 2..5);
        assert_eq!(part_of(&(0..10), 10, 10), 0..0);
        assert!(part_of(&(20..30), 10, 10).is_empty());
        assert_eq!(part_of(&(0..u64::MAX), 1 << 40, 7), 0..7);
    }
}
