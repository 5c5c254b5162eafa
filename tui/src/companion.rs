//! The files next to a pack, which people name in its place.

use std::path::Path;

/// A kind of file next to a pack.
#[derive(Clone, Copy, Debug)]
pub struct CompanionKind {
    /// What to do, in the words of a hint.
    pub hint: &'static str,
    /// What to do, in a sentence.
    pub sentence: &'static str,
}

/// Returns the kind of file that this path names, by its ending.
pub fn kind_of(path: &Path) -> Option<CompanionKind> {
    match path.extension()?.to_str()? {
        "names" => Some(CompanionKind {
            hint: "this file has the names of a pack: give the pack, without .names",
            sentence: "By its name, this file has the names of a pack. Open the pack: its name \
                       is the same without .names.",
        }),
        "digests" => Some(CompanionKind {
            hint: "this file is the digest list of a pack: give the pack, without .digests",
            sentence: "By its name, this file is the digest list of a pack. Open the pack: its \
                       name is the same without .digests.",
        }),
        _ => None,
    }
}
