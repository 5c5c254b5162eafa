//! `sealpack set info`: prints what a manifest lists.

use std::io::{self, Write};
use std::path::Path;

use sealpack::{PackSet, SetManifest, SetMember};
use serde::Serialize;

use crate::outcome::{CommandOutcome, Failure};
use crate::printable::{self, JsonPath, hex};
use crate::report::{self, BOLD};
use crate::size::{Bytes, Count, Decimal};

/// The report, printed as JSON or as text.
#[derive(Serialize)]
pub struct SetSummary<'a> {
    #[serde(flatten)]
    path: JsonPath,
    root: String,
    total_items: u64,
    /// The size of all packs in bytes.
    total_size: u64,
    /// The number of members whose records are authenticated when they are read.
    with_digest_root: usize,
    members: Vec<ListedMember<'a>>,
}

/// A member.
#[derive(Serialize)]
struct ListedMember<'a> {
    name: &'a str,
    first_position: u64,
    items: u32,
    size: u64,
    content_hash: Option<String>,
    digest_root: Option<String>,
}

impl<'a> SetSummary<'a> {
    /// Creates the summary of a set whose manifest is at `path`.
    pub fn new(path: &Path, manifest: &'a SetManifest) -> Self {
        let mut first = 0_u64;
        let listed = |SetMember { name, identity }: &'a SetMember| {
            let first_position = first;
            first += u64::from(identity.items);
            ListedMember {
                name: name.as_str(),
                first_position,
                items: identity.items,
                size: identity.size,
                content_hash: identity.content_hash.map(|hash| hex(&hash)),
                digest_root: identity.digest_root.map(|hash| hex(&hash)),
            }
        };
        let members: Vec<_> = manifest.members().iter().map(listed).collect();
        Self {
            path: JsonPath::new(path),
            root: hex(&manifest.root()),
            total_items: manifest.item_count(),
            total_size: members.iter().fold(0, |sum, member| sum.saturating_add(member.size)),
            with_digest_root: members.iter().filter(|it| it.digest_root.is_some()).count(),
            members,
        }
    }

    /// Prints the summary without the list of members.
    pub fn print_head(&self, path: &Path, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}", printable::path(path))?;
        let mut row = |name: &str, value: &str| writeln!(to, "  {name:<12} {value}");
        row("members", &Count(self.members.len() as u64).to_string())?;
        row("items", &Count(self.total_items).to_string())?;
        row("size", &Bytes(self.total_size).to_string())?;
        row("root", &self.root)?;
        let checked = match self.with_digest_root {
            all if all == self.members.len() => {
                "every member has a digest list: each item is authenticated when it is read"
                    .to_string()
            }
            1 => "one member has a digest list: its items are authenticated when read".into(),
            0 => "no member has a digest list: only `sealpack verify` checks the content hashes"
                .into(),
            some => {
                format!(
                    "{some} members have a digest list: their items are authenticated when read"
                )
            }
        };
        row("digests", &checked)
    }

    fn print(&self, path: &Path, to: &mut dyn Write) -> io::Result<()> {
        self.print_head(path, to)?;
        for member in &self.members {
            let name = printable::name(member.name.as_bytes());
            let (first, items) = (Count(member.first_position), Count(member.items.into()));
            let size = Decimal(member.size).to_string();
            writeln!(to, "  {first:>12}  {items:>12} items  {size:>10}  {name}")?;
        }
        Ok(())
    }
}

/// Prints the summary of a set.
///
/// # Errors
/// [`Failure::Output`].
pub fn print(path: &Path, set: &PackSet, json: bool) -> Result<CommandOutcome, Failure> {
    // A set that was opened from a manifest has one.
    let Some(manifest) = set.manifest() else { return Ok(CommandOutcome::Fine) };
    let summary = SetSummary::new(path, manifest);
    match json {
        true => report::print_json(&summary)?,
        false => report::print(|to| summary.print(path, to))?,
    }
    Ok(CommandOutcome::Fine)
}
