//! Linux: `sync_file_range`.

use std::fs::File;
use std::os::fd::AsRawFd as _;

use nix::libc;

/// Starts writing `length` bytes from `offset` to the disk; does not wait.
pub(in crate::publish) fn start_writing(file: &File, offset: u64, length: u64) {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
    // SAFETY: the call takes no pointer, and the descriptor is open for as long as
    // `file` is borrowed. The result is ignored because the call is only advice.
    #[allow(unsafe_code, reason = "neither nix nor std wraps sync_file_range")]
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE);
    }
}
