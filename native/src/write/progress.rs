//! The progress of a writer, and how to cancel it, from any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The progress of a writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WriteProgress {
    /// Bytes of the items whose records are complete.
    pub bytes_in: u64,
    /// Bytes of the pack so far. Less than 1 MiB of them may still wait to be
    /// written.
    pub bytes_out: u64,
    /// Bytes of items in flight: counted in `bytes_in`, but not yet part of the
    /// pack.
    pub bytes_in_flight: u64,
}

/// Watches a writer and may cancel it, from any thread. Made by
/// [`Writer::monitor`](crate::Writer::monitor) and by the other writers.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// let mut writer = sealpack::Writer::options().create(&path)?;
/// let monitor = writer.monitor();
/// let watching = std::thread::spawn(move || {
///     println!("{} bytes packed", monitor.progress().bytes_in);
///     monitor.cancel();
/// });
/// watching.join().unwrap();
/// let refused = writer.append(b"an item").unwrap_err();
/// assert!(matches!(refused.kind(), sealpack::ErrorKind::Cancelled));
/// assert!(writer.finish().is_err() && !path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct WriteMonitor {
    shared: Arc<ProgressCounters>,
}

#[derive(Default)]
struct ProgressCounters {
    bytes_in: AtomicU64,
    /// The part of `bytes_in` that was passed to the sink.
    bytes_packed: AtomicU64,
    bytes_out: AtomicU64,
    cancelled: AtomicBool,
}

impl WriteMonitor {
    /// Returns the writer's progress.
    #[must_use]
    pub fn progress(&self) -> WriteProgress {
        // Read before `bytes_in`, which is never smaller.
        let bytes_packed = self.shared.bytes_packed.load(Ordering::Acquire);
        let bytes_in = self.shared.bytes_in.load(Ordering::Acquire);
        WriteProgress {
            bytes_in,
            bytes_out: self.shared.bytes_out.load(Ordering::Acquire),
            bytes_in_flight: bytes_in.saturating_sub(bytes_packed),
        }
    }

    /// Cancels the writer: its current or next call fails with
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), and no pack appears.
    /// A write to the sink that has begun is completed first. The call has no effect once
    /// the finished pack is being made durable.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Release);
    }

    /// Returns whether the writer was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    pub(super) fn count_in(&self, bytes: u64) {
        self.shared.bytes_in.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Counts `item_bytes` bytes of items, stored as `pack_bytes` bytes of the pack.
    pub(super) fn count_out(&self, item_bytes: u64, pack_bytes: u64) {
        self.shared.bytes_packed.fetch_add(item_bytes, Ordering::AcqRel);
        self.shared.bytes_out.fetch_add(pack_bytes, Ordering::AcqRel);
    }
}

impl fmt::Debug for WriteMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteMonitor")
            .field("progress", &self.progress())
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}
