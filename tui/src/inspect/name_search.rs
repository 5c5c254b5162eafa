//! Reads names, and searches them in place of the items.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use sealpack::{Bytes, Error, ErrorKind, Names, Reader};

use super::search::{Hit, HitCount, Needle, SearchResult, SearchStart};
use crate::printable;

/// Reads the names of some items.
///
/// # Errors
/// The error in words.
pub(super) fn read(reader: &Reader, positions: Range<u32>) -> Result<Vec<Bytes>, String> {
    let read = || -> Result<Vec<Bytes>, Error> {
        let Some(names) = reader.names()? else { return Ok(Vec::new()) };
        // A view would keep the whole block in memory.
        let copy =
            |named: Result<(u32, Bytes), _>| named.map(|(_, name)| Bytes::copy_from_slice(&name));
        names.range(positions)?.map(copy).collect()
    };
    read().map_err(|error| words(&error))
}

/// Returns an error of reading names in words: of the file next to the pack only the name,
/// so that the cause fits the screen.
pub(super) fn words(error: &Error) -> String {
    let ErrorKind::NamesFile(file) = error.kind() else { return error.kind().to_string() };
    let name = file.path().file_name().map_or(file.path(), Path::new);
    format!("{}: {:#}", printable::path(name), file.kind())
}

const NO_SUCH_NAME: &str = "no item has exactly this name: / n:TEXT finds parts of names";

/// Returns the first item with this name.
///
/// # Errors
/// Why there is none, in words.
pub(super) fn position_of(reader: &Reader, name: &str) -> Result<u32, String> {
    let found = match reader.names() {
        Ok(None) => return Err("the pack stores no names".into()),
        Ok(Some(names)) => names.find(name.as_bytes()),
        Err(error) => Err(error),
    };
    match found {
        Ok(positions) => positions.first().copied().ok_or_else(|| NO_SUCH_NAME.into()),
        Err(error) => Err(words(&error)),
    }
}

/// How many names are searched between two calls of `progress`, which can end the search.
const STEP: u32 = 1 << 14;

/// Finds the next item after `from` whose name has a hit, or the last one before it. The
/// search wraps around the end of the pack. `progress` receives the number of names
/// searched so far and may end the search.
///
/// # Errors
/// The error of damaged names, in words.
pub(super) fn find<B>(
    names: &Names,
    needle: &Needle,
    from: SearchStart,
    forward: bool,
    mut progress: impl FnMut(u32) -> ControlFlow<B>,
) -> ControlFlow<B, Result<SearchResult, String>> {
    // An item whose hit was passed is found again only after the search wraps around.
    let items = names.len();
    let split = match (forward, from.passed) {
        (true, 0) | (false, 1..) => from.position,
        _ => from.position.saturating_add(1),
    };
    let split = split.min(items);
    let legs = if forward { [split..items, 0..split] } else { [0..split, split..items] };
    let mut searched = 0;
    for (wrapped, mut leg) in [false, true].into_iter().zip(legs) {
        while !leg.is_empty() {
            let part = match forward {
                true => leg.start..leg.start.saturating_add(STEP).min(leg.end),
                false => leg.end.saturating_sub(STEP).max(leg.start)..leg.end,
            };
            match forward {
                true => leg.start = part.end,
                false => leg.end = part.start,
            }
            searched += part.end - part.start;
            match find_in(names, needle, part, forward) {
                Ok(None) => {}
                Ok(Some(hit)) => {
                    let found = SearchResult { hit: Some(hit), wrapped, unread: 0 };
                    return ControlFlow::Continue(Ok(found));
                }
                Err(error) => return ControlFlow::Continue(Err(words(&error))),
            }
            progress(searched)?;
        }
    }
    ControlFlow::Continue(Ok(SearchResult { hit: None, wrapped: false, unread: 0 }))
}

fn find_in(
    names: &Names,
    needle: &Needle,
    part: Range<u32>,
    forward: bool,
) -> Result<Option<Hit>, Error> {
    let mut found = None;
    for named in names.range(part)? {
        let (position, name) = named?;
        if needle.hits(&name).next().is_some() {
            found = Some(Hit { position, at: 0, length: 0 });
            if forward {
                break;
            }
        }
    }
    Ok(found)
}

/// Counts the hits in all names. `progress` receives the number of names searched so far
/// and may end the count.
///
/// # Errors
/// The error of damaged names, in words.
pub(super) fn count<B>(
    names: &Names,
    needle: &Needle,
    mut progress: impl FnMut(u32) -> ControlFlow<B>,
) -> ControlFlow<B, Result<HitCount, String>> {
    let mut counted = HitCount::default();
    for named in names.iter() {
        let (position, name) = match named {
            Ok(named) => named,
            Err(error) => return ControlFlow::Continue(Err(words(&error))),
        };
        let hits = needle.hits(&name).count() as u64;
        counted.hits += hits;
        counted.items += u64::from(hits > 0);
        if position % STEP == 0 {
            progress(position)?;
        }
    }
    ControlFlow::Continue(Ok(counted))
}
