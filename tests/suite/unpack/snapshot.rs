//! The state of all files below a folder, to compare before and after.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The state of a path: kind, inode, times and content.
#[derive(Debug, PartialEq, Eq)]
pub struct FileState {
    mode: u32,
    inode: u64,
    changed: (i64, i64),
    accessed: (i64, i64),
    content: Vec<u8>,
}

/// Records everything below `root`, except `without`. The times are taken after the
/// content, so that a later read or write changes them.
pub fn take(root: &Path, without: &Path) -> BTreeMap<PathBuf, FileState> {
    let mut states = BTreeMap::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(path) = pending.pop() {
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let mut content = Vec::new();
        if kind.is_symlink() {
            content = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
        } else if kind.is_dir() && path != without {
            for entry in fs::read_dir(&path).unwrap() {
                pending.push(entry.unwrap().path());
            }
        }
        let found = fs::symlink_metadata(&path).unwrap();
        if path == without {
            continue;
        }
        // The content of files follows from their inodes and change times.
        states.insert(
            path,
            FileState {
                mode: found.mode(),
                inode: found.ino(),
                changed: (found.ctime(), found.ctime_nsec()),
                accessed: if kind.is_file() { (found.atime(), found.atime_nsec()) } else { (0, 0) },
                content,
            },
        );
    }
    states
}
