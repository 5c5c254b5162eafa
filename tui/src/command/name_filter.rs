//! `--name` and `--exclude`: which items of a pack a command takes, by their names.

use std::ffi::OsString;
use std::ops::Range;

use sealpack::Names;

use super::name_pattern::NamePatterns;
use crate::outcome::Failure;

/// The arguments that select items by name.
#[derive(clap::Args, Debug)]
pub struct NameFilterArgs {
    /// Only items whose names match this pattern, as for `sealpack ls`; may be given several
    /// times, and then one of the patterns must match
    #[arg(long = "name", value_name = "PATTERN")]
    names: Vec<OsString>,
    /// No items whose names match this pattern; may be given several times, and takes precedence
    /// over --name
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<OsString>,
}

/// The patterns of the names to select, and of those to exclude.
#[derive(Debug)]
pub struct NameFilter {
    taken: NamePatterns,
    /// `None` if nothing is excluded, since a [`NamePatterns`] without patterns matches
    /// every name.
    excluded: Option<NamePatterns>,
}

impl NameFilterArgs {
    /// Returns whether items are selected by name.
    pub fn is_given(&self) -> bool {
        !self.names.is_empty() || !self.exclude.is_empty()
    }

    /// Parses the patterns; `None` if there are none, so that every item is taken.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn parse(&self) -> Result<Option<NameFilter>, Failure> {
        if !self.is_given() {
            return Ok(None);
        }
        let taken = NamePatterns::parse(&self.names)?;
        let excluded = match self.exclude.as_slice() {
            [] => None,
            patterns => Some(NamePatterns::parse(patterns)?),
        };
        Ok(Some(NameFilter { taken, excluded }))
    }
}

impl NameFilter {
    /// Returns whether the item of this name is taken. An item without a name is taken
    /// if there are only exclusions.
    pub fn takes(&mut self, name: &[u8]) -> bool {
        let is_taken = self.taken.matches(name);
        is_taken && !self.excluded.as_mut().is_some_and(|excluded| excluded.matches(name))
    }

    /// Returns the taken positions of a range, as runs of neighbours in ascending order.
    ///
    /// # Errors
    /// [`Failure::Pack`] if the names are damaged.
    pub fn runs(
        &mut self,
        names: &Names,
        positions: Range<u32>,
    ) -> Result<Vec<Range<u32>>, Failure> {
        let mut runs: Vec<Range<u32>> = Vec::new();
        for named in names.range(positions)? {
            let (position, name) = named?;
            if !self.takes(&name) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == position => run.end = position.saturating_add(1),
                _ => runs.push(position..position.saturating_add(1)),
            }
        }
        Ok(runs)
    }

    /// Returns the patterns of `--name`, so that those that matched no name can be
    /// reported.
    pub fn taken(&self) -> &NamePatterns {
        &self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_take_precedence_over_names_and_may_be_given_alone() {
        let filter = |names: &[&str], exclude: &[&str]| {
            let own = |patterns: &[&str]| patterns.iter().map(OsString::from).collect();
            let args = NameFilterArgs { names: own(names), exclude: own(exclude) };
            args.parse().unwrap()
        };
        assert!(filter(&[], &[]).is_none());
        let mut both = filter(&["src"], &["**/*.txt"]).unwrap();
        assert!(both.takes(b"src/a.rs") && !both.takes(b"src/a.txt") && !both.takes(b"b.rs"));
        assert!(!both.takes(b""));
        let mut exclusions = filter(&[], &["*.txt"]).unwrap();
        assert!(exclusions.takes(b"a.rs") && exclusions.takes(b"") && !exclusions.takes(b"a.txt"));
    }
}
