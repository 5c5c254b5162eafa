//! Tests whether a file may be replaced, before the new one is written.
//!
//! A rename over an existing name fails in a sticky folder (the file is another
//! user's), on an immutable or append-only file, and on a mount point.

use std::fs;
use std::io;
use std::path::Path;

/// Asks the system to remove this path as a *folder*. It is a regular file, so the
/// call must fail; but the system checks the permissions that a rename also needs
/// before it checks the kind of file.
///
/// # Errors
/// The error that the rename would give.
pub(super) fn test(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // "Not a directory": the permissions suffice. Other errors say nothing.
        _ => Ok(()),
    }
}

/// Returns whether something is mounted on this file (`mount --bind`, and the files
/// that container engines pass in). A rename of such a file fails with `EBUSY`.
pub(super) fn is_mount_point(path: &Path) -> bool {
    let Ok(mounts) = fs::read("/proc/self/mountinfo") else { return false };
    let (Some(Ok(folder)), Some(name)) = (path.parent().map(fs::canonicalize), path.file_name())
    else {
        return false;
    };
    let path = folder.join(name);
    let path = path.as_os_str().as_encoded_bytes();
    let lines = mounts.split(|byte| *byte == b'\n');
    // "36 35 98:0 /root /mount/point options …"
    let mut points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    points.any(|point| unescaped(point) == path)
}

/// Decodes a path of `mountinfo`, where blanks, tabs, newlines and backslashes are
/// three octal digits.
fn unescaped(point: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(point.len());
    let mut rest = point;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| first == b'\\');
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescaped(b"/a\\040b\\134\\012c"), b"/a b\\\nc");
        assert_eq!(unescaped(b"/a\\0"), b"/a\\0");
    }

    #[test]
    fn an_ordinary_file_may_be_replaced_and_the_check_leaves_it_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "bytes").unwrap();
        test(&path).unwrap();
        assert!(!is_mount_point(&path));
        assert_eq!(fs::read(&path).unwrap(), b"bytes");
        #[cfg(target_os = "linux")]
        assert!(is_mount_point(Path::new("/proc/../proc")));
    }
}
