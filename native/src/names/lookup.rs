//! The names of an open pack.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sealpack_core::error::Misuse;
use sealpack_core::names::{NameBlock, NameLookup, NamesSection};

use crate::error::{Error, ErrorKind};
use crate::zstd::ZstdDecoder;

/// The names of a pack's items: by position, in order, and positions by name.
/// Returned by [`Reader::names`](crate::Reader::names).
///
/// A name is any bytes but NUL; an empty name means that the item has none. Several
/// items may have the same name. Names stay compressed in memory: a call decodes the
/// blocks of about 64 KiB that it needs, and the last eight are kept.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// let mut writer = sealpack::Writer::options().create(&path)?;
/// writer.append_named(b"src/lib.rs", b"pub mod names;")?;
/// writer.append_named(b"src/main.rs", b"fn main() {}")?;
/// writer.finish()?;
///
/// let reader = sealpack::Reader::open(&path)?;
/// let names = reader.names()?.unwrap();
/// assert_eq!(names.get(0)?, b"src/lib.rs"[..]);
/// for position in names.find(b"src/main.rs")? {
///     assert_eq!(reader.get(position)?, b"fn main() {}"[..]);
/// }
/// for named in names.iter() {
///     let (position, name) = named?;
///     assert!(position < 2 && name.starts_with(b"src/"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Names` is `Send + Sync` and cheap to clone: clones share the decoded blocks.
#[derive(Clone)]
pub struct Names {
    shared: Arc<SharedNames>,
}

struct SharedNames {
    path: Arc<PathBuf>,
    section: NamesSection,
    lookup: Mutex<NameLookup>,
    decoder: ZstdDecoder,
}

impl Names {
    pub(crate) fn new(path: Arc<PathBuf>, section: NamesSection) -> Self {
        let lookup = Mutex::new(NameLookup::new(section.clone()));
        let decoder = ZstdDecoder::default();
        Self { shared: Arc::new(SharedNames { path, section, lookup, decoder }) }
    }

    /// Returns the number of names, which is the number of items.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.shared.section.count()
    }

    /// Returns whether the pack has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the names are in ascending order.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        self.shared.section.is_sorted()
    }

    /// Returns the name of the item at `position`; empty if it has none.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if there is no such item or the names are damaged.
    pub fn get(&self, position: u32) -> Result<Bytes, Error> {
        let name = self.with_lookup(|lookup, decoder| lookup.name(position, decoder))?;
        // A view would keep the whole block in memory.
        Ok(Bytes::copy_from_slice(&name))
    }

    /// Returns the positions of all items with this name, ascending: none if no item
    /// has it, and none for the empty name.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if the names are damaged, or if more than a million items
    /// have this name.
    pub fn find(&self, name: &[u8]) -> Result<Vec<u32>, Error> {
        self.with_lookup(|lookup, decoder| lookup.find(name, decoder))
    }

    /// Returns all names with their positions, in order of position. Each block is
    /// decoded once.
    #[must_use]
    pub fn iter(&self) -> ItemNames {
        ItemNames { names: self.clone(), positions: 0..self.len(), block: None }
    }

    /// Returns the names of these positions, as [`iter`](Self::iter).
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if the start exceeds the end, or if the pack does not have
    /// all these items.
    pub fn range(&self, positions: Range<u32>) -> Result<ItemNames, Error> {
        let Range { start, end } = positions;
        let misuse = if start > end {
            Some(Misuse::Range { start, end })
        } else if end > self.len() {
            Some(Misuse::Position { position: u64::from(end) - 1, items: self.len() })
        } else {
            None
        };
        match misuse {
            Some(misuse) => Err(self.error(sealpack_core::Error::Misuse(misuse))),
            None => Ok(ItemNames { names: self.clone(), positions, block: None }),
        }
    }

    /// Returns the size of the names in the pack, compressed, in bytes.
    #[must_use]
    pub fn stored_size(&self) -> u64 {
        self.shared.section.stored_size()
    }

    fn with_lookup<T>(
        &self,
        look_up: impl FnOnce(&mut NameLookup, &ZstdDecoder) -> Result<T, sealpack_core::Error>,
    ) -> Result<T, Error> {
        let mut lookup = self.shared.lookup.lock().unwrap_or_else(PoisonError::into_inner);
        look_up(&mut lookup, &self.shared.decoder).map_err(|error| self.error(error))
    }

    fn error(&self, error: sealpack_core::Error) -> Error {
        Error::new(&self.shared.path, ErrorKind::Pack(error))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names")
            .field("path", &self.shared.path)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl IntoIterator for &Names {
    type Item = Result<(u32, Bytes), Error>;
    type IntoIter = ItemNames;

    fn into_iter(self) -> ItemNames {
        self.iter()
    }
}

/// Names with their positions, in order. Made by [`Names::iter`] and
/// [`Names::range`]. A name is a view of its block, and keeps that in memory. The
/// iterator ends after an error.
#[derive(Clone, Debug)]
pub struct ItemNames {
    names: Names,
    positions: Range<u32>,
    block: Option<NameBlock>,
}

impl Iterator for ItemNames {
    type Item = Result<(u32, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.positions.next()?;
        if let Some(block) = &self.block
            && block.positions().contains(&position)
        {
            return Some(Ok((position, block.name_bytes(position))));
        }
        let SharedNames { section, decoder, .. } = &*self.names.shared;
        let block = section.block_of(position).unwrap_or(u32::MAX);
        match section.decode_block(block, decoder) {
            Ok(block) => {
                let name = block.name_bytes(position);
                self.block = Some(block);
                Some(Ok((position, name)))
            }
            Err(error) => {
                self.positions.start = self.positions.end;
                Some(Err(self.names.error(error)))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.positions.len();
        (left.min(1), Some(left))
    }
}

impl FusedIterator for ItemNames {}
