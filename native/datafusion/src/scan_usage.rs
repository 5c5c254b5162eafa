//! The memory that a partition of a scan reserves, and what it counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder,
};
use sealpack::core::read::RecordPlace;

use crate::readers::DECODERS;

/// The batches that a partition prepares before the query takes them.
pub(crate) const BATCHES_AHEAD: usize = 1;

/// The library decodes small records in batches that expand to at most this size, in bytes.
const DECODED_AHEAD: usize = 4 << 20;

/// Records rarely expand to more than this many times their size.
const USUAL_EXPANSION: usize = 8;

/// The memory that a partition needs, in bytes, as it becomes known.
#[derive(Debug, Default)]
pub(crate) struct ScanMemory {
    largest_record: AtomicUsize,
    largest_batch: AtomicUsize,
}

impl ScanMemory {
    /// Takes note of the size of a decoded record; returns whether it is the largest so far.
    pub(crate) fn is_largest_record(&self, bytes: usize) -> bool {
        bytes > self.largest_record.fetch_max(bytes, Ordering::Relaxed)
    }

    /// Takes note of the size of a batch.
    pub(crate) fn note_batch(&self, bytes: usize) {
        self.largest_batch.fetch_max(bytes, Ordering::Relaxed);
    }

    /// Returns the memory of requests, of records that are decoded ahead, and of batches
    /// that wait for the query. `window` is the memory of the requests.
    pub(crate) fn needed(&self, window: usize) -> usize {
        let usual = window.saturating_mul(USUAL_EXPANSION).min(DECODED_AHEAD);
        let records = self.largest_record.load(Ordering::Relaxed).max(usual);
        let batches = self.largest_batch.load(Ordering::Relaxed);
        let records = records.saturating_mul(DECODERS + 1);
        let batches = batches.saturating_mul(BATCHES_AHEAD + 1);
        window.saturating_add(records).saturating_add(batches)
    }
}

/// What a partition counts.
pub(crate) struct ScanMetrics {
    baseline: BaselineMetrics,
    packs: Count,
    records: Count,
    bytes: Count,
    skipped: Count,
}

impl ScanMetrics {
    pub(crate) fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name| MetricBuilder::new(metrics).counter(name, partition);
        Self {
            baseline: BaselineMetrics::new(metrics, partition),
            packs: counter("packs"),
            records: counter("records"),
            bytes: counter("bytes_scanned"),
            skipped: counter("damaged_skipped"),
        }
    }

    pub(crate) fn count_record(&self, place: &RecordPlace) {
        self.records.add(1);
        self.bytes.add(usize::try_from(place.size()).unwrap_or(usize::MAX));
    }

    pub(crate) fn count_pack(&self) {
        self.packs.add(1);
    }

    /// Counts a record, or a pack, that is left out because of damage.
    pub(crate) fn count_skipped(&self) {
        self.skipped.add(1);
    }

    pub(crate) fn record_output(&self, rows: usize) {
        self.baseline.record_output(rows);
    }

    pub(crate) fn done(&self) {
        self.baseline.done();
    }
}
