//! The source of unpacked items: a pack, or a set of packs.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::read::Directory;

use super::plan::PlannedFile;
use crate::error::Error;
use crate::read::Reader;
use crate::set::{MemberPosition, PackSet};

/// Stored bytes of the records that a worker reads at a time.
const CHUNK_BYTES: u64 = 1 << 20;
/// Items that a worker takes at a time.
const CHUNK_ITEMS: usize = 4096;

/// The source of unpacked items: a pack, or a set, whose positions count through all
/// members. A reference to either converts into it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum UnpackSource<'a> {
    /// A pack.
    Pack(&'a Reader),
    /// A set. A member is opened when the first of its items is read.
    Set(&'a PackSet),
}

impl<'a> From<&'a Reader> for UnpackSource<'a> {
    fn from(reader: &'a Reader) -> Self {
        Self::Pack(reader)
    }
}

impl<'a> From<&'a PackSet> for UnpackSource<'a> {
    fn from(set: &'a PackSet) -> Self {
        Self::Set(set)
    }
}

impl UnpackSource<'_> {
    /// Returns the number of threads that read.
    pub(super) fn threads(self) -> usize {
        match self {
            Self::Pack(reader) => reader.threads(),
            Self::Set(set) => set.threads(),
        }
    }

    /// Fails for a position that does not exist.
    pub(super) fn check(self, position: u64) -> Result<(), Error> {
        match self {
            Self::Pack(reader) => {
                let checked = reader.directory().place(in_pack(position));
                let path = || Arc::new(Path::to_path_buf(reader.path()));
                checked.map(|_| ()).map_err(|error| Error::new(&path(), error.into()))
            }
            Self::Set(set) => set.locate(position).map(|_| ()),
        }
    }

    /// Returns the member and the record of an item.
    pub(super) fn record_of(self, position: u64) -> Result<(usize, u32), Error> {
        let record = |reader: &Reader, at: u32| at / reader.trailer().items_per_record.max(1);
        match self {
            Self::Pack(reader) => Ok((0, record(reader, in_pack(position)))),
            Self::Set(set) => {
                let MemberPosition { member, position } = set.locate(position)?;
                Ok((member, record(&set.reader(member)?, position)))
            }
        }
    }

    /// Reads items, as [`Reader::get_many_with`].
    pub(super) fn get_many_with<B>(
        self,
        positions: &[u64],
        take: impl FnMut(usize, Bytes) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        match self {
            Self::Pack(reader) => {
                let positions: Vec<u32> = positions.iter().map(|at| in_pack(*at)).collect();
                reader.get_many_with(&positions, take)
            }
            Self::Set(set) => set.get_many_with(positions, take),
        }
    }

    /// Divides files into the runs of neighbouring items that a worker takes at a time.
    pub(super) fn chunks(self, files: &[PlannedFile]) -> Result<Vec<Range<usize>>, Error> {
        match self {
            Self::Pack(reader) => Ok(chunks_of_pack(files, reader.directory())),
            Self::Set(set) => chunks_of_set(files, set),
        }
    }
}

/// Converts a position in a pack to 32 bits. A larger one becomes the largest, at which no
/// pack has an item.
fn in_pack(position: u64) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Divides the files of a pack into runs of neighbouring records.
fn chunks_of_pack(files: &[PlannedFile], directory: &Directory) -> Vec<Range<usize>> {
    let per_record = directory.trailer().items_per_record.max(1);
    let mut chunks = Vec::new();
    let (mut start, mut bytes, mut last) = (0, 0_u64, None);
    for (at, file) in files.iter().enumerate() {
        let number = in_pack(file.position) / per_record;
        if last != Some(number) {
            let is_neighbour = last.is_none_or(|last: u32| last.checked_add(1) == Some(number));
            if !is_neighbour || bytes >= CHUNK_BYTES || at - start >= CHUNK_ITEMS {
                chunks.push(start..at);
                (start, bytes) = (at, 0);
            }
            bytes = bytes.saturating_add(directory.record(number).map_or(0, |place| place.size()));
            last = Some(number);
        }
    }
    if start < files.len() {
        chunks.push(start..files.len());
    }
    chunks
}

/// Divides the files of a set into runs of items of one member each. Records are not known
/// before a member is open, so two runs may share a record.
fn chunks_of_set(files: &[PlannedFile], set: &PackSet) -> Result<Vec<Range<usize>>, Error> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes, mut last) = (0, 0_u64, None);
    for (at, file) in files.iter().enumerate() {
        let MemberPosition { member, .. } = set.locate(file.position)?;
        let is_other = last.is_some_and(|last| last != member);
        if is_other || bytes >= CHUNK_BYTES || at - start >= CHUNK_ITEMS {
            chunks.push(start..at);
            (start, bytes) = (at, 0);
        }
        let identity = set.members().get(member).map(|pack| pack.identity);
        bytes += identity.map_or(0, |pack| pack.size / u64::from(pack.items).max(1));
        last = Some(member);
    }
    if start < files.len() {
        chunks.push(start..files.len());
    }
    Ok(chunks)
}
