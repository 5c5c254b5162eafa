//! Divides the memory limit of a reader among the requests in flight.
//!
//! A read waits for its share of the memory *before* it is requested, in file order, so
//! it never waits for a later one. Each call has the whole limit to itself, so a stream
//! that is not polled cannot block another. Without a limit (the default) no read waits.

use std::sync::Arc;

use sealpack_core::read::{PlannedRead, ReadLimits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::read::Budget;

/// The memory for the reads of one call.
#[derive(Clone)]
pub(super) struct Room {
    budget: Budget,
    /// One permit per kibibyte, and the number of permits.
    permits: Option<(Arc<Semaphore>, u32)>,
}

/// The memory reserved for a read. Dropping it releases the memory.
pub(super) struct RoomShare {
    _permits: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new(budget: Budget, limits: &ReadLimits) -> Self {
        let kibibytes = (limits.memory >> 10).min(Semaphore::MAX_PERMITS as u64);
        let count = u32::try_from(kibibytes).unwrap_or(u32::MAX).max(1);
        let permits = || (Arc::new(Semaphore::new(count as usize)), count);
        Self { budget, permits: is_limited(limits).then(permits) }
    }

    /// Waits for memory for a read and its decoded records.
    pub(super) async fn take(self, read: PlannedRead) -> (PlannedRead, RoomShare) {
        let Some((semaphore, count)) = self.permits else {
            return (read, RoomShare { _permits: None });
        };
        let weight = self.budget.weight(&read).div_ceil(1024);
        let wanted = u32::try_from(weight).unwrap_or(u32::MAX).min(count);
        // The semaphore is never closed.
        (read, RoomShare { _permits: semaphore.acquire_many_owned(wanted).await.ok() })
    }
}

/// Returns whether there is a memory limit.
pub(super) fn is_limited(limits: &ReadLimits) -> bool {
    limits.memory != u64::MAX
}
