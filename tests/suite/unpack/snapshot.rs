//! Everything about the files below a folder, to compare before and after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What a path was: kind, inode, times, and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    mode: u32,
    inode: u64,
    changed: (i64, i64),
    accessed: (i64, i64),
    content: Vec<u8>,
}

/// Looks at everything below `root`, except below `without`. Reads of files come before
/// the look at their times, so that a later read by anybody else shows.
pub fn take(root: &Path, without: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(path) = open.pop() {
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let mut content = Vec::new();
        if kind.is_symlink() {
            content = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
        } else if kind.is_dir() && path != without {
            for entry in fs::read_dir(&path).unwrap() {
                open.push(entry.unwrap().path());
            }
        }
        let found = fs::symlink_metadata(&path).unwrap();
        if path == without {
            continue;
        }
        // The content of files follows from their inodes and change times.
        seen.insert(
            path,
            Seen {
                mode: found.mode(),
                inode: found.ino(),
                changed: (found.ctime(), found.ctime_nsec()),
                accessed: if kind.is_file() { (found.atime(), found.atime_nsec()) } else { (0, 0) },
                content,
            },
        );
    }
    seen
}
