//! `sealpack set create` and `add`: write a manifest.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sealpack::{MemberName, PackIdentity, SetManifest, SetMember};
use walkdir::WalkDir;

use super::info::SetSummary;
use super::no_manifest;
use crate::command::distinct::Files;
use crate::command::location::PackLocation;
use crate::command::pack_sequence::MANIFEST_ENDING;
use crate::command::target::{report_caveats, stage};
use crate::interrupt::Interrupt;
use crate::outcome::{CommandOutcome, Failure, Input};
use crate::printable;
use crate::progress::ProgressMeter;
use crate::report;

/// Make the manifest of a set from packs
///
/// The packs become members in the order of the arguments. A folder means all files below it whose
/// names end in .pack, sorted by name. The packs must be in the folder of MANIFEST or below it.
///
/// Reads only the end of each pack, unless the pack has neither a content hash nor a digest list: then
/// it reads the whole pack. If there is a digest list next to a pack (`sealpack digests`), every item
/// of that pack is authenticated when it is read from the set.
#[derive(clap::Args, Debug)]
#[command(after_long_help = CREATE_EXAMPLES)]
pub struct CreateArgs {
    /// The manifest to write; its name ends in .json
    manifest: PathBuf,
    /// Packs, or folders of packs
    #[arg(required = true, value_name = "PACK")]
    packs: Vec<PathBuf>,
    /// Replace MANIFEST if it exists
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of text, and no progress
    #[arg(long)]
    json: bool,
}

const CREATE_EXAMPLES: &str = "\
Examples:
  sealpack set create logs/set.json logs/2026-*.pack
  sealpack set create logs/set.json logs            all packs in a folder
  sealpack set create set.json b.pack a.pack --json | jq -r .root";

/// Add packs to a set
///
/// Replaces the manifest by a complete new one: programs that have the set open keep the old members.
/// The items in the set keep their positions, unless --replace changes a member.
#[derive(clap::Args, Debug)]
#[command(after_long_help = ADD_EXAMPLES)]
pub struct AddArgs {
    /// The manifest
    manifest: PathBuf,
    /// Packs, or folders of packs, to add after the present members
    #[arg(required = true, value_name = "PACK")]
    packs: Vec<PathBuf>,
    /// If a pack is already a member, replace its entry by one for the pack as it is now
    #[arg(long)]
    replace: bool,
    /// Print one JSON object instead of text, and no progress
    #[arg(long)]
    json: bool,
}

const ADD_EXAMPLES: &str = "\
Examples:
  sealpack set add logs/set.json logs/2026-12.pack
  sealpack set add logs/set.json logs/a.pack --replace    after a.pack was packed again";

/// Makes a manifest.
///
/// # Errors
/// [`Failure`]: a pack cannot be read, or the manifest exists.
pub fn create(args: &CreateArgs) -> Result<CommandOutcome, Failure> {
    let path = manifest_path(&args.manifest)?;
    let members = identify(&path, &args.packs, args.json)?;
    write(&path, members, None, args.force, args.json)
}

/// Adds packs to a manifest.
///
/// # Errors
/// [`Failure`]: a pack cannot be read or is already a member, or the manifest has changed
/// in the meantime.
pub fn add(args: &AddArgs) -> Result<CommandOutcome, Failure> {
    let path = manifest_path(&args.manifest)?;
    let before = SetManifest::open(&path)?;
    let mut members = before.members().to_vec();
    let mut numbers: HashMap<MemberName, usize> = HashMap::new();
    for (number, member) in members.iter().enumerate() {
        numbers.insert(member.name.clone(), number);
    }
    for member in identify(&path, &args.packs, args.json)? {
        let place = numbers.get(&member.name).and_then(|number| members.get_mut(*number));
        match (place, args.replace) {
            (None, _) => members.push(member),
            (Some(place), true) => *place = member,
            (Some(place), false) => {
                let name = printable::name(member.name.as_str().as_bytes());
                let advice = match place.identity == member.identity {
                    true => "the set already has this pack",
                    false => {
                        "the set already has a pack of this name, with other contents; --replace \
                         updates its entry"
                    }
                };
                return Err(Failure::usage(format!("{name}: {advice}")));
            }
        }
    }
    write(&path, members, Some(&before), true, args.json)
}

/// Returns the path at which a manifest is written.
fn manifest_path(path: &Path) -> Result<PathBuf, Failure> {
    let Some(file) = PackLocation::of(path)?.into_file() else {
        return Err(Failure::usage(format!(
            "{}: write the manifest to a file, and upload it after its packs",
            printable::path(path)
        )));
    };
    match file.as_os_str().as_encoded_bytes().ends_with(MANIFEST_ENDING.as_bytes()) {
        true => Ok(file),
        false => Err(no_manifest(path)),
    }
}

/// Identifies the packs that the arguments name.
fn identify(
    manifest: &Path,
    arguments: &[PathBuf],
    quiet: bool,
) -> Result<Vec<SetMember>, Failure> {
    let folder = match manifest.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).map_err(cannot_open(folder))?;
    let mut packs = Vec::new();
    for argument in arguments {
        packs.extend(packs_of(argument)?);
    }
    let mut files = Files::default();
    files.write("the manifest", manifest);
    packs.iter().for_each(|pack| files.read("a pack", pack));
    files.check()?;
    let mut progress = ProgressMeter::packs("opening", packs.len() as u64, quiet);
    let mut members: Vec<SetMember> = Vec::new();
    for pack in &packs {
        let name = name_below(&folder, pack)?;
        let identity = PackIdentity::of_file(pack)?;
        if members.iter().any(|member| member.name == name) {
            let name = printable::name(name.as_str().as_bytes());
            return Err(Failure::usage(format!("{name}: the arguments name this pack twice")));
        }
        members.push(SetMember { name, identity });
        progress.add(1);
    }
    Ok(members)
}

/// Returns the packs that an argument names.
fn packs_of(argument: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Some(path) = PackLocation::of(argument)?.into_file() else {
        return Err(Failure::usage(format!(
            "{}: a set is made from files: make it where they are, then upload the packs and the \
             manifest",
            printable::path(argument)
        )));
    };
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut packs = Vec::new();
    for entry in WalkDir::new(&path).follow_root_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let at = error.path().unwrap_or(&path).to_path_buf();
            cannot_open(&at)(
                error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into()),
            )
        })?;
        let is_pack = entry.path().as_os_str().as_encoded_bytes().ends_with(b".pack");
        if is_pack && entry.path().is_file() {
            packs.push(entry.into_path());
        }
    }
    match packs.is_empty() {
        true => Err(Failure::usage(format!(
            "{}: the folder has no files whose names end in .pack",
            printable::path(argument)
        ))),
        false => Ok(packs),
    }
}

/// Returns the name of a pack, relative to the folder of the manifest.
fn name_below(folder: &Path, pack: &Path) -> Result<MemberName, Failure> {
    let refused = |why: &str| Failure::usage(format!("{}: {why}", printable::path(pack)));
    let parent = match pack.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = fs::canonicalize(parent).map_err(cannot_open(pack))?;
    let file = pack.file_name().ok_or_else(|| refused("the path does not end in a file name"))?;
    let Ok(relative) = parent.strip_prefix(folder) else {
        return Err(refused(
            "not below the folder of the manifest: move the pack there, or write the manifest to a \
             folder above both",
        ));
    };
    let relative = relative.join(file);
    let parts: Option<Vec<&str>> =
        relative.components().map(|part| part.as_os_str().to_str()).collect();
    let name = parts.ok_or_else(|| refused("a member's name must be UTF-8: rename the pack"))?;
    name.join("/").parse().map_err(|fault: sealpack::SetFault| refused(&fault.to_string()))
}

fn cannot_open(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    let path = Input::Path(path.to_path_buf());
    move |error| Failure::File { path: path.clone(), operation: "cannot open", error }
}

/// Publishes a manifest. `before` is the one that it replaces.
fn write(
    path: &Path,
    members: Vec<SetMember>,
    before: Option<&SetManifest>,
    replace: bool,
    json: bool,
) -> Result<CommandOutcome, Failure> {
    let manifest = SetManifest::new(members)
        .map_err(|fault| Failure::usage(format!("{}: {fault}", printable::path(path))))?;
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    let mut staged = stage(path, replace, &interrupt)?;
    let written = staged.write_all(manifest.to_json().as_bytes());
    written.map_err(|error| Failure::File {
        path: Input::Path(path.to_path_buf()),
        operation: "cannot write",
        error,
    })?;
    if let Some(before) = before
        && SetManifest::open(path)?.root() != before.root()
    {
        return Err(Failure::usage(format!(
            "{}: the manifest has changed in the meantime; run the command again",
            printable::path(path)
        )));
    }
    report_caveats(path, staged.publish()?.caveats());
    let summary = SetSummary::new(path, &manifest);
    match json {
        true => report::print_json(&summary)?,
        false => report::print(|to| summary.print_head(path, to))?,
    }
    Ok(CommandOutcome::Fine)
}
