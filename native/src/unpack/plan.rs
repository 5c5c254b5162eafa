//! Decides which files an unpacking will write: turns names into paths, and lets one of
//! several items with the same path win. Reads and writes nothing.

use std::ops::Range;

use bytes::Bytes;

use super::path::{append_path, fold_case};
use super::report::{RefusedItem, UnpackRefusal, UnpackReport};

/// The paths of all files, in the order in which their items were added.
#[derive(Debug, Default)]
pub(super) struct UnpackPlan {
    /// The paths, one after another.
    paths: Vec<u8>,
    files: Vec<PlannedFile>,
    refused: Vec<RefusedItem>,
    replaced: Vec<RefusedItem>,
}

/// A file to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedFile {
    pub(super) position: u64,
    start: usize,
    length: usize,
}

impl PlannedFile {
    fn range(self) -> Range<usize> {
        self.start..self.start.saturating_add(self.length)
    }
}

impl UnpackPlan {
    /// Adds an item under its name.
    pub(super) fn add(&mut self, position: u64, name: &[u8], portable: bool) {
        match append_path(&mut self.paths, name, portable) {
            Ok(path) => {
                self.files.push(PlannedFile { position, start: path.start, length: path.len() });
            }
            Err(refusal) => {
                let name = Bytes::copy_from_slice(name);
                self.refused.push(RefusedItem { position, name, refusal });
            }
        }
    }

    /// Returns the number of files.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns the files, by position.
    pub(super) fn files(&self) -> &[PlannedFile] {
        &self.files
    }

    /// Returns the path of a file.
    pub(super) fn path(&self, file: PlannedFile) -> &[u8] {
        self.paths.get(file.range()).unwrap_or_default()
    }

    /// Returns the report entry of a file that is not written.
    pub(super) fn refuse(&self, file: PlannedFile, refusal: UnpackRefusal) -> RefusedItem {
        let name = Bytes::copy_from_slice(self.path(file));
        RefusedItem { position: file.position, name, refusal }
    }

    /// Returns a report of the items that are not written.
    pub(super) fn report(self) -> UnpackReport {
        let Self { mut refused, replaced, .. } = self;
        refused.sort_by_key(|item| item.position);
        UnpackReport { refused, replaced, ..UnpackReport::default() }
    }

    /// Decides which of several items with the same path is written: the first, or with
    /// `overwrite` the last. An item whose path is a folder of another item's path is
    /// refused. With `portable`, paths that differ only in case are the same.
    pub(super) fn resolve_conflicts(&mut self, overwrite: bool, portable: bool) {
        self.files.sort_by_key(|file| file.position);
        let keys = if portable { self.folded() } else { Vec::new() };
        let key = |at: usize| match keys.get(at) {
            Some(key) => key.as_slice(),
            None => self.files.get(at).map_or(&[][..], |file| self.path(*file)),
        };
        let mut order: Vec<usize> = (0..self.files.len()).collect();
        order.sort_by(|one, other| sort_key(key(*one)).cmp(sort_key(key(*other))));
        let groups: Vec<&[usize]> = order.chunk_by(|one, other| key(*one) == key(*other)).collect();
        // The index of each file that is not written, and why.
        let mut refusals: Vec<(usize, UnpackRefusal)> = Vec::new();
        for (group, next) in groups.iter().zip(groups.iter().skip(1).map(Some).chain([None])) {
            let winner = if overwrite { group.last() } else { group.first() };
            let (Some(&first), Some(&winner)) = (group.first(), winner) else { continue };
            // The first path in a folder follows the path of the folder in this order.
            let below = next.and_then(|next| next.first()).filter(|below| {
                let rest = key(**below).strip_prefix(key(first));
                rest.is_some_and(|rest| rest.starts_with(b"/"))
            });
            for &at in *group {
                let same = || self.path_at(at) == self.path_at(winner);
                refusals.extend(
                    match below {
                        Some(&below) => {
                            Some(UnpackRefusal::FolderOfItem { position: self.position(below) })
                        }
                        None if at == winner => None,
                        None if same() => {
                            Some(UnpackRefusal::Duplicate { position: self.position(winner) })
                        }
                        None => Some(UnpackRefusal::DiffersOnlyInCase {
                            position: self.position(winner),
                        }),
                    }
                    .map(|refusal| (at, refusal)),
                );
            }
        }
        self.remove(refusals, overwrite);
    }

    fn remove(&mut self, mut refusals: Vec<(usize, UnpackRefusal)>, overwrite: bool) {
        refusals.sort_by_key(|(at, _)| *at);
        let mut refusals = refusals.into_iter().peekable();
        let files = std::mem::take(&mut self.files);
        for (at, file) in files.into_iter().enumerate() {
            match refusals.next_if(|(refused, _)| *refused == at) {
                None => self.files.push(file),
                Some((_, refusal @ UnpackRefusal::Duplicate { .. })) if overwrite => {
                    let item = self.refuse(file, refusal);
                    self.replaced.push(item);
                }
                Some((_, refusal)) => {
                    let item = self.refuse(file, refusal);
                    self.refused.push(item);
                }
            }
        }
    }

    fn folded(&self) -> Vec<Vec<u8>> {
        self.files.iter().map(|file| fold_case(self.path(*file))).collect()
    }

    fn position(&self, at: usize) -> u64 {
        self.files.get(at).map_or(0, |file| file.position)
    }

    fn path_at(&self, at: usize) -> &[u8] {
        self.files.get(at).map_or(&[], |file| self.path(*file))
    }
}

/// Returns the bytes of a path for sorting, so that a folder comes directly before its
/// contents: `/` becomes 0, which no path contains.
fn sort_key(path: &[u8]) -> impl Iterator<Item = u8> + '_ {
    path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Resolved = (Vec<(u64, String)>, Vec<(u64, String)>, Vec<u64>);

    /// The files that are written, the refusals, and the items replaced.
    fn resolve_conflicts(names: &[&str], overwrite: bool, portable: bool) -> Resolved {
        let mut plan = UnpackPlan::default();
        for (position, name) in names.iter().enumerate() {
            plan.add(position as u64, name.as_bytes(), portable);
        }
        plan.resolve_conflicts(overwrite, portable);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let files = plan.files().iter().map(|file| (file.position, text(plan.path(*file))));
        let refused =
            plan.refused.iter().map(|item| (item.position, format!("{:?}", item.refusal)));
        let replaced = plan.replaced.iter().map(|item| item.position).collect();
        (files.collect(), refused.collect(), replaced)
    }

    fn file(position: u64, name: &str) -> (u64, String) {
        (position, name.into())
    }

    #[test]
    fn of_equal_names_the_first_is_written_or_with_overwrite_the_last() {
        let names = ["b", "a", "./a", "c/d", "a"];
        let (files, refused, replaced) = resolve_conflicts(&names, false, false);
        assert_eq!(files, [file(0, "b"), file(1, "a"), file(3, "c/d")]);
        let duplicate = "Duplicate { position: 1 }";
        assert_eq!(refused, [file(2, duplicate), file(4, duplicate)]);
        assert!(replaced.is_empty());
        let (files, refused, replaced) = resolve_conflicts(&names, true, false);
        assert_eq!(files, [file(0, "b"), file(3, "c/d"), file(4, "a")]);
        assert!(refused.is_empty());
        assert_eq!(replaced, [1, 2]);
    }

    #[test]
    fn a_name_that_is_also_a_folder_is_refused_and_the_files_in_the_folder_are_written() {
        for overwrite in [false, true] {
            let names = ["a", "a/b", "a-b", "a/b/c", "a", "a/d"];
            let (files, refused, replaced) = resolve_conflicts(&names, overwrite, false);
            assert_eq!(files, [file(2, "a-b"), file(3, "a/b/c"), file(5, "a/d")]);
            let positions: Vec<u64> = refused.iter().map(|(position, _)| *position).collect();
            assert_eq!((positions, replaced), (vec![0, 1, 4], vec![]));
            assert!(refused.iter().all(|(_, refusal)| refusal.starts_with("FolderOfItem")));
        }
    }

    #[test]
    fn portable_names_differ_in_more_than_case() {
        let names = ["README", "readme", "É", "é", "a", "A/b"];
        assert_eq!(resolve_conflicts(&names, false, false).0.len(), 6);
        let (files, refused, _) = resolve_conflicts(&names, false, true);
        assert_eq!(files, [file(0, "README"), file(2, "É"), file(5, "A/b")]);
        assert_eq!(
            refused,
            [
                file(1, "DiffersOnlyInCase { position: 0 }"),
                file(3, "DiffersOnlyInCase { position: 2 }"),
                file(4, "FolderOfItem { position: 5 }"),
            ]
        );
    }
}
