//! The report of `sealpack diff` on packs that are compared by name.

use std::fmt::{self, Display};
use std::io::{self, Write};

use sealpack::Bytes;
use serde::Serialize;

use super::by_name::{NamedDifference, NamedDifferences};
use crate::command::pack_sequence::PackSequence;
use crate::outcome::Failure;
use crate::printable::{self, JsonName, JsonPath};
use crate::report::{BAD, BOLD, DOUBTFUL, GOOD};
use crate::size::Count;
use crate::terminal::text::count;

/// The differences, by name. The JSON keys are stable; keys that [`DiffReport`] also has
/// mean the same.
///
/// [`DiffReport`]: super::report::DiffReport
#[derive(Serialize)]
pub struct NamedDiffReport {
    a: NamedSide,
    b: NamedSide,
    same: bool,
    compared_by: &'static str,
    /// The number of names that both packs have.
    shared_items: u64,
    /// Of these, the items with other bytes.
    differing_items: u64,
    added_items: u64,
    removed_items: u64,
    renamed_items: u64,
    /// Items with the same name and bytes at another position: no difference.
    moved_items: u64,
    /// Null if one of them is a set.
    app_data_same: Option<bool>,
    /// The first differences, by name.
    items: Vec<ListedDifference>,
}

#[derive(Serialize)]
struct NamedSide {
    #[serde(flatten)]
    path: JsonPath,
    total_items: u64,
    /// Null for a set.
    items_per_record: Option<u32>,
}

/// A difference. Added items have no position in A, removed items none in B.
struct ListedDifference {
    name: Bytes,
    /// The name in A of a renamed item.
    old_name: Option<Bytes>,
    difference: NamedDifference,
}

#[derive(Serialize)]
struct JsonDifference<'a> {
    change: &'static str,
    #[serde(flatten)]
    name: JsonName<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<JsonOldName<'a>>,
    position_a: Option<u64>,
    position_b: Option<u64>,
    #[serde(flatten)]
    bytes: Option<JsonChangedBytes>,
}

#[derive(Serialize)]
struct JsonOldName<'a> {
    #[serde(flatten)]
    name: JsonName<'a>,
}

#[derive(Serialize)]
struct JsonChangedBytes {
    size_a: usize,
    size_b: usize,
    first_difference: usize,
}

impl ListedDifference {
    fn positions(&self) -> [Option<u64>; 2] {
        match self.difference {
            NamedDifference::Added { position } => [None, Some(position)],
            NamedDifference::Removed { position } => [Some(position), None],
            NamedDifference::Changed { positions, .. } | NamedDifference::Renamed { positions } => {
                positions.map(Some)
            }
        }
    }
}

impl Serialize for ListedDifference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (change, bytes) = match self.difference {
            NamedDifference::Added { .. } => ("added", None),
            NamedDifference::Removed { .. } => ("removed", None),
            NamedDifference::Renamed { .. } => ("renamed", None),
            NamedDifference::Changed { sizes: [size_a, size_b], first_difference, .. } => {
                ("changed", Some(JsonChangedBytes { size_a, size_b, first_difference }))
            }
        };
        let [position_a, position_b] = self.positions();
        let old = self.old_name.as_ref().map(|name| JsonOldName { name: JsonName(name) });
        let name = JsonName(&self.name);
        JsonDifference { change, name, old, position_a, position_b, bytes }.serialize(serializer)
    }
}

/// As a line of the list, its mark first.
impl Display for ListedDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |f: &mut fmt::Formatter<'_>, name: &[u8]| match (name, self.positions()) {
            (b"", [Some(position), _] | [None, Some(position)]) => write!(f, "item {position}"),
            (name, _) => write!(f, "{}", printable::name(name)),
        };
        match &self.difference {
            NamedDifference::Added { .. } => write!(f, "{GOOD}+{GOOD:#} ")?,
            NamedDifference::Removed { .. } => write!(f, "{BAD}-{BAD:#} ")?,
            NamedDifference::Changed { .. } => write!(f, "{DOUBTFUL}~{DOUBTFUL:#} ")?,
            NamedDifference::Renamed { .. } => write!(f, "{DOUBTFUL}>{DOUBTFUL:#} ")?,
        }
        if let Some(old_name) = &self.old_name {
            shown(f, old_name)?;
            f.write_str(" -> ")?;
        }
        shown(f, &self.name)?;
        if let NamedDifference::Changed { sizes: [a, b], first_difference, .. } = self.difference {
            write!(f, ": {a} bytes and {b}, from byte {first_difference} on")?;
        }
        Ok(())
    }
}

impl NamedDiffReport {
    /// Creates the report of what was found.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the names are damaged.
    pub fn new(found: &NamedDifferences<'_>) -> Result<Self, Failure> {
        let side = |packs: &PackSequence| NamedSide {
            path: JsonPath::new(packs.path()),
            total_items: packs.item_count(),
            items_per_record: packs.pack().map(|pack| pack.trailer().items_per_record),
        };
        let listed = |(name, difference): &(Bytes, NamedDifference)| {
            let old_name = match difference {
                NamedDifference::Renamed { positions: [old, _] } => Some(found.name(0, *old)?),
                _ => None,
            };
            Ok(ListedDifference { name: name.clone(), old_name, difference: difference.clone() })
        };
        let [a, b] = found.packs;
        Ok(Self {
            a: side(a),
            b: side(b),
            same: found.is_empty(),
            compared_by: "names",
            shared_items: found.shared,
            differing_items: found.changed,
            added_items: found.added,
            removed_items: found.removed,
            renamed_items: found.renamed,
            moved_items: found.moved,
            app_data_same: found.same_app_data(),
            items: found.listed.iter().map(listed).collect::<Result<_, Failure>>()?,
        })
    }

    /// Prints the report as text.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        let (a, b) = (&self.a.path, &self.b.path);
        let unchanged = self.shared_items - self.differing_items;
        let moved = match self.moved_items {
            0 => String::new(),
            moved => format!(", {} of them at other positions", Count(moved)),
        };
        if self.same {
            let items = count(unchanged, "item");
            let same = format_args!("{GOOD}the same {items}{GOOD:#}");
            return writeln!(to, "{BOLD}{a}{BOLD:#} and {BOLD}{b}{BOLD:#}: {same}, by name{moved}");
        }
        writeln!(to, "{BOLD}{a}{BOLD:#} and {BOLD}{b}{BOLD:#} {BAD}differ{BAD:#}, by name")?;
        let kinds = [
            (self.differing_items, "changed"),
            (self.added_items, "added"),
            (self.removed_items, "removed"),
            (self.renamed_items, "renamed"),
        ];
        let counted = kinds.iter().filter(|(items, _)| *items > 0);
        let counted: Vec<String> =
            counted.map(|(items, kind)| format!("{} {kind}", Count(*items))).collect();
        let same = format!("{} the same{moved}", Count(unchanged));
        writeln!(to, "  {}", [counted, vec![same]].concat().join(", "))?;
        self.items.iter().try_for_each(|item| writeln!(to, "    {item}"))?;
        let all: u64 = kinds.iter().map(|(items, _)| *items).sum();
        match all.saturating_sub(self.items.len() as u64) {
            0 => {}
            more => writeln!(to, "    and {} more (--limit)", Count(more))?,
        }
        if self.app_data_same != Some(false) {
            return Ok(());
        }
        writeln!(to, "  the app data differs")
    }
}
