//! The report of `sealpack diff`.

use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;

use super::compare::{Differences, DifferentItem, Method};
use crate::command::pack_sequence::PackSequence;
use crate::printable::JsonPath;
use crate::report::{BAD, BOLD, GOOD};
use crate::size::Count;
use crate::terminal::text::count;

/// The differences. The JSON keys are stable.
#[derive(Serialize)]
pub struct DiffReport {
    a: Side,
    b: Side,
    same: bool,
    /// How the differing records were found.
    compared_by: &'static str,
    /// The number of items that both packs have.
    shared_items: u64,
    differing_items: u64,
    /// Null if the packs were compared item by item.
    differing_records: Option<u32>,
    /// Null if one of them is a set.
    app_data_same: Option<bool>,
    /// The first items that differ.
    items: Vec<DifferingItem>,
}

#[derive(Serialize)]
struct Side {
    #[serde(flatten)]
    path: JsonPath,
    total_items: u64,
    /// Null for a set.
    items_per_record: Option<u32>,
    /// The positions that only this pack has.
    only_here: Option<Positions>,
}

#[derive(Serialize)]
struct Positions {
    start: u64,
    end: u64,
}

#[derive(Serialize)]
struct DifferingItem {
    position: u64,
    size_a: usize,
    size_b: usize,
    first_difference: usize,
}

impl DiffReport {
    pub fn new(differences: &Differences<'_>, method: &Method) -> Self {
        let side = |which: usize, packs: &PackSequence| Side {
            path: JsonPath::new(packs.path()),
            total_items: packs.item_count(),
            items_per_record: packs.pack().map(|pack| pack.trailer().items_per_record),
            only_here: differences
                .only_in(which)
                .map(|Range { start, end }| Positions { start, end }),
        };
        let item = |item: &DifferentItem| {
            let [size_a, size_b] = item.sizes;
            let (position, first_difference) = (item.position, item.first_difference);
            DifferingItem { position, size_a, size_b, first_difference }
        };
        let [a, b] = differences.packs;
        Self {
            a: side(0, a),
            b: side(1, b),
            same: differences.is_empty(),
            compared_by: method.name(),
            shared_items: differences.shared().end,
            differing_items: differences.item_count,
            differing_records: differences.record_count,
            app_data_same: differences.same_app_data(),
            items: differences.items.iter().map(item).collect(),
        }
    }

    /// Prints the report as text.
    pub fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        let by = match self.compared_by {
            "content_hash" => "by their content hashes",
            "digest_lists" => "by their digest lists",
            "digests" => "by the digests of all records",
            "members" => "by the content hashes of their packs",
            _ => "item by item",
        };
        let (a, b) = (&self.a.path, &self.b.path);
        let items = count(self.shared_items, "item");
        if self.same {
            let same = format_args!("{GOOD}the same {items}{GOOD:#}");
            return writeln!(to, "{BOLD}{a}{BOLD:#} and {BOLD}{b}{BOLD:#}: {same}, {by}");
        }
        writeln!(to, "{BOLD}{a}{BOLD:#} and {BOLD}{b}{BOLD:#} {BAD}differ{BAD:#}, {by}")?;
        let differing = Count(self.differing_items);
        match (self.differing_items, self.differing_records) {
            (0, _) => writeln!(to, "  equal: the {items} that both packs have")?,
            (_, Some(records)) => {
                let records = count(records.into(), "record");
                writeln!(to, "  {differing} of {items}, in {records}")?;
            }
            (_, None) => writeln!(to, "  {differing} of {items}")?,
        }
        for item in &self.items {
            let DifferingItem { position, size_a, size_b, first_difference } = item;
            writeln!(
                to,
                "    item {position}: {size_a} bytes and {size_b}, different from byte {first_difference} on"
            )?;
        }
        match self.differing_items.saturating_sub(self.items.len() as u64) {
            0 => {}
            more => writeln!(to, "    and {} more (--limit)", Count(more))?,
        }
        for side in [&self.a, &self.b] {
            if let Some(Positions { start, end }) = side.only_here {
                writeln!(to, "  items {start} to {} only in {}", end - 1, side.path)?;
            }
        }
        if self.app_data_same != Some(false) {
            return Ok(());
        }
        writeln!(to, "  the app data differs")
    }
}
