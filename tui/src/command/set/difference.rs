//! `sealpack set diff`: compares two manifests.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use sealpack::{MemberChange, SetDiff, SetMember};
use serde::Serialize;

use crate::command::pack_sequence::open_manifest;
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::printable;
use crate::report::{self, BAD, DOUBTFUL, GOOD};
use crate::size::{Count, Decimal};

/// Show which packs a mirror of a set has to copy
///
/// Compares the names in two manifests, and the sizes and hashes of the packs; reads no packs. A
/// mirror copies the packs that were added or changed (and their .digests), then the manifest.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct SetDiffArgs {
    /// The manifest of the mirror, a file or a URL
    old: PathBuf,
    /// The manifest that is mirrored, a file or a URL
    new: PathBuf,
    /// Print only the names of the packs to copy, one per line
    #[arg(long)]
    names_only: bool,
    /// Print one JSON object instead of text
    #[arg(long, conflicts_with = "names_only")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  sealpack set diff mirror/set.json https://packs.example/logs/set.json
  sealpack set diff mirror/set.json logs/set.json --names-only |
    rsync -a --files-from=- logs/ mirror/
  sealpack set diff old.json new.json --json | jq '.added, .removed'

Exit status: 0 both sets have the same packs in the same order; 1 they differ;
2 wrong usage; 3 any other error.";

/// The differences, printed as JSON or as text.
#[derive(Serialize)]
struct SetDiffJson<'a> {
    same: bool,
    reordered: bool,
    added: Vec<ComparedMember<'a>>,
    removed: Vec<ComparedMember<'a>>,
    changed: Vec<ComparedMember<'a>>,
    /// The number of packs that both sets have.
    unchanged: usize,
    /// Bytes of the packs that were added or changed.
    copy_size: u64,
}

/// A member that only one set has, or that differs.
#[derive(Serialize)]
struct ComparedMember<'a> {
    name: &'a str,
    items: u32,
    size: u64,
    content_hash: Option<String>,
    digest_root: Option<String>,
}

impl<'a> ComparedMember<'a> {
    fn of(member: &'a SetMember) -> Self {
        let SetMember { name, identity } = member;
        Self {
            name: name.as_str(),
            items: identity.items,
            size: identity.size,
            content_hash: identity.content_hash.map(|hash| printable::hex(&hash)),
            digest_root: identity.digest_root.map(|hash| printable::hex(&hash)),
        }
    }
}

impl<'a> SetDiffJson<'a> {
    fn new(diff: &SetDiff<'a>) -> Self {
        let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        let mut unchanged = 0;
        for change in &diff.changes {
            match *change {
                MemberChange::Added(member) => added.push(ComparedMember::of(member)),
                MemberChange::Removed(member) => removed.push(ComparedMember::of(member)),
                MemberChange::Changed { new, .. } => changed.push(ComparedMember::of(new)),
                MemberChange::Same(_) => unchanged += 1,
            }
        }
        let copied = diff.to_copy().map(|member| member.identity.size);
        Self {
            same: diff.is_same(),
            reordered: diff.is_reordered,
            added,
            removed,
            changed,
            unchanged,
            copy_size: copied.fold(0, u64::saturating_add),
        }
    }

    fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        for (style, word, members) in [
            (BAD, "removed", &self.removed),
            (DOUBTFUL, "changed", &self.changed),
            (GOOD, "added", &self.added),
        ] {
            for member in members {
                let name = printable::name(member.name.as_bytes());
                let size = Decimal(member.size).to_string();
                writeln!(to, "{style}{word:<7}{style:#} {size:>10}  {name}")?;
            }
        }
        let count = |number: usize| Count(number as u64).to_string();
        let copied = self.added.len() + self.changed.len();
        writeln!(
            to,
            "{} to copy ({}), {} removed, {} unchanged{}",
            count(copied),
            Decimal(self.copy_size),
            count(self.removed.len()),
            count(self.unchanged),
            if self.reordered { "; the order differs" } else { "" }
        )
    }
}

/// Prints the names of the packs to copy. On a terminal, names with unprintable characters
/// are quoted.
fn print_names(diff: &SetDiff<'_>, to: &mut dyn Write) -> io::Result<()> {
    let is_quoted = io::stdout().is_terminal();
    diff.to_copy().try_for_each(|member| match is_quoted {
        true => writeln!(to, "{}", printable::name(member.name.as_str().as_bytes())),
        false => writeln!(to, "{}", member.name),
    })
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: a manifest cannot be read.
pub fn run(args: &SetDiffArgs) -> Result<CommandOutcome, Failure> {
    let (old, new) = (open_manifest(&args.old)?, open_manifest(&args.new)?);
    let diff = SetDiff::between(&old, &new);
    match (args.names_only, args.json) {
        (true, _) => report::print(|to| print_names(&diff, to))?,
        (false, true) => report::print_json(&SetDiffJson::new(&diff))?,
        (false, false) => report::print(|to| SetDiffJson::new(&diff).print(to))?,
    }
    Ok(match diff.is_same() {
        true => CommandOutcome::Fine,
        false => CommandOutcome::Reported(Status::Broken),
    })
}
