//! Starting the disk early: asks the system to write behind us, so that the
//! `fsync` at the end finds little left.
//!
//! It is advice. That it was not taken, or failed, changes nothing about what
//! is promised: that is the `fsync`'s business, which sees every error.

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod linux;
        pub(super) use linux::start_writing;
    } else {
        mod other;
        pub(super) use other::start_writing;
    }
}

use std::num::NonZero;

use super::disk::DiskFile;

/// Counts the bytes written, and asks every so many.
pub(crate) struct Writeback {
    every: Option<NonZero<u64>>,
    asked_up_to: u64,
    written: u64,
}

impl Writeback {
    pub(crate) fn new(every: Option<NonZero<u64>>) -> Self {
        Self { every, asked_up_to: 0, written: 0 }
    }

    /// So many more bytes were written to the end of `file`.
    pub(crate) fn wrote(&mut self, file: &dyn DiskFile, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
        let waiting = self.written - self.asked_up_to;
        if self.every.is_some_and(|every| waiting >= every.get()) {
            file.start_writing(self.asked_up_to, waiting);
            self.asked_up_to = self.written;
        }
    }
}
