//! Finds items by name, and suggests similar names.

use std::path::Path;

use sealpack::{Names, PackSet, Reader};

use super::name_pattern::NamePatterns;
use super::trust_args::trusted_by;
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::{printable, report};

/// Returns the names of a pack, if it stores any; prints a note if the trusted hash
/// does not cover them.
///
/// # Errors
/// [`Failure::Pack`].
pub fn names_of(reader: &Reader) -> Result<Option<Names>, Failure> {
    let names = reader.names()?;
    if names.is_some() && trusted_by(reader) == Some("content_hash") {
        report::note(&format_args!(
            "{}: a content hash does not authenticate names; the root of a digest list does",
            printable::path(reader.path())
        ));
    }
    Ok(names)
}

/// Returns the names of a pack, for a command that requires them.
///
/// # Errors
/// [`Failure::Pack`], [`Failure::Usage`] for a pack without names.
pub fn required_names(reader: &Reader) -> Result<Names, Failure> {
    names_of(reader)?.ok_or_else(|| no_names(reader.path()))
}

/// Creates the error about a pack without names.
pub fn no_names(path: &Path) -> Failure {
    Failure::usage(format!("{}: the pack stores no names", printable::path(path)))
}

/// Returns the position of the item with this name.
///
/// # Errors
/// [`Failure::Pack`]; [`Failure::Usage`] if no item has the name, or several.
pub fn position_of(reader: &Reader, names: &Names, name: &[u8]) -> Result<u32, Failure> {
    let path = printable::path(reader.path());
    let printed = printable::name(name);
    match names.find(name)?.as_slice() {
        [position] => Ok(*position),
        [] => {
            let close = close_names(names, name)?;
            let close: Vec<String> =
                close.iter().map(|name| printable::name(name).to_string()).collect();
            let hint = match close.as_slice() {
                [] => "`sealpack ls` lists all names".to_string(),
                close => format!("similar names: {}", close.join(", ")),
            };
            Err(Failure::usage(format!("{path}: no item is named {printed}; {hint}")))
        }
        several => {
            let several: Vec<u64> = several.iter().map(|position| u64::from(*position)).collect();
            Err(ambiguous(reader.path(), name, &several))
        }
    }
}

/// Returns the position in a set of the item with this name. Members without names have
/// no such item.
///
/// # Errors
/// [`Failure::Pack`]; [`Failure::Usage`] if no item has the name, or several.
pub fn position_in_set(set: &PackSet, name: &[u8]) -> Result<u64, Failure> {
    let mut found = Vec::new();
    let mut have_names = false;
    for member in 0..set.members().len() {
        let Some(names) = names_of(&set.reader(member)?)? else { continue };
        have_names = true;
        let first = set.first_position(member)?;
        found.extend(names.find(name)?.iter().map(|position| first + u64::from(*position)));
    }
    let (path, printed) = (printable::path(set.name()), printable::name(name));
    match found.as_slice() {
        [position] => Ok(*position),
        [] if !have_names => Err(Failure::usage(format!("{path}: the packs store no names"))),
        [] => Err(Failure::usage(format!(
            "{path}: no item is named {printed}; `sealpack ls` lists all names"
        ))),
        several => Err(ambiguous(set.name(), name, several)),
    }
}

/// Returns the error for a name that several items have.
fn ambiguous(path: &Path, name: &[u8], positions: &[u64]) -> Failure {
    /// The maximum number of positions that the message lists.
    const MAX_LISTED: usize = 10;
    let listed: Vec<String> = positions.iter().take(MAX_LISTED).map(u64::to_string).collect();
    let more = if positions.len() > MAX_LISTED { ", …" } else { "" };
    Failure::usage(format!(
        "{}: {} items are named {}: choose one of the positions {}{more}",
        printable::path(path),
        positions.len(),
        printable::name(name),
        listed.join(", ")
    ))
}

/// Returns at most three names that the user may have meant, the closest first.
fn close_names(names: &Names, wanted: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    /// The maximum number of names that the message lists.
    const MAX_LISTED: usize = 3;
    let mut close: Vec<(usize, Vec<u8>)> = Vec::new();
    for name in names.iter() {
        let (_, name) = name?;
        let Some(distance) = distance(wanted, &name) else { continue };
        let at = close.partition_point(|(other, _)| *other <= distance);
        if at < MAX_LISTED {
            close.insert(at, (distance, name.to_vec()));
            close.truncate(MAX_LISTED);
        }
    }
    Ok(close.into_iter().map(|(_, name)| name).collect())
}

/// Returns the distance of a name from the requested one; `None` if the user is unlikely to
/// have meant it. The same file name in another folder is close, and so is a typing error
/// in the file name.
fn distance(wanted: &[u8], name: &[u8]) -> Option<usize> {
    let last = |name: &'_ [u8]| -> usize {
        name.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)
    };
    let wanted_file = wanted.get(last(wanted)..).unwrap_or_default();
    let file = name.get(last(name)..).unwrap_or_default();
    if wanted_file.is_empty() {
        return None;
    }
    if file.eq_ignore_ascii_case(wanted_file) {
        return Some(usize::from(!name.ends_with(wanted)));
    }
    // At most two typing errors, and none in a short name.
    let allowed = (wanted_file.len() / 3).min(2);
    if file.len().abs_diff(wanted_file.len()) > allowed {
        return None;
    }
    let (wanted, file) = (std::str::from_utf8(wanted_file).ok()?, std::str::from_utf8(file).ok()?);
    let distance = strsim::osa_distance(wanted, file);
    (distance <= allowed).then_some(distance + 1)
}

/// Reports each pattern that matched nothing.
pub fn report_unmatched(patterns: &NamePatterns) -> CommandOutcome {
    let mut outcome = CommandOutcome::Fine;
    for pattern in patterns.unmatched() {
        let pattern = printable::name(pattern);
        report::error(&format_args!("no item's name matches {pattern}"), None);
        outcome = CommandOutcome::Reported(Status::Usage);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_the_same_file_elsewhere_and_typing_errors() {
        for (wanted, name, expected) in [
            ("lib.rs", "src/lib.rs", Some(0)),
            ("source/lib.rs", "src/lib.rs", Some(1)),
            ("LIB.rs", "src/lib.rs", Some(1)),
            ("src/lbi.rs", "src/lib.rs", Some(2)),
            ("src/main.rs", "src/lib.rs", None),
            ("a", "b", None),
            ("src/", "src/lib.rs", None),
        ] {
            assert_eq!(distance(wanted.as_bytes(), name.as_bytes()), expected, "{wanted} {name}");
        }
    }
}
