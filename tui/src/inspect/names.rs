//! The names of the items: which of them are shown, and how.
//!
//! Names stay compressed in the pack: only those in view are decoded, in the background.

use std::ops::Range;

use sealpack::core::format::ExtensionKind;
use sealpack::{Bytes, Reader};

use crate::printable;

/// The names of the pack, and those that were read for the screen.
#[derive(Debug, Default)]
pub(super) struct ShownNames {
    /// Whether the pack stores names.
    are_stored: bool,
    /// The positions whose names were requested last.
    requested: Range<u32>,
    /// The position of the first of the names that were read.
    first: u32,
    read: Vec<Bytes>,
}

impl ShownNames {
    /// Finds out whether the pack stores names; reads none.
    pub(super) fn of(reader: &Reader) -> Self {
        let are_stored = reader.extensions().section(ExtensionKind::NAMES).is_some();
        Self { are_stored, ..Self::default() }
    }

    /// Returns whether the pack stores names.
    pub(super) fn are_stored(&self) -> bool {
        self.are_stored
    }

    /// Returns the name of an item, if it has one and the name was read.
    pub(super) fn get(&self, position: u32) -> Option<&Bytes> {
        let index = position.checked_sub(self.first)?;
        self.read.get(index as usize).filter(|name| !name.is_empty())
    }

    /// Returns the name of an item as it is printed.
    pub(super) fn printable(&self, position: u32) -> Option<String> {
        self.get(position).map(|name| printable::name(name).to_string())
    }

    /// Notes that the names of these positions are requested. Returns whether that is new:
    /// false if the last request was for the same positions.
    pub(super) fn request(&mut self, positions: &Range<u32>) -> bool {
        let is_new = self.are_stored && !positions.is_empty() && *positions != self.requested;
        if is_new {
            self.requested = positions.clone();
        }
        is_new
    }

    /// Takes the names that were read.
    pub(super) fn take(&mut self, first: u32, names: Vec<Bytes>) {
        (self.first, self.read) = (first, names);
    }
}
