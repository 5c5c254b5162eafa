//! The packs that are read, and the items of them that the new pack gets.

use std::ops::Range;
use std::path::{Path, PathBuf};

use sealpack::core::error::{Fault, Misuse, Section};
use sealpack::core::format::ContentHasher;
use sealpack::core::format::digest::{Hash, RecordHasher};
use sealpack::core::format::known::KnownCodec;
use sealpack::{Dictionary, MemberPack, ReadCodec, Reader};

use crate::command::cat::PositionRange;
use crate::command::location::{PackLocation, PackSource};
use crate::command::name_filter::NameFilter;
use crate::command::named_items::no_names;
use crate::command::pack_sequence::{is_manifest, open_members};
use crate::command::position_runs::{PositionRuns, grouped_by_records};
use crate::command::trust_args::TrustArgs;
use crate::outcome::Failure;
use crate::{printable, report};

/// A pack that is read.
pub struct SourcePack {
    pub path: PathBuf,
    pub reader: Reader,
    pub codec: KnownCodec,
}

impl SourcePack {
    /// Opens the packs of an argument, a pack or the manifest of a set, and detects their
    /// codecs. A pack that stores no dictionary is read with the `shared` one.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open(
        path: &Path,
        trusting: &TrustArgs,
        shared: Option<&Dictionary>,
    ) -> Result<Vec<Self>, Failure> {
        let options = Reader::options().codec(ReadCodec::AutoOrPlain);
        let options = match shared {
            Some(dictionary) => options.dictionary(dictionary.clone()),
            None => options,
        };
        let location = PackLocation::of(path)?;
        if is_manifest(&location) {
            let set = open_members(path, location, trusting, false, options)?;
            let of_member =
                |(member, pack): (usize, &MemberPack)| Self::new(&pack.path, set.reader(member)?);
            return set.members().iter().enumerate().map(of_member).collect();
        }
        let options = trusting.apply(options, path, false)?;
        let PackSource { source, name, options, .. } = location.open(options)?;
        Ok(vec![Self::new(path, options.open_source(source, name)?)?])
    }

    fn new(path: &Path, reader: Reader) -> Result<Self, Failure> {
        let codec = match reader.codec()? {
            Some(chosen) => chosen.codec,
            // Empty records are the same in every codec.
            None => Some(KnownCodec::Zstd),
        };
        match codec {
            Some(codec) => Ok(Self { path: path.to_path_buf(), reader, codec }),
            None => {
                Err(Failure::usage(format!("{}: its codec is not known", printable::path(path))))
            }
        }
    }

    /// Returns a failure of the command that says what is wrong with this pack.
    pub fn failure(&self, error: sealpack::core::Error) -> Failure {
        Failure::PackData { path: self.path.clone(), error }
    }

    fn stored_bytes(&self) -> u64 {
        self.reader.directory().records_end()
    }
}

/// The packs in order, and the range of their items that the new pack gets.
pub struct Sources {
    sources: Vec<SourcePack>,
    /// Positions counted through all packs.
    taken: Range<u64>,
}

impl Sources {
    /// Resolves the range.
    ///
    /// # Errors
    /// [`Failure::Usage`] for more items than a pack can have, [`Failure::Position`]
    /// for a range that the packs do not have.
    pub fn new(sources: Vec<SourcePack>, range: Option<PositionRange>) -> Result<Self, Failure> {
        let items: u64 = sources.iter().map(|source| u64::from(source.reader.item_count())).sum();
        let taken = match range {
            None => 0..items,
            Some(range) => range.of_items(items).map_err(|position| {
                let path = sources.last().map(|last| last.path.clone()).unwrap_or_default();
                let items = u32::try_from(items).unwrap_or(u32::MAX);
                Failure::Position { path, misuse: Misuse::Position { position, items } }
            })?,
        };
        if taken.end - taken.start > u64::from(u32::MAX) {
            return Err(Failure::usage(format!(
                "{} items: a pack has at most {}; take a --range",
                taken.end - taken.start,
                u32::MAX
            )));
        }
        Ok(Self { sources, taken })
    }

    /// Returns the first pack, whose properties the new one gets unless an option changes
    /// them.
    ///
    /// # Errors
    /// [`Failure::Usage`] if there is none.
    pub fn first(&self) -> Result<&SourcePack, Failure> {
        self.sources.first().ok_or_else(|| Failure::usage("no pack to read"))
    }

    /// Prints a note if another pack than the first has app data that the new pack does
    /// not get.
    pub fn note_other_app_data(&self, is_replaced: bool) {
        let Some((first, others)) = self.sources.split_first() else { return };
        let differs = |source: &&SourcePack| source.reader.app_data() != first.reader.app_data();
        if let (Some(other), false) = (others.iter().find(differs), is_replaced) {
            report::note(&format_args!(
                "the app data of {} is left out: the new pack has that of {}",
                printable::path(&other.path),
                printable::path(&first.path)
            ));
        }
    }

    /// Returns the size of all records of the packs, in bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.sources.iter().map(SourcePack::stored_bytes).sum()
    }

    /// Returns the packs.
    pub fn packs(&self) -> &[SourcePack] {
        &self.sources
    }

    /// Returns the number of packs.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Returns the parts within the range, in order, and the items in each that `filter`
    /// selects.
    ///
    /// # Errors
    /// [`Failure::Usage`] if a pack stores no names or a pattern matches none;
    /// [`Failure::Pack`].
    pub fn selected<'a>(
        &'a self,
        filter: Option<NameFilter>,
    ) -> Result<Vec<SelectedPart<'a>>, Failure> {
        let Some(mut filter) = filter else {
            let whole = |part: Part<'a>| SelectedPart { runs: vec![part.positions.clone()], part };
            return Ok(self.parts().map(whole).collect());
        };
        let mut selected = Vec::new();
        for part in self.parts() {
            let reader = &part.source.reader;
            let names = reader.names()?.ok_or_else(|| no_names(reader.path()))?;
            let runs = filter.runs(&names, part.positions.clone())?;
            if !runs.is_empty() {
                selected.push(SelectedPart { part: Part { is_last: false, ..part }, runs });
            }
        }
        if let Some(pattern) = filter.taken().unmatched().next() {
            let pattern = printable::name(pattern);
            return Err(Failure::usage(format!("no item's name matches {pattern}")));
        }
        if let Some(last) = selected.last_mut() {
            last.part.is_last = true;
        }
        Ok(selected)
    }

    /// Returns the parts within the range, in order.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut start = 0_u64;
        self.sources.iter().filter_map(move |source| {
            let items = u64::from(source.reader.item_count());
            let (from, to) = (self.taken.start.max(start), self.taken.end.min(start + items));
            let before = start;
            start += items;
            let position = |at: u64| u32::try_from(at - before).unwrap_or(u32::MAX);
            let is_last = to == self.taken.end;
            let part = || Part { source, positions: position(from)..position(to), is_last };
            (from < to).then(part)
        })
    }
}

/// A part, and the items in it that a filter selects by name.
pub struct SelectedPart<'a> {
    pub part: Part<'a>,
    /// The positions of these items, as runs of neighbours in ascending order; not empty.
    pub runs: Vec<Range<u32>>,
}

/// A run of items of one pack.
pub struct Part<'a> {
    pub source: &'a SourcePack,
    /// Their positions in it; not empty.
    pub positions: Range<u32>,
    /// Whether it is the last part of the new pack.
    pub is_last: bool,
}

impl<'a> SelectedPart<'a> {
    /// Returns whether every item of the pack is selected.
    pub fn is_whole(&self) -> bool {
        let whole = 0..self.part.source.reader.item_count();
        self.part.is_whole() && self.runs == [whole]
    }

    /// Returns the groups of items that are read together. Groups of which every item is
    /// selected are parts of their own.
    pub fn groups(&self) -> impl Iterator<Item = (PositionRuns<'_>, Option<Part<'a>>)> {
        let Part { source, is_last, .. } = self.part;
        let end = self.runs.last().map_or(0, |run| run.end);
        let items_per_record = source.reader.trailer().items_per_record;
        grouped_by_records(&self.runs, items_per_record).map(move |runs| {
            let positions = runs.span();
            let is_last = is_last && positions.end == end;
            (runs, runs.is_one().then_some(Part { source, positions, is_last }))
        })
    }
}

impl Part<'_> {
    /// Returns whether it is the whole pack.
    pub fn is_whole(&self) -> bool {
        self.positions == (0..self.source.reader.item_count())
    }

    /// Returns the records that can be copied when the new pack has `items` items: the
    /// full ones, and the last one if nothing follows it. `None` if there are none, or if
    /// a copied record would begin inside a record of the new pack.
    pub fn records_after(&self, items: u32) -> Option<Range<u32>> {
        let trailer = self.source.reader.trailer();
        let items_per_record = trailer.items_per_record.max(1);
        let is_aligned = |position: u32| position.is_multiple_of(items_per_record);
        if !is_aligned(items) || !is_aligned(self.positions.start) {
            return None;
        }
        let is_end = self.is_last && self.positions.end == trailer.total_items;
        let end = match is_end {
            true => trailer.record_count,
            false => self.positions.end / items_per_record,
        };
        let records = self.positions.start / items_per_record..end;
        (!records.is_empty()).then_some(records)
    }

    /// Returns the position after the last item of these records.
    pub fn position_after(&self, records: &Range<u32>) -> u32 {
        let items_per_record = self.source.reader.trailer().items_per_record.max(1);
        records.end.saturating_mul(items_per_record).min(self.positions.end)
    }

    /// Returns approximately how many stored bytes these items take.
    pub fn stored_bytes_of(&self, positions: &Range<u32>) -> u64 {
        let all = u128::from(self.source.reader.item_count()).max(1);
        let share = u128::from(positions.end.saturating_sub(positions.start));
        let bytes = u128::from(self.source.stored_bytes()) * share / all;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// Computes the content hash of a pack from its items, one after another, and compares it
/// with the stored one.
pub struct SourceHash {
    stored: Hash,
    items_per_record: u32,
    content: ContentHasher,
    record: RecordHasher,
    in_record: u32,
}

impl SourceHash {
    /// `None` for a pack without a content hash.
    pub fn new(reader: &Reader) -> Option<Self> {
        let trailer = reader.trailer();
        Some(Self {
            stored: trailer.content_hash?,
            items_per_record: trailer.items_per_record.max(1),
            content: ContentHasher::new(),
            record: RecordHasher::new(),
            in_record: 0,
        })
    }

    /// Adds the next item.
    ///
    /// # Errors
    /// None for an item of a pack.
    pub fn item(&mut self, item: &[u8]) -> Result<(), sealpack::core::Error> {
        self.record.item(item)?;
        self.in_record += 1;
        if self.in_record == self.items_per_record {
            self.end_record();
        }
        Ok(())
    }

    fn end_record(&mut self) {
        let record = std::mem::replace(&mut self.record, RecordHasher::new());
        self.content.record(&record.finish());
        self.in_record = 0;
    }

    /// Compares the hash with the stored one.
    ///
    /// # Errors
    /// [`Fault::ContentHash`] if they differ.
    pub fn finish(mut self) -> Result<(), sealpack::core::Error> {
        if self.in_record > 0 {
            self.end_record();
        }
        let (stored, computed) = (self.stored, self.content.finish());
        if stored == computed {
            return Ok(());
        }
        let fault = Fault::ContentHash { stored, computed };
        Err(fault.in_section(Section::ContentHash))
    }
}
