//! The names of the items of a pack, or of all packs of a set.

use std::iter::Peekable;

use sealpack::{Bytes, Error, Names};

use crate::command::named_items::names_of;
use crate::command::pack_sequence::{PackSequence, SequencePart};
use crate::outcome::Failure;

/// The names of the items of a sequence of packs.
pub struct SequenceNames {
    /// The position of each pack's first item, and its names.
    packs: Vec<(u64, Names)>,
}

impl SequenceNames {
    /// Returns the names, if every pack stores some.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn of(packs: &PackSequence) -> Result<Option<Self>, Failure> {
        let mut names = Vec::new();
        if packs.item_count() == 0
            && let Some(pack) = packs.pack()
        {
            return Ok(names_of(pack)?.map(|names| Self { packs: vec![(0, names)] }));
        }
        for part in packs.parts(0..packs.item_count()) {
            let SequencePart { reader, first, .. } = part?;
            match names_of(&reader)? {
                Some(of_pack) => names.push((first, of_pack)),
                None => return Ok(None),
            }
        }
        Ok(Some(Self { packs: names }))
    }

    /// Returns the name of an item; empty if it has none.
    ///
    /// # Errors
    /// Those of damaged names.
    pub fn get(&self, position: u64) -> Result<Bytes, Error> {
        let after = self.packs.partition_point(|(first, _)| *first <= position);
        let Some((first, names)) = after.checked_sub(1).and_then(|at| self.packs.get(at)) else {
            return Ok(Bytes::new());
        };
        names.get(u32::try_from(position - first).unwrap_or(u32::MAX))
    }
}

/// Positions and names, in ascending order of the names.
pub type OrderedNames<'a> = Peekable<Box<dyn Iterator<Item = Result<(u64, Bytes), Error>> + 'a>>;

/// Returns the names in ascending order. Those of several packs, and names that are stored in
/// another order, are sorted in memory.
///
/// # Errors
/// Those of damaged names.
pub fn in_order(names: &SequenceNames) -> Result<OrderedNames<'_>, Error> {
    let of_packs = names.packs.iter().flat_map(|(first, names)| {
        names.iter().map(move |named| named.map(|(at, name)| (first + u64::from(at), name)))
    });
    let ordered: Box<dyn Iterator<Item = _>> = match names.packs.as_slice() {
        [(_, only)] if only.is_sorted() => Box::new(of_packs),
        _ => {
            let mut all = of_packs.collect::<Result<Vec<_>, _>>()?;
            all.sort_by(|(at, one), (other_at, other)| (one, at).cmp(&(other, other_at)));
            Box::new(all.into_iter().map(Ok))
        }
    };
    Ok(ordered.peekable())
}
